"""trace: each line is worth what it says, and the step is the library's own."""

import copy
import pickle
import re
import tracemalloc

import numpy as np
import pytest
from derivations import assert_reads_back
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import page_of, random_net, seeds
from strangers import SoftmaxCrossEntropy

from mlp import (
    SGD,
    BCELoss,
    CrossEntropyLoss,
    Layer,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    StaleGradientWarning,
    derive,
    trace,
    train_step,
)
from mlp.derivation import RULES
from mlp.derivation.figures import Line


def lines_of(t):
    return [line for _, _, lines in t.steps for line in lines]


@settings(max_examples=30)
@given(
    seed=seeds,
    widths=st.lists(st.integers(1, 3), min_size=2, max_size=4),
    rows=st.integers(1, 3),
    bce=st.booleans(),
    reduction=st.sampled_from(["mean", "sum", "batchmean"]),
    of_sgd=st.sampled_from(
        [(0.1,), (0.1, 0.9), (0.1, 0.9, 0.01, True), (0.5, 0.0, 0.1)]
    ),
)
def test_each_formula_is_worth_the_value_beside_it(
    seed, widths, rows, bce, reduction, of_sgd
):
    rng = np.random.default_rng(seed)
    model = random_net(rng, widths)
    model = Sequential(*model, Sigmoid()) if bce else model
    criterion = BCELoss(reduction) if bce else MSELoss(reduction)
    optimizer = SGD(model.parameters(), *of_sgd)
    x, y = rng.normal(size=(rows, widths[0])), rng.uniform(size=(rows, widths[-1]))
    for _ in range(2):  # the second with a velocity
        t = trace(model, criterion, optimizer, x, y)
        lines = [line for line in lines_of(t) if isinstance(line, Line)]
        assert lines
        for line in lines:
            worth = line.formula.value({})
            np.testing.assert_allclose(worth, line.value.number, rtol=1e-9, atol=1e-12)
            if "∂ℓ/∂ŷ" in line.entry:
                assert str(line.formula).startswith(("2", "1/", "("))  # not left out
        assert "∂ℓ/∂x" not in str(t)  # of which the step has no need
        assert t.loss == train_step(model, criterion, optimizer, x, y)
        for name, data in model.state_dict().items():
            assert np.array_equal(t.after[name], data)


def test_the_step_is_predicted_and_measured():
    rng = np.random.default_rng(0)
    model = random_net(rng, [2, 3, 1], (Sigmoid,))
    x, y = rng.normal(size=(4, 2)), rng.uniform(size=(4, 1))
    t = trace(model, MSELoss(), SGD(model.parameters(), lr=1e-4), x, y)
    square = sum(float(np.sum(g**2)) for g in t.gradients.values())
    assert t.predicted_change == pytest.approx(-1e-4 * square, rel=1e-9)
    assert t.change == pytest.approx(t.predicted_change, rel=1e-3)
    assert t.change == t.loss_after - t.loss
    after = model
    after.load_state_dict(t.after)
    assert MSELoss().forward(after.predict(x), y) == t.loss_after


def test_prediction_counts_what_the_optimizer_holds():
    model = Sequential(Linear(2, 1, rng=0))
    optimizer = SGD([model[0].weight], lr=0.1)
    t = trace(model, MSELoss(), optimizer, [[1.0, 2.0]], [[0.0]])
    square = float(np.sum(t.gradients["0.weight"] ** 2))
    assert t.predicted_change == pytest.approx(-0.1 * square)
    assert np.array_equal(t.after["0.bias"], t.before["0.bias"])
    assert "b⁽¹⁾" not in "".join(map(str, t.steps[4][2]))


def test_model_and_optimizer_stay_as_they_were():
    model = random_net(np.random.default_rng(0), [2, 3, 1])
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, y = [[1.0, 2.0]], [[0.5]]
    train_step(model, MSELoss(), optimizer, x, y)
    state, velocity = model.state_dict(), optimizer.state_dict()
    gradients = [p.grad for p in model.parameters()]
    model.forward(x)
    trace(model, MSELoss(), optimizer, [[3.0, 4.0]], y)
    assert all(np.array_equal(state[k], v) for k, v in model.state_dict().items())
    after = optimizer.state_dict()
    assert all(np.array_equal(velocity[k], after[k]) for k in velocity)
    assert all(p.grad is g for p, g in zip(model.parameters(), gradients, strict=True))
    with pytest.warns(StaleGradientWarning):  # as without the trace
        assert model.backward([[1.0]]).shape == (1, 2)


def test_a_large_net_is_summed_up():
    rng = np.random.default_rng(0)
    model = random_net(rng, [64, 128, 128, 10], (ReLU,))
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, y = rng.normal(size=(32, 64)), rng.normal(size=(32, 10))
    text = str(trace(model, MSELoss(), optimizer, x, y))
    assert len(text.splitlines()) < 120
    assert max(map(len, text.splitlines())) < 200
    assert "z₁: 32 × 128 numbers, mean " in text
    assert "∂ℓ/∂W⁽¹⁾: 64 × 128 numbers" in text


def test_float32_and_lists():
    model = Linear(2, 1, dtype=np.float32)
    t = trace(model, MSELoss(), SGD(model.parameters(), lr=0.1), [[1, 2]], [[3]])
    assert t.after["0.weight"].dtype == np.float32


def test_repr_copy_and_pickle():
    model = Linear(1, 1)
    t = trace(model, MSELoss(), SGD(model.parameters(), lr=0.1), [[1]], [[3]])
    assert repr(t) == "<One training step of Linear₁ with MSELoss>"
    assert str(copy.deepcopy(t)) == str(t)
    assert pickle.loads(pickle.dumps(t)).loss == t.loss


def test_a_page_has_the_losses_and_each_line_with_its_number_once():
    model = Linear(1, 1)
    model.weight.data[...], model.bias.data[...] = 3.0, 1.0
    sgd = SGD(model.parameters(), lr=0.1)
    text = trace(model, MSELoss(), sgd, [[1.0]], [[0.5]])._repr_html_()
    page_of(text)
    assert re.findall("<h[34]>(.*?)</h", text) == [
        "One training step of Linear₁ with MSELoss",
        *("1. forward", "2. loss", "3. zero the gradients", "4. backward", "5. step"),
    ]
    rows = [re.findall("<t[dh].*?>(.*?)</t[dh]>", row) for row in text.split("<tr>")]
    cells = [tuple(re.sub("<.*?>", "", cell) for cell in row) for row in rows]
    assert ("loss before the step", "12.25") in cells
    assert ("W⁽¹⁾.grad ← None", "", "") in cells
    assert ("(∂ℓ/∂ŷ)₁", "= 2·(4−0.5)", "= 7") in cells
    assert ("(∂ℓ/∂b⁽¹⁾)₁", "", "= 7") in cells  # not 7 = 7


def test_the_losses_stand_in_two_columns():
    model = Linear(1, 1, bias=False)
    model.weight.data[...] = 3.0
    t = trace(model, MSELoss(), SGD([model.weight], lr=0.1), [[1.0]], [[2.0]])
    assert str(t).splitlines()[-4:] == [
        "loss before the step       1",
        "loss after it              0.64",
        "its change                 −0.36",
        "predicted, Σ ⟨∂ℓ/∂θ, Δθ⟩   −0.4",
    ]


def test_the_gradients_of_a_trace_are_those_of_the_parameters():
    model = Linear(2, 1, rng=0)
    sgd = SGD(model.parameters(), lr=0.1)
    t = trace(model, MSELoss(), sgd, [[1.0, 2.0]], [[3.0]])
    before = {name: data.copy() for name, data in model.state_dict().items()}
    assert all(np.array_equal(t.before[f"0.{name}"], before[name]) for name in before)
    for name, gradient in t.gradients.items():
        np.testing.assert_allclose(t.after[name], t.before[name] - 0.1 * gradient)


@pytest.mark.parametrize("y", [[[0.0, 1.0]], [[0.0, 0.0, 0.0, 1.0]]])
def test_rows_of_the_wrong_width_are_refused_where_labels_would_do(y):
    model = Linear(2, 3)
    sgd = SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"trace: expected y of shape \(N, 3\)"):
        trace(model, CrossEntropyLoss(), sgd, [[1.0, 2.0]], y)


class Own(Layer):
    def forward(self, x):
        return x

    def backward(self, grad_output, *, needs_input_grad=True):
        return grad_output


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (dict(criterion=MSELoss), TypeError, "trace: expected criterion to be of Loss"),
        (
            dict(optimizer=0.1),
            TypeError,
            "trace: expected optimizer to be of Optimizer",
        ),
        (
            dict(x=[[1.0]]),
            ValueError,
            r"x of shape \(N, 2\), as layer 0 \(Linear\) has",
        ),
        (dict(x="abc"), TypeError, "trace: expected x to hold real numbers"),
        (
            dict(y=[1.0]),
            ValueError,
            r"y of shape \(N, 1\), as layer 0.*reshape\(-1, 1\)",
        ),
        (dict(y=[[1.0], [2.0]]), ValueError, "MSELoss.forward: .*one shape"),
        (dict(y=None), TypeError, "trace: expected y to hold real numbers"),
        (dict(model=3), TypeError, r"layer 0 \(int\) to be of Layer"),
        (
            dict(model=Sequential(Linear(2, 1), Own())),
            NotImplementedError,
            r"layer 1 \(Own\)",
        ),
    ],
)
def test_what_cannot_be_traced_is_refused(change, error, sentence):
    model = Linear(2, 1)
    arguments = dict(
        model=model,
        criterion=MSELoss(),
        optimizer=SGD(model.parameters(), lr=0.1),
        x=[[1.0, 2.0]],
        y=[[1.0]],
    )
    with pytest.raises(error, match=sentence):
        trace(**{**arguments, **change})


def test_an_optimizer_of_another_net_is_refused():
    model, other = Linear(2, 1), Linear(2, 1)
    with pytest.raises(ValueError, match="holds none of them"):
        trace(model, MSELoss(), SGD(other.parameters(), lr=0.1), [[1, 2]], [[3]])


@pytest.mark.parametrize("rows", [1, 3])
def test_a_trace_fits_100_columns(rows):
    model = random_net(np.random.default_rng(0), [3, 3, 3], (Sigmoid,))
    optimizer = SGD(model.parameters(), 0.1, 0.9, 0.01, True)
    x, y = np.full((rows, 3), 1 / 3), np.full((rows, 3), 1 / 7)
    text = str(trace(model, BCELoss(), optimizer, x, y))
    assert max(map(len, text.splitlines())) <= 100


def test_a_deep_net_is_not_flooded():
    model = random_net(np.random.default_rng(0), [2] * 21, (Sigmoid,))
    optimizer = SGD(model.parameters(), lr=0.1)
    text = str(trace(model, MSELoss(), optimizer, [[1, 2]], [[3, 4]]))
    assert len(text.splitlines()) < 200
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize("make", [MSELoss, BCELoss])
def test_derive_and_trace_speak_of_one_entry_by_one_name(layout, make):
    rng = np.random.default_rng(0)
    model = random_net(rng, [3, 2, 4], (Sigmoid,))
    x, y = rng.normal(size=3), rng.uniform(size=4)
    optimizer = SGD(model.parameters(), lr=0.1)
    d = derive(model, make(), optimizer=optimizer, layout=layout)
    t = trace(model, make(), optimizer, [x], [y], layout=layout)
    values, lines = d.evaluate(x, y), {line.entry: line for line in t.steps[3][2]}
    seen = 0
    for row in values.gradients:
        is_weight = str(row.parameter).startswith("W")
        gradient = row.gradient if is_weight else row.gradient.ravel()
        for place in np.ndindex(gradient.shape):
            index = "".join("₁₂₃₄"[k] for k in place)
            line = lines[f"(∂ℓ/∂{row.parameter}){index}"]
            assert line.value.number == pytest.approx(gradient[place], rel=1e-9)
            seen += 1
    assert seen == sum(p.data.size for p in model.parameters())
    assert f"In {layout} layout: " in str(d)
    assert f"In {layout} layout: " in str(t)
    assert t.layout == layout
    assert t.steps[2][2] == [str(equation) for equation in d.steps[2].equations]
    assert str(t).count("← None") == len(model.parameters())


def test_numerator_is_the_default_and_an_unknown_layout_is_refused():
    model = Linear(2, 1)
    optimizer = SGD(model.parameters(), lr=0.1)
    assert trace(model, MSELoss(), optimizer, [[1, 2]], [[3]]).layout == "numerator"
    with pytest.raises(ValueError, match="trace: expected layout to be one of"):
        trace(model, MSELoss(), optimizer, [[1, 2]], [[3]], layout="row")


def test_names_are_those_of_the_models_own_state_dict():
    model = Sequential(Linear(2, 2), Sequential(Sigmoid(), Linear(2, 1)))
    optimizer = SGD(model.parameters(), lr=0.1)
    t = trace(model, MSELoss(), optimizer, [[1.0, 2.0]], [[3.0]])
    assert list(t.before) == list(t.gradients) == list(model.state_dict())


def test_a_trace_of_many_rows_takes_little_more_than_its_step():
    model = Sequential(Linear(2, 4, rng=0), Sigmoid(), Linear(4, 1, rng=0), Sigmoid())
    optimizer = SGD(model.parameters(), lr=0.1)
    rows = 20_000
    x, y = np.ones((rows, 2)), np.ones((rows, 1))
    tracemalloc.start()
    try:
        text = str(trace(model, BCELoss(), optimizer, x, y))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 * rows * 8  # 22 numbers a row are the outputs and gradients
    assert "ŷ: 20000 × 1 numbers, mean " in text


def test_labels_reach_a_reader_s_loss_as_the_integers_that_they_are(monkeypatch):
    monkeypatch.setitem(RULES, SoftmaxCrossEntropy, RULES[CrossEntropyLoss])
    model, x, labels = Linear(2, 3, rng=0), [[1.0, 2.0], [0.5, -1.0]], [2, 0]
    sgd = SGD(model.parameters(), 0.1)
    own = trace(model, SoftmaxCrossEntropy(), sgd, x, labels)
    assert_reads_back(own)
    assert own.loss == pytest.approx(
        trace(model, CrossEntropyLoss(), sgd, x, labels).loss
    )
