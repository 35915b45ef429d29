"""Figures that courses, books and manuals print, computed with this library.

Each figure stands beside its source and is compared in every digit that was
published, at most 15: later ones depend on the order of summation. "As run"
means that the notebook prints the figure when it is run, fixed by its seed.

docs/courses.md says where the names and conventions of a course differ from
ours. How a test gets from the one to the other is part of the test.
"""

import functools
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from mlp import (
    SGD,
    Adam,
    BatchNorm1d,
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Dropout,
    LayerNorm,
    Linear,
    MSELoss,
    Parameter,
    ReLU,
    RMSprop,
    Sequential,
    Sigmoid,
    Softmax,
    Standardizer,
    Tanh,
    metrics,
    schedules,
    train_step,
)

CASES = []  # pytest.param(compute, name of the figure, its digits, source)


def published(source, **figures):
    """Register a function that returns what the source prints, under these names."""

    def register(compute):
        once, who = functools.cache(compute), compute.__name__
        CASES.extend(
            pytest.param(once, name, digits, source, id=f"{who}-{name}")
            for name, digits in figures.items()
        )
        return compute

    return register


@pytest.mark.parametrize(("compute", "name", "digits", "source"), CASES)
def test_published_figure(compute, name, digits, source):
    assert_as_published(compute()[name], digits, source)


def assert_as_published(values, digits, source=""):
    """Compare numbers, rounded to the places of the one with the most of them.

    What prints an array prints all of it to as many places, but leaves zeros out
    at the end. A number with an exponent has its own places.
    """
    values, printed = np.ravel(values), [Decimal(text) for text in digits.split()]
    assert len(values) == len(printed), source
    if "e" not in digits:
        places = min(printed, key=lambda number: number.as_tuple().exponent)
        printed = [number.quantize(places) for number in printed]
    rounded = [
        Decimal(float(value)).quantize(number)
        for value, number in zip(values, printed, strict=True)
    ]
    assert rounded == printed, source


def rows(text):
    """Return the matrix that a text shows, a line for each row."""
    return np.array([line.split() for line in text.strip().splitlines()], dtype=float)


def drawn(seed, *shapes):
    """Return what np.random.seed and then np.random.randn give, shape by shape."""
    rng = np.random.RandomState(seed)
    return [rng.randn(*shape) for shape in shapes]


def linear(weight, bias=0.0):
    """Return a Linear with this weight (out, in) and this bias, of any shape."""
    layer = Linear(*weight.shape[::-1])
    layer.weight.data[...] = weight
    layer.bias.data[...] = np.ravel(bias)
    return layer


def backward(model, criterion, x, y):
    """Return the loss, and the gradients of the parameters in their order."""
    loss = criterion.forward(model.forward(x), y)
    model.backward(criterion.backward())
    return loss, [p.grad for p in model.parameters()]


def squares(model):
    """Return the sum of the squared weights, biases left out."""
    return sum(np.sum(p.data**2) for p in model.parameters() if p.data.ndim == 2)


def stepped(make, parameters, gradients, **slots):
    """Return the optimizer, after one step from the state that slots gives.

    A first step along gradients of 0 moves nothing and makes the slots.
    """
    optimizer = make(parameters)
    for p in parameters:
        p.grad = np.zeros_like(p.data)
    optimizer.step()
    state = optimizer.state_dict()
    for name, value in slots.items():
        state[f"{name}.0"] = np.full_like(state[f"{name}.0"], value)
    optimizer.load_state_dict(state)
    for p, gradient in zip(parameters, gradients, strict=True):
        p.grad = gradient
    optimizer.step()
    return optimizer


# Stanford CS231n. Weights there are (in, out), so ours are their transposes.

TOY = "CS231n, assignment 1, two_layer_net.ipynb (2016 on), toy model"
NETS = "CS231n, assignment 2, FullyConnectedNets.ipynb (2016 on)"
DROP = "CS231n, assignment 2, Dropout.ipynb (copy of 2020), as run"
NORM = "CS231n, assignment 2, BatchNormalization.ipynb (copy of 2020), as run"


def toy_model():
    (x,) = drawn(1, (5, 4))
    w1, w2 = drawn(0, (4, 10), (10, 3))
    return Sequential(linear(0.1 * w1.T), ReLU(), linear(0.1 * w2.T)), 10 * x


@published(
    TOY,
    scores="""
        -0.81233741 -1.27654624 -0.70335995  -0.17129677 -1.18803311 -0.47310444
        -0.51590475 -1.01354314 -0.8504215   -0.15419291 -0.48629638 -0.52901952
        -0.00618733 -0.12435261 -0.15226949""",
    loss="1.30378789133",
)
def cs231n_toy_net():
    model, x = toy_model()
    scores = model.forward(x)
    loss = CrossEntropyLoss().forward(scores, np.array([0, 1, 2, 2, 1]))
    return {"scores": scores, "loss": loss + 0.05 * squares(model)}  # λ, and no ½


@published(
    f"{NETS}, affine and ReLU layer, forward",
    affine="1.49834967 1.70660132 1.91485297 3.25553199 3.5141327 3.77273342",
    relu="""0 0 0 0  0 0 0.04545455 0.13636364
            0.22727273 0.31818182 0.40909091 0.5""",
)
def cs231n_layers():
    x = np.linspace(-0.1, 0.5, 240).reshape(2, 120)  # images of 4 · 5 · 6, flattened
    layer = linear(
        np.linspace(-0.2, 0.3, 360).reshape(120, 3).T, np.linspace(-0.3, 0.1, 3)
    )
    at = np.linspace(-0.5, 0.5, 12).reshape(3, 4)
    return {"affine": layer.forward(x), "relu": ReLU().forward(at)}


@published(f"{NETS}, loss layers, as run", loss="2.30254584450074")
def cs231n_softmax_loss():
    rng = np.random.RandomState(231)
    x = 0.001 * rng.randn(50, 10)
    return {"loss": CrossEntropyLoss().forward(x, rng.randint(10, size=50))}


@published(
    f"{NETS}, two-layer network",
    scores="""
        11.53165108 12.2917344  13.05181771 13.81190102 14.57198434 15.33206765
        16.09215096 12.05769098 12.74614105 13.43459113 14.1230412  14.81149128
        15.49994135 16.18839143 12.58373087 13.20054771 13.81736455 14.43418138
        15.05099822 15.66781506 16.2846319""",
    loss="3.4702243556",
    loss_with_decay="26.5948426952",
)
def cs231n_two_layers():
    model = Sequential(
        linear(np.linspace(-0.7, 0.3, 250).reshape(5, 50).T, np.linspace(-0.1, 0.9)),
        ReLU(),
        linear(np.linspace(-0.3, 0.4, 350).reshape(50, 7).T, np.linspace(-0.9, 0.1, 7)),
    )
    scores = model.forward(np.linspace(-5.5, 4.5, 15).reshape(5, 3).T)
    loss = CrossEntropyLoss().forward(scores, np.array([0, 5, 1]))
    return {
        "scores": scores,
        "loss": loss,
        "loss_with_decay": loss + 0.5 * squares(model),  # λ / 2
    }


def three_layers(rng, *after):
    """Return the net 15-20-30-10 of the notebooks, its weights drawn from rng.

    What the functions in after make of a width stands after each hidden Linear.
    """
    layers = []
    for n, m in ((15, 20), (20, 30), (30, 10)):
        layers.append(linear(0.05 * rng.randn(n, m).T))
        layers.extend(make(m) for make in after if m != 10)
    return Sequential(*layers)


def initial_losses(rates, *after):
    """Return the loss of such a net for each λ, each net drawn after the last."""
    rng = np.random.RandomState(231)
    x, y = rng.randn(2, 15), rng.randint(10, size=2)
    losses = []
    for rate in rates:
        model = three_layers(rng, *after)
        loss = CrossEntropyLoss().forward(model.forward(x), y)
        losses.append(loss + rate / 2 * squares(model))
    return losses


@published(
    f"{NETS}, initial loss with reg = 0 and 3.14, as run",
    losses="2.30047908976849 7.05211477653302",
)
def cs231n_three_layers():
    return {"losses": initial_losses((0, 3.14), lambda m: ReLU())}


@published(
    f"{NORM}, fully connected nets, reg = 0 and 3.14",
    losses="2.26119551013410 6.99653322010830",
)
def cs231n_batchnorm_net():
    return {"losses": initial_losses((0, 3.14), BatchNorm1d, lambda m: ReLU())}


@published(
    f"{DROP}, fully-connected nets, dropout = 0.75",
    loss="2.30237148970441",
)
def cs231n_dropout_net():
    # p there is the share that stays, and each dropout is seeded with 123 anew
    losses = initial_losses(
        (0, 0), lambda m: ReLU(), lambda m: Dropout(0.25, rng=legacy_generator(123))
    )
    return {"loss": losses[1]}  # the first net of the notebook has no dropout


@published(
    f"{DROP}, forward, p = 0.25, 0.4 and 0.7",
    test_mean="10.0002078784775",
    train_means="10.014059116977 9.977917658761 9.987811912159",
    dropped="0.749784 0.600796 0.30074",
)
def cs231n_dropout():
    x = np.random.RandomState(231).randn(500, 500) + 10
    rng = legacy_generator(231, skip=x.size)
    train = [Dropout(1 - p, rng=rng).forward(x) for p in (0.25, 0.4, 0.7)]
    return {
        "test_mean": Dropout(0.75).eval().forward(x).mean(),
        "train_means": [y.mean() for y in train],
        "dropped": [np.mean(y == 0) for y in train],
    }


def legacy_generator(seed, skip=0):
    """Return a Generator whose random() is np.random.rand() after np.random.seed.

    skip normal numbers have been drawn from it before.
    """
    legacy, bits = np.random.RandomState(seed), np.random.MT19937()
    legacy.randn(skip)
    bits.state = legacy.get_state(legacy=False)
    return np.random.Generator(bits)


def between(low, high):
    return np.linspace(low, high, 20).reshape(4, 5)


@published(
    f"{NETS}, SGD+Momentum",
    next_w="""
        0.1406     0.20738947 0.27417895 0.34096842 0.40775789
        0.47454737 0.54133684 0.60812632 0.67491579 0.74170526
        0.80849474 0.87528421 0.94207368 1.00886316 1.07565263
        1.14244211 1.20923158 1.27602105 1.34281053 1.4096""",
    velocity="""
        0.5406     0.55475789 0.56891579 0.58307368 0.59723158
        0.61138947 0.62554737 0.63970526 0.65386316 0.66802105
        0.68217895 0.69633684 0.71049474 0.72465263 0.73881053
        0.75296842 0.76712632 0.78128421 0.79544211 0.8096""",
)
def cs231n_momentum():
    # their velocity is the step itself, ours the sum of gradients: v = −lr u
    w, lr = Parameter(between(-0.4, 0.6)), 1e-3
    optimizer = stepped(
        lambda ps: SGD(ps, lr=lr, momentum=0.9),
        [w],
        [between(-0.6, 0.4)],
        velocity=-between(0.6, 0.9) / lr,
    )
    velocity = optimizer.state_dict()["velocity.0"]
    return {"next_w": w.data, "velocity": -lr * velocity}


@published(
    f"{NETS}, RMSProp",
    next_w="""
        -0.39223849 -0.34037513 -0.28849239 -0.23659121 -0.18467247
        -0.132737   -0.08078555 -0.02881884  0.02316247  0.07515774
         0.12716641  0.17918792  0.23122175  0.28326742  0.33532447
         0.38739248  0.43947102  0.49155973  0.54365823  0.59576619""",
    cache="""
        0.5976     0.6126277  0.6277108  0.64284931 0.65804321
        0.67329252 0.68859723 0.70395734 0.71937285 0.73484377
        0.75037008 0.7659518  0.78158892 0.79728144 0.81302936
        0.82883269 0.84469141 0.86060554 0.87657507 0.8926""",
)
def cs231n_rmsprop():
    w = Parameter(between(-0.4, 0.6))
    optimizer = stepped(
        lambda ps: RMSprop(ps, lr=1e-2, alpha=0.99, eps=1e-8),
        [w],
        [between(-0.6, 0.4)],
        square_avg=between(0.6, 0.9),
    )
    return {"next_w": w.data, "cache": optimizer.state_dict()["square_avg.0"]}


@published(
    f"{NETS}, Adam",
    next_w="""
        -0.40094747 -0.34836187 -0.29577703 -0.24319299 -0.19060977
        -0.1380274  -0.08544591 -0.03286534  0.01971428  0.0722929
         0.1248705   0.17744702  0.23002243  0.28259667  0.33516969
         0.38774145  0.44031188  0.49288093  0.54544852  0.59801459""",
    v="""
        0.69966    0.68908382 0.67851319 0.66794809 0.65738853
        0.64683452 0.63628604 0.6257431  0.61520571 0.60467385
        0.59414753 0.58362676 0.57311152 0.56260183 0.55209767
        0.54159906 0.53110598 0.52061845 0.51013645 0.49966""",
    m="""
        0.48       0.49947368 0.51894737 0.53842105 0.55789474
        0.57736842 0.59684211 0.61631579 0.63578947 0.65526316
        0.67473684 0.69421053 0.71368421 0.73315789 0.75263158
        0.77210526 0.79157895 0.81105263 0.83052632 0.85""",
)
def cs231n_adam():
    w = Parameter(between(-0.4, 0.6))
    optimizer = stepped(
        lambda ps: Adam(ps, lr=1e-2),
        [w],
        [between(-0.6, 0.4)],
        exp_avg=between(0.6, 0.9),
        exp_avg_sq=between(0.7, 0.5),
        step=5,
    )
    state = optimizer.state_dict()
    return {"next_w": w.data, "v": state["exp_avg_sq.0"], "m": state["exp_avg.0"]}


def hidden(x, w1, w2):
    return np.maximum(0, x @ w1) @ w2


@published(
    f"{NORM}, forward",
    means="-2.3814598 -13.18038246 1.91780462",
    stds="27.18502186 34.21455511 37.68611762",
    normalized_stds="0.99999999 1. 1.",
    scaled_means="11.00000000 12. 13.",
    scaled_stds="0.99999999 1.99999999 2.99999999",
)
def cs231n_batchnorm():
    a = hidden(*drawn(231, (200, 50), (50, 60), (60, 3)))
    plain, scaled = BatchNorm1d(3), BatchNorm1d(3)
    scaled.weight.data[...], scaled.bias.data[...] = [1, 2, 3], [11, 12, 13]
    return {
        "means": a.mean(axis=0),
        "stds": a.std(axis=0),
        "normalized_stds": plain.forward(a).std(axis=0),  # ε under the root shows
        "scaled_means": scaled.forward(a).mean(axis=0),
        "scaled_stds": scaled.forward(a).std(axis=0),
    }


@published(
    f"{NORM}, forward at test time",
    means="-0.03927354 -0.04349152 -0.10452688",
    stds="1.01531428 1.01238373 0.97819988",
)
def cs231n_batchnorm_at_test_time():
    rng = np.random.RandomState(231)
    w1, w2, layer = rng.randn(50, 60), rng.randn(60, 3), BatchNorm1d(3, momentum=0.1)
    for _ in range(50):
        layer.forward(hidden(rng.randn(200, 50), w1, w2))
    # the notebook starts its variance at 0, ours starts at 1; it divides by N, we
    # by N − 1
    variance = layer.running_var.data
    variance[...] = (variance - 0.9**50) * 199 / 200
    y = layer.eval().forward(hidden(rng.randn(200, 50), w1, w2))
    return {"means": y.mean(axis=0), "stds": y.std(axis=0)}


@published(
    f"{NORM}, layer normalization",
    means="-59.06673243 -47.60782686 -43.31137368 -26.40991744",
    stds="10.07429373 28.39478981 35.28360729 4.01831507",
    normalized_stds="0.99999995 0.99999999 1. 0.99999969",
    scaled_means="5.00000000 5. 5. 5.",
    scaled_stds="2.99999985 2.99999998 2.99999999 2.99999907",
)
def cs231n_layernorm():
    a = hidden(*drawn(231, (4, 50), (50, 60), (60, 3)))
    plain, scaled = LayerNorm(3), LayerNorm(3)
    scaled.weight.data[...], scaled.bias.data[...] = 3, 5
    return {
        "means": a.mean(axis=1),
        "stds": a.std(axis=1),
        "normalized_stds": plain.forward(a).std(axis=1),
        "scaled_means": scaled.forward(a).mean(axis=1),
        "scaled_stds": scaled.forward(a).std(axis=1),
    }


# deeplearning.ai. Samples are columns there, so inputs, targets and outputs are
# transposed; dW has the factor 1/m there, where our losses have it.

BASICS = "deeplearning.ai, course 1, week 2, Python Basics with NumPy (2017)"
LOGISTIC = "deeplearning.ai, course 1, week 2, Logistic Regression"
PLANAR = "deeplearning.ai, course 1, week 3, Planar Data Classification (2021)"
STEPS = "deeplearning.ai, course 1, week 4, Building your Deep Neural Network"
REGULARIZATION = "deeplearning.ai, course 2, week 1, Regularization (2017)"
OPTIMIZATION = "deeplearning.ai, course 2, week 2, Optimization Methods"


@published(
    BASICS,
    sigmoid_derivative="0.19661193 0.10499359 0.04517666",
    softmax="""
        9.80897665e-01 8.94462891e-04 1.79657674e-02 1.21052389e-04 1.21052389e-04
        8.78679856e-01 1.18916387e-01 8.01252314e-04 8.01252314e-04 8.01252314e-04""",
    l2="0.43000000",
)
def deeplearning_ai_basics():
    sigmoid = Sigmoid()
    sigmoid.forward(np.array([1.0, 2.0, 3.0]))
    guess, truth = [0.9, 0.2, 0.1, 0.4, 0.9], [1.0, 0.0, 0.0, 1.0, 1.0]
    return {
        "sigmoid_derivative": sigmoid.backward(np.ones(3)),
        "softmax": Softmax().forward([[9.0, 2, 5, 0, 0], [7.0, 5, 0, 0, 0]]),
        "l2": MSELoss("sum").forward(guess, truth),
    }


def logistic_regression(b):
    return Sequential(linear(np.array([[1.0, 2.0]]), b), Sigmoid())


@published(
    f"{LOGISTIC} (2017), propagate and optimize",
    sigmoid="0.5 0.88079708",
    dw="0.99845601 2.39507239",
    db="0.00145557813678",
    cost="5.80154531939455",
    w_after_100="0.19033591 0.12259159",
    b_after_100="1.92535983008",
    dw_after_100="0.67752042 1.41625495",
    db_after_100="0.219194504541",
)
def deeplearning_ai_logistic_regression_2017():
    x, y = rows("1 3\n2 4\n-1 -3.2"), rows("1\n0\n1")
    cost, (dw, db) = backward(logistic_regression(2.0), BCELoss(), x, y)
    model = logistic_regression(2.0)
    optimizer = SGD(model.parameters(), lr=0.009)
    for _ in range(100):
        train_step(model, BCELoss(), optimizer, x, y)
    return {
        "sigmoid": Sigmoid().forward([0.0, 2.0]),
        "dw": dw,
        "db": db,
        "cost": cost,
        "w_after_100": model[0].weight.data,
        "b_after_100": model[0].bias.data,
        "dw_after_100": model[0].weight.grad,
        "db_after_100": model[0].bias.grad,
    }


@published(
    f"{LOGISTIC} (2021), propagate",
    dw="0.25071532 -0.06604096",
    db="-0.125004045004397",
    cost="0.159005377076924",
)
def deeplearning_ai_logistic_regression_2021():
    x, y = rows("1 3\n-2 0.5\n-1 -3.2"), rows("1\n1\n0")
    cost, (dw, db) = backward(logistic_regression(1.5), BCELoss(), x, y)
    return {"dw": dw, "db": db, "cost": cost}


PLANAR_W1 = rows("""
    -0.00416758 -0.00056267
    -0.02136196  0.01640271
    -0.01793436 -0.00841747
     0.00502881 -0.01245288""")
PLANAR_W2 = rows("-0.01057952 -0.00909008 0.00551454 0.02292208")


def planar_net(b1=0.0, b2=0.0):
    return Sequential(linear(PLANAR_W1, b1), Tanh(), linear(PLANAR_W2, b2), Sigmoid())


def planar_data():
    x, y = drawn(1, (2, 3), (1, 3))
    return x.T, (y.T > 0).astype(float)


@published(
    f"{PLANAR}, forward_propagation",
    A1="""
         0.9400694   0.94101876  0.94118266 -0.67151964 -0.62547205 -0.65709025
         0.29034152  0.31196971  0.33449821 -0.22397799 -0.25730819 -0.2197236""",
    A2="0.21292656 0.21274673 0.21295976",
    means="0.26281864019752 0.09199904522700 -1.30766601287321 0.21287768171914",
)
def deeplearning_ai_planar_forward():
    x, b1 = drawn(1, (2, 3), (4, 1))
    model = planar_net(b1, -1.3)
    z1, a1, z2, a2 = (model[:i].forward(x.T) for i in (1, 2, 3, 4))
    return {"A1": a1.T, "A2": a2.T, "means": [z.mean() for z in (z1, a1, z2, a2)]}


@published(
    f"{PLANAR}, compute_cost and backward_propagation",
    cost="0.693058761039465",
    dW1="""0.00301023 -0.00747267  0.00257968 -0.00641288
          -0.00156892  0.003893   -0.00652037  0.01618243""",
    db1="0.00176201 0.00150995 -0.00091736 -0.00381422",
    dW2="0.00078841 0.01765429 -0.00084166 -0.01022527",
    db2="-0.16655712",
)
def deeplearning_ai_planar_backward():
    guess, truth = [[0.5002307], [0.49985831], [0.50023963]], [[1.0], [0.0], [0.0]]
    _, gradients = backward(planar_net(), BCELoss(), *planar_data())
    figures = dict(zip(("dW1", "db1", "dW2", "db2"), gradients, strict=True))
    return figures | {"cost": BCELoss().forward(guess, truth)}


@published(
    f"{PLANAR}, nn_model, 10 000 steps",
    W1="""-0.65848169 1.21866811 -0.76204273  1.39377573
           0.5792005 -1.10397703  0.76773391 -1.41477129""",
    b1="0.287592 0.3511264 -0.2431246 -0.35772805",
    W2="-2.45566237 -3.27042274 2.00784958 3.36773273",
    b2="0.20459656",
)
def deeplearning_ai_planar_training():
    model, (x, y) = planar_net(), planar_data()
    w1, w2 = drawn(2, (4, 2), (1, 4))  # more digits than PLANAR_W1 has
    model[0].weight.data[...], model[2].weight.data[...] = 0.01 * w1, 0.01 * w2
    optimizer = SGD(model.parameters(), lr=1.2)
    for _ in range(10_000):
        train_step(model, BCELoss(), optimizer, x, y)
    parameters = (p.data for p in model.parameters())
    return dict(zip(("W1", "b1", "W2", "b2"), parameters, strict=True))


@published(
    f"{STEPS}, linear_forward and linear_activation_forward (2017)",
    Z="3.26295337 -1.23429987",
    sigmoid="0.96890023 0.11013289",
    relu="3.43896131 0.",
)
def deeplearning_ai_layer_forward():
    a, w, b = drawn(1, (3, 2), (1, 3), (1, 1))
    before, w2, b2 = drawn(2, (3, 2), (1, 3), (1, 1))
    z = linear(w2, b2).forward(before.T)
    return {
        "Z": linear(w, b).forward(a.T),
        "sigmoid": Sigmoid().forward(z),
        "relu": ReLU().forward(z),
    }


@published(
    f"{STEPS}, L_model_forward (2017)",
    AL="0.03921668 0.70498921 0.19734387 0.04728177",
)
def deeplearning_ai_model_forward():
    x, w1, b1, w2, b2, w3, b3 = drawn(
        6, (5, 4), (4, 5), (4, 1), (3, 4), (3, 1), (1, 3), (1, 1)
    )
    model = Sequential(
        linear(w1, b1), ReLU(), linear(w2, b2), ReLU(), linear(w3, b3), Sigmoid()
    )
    return {"AL": model.forward(x.T)}


@published(f"{STEPS}, compute_cost (2017)", cost="0.414931599615397")
def deeplearning_ai_cost():
    return {"cost": BCELoss().forward([0.8, 0.9, 0.4], [1.0, 1.0, 1.0])}


@published(
    f"{STEPS}, linear_backward (2017)",
    dA_prev="0.51822968 -0.19517421 -0.40506361 0.15255393 2.37496825 -0.89445391",
    dW="-0.10076895 1.40685096 1.64992505",
    db="0.50629448",
)
def deeplearning_ai_linear_backward():
    dz, a, w, b = drawn(1, (1, 2), (3, 2), (1, 3), (1, 1))
    return layer_backward(linear(w, b), dz, a)


def layer_backward(layer, dz, a):
    """Return dA_prev, dW and db as the course has them.

    Its dZ is that of a sum over samples: the 1/m comes in dW and db only. Our
    loss has divided already when its gradient reaches a layer, so dZ / m goes in
    and what leaves for the layer before is multiplied by m again.
    """
    m = dz.shape[1]
    layer.forward(a.T)
    da = m * layer.backward(dz.T / m)
    return {"dA_prev": da.T, "dW": layer.weight.grad, "db": layer.bias.grad}


@published(
    f"{STEPS}, linear_backward (2021)",
    dA_prev="""
        -1.15171336  0.06718465 -0.3204696   2.09812712
         0.60345879 -3.72508701  5.81700741 -3.84326836
        -0.4319552  -1.30987417  1.72354705  0.05070578
        -0.38981415  0.60811244 -1.25938424  1.47191593
        -2.52214926  2.67882552 -0.67947465  1.48119548""",
    dW="""
         0.07313866 -0.0976715  -0.87585828  0.73763362  0.00785716
         0.85508818  0.37530413 -0.59912655  0.71278189 -0.58931808
         0.97913304 -0.24376494 -0.08839671  0.55151192 -0.10290907""",
    db="-0.14713786 -0.11313155 -0.13209101",
)
def deeplearning_ai_linear_backward_2021():
    dz, a, w, b = drawn(1, (3, 4), (5, 4), (3, 5), (3, 1))
    return layer_backward(linear(w, b), dz, a)


def activation_backward(activation):
    da, a, w, b, z = drawn(2, (1, 2), (3, 2), (1, 3), (1, 1), (1, 2))
    activation.forward(z)
    return layer_backward(linear(w, b), activation.backward(da), a)


@published(
    f"{STEPS}, linear_activation_backward, sigmoid (2017)",
    dA_prev="0.11017994 0.01105339 0.09466817 0.00949723 -0.05743092 -0.00576154",
    dW="0.10266786 0.09778551 -0.01968084",
    db="-0.05729622",
)
def deeplearning_ai_sigmoid_backward():
    return activation_backward(Sigmoid())


@published(
    f"{STEPS}, linear_activation_backward, relu (2017)",
    dA_prev="0.44090989 0. 0.37883606 0. -0.2298228 0.",
    dW="0.44513824 0.37371418 -0.10478989",
    db="-0.20837892",
)
def deeplearning_ai_relu_backward():
    return activation_backward(ReLU())


@published(
    f"{STEPS}, L_model_backward (2017)",
    dA1="0.12913162 -0.44014127 -0.14175655 0.48317296 0.01663708 -0.05670698",
    dW2="-0.39202432 -0.13325855 -0.04601089",
    db2="0.15187861",
    dW1="""0.41010002 0.07807203 0.13798444 0.10502167  0 0 0 0
           0.05283652 0.01005865 0.01777766 0.0135308""",
    db1="-0.22007063 0. -0.02835349",
)
def deeplearning_ai_model_backward():
    # the course draws outputs, inputs and AL apart from each other: each layer is
    # told what it has seen
    al, a1, w1, b1, z1, a2, w2, b2, z2 = drawn(
        3, (1, 2), (4, 2), (3, 4), (3, 1), (3, 2), (3, 2), (1, 3), (1, 1), (1, 2)
    )
    y = np.array([[1.0, 0.0]])
    sigmoid, relu = Sigmoid(), ReLU()
    sigmoid.forward(z2)
    last = layer_backward(
        linear(w2, b2), sigmoid.backward((1 - y) / (1 - al) - y / al), a2
    )
    relu.forward(z1)
    first = layer_backward(linear(w1, b1), relu.backward(last["dA_prev"]), a1)
    return {
        "dA1": last["dA_prev"],
        "dW2": last["dW"],
        "db2": last["db"],
        "dW1": first["dW"],
        "db1": first["db"],
    }


@published(
    REGULARIZATION,
    cost="1.78648594516",
    dW1="-0.25604646 0.12298827 -0.28297129 -0.17706303 0.34536094 -0.4410571",
    dW2="0.79276486 0.85133918 -0.0957219 -0.01720463 -0.13100772 -0.03750433",
    dW3="-1.77691347 -0.11832879 -0.09397446",
)
def deeplearning_ai_regularization():
    y, m = [[1.0], [1.0], [0.0], [1.0], [0.0]], 5
    sizes = (2, 3), (2, 1), (3, 2), (3, 1), (1, 3), (1, 1)
    weights = drawn(1, *sizes)[::2]
    guess = rows("0.40682402\n0.01629284\n0.16722898\n0.10118111\n0.40682402")
    cost = BCELoss().forward(guess, y) + 0.1 / (2 * m) * sum(
        np.sum(w**2) for w in weights
    )
    # dW with its λ/m · W is how far SGD of weight_decay λ/m goes with lr 1
    x, w1, b1, w2, b2, w3, b3 = drawn(1, (3, 5), *sizes)
    model = Sequential(
        linear(w1, b1), ReLU(), linear(w2, b2), ReLU(), linear(w3, b3), Sigmoid()
    )
    optimizer = SGD(model.parameters(), lr=1.0, weight_decay=0.7 / m)
    train_step(model, BCELoss(), optimizer, x.T, y)
    return {
        "cost": cost,
        "dW1": w1 - model[0].weight.data,
        "dW2": w2 - model[2].weight.data,
        "dW3": w3 - model[4].weight.data,
    }


def optimized(make):
    """Return W1, b1, W2, b2 of week 2's test cases after the step, and its state."""
    shapes = (2, 3), (2, 1), (3, 3), (3, 1)
    *parameters, dw1, db1, dw2, db2 = drawn(1, *shapes, *shapes)
    parameters = [Parameter(p) for p in parameters]
    optimizer = stepped(make, parameters, [dw1, db1, dw2, db2])
    after = (p.data for p in parameters)
    figures = dict(zip(("W1", "b1", "W2", "b2"), after, strict=True))
    return figures, optimizer.state_dict()


@published(
    f"{OPTIMIZATION} (2021), update_parameters_with_gd",
    W1="1.63535156 -0.62320365 -0.53718766 -1.07799357 0.85639907 -2.29470142",
    b1="1.74604067 -0.75184921",
    W2="""0.32171798 -0.25467393  1.46902454 -2.05617317 -0.31554548
         -0.3756023   1.1404819  -1.09976462 -0.1612551""",
    b2="-0.88020257 0.02561572 0.57539477",
)
def deeplearning_ai_gradient_descent():
    return optimized(lambda ps: SGD(ps, lr=0.01))[0]


@published(
    f"{OPTIMIZATION} (2017), update_parameters_with_momentum",
    W1="1.62544598 -0.61290114 -0.52907334 -1.07347112 0.86450677 -2.30085497",
    b1="1.74493465 -0.76027113",
    W2="""0.31930698 -0.24990073  1.4627996  -2.05974396 -0.32173003
         -0.38320915  1.13444069 -1.0998786  -0.1713109""",
    b2="-0.87809283 0.04055394 0.58207317",
    v_dW1="-0.11006192 0.11447237 0.09015907 0.05024943 0.09008559 -0.06837279",
)
def deeplearning_ai_momentum():
    # their v is an average, v = (1 − β) u of our u, so our lr is theirs times 1 − β
    beta, lr = 0.9, 0.01
    figures, state = optimized(lambda ps: SGD(ps, lr=lr * (1 - beta), momentum=beta))
    return figures | {"v_dW1": (1 - beta) * state["velocity.0"]}


@published(
    f"{OPTIMIZATION} (2017), update_parameters_with_adam, t = 2",
    W1="1.63178673 -0.61919778 -0.53561312 -1.08040999 0.85796626 -2.29409733",
    b1="1.75225313 -0.75376553",
    W2="""0.32648046 -0.25681174  1.46954931 -2.05269934 -0.31497584
         -0.37661299  1.14121081 -1.09244991 -0.16498684""",
    b2="-0.88529979 0.03477238 0.57537385",
    s_dW1="0.00121136 0.00131039 0.00081287 0.0002525 0.00081154 0.00046748",
)
def deeplearning_ai_adam():
    figures, state = optimized(lambda ps: Adam(ps, lr=0.01))
    return figures | {"s_dW1": state["exp_avg_sq.0"]}


@published(
    f"{OPTIMIZATION} (2021 on), Adam with ε = 0.01, first rows, t = 2",
    W1="1.63942428 -0.6268425 -0.54320974",
    b1="1.75854357",
    W2="0.33356139 -0.26425199 1.47707772",
    b2="-0.89228024",
    v_dW1="-0.22012384 0.22894474 0.18031814",
    s_dW1="0.13567261 0.14676395 0.09104097",
)
def deeplearning_ai_adam_with_a_large_epsilon():
    figures, state = optimized(
        lambda ps: Adam(ps, lr=0.02, betas=(0.8, 0.888), eps=1e-2)
    )
    figures |= {"v_dW1": state["exp_avg.0"], "s_dW1": state["exp_avg_sq.0"]}
    return {name: value[0] for name, value in figures.items()}


@published(
    f"{OPTIMIZATION} (2021), learning rate decay",
    every_epoch="0.166666666666667",
    every_100="0.5 0.384615384615385",
)
def deeplearning_ai_learning_rate_decay():
    every_100 = schedules.inverse_time(0.3, every=100)
    return {
        "every_epoch": 0.5 * schedules.inverse_time(1.0)(2),
        "every_100": [0.5 * every_100(10), 0.5 * every_100(100)],
    }


# CMU 11-785. Layouts are ours (PyTorch's); which part divides by N changed with
# the years. The autograder compares four places.

HW1P1 = "CMU 11-785, HW1P1, autograder 2.0.0"
FALL = "CMU 11-785, HW1P1, fall 2023, as kept in github.com/akhdanfadh/mytorch"
Z = rows("-4 -3\n-2 -1\n0 1\n2 3")


@published(
    f"{HW1P1}, Sigmoid and Tanh",
    sigmoid="0.018 0.0474 0.1192 0.2689 0.5 0.7311 0.8808 0.9526",
    sigmoid_slope="0.0177 0.0452 0.105 0.1966 0.25 0.1966 0.105 0.0452",
    tanh="-0.9993 -0.9951 -0.964 -0.7616 0. 0.7616 0.964 0.9951",
    tanh_slope="0.0013 0.0099 0.0707 0.42 1. 0.42 0.0707 0.0099",
)
def cmu_activations():
    sigmoid, tanh = Sigmoid(), Tanh()
    return {
        "sigmoid": sigmoid.forward(Z),
        "sigmoid_slope": sigmoid.backward(np.ones_like(Z)),
        "tanh": tanh.forward(Z),
        "tanh_slope": tanh.backward(np.ones_like(Z)),
    }


@published(
    f"{FALL}, Softmax",
    A="0.0289 0. 0.0039 0.9566 0.0106 0.0126 0.0563 0.0928 0.1529 0.6855",
    dLdZ="0.084 0. 0.0153 -0.0877 -0.0116 0.0149 0.0667 0.2955 0.1813 -0.5584",
)
def cmu_softmax():
    softmax = Softmax()
    a = softmax.forward([[3.0, -4.5, 1.0, 6.5, 2.0], [-2.0, -0.5, 0.0, 0.5, 2.0]])
    g = np.array([[2.0, -1.0, 3.0, -1.0, -2.0], [1.0, 1.0, 3.0, 1.0, -1.0]])
    return {"A": a, "dLdZ": softmax.backward(g)}


Y = rows("0 1\n1 0\n1 0\n0 1")


@published(
    f"{HW1P1}, MSELoss and CrossEntropyLoss",
    mse="6.5000",
    mse_gradient="-4.0000 -4. -3. -1. -1. 1. 2. 2.",
    cross_entropy="0.8133",
    cross_entropy_gradient="""
        0.2689 -0.2689 -0.7311 0.7311 -0.7311 0.7311 0.2689 -0.2689""",
)
def cmu_losses():
    mse, cross_entropy = MSELoss(), CrossEntropyLoss()
    return {
        "mse": mse.forward(Z, Y),
        "mse_gradient": mse.backward() * Z.size / 2,  # A − Y there, 2 (A − Y) / NC here
        "cross_entropy": cross_entropy.forward(Z, Y),
        "cross_entropy_gradient": cross_entropy.backward() * len(Z),
    }


W0, B0 = rows("-2 -1\n0 1\n2 3"), np.array([-1.0, 0.0, 1.0])
DLDZ = rows("-4 -3 -2\n-1 0 1\n2 3 4\n5 6 7")


@published(
    f"{FALL}, Linear",
    Z="10.0000 -3. -16. 4. -1. -6. -2. 1. 4. -8. 3. 14.",
    dLdA="4.0000 -5. 4. 4. 4. 13. 4. 22.",
    dLdW="28.0000 30. 24. 30. 20. 30.",
    dLdb="2.0000 6. 10.",
)
def cmu_linear():
    layer = linear(W0, B0)
    z, da = layer.forward(Z), layer.backward(DLDZ)
    return {"Z": z, "dLdA": da, "dLdW": layer.weight.grad, "dLdb": layer.bias.grad}


@published(f"{HW1P1}, SGD, lr = 1", W="0.9000 0.8000")
def cmu_sgd():
    w, path = Parameter(np.ones(1)), []
    optimizer = SGD([w], lr=1.0)
    for _ in range(2):
        w.grad = np.full(1, 0.1)
        optimizer.step()
        path.append(w.data.item())
    return {"W": path}


def cmu_backward(model, x, gradient):
    """Return A, dLdA0 and the first layer's gradients; Linear divides by N there."""
    n = len(x)
    a, da = model.forward(x), model.backward(gradient)
    first = model[0]
    return {
        "A": a,
        "dLdA0": da,
        "dLdW0": first.weight.grad / n,
        "dLdb0": first.bias.grad / n,
    }


@published(
    f"{HW1P1}, MLP0",
    A="10.0000 0. 0. 4. 0. 0. 0. 1. 4. 0. 3. 14.",
    dLdA0="8.0000 4. 2. 1. 8. 15. 14. 27.",
    dLdW0="4.5000 3.25 3. 5.25 3.5 6.25",
    dLdb0="-1.2500 2.25 2.75",
)
def cmu_mlp0():
    return cmu_backward(Sequential(linear(W0, B0), ReLU()), Z, DLDZ)


@published(
    f"{HW1P1}, MLP1",
    A="0.0000 11. 0. 5. 0. 15. 0. 49.",
    dLdA0="6.0000 3. 2. 1. 6. 11. 18. 33.",
    dLdW0="3.5000 2.5 3. 5. 4.5 7.5",
    dLdb0="-1.0000 2. 3.",
)
def cmu_mlp1():
    second = linear(rows("-2 -1 0\n1 2 3"), [-1.0, 1.0])
    return cmu_backward(Sequential(linear(W0, B0), ReLU(), second, ReLU()), Z, Z)


@published(
    f"{HW1P1}, MLP4",
    A="228.0000 281. 228. 281. 1824. 2087. 4536. 5495. 7248. 8903.",
    dLdA0="0.0000 0. 0. 0. 840. 864. 3672. 4152. 6504. 7440.",
    dLdW0="1948.8000 2582.4 1857.6 2469.6 2407.2 3202.8 1948.8 2582.4",
    dLdb0="633.6000 612. 795.6 633.6",
)
def cmu_mlp4():
    def cyclic(m, n, sign):  # the weights go round 0, 1, 2
        i, j = np.indices((m, n))
        return (i + sign * j) % 3

    weights = (
        cyclic(4, 2, 1),
        cyclic(8, 4, -1),
        cyclic(8, 8, -1),
        cyclic(4, 8, 1),
        cyclic(2, 4, -1),
    )
    layers = [layer for w in weights for layer in (linear(w, 1.0), ReLU())]
    x = np.vstack([Z, [[4.0, 5.0]]])
    return cmu_backward(Sequential(*layers), x, x)


@published(
    f"{HW1P1}, BatchNorm1d",
    eval="1.0000 22. 13. 2. 1. 2. 13. 22.",
    train="-3.0000 7. 1. -3. -3. -3. 1. 7.",
    dLdZ="2.0000 0. -2. -5. -2. 5. 2. 0.",
)
def cmu_batchnorm():
    layer = BatchNorm1d(2, eps=1e-8)
    layer.weight.data[...], layer.bias.data[...] = [2, 5], [-1, 2]
    x = rows("1 4\n7 0\n1 0\n7 4")
    figures = {"eval": layer.eval().forward(x), "train": layer.train().forward(x)}
    return figures | {"dLdZ": layer.backward(rows("-6 2\n-12 16\n-12 20\n-6 2"))}


# Books and lectures.


@published(
    "Nielsen, Neural Networks and Deep Learning, 2015, chapter 3, "
    "The cross-entropy cost function, one neuron",
    start="0.82 0.98",
    after_300_epochs="0.09",
)
def nielsen_neuron():
    def outputs(start, epochs=0):
        model = Sequential(linear(np.array([[start[0]]]), start[1]), Sigmoid())
        optimizer = SGD(model.parameters(), lr=0.15 / 2)  # his cost has a ½
        for _ in range(epochs):
            train_step(model, MSELoss(), optimizer, [[1.0]], [[0.0]])
        return model.predict([[1.0]])

    return {
        "start": [outputs((0.6, 0.9)), outputs((2.0, 2.0))],
        "after_300_epochs": outputs((0.6, 0.9), epochs=300),
    }


@published(
    "Karpathy, Neural Networks: Zero to Hero, 2022, micrograd, one neuron",
    o="0.7071",
    x="-1.5000 0.5",
    w="1.0000 0.",
)
def karpathy_neuron():
    model = Sequential(linear(np.array([[-3.0, 1.0]]), 6.8813735870195432), Tanh())
    o = model.forward([[2.0, 0.0]])
    return {"o": o, "x": model.backward(np.ones((1, 1))), "w": model[0].weight.grad}


@published(
    "Karpathy, Neural Networks: Zero to Hero, 2022, makemore 3, loss at the start",
    loss="3.2958",
)
def karpathy_first_loss():
    return {"loss": CrossEntropyLoss().forward(np.zeros((32, 27)), np.arange(32) % 27)}


@published(
    "Zhang et al., Dive into Deep Learning, 2023, section 4.4, cross-entropy",
    loss="1.4979",
)
def d2l_cross_entropy():
    probabilities = np.array([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
    return {
        "loss": CrossEntropyLoss().forward(np.log(probabilities), np.array([0, 2])),
    }


def d2l_path(make):
    """Return the place after 20 steps from (−5, −2) on f = 0.1 x₁² + 2 x₂²."""
    x = Parameter([-5.0, -2.0])
    optimizer = make([x])
    for _ in range(20):
        x.grad = np.array([0.2, 4.0]) * x.data
        optimizer.step()
    return x.data


@published(
    "Zhang et al., Dive into Deep Learning, 2023, section 12.6",
    gradient_descent="-0.943467 -0.000073",
    diverging="-0.387814 -1673.365109",
    momentum_half="0.007188 0.002553",
    momentum_quarter="-0.126340 -0.186632",
)
def d2l_paths():
    return {
        "gradient_descent": d2l_path(lambda x: SGD(x, lr=0.4)),
        "diverging": d2l_path(lambda x: SGD(x, lr=0.6)),
        "momentum_half": d2l_path(lambda x: SGD(x, lr=0.6, momentum=0.5)),
        "momentum_quarter": d2l_path(lambda x: SGD(x, lr=0.6, momentum=0.25)),
    }


# Manuals.


@published(
    "scikit-learn, User Guide and API reference, 1.7, examples of sklearn.metrics",
    log_loss="0.21616",
    mean_squared_error="0.37500000",
    r2_score="1.000 0.0 -3.0",
    accuracy_score="0.50000000",
)
def scikit_learn_metrics():
    p = [[0.1, 0.9], [0.9, 0.1], [0.8, 0.2], [0.35, 0.65]]  # of ham, of spam
    truth = rows("1\n2\n3")
    eye, guess = np.eye(4), rows("2.5\n0\n2\n8")
    return {
        "log_loss": CrossEntropyLoss().forward(np.log(p), np.array([1, 0, 0, 1])),
        "mean_squared_error": MSELoss().forward(guess, rows("3\n-0.5\n2\n7")),
        "r2_score": [
            metrics.r2(g, truth) for g in (truth, np.full((3, 1), 2.0), truth[::-1])
        ],
        "accuracy_score": metrics.accuracy(eye[[0, 2, 1, 3]], eye),
    }


@published(
    "scikit-learn, API reference, 1.7, confusion_matrix",
    counts="2 0 0 0 0 1 1 0 2",
)
def scikit_learn_confusion_matrix():
    guess, truth = np.eye(3)[[0, 0, 2, 2, 0, 2]], np.eye(3)[[2, 0, 2, 2, 0, 1]]
    return {"counts": metrics.confusion_matrix(guess, truth)}


@published(
    "scikit-learn, API reference, 1.7, StandardScaler",
    mean="0.50000000 0.5",
    transformed="-1.00000000 -1. -1. -1. 1. 1. 1. 1.",
    new="3.00000000 3.",
)
def scikit_learn_scaler():
    data = rows("0 0\n0 0\n1 1\n1 1")
    scaler = Standardizer().fit(data)
    return {
        "mean": scaler.mean,
        "transformed": scaler.transform(data),
        "new": scaler.transform([[2.0, 2.0]]),
    }


@published("PyTorch, documentation of BCEWithLogitsLoss", loss="0.2014")
def pytorch_bce_with_logits():
    logits, target = np.full((10, 64), 1.5), np.ones((10, 64))
    return {"loss": BCEWithLogitsLoss().forward(logits, target)}


def test_the_comparison_with_published_digits_can_fail():
    assert_as_published([0.12344, -2.0], "0.1234 -2")
    for values, digits in (
        ([0.12344], "0.1235"),  # the last digit
        ([0.1234], "-0.1234"),
        ([1.0, 2.0], "1.0"),  # a number too many
        ([0.4854, 0.25], "0.5 0.25"),  # zeros left out at the end
        ([1234.5], "1.2345e2"),
    ):
        with pytest.raises(AssertionError):
            assert_as_published(values, digits)


def test_the_page_of_courses_names_each_test():
    page = Path(__file__).parent.parent / "docs" / "courses.md"
    named = set(re.findall(r"`(\w+)`", page.read_text(encoding="utf-8")))
    computed = {case.id.partition("-")[0] for case in CASES}
    assert computed <= named
    assert len(CASES) >= 30
