"""Strangers by tools: a reader's own layer, loss or optimizer goes where ours go.

TABLE says of each cell that it works, which the function of that tool asserts, or
which sentence says what is missing.
"""

import copy
import pickle
import re
from typing import Any, NamedTuple

import numpy as np
import pytest
import strangers
from oracles import numerical_jacobian

import mlp
from mlp import SGD, Linear, MSELoss, Sequential, Sigmoid, fit, train_step


class Case(NamedTuple):
    """A net with a stranger in it, and what to train it by."""

    model: Sequential
    criterion: mlp.Loss
    optimizer: Any
    x: np.ndarray
    y: np.ndarray

    def step(self):
        return train_step(self.model, self.criterion, self.optimizer, self.x, self.y)

    def steps(self, n):
        return [self.step() for _ in range(n)]

    def loss(self):
        return self.criterion.forward(self.model.predict(self.x), self.y)

    def state(self):
        """Return all that training changes, as bytes and numbers by name."""
        own = {name: a.tobytes() for name, a in self.model.state_dict().items()}
        drawn = {n: g.bit_generator.state for n, g in self.model.named_generators()}
        kept = getattr(self.optimizer, "state_dict", dict)()
        return own, drawn, {n: np.asarray(v).tolist() for n, v in kept.items()}

    def fit(self, epochs, **options):
        return fit(
            self.model,
            self.criterion,
            self.optimizer,
            self.x,
            self.y,
            epochs=epochs,
            batch_size=4,
            **options,
        )


def layer_of(name, rng):
    return {
        "MyTanh": lambda: strangers.MyTanh(),
        "Dense": lambda: strangers.Dense(4, 4, rng),
        "MyDropout": lambda: strangers.MyDropout(0.25, np.random.default_rng(rng)),
        "MyBatchNorm": lambda: strangers.MyBatchNorm(4),
        "Residual": lambda: strangers.Residual(
            strangers.Dense(4, 4, rng), strangers.MyTanh()
        ),
        "Halves": lambda: strangers.Halves(
            *(layer for _ in range(2) for layer in (Linear(4, 4, rng=rng), Sigmoid()))
        ),
    }[name]()


def case_of(name, seed=0):
    """Return a net with this stranger in it; of another seed, with other numbers.

    The data are the same for each seed.
    """
    rng, data = np.random.default_rng(seed), np.random.default_rng(1)
    x = data.normal(size=(12, 3))
    criterion, y = MSELoss(), np.sin(2 * x[:, :2]) + x[:, 1:]
    if name == "SoftmaxCrossEntropy":
        criterion, y = strangers.SoftmaxCrossEntropy(), (x[:, 0] > 0) + (x[:, 1] > 0.5)
        y = y.astype(np.int64)
    elif name == "LogCosh":
        criterion = strangers.LogCosh()
    is_layer = issubclass(getattr(strangers, name), mlp.Layer)
    hidden = layer_of(name, rng) if is_layer else Sigmoid()
    width = 3 if name == "SoftmaxCrossEntropy" else 2
    model = Sequential(Linear(3, 4, rng=rng), hidden, Linear(4, width, rng=rng))
    of = getattr(strangers, name) if name in ("MyAdam", "Descent") else SGD
    optimizer = of(model.parameters(), lr=0.03)
    return Case(model, criterion, optimizer, x, y)


# ------------------------------------------------------------------- tools


def tool_train_step(case, fresh, path):
    before = case.loss()
    losses = case.steps(80)
    assert case.loss() < 0.9 * before
    assert len(set(losses)) == 80


def tool_fit(case, fresh, path):
    """See the bits of the loop that fit's page shows."""
    history = case.fit(3, rng=5)
    twin, rng = fresh(0), np.random.default_rng(5)
    means = []
    for _ in range(3):
        losses = [
            train_step(twin.model, twin.criterion, twin.optimizer, *batch)
            for batch in mlp.minibatches(twin.x, twin.y, 4, rng=rng)
        ]
        means.append(np.mean(losses))
    assert case.state() == twin.state()
    assert history.loss == pytest.approx(means, rel=1e-12)


def tool_fit_watched(case, fresh, path):
    """Use validation, metrics, patience, a schedule; see the best put back."""
    away = case.model.predict(case.x)  # from which training goes away
    held = case.x, (case.y + 1) % 3 if case.y.ndim == 1 else away
    of_a_metric = fresh(1).criterion
    history = case.fit(
        30,
        rng=5,
        validation=held,
        patience=3,
        schedule=mlp.schedules.cosine(30),
        metrics={"again": lambda *pair: of_a_metric.forward(*pair)},
    )
    losses = history.validation_loss
    assert history.metrics["again"] == pytest.approx(losses, rel=1e-12)
    now = case.criterion.forward(case.model.predict(held[0]), held[1])
    assert now == pytest.approx(min(losses), rel=1e-12)
    assert len(losses) < 30 and min(losses) < min(losses[-3:])
    assert all(layer.training for layer in case.model.modules())


def tool_resume(case, fresh, path):
    """See the bits of a whole run in one that was cut in two."""

    def run(one, epochs, **options):
        held = one.x + 0.01, one.y
        return one.fit(epochs, rng=5, validation=held, patience=9, **options)

    whole = run(case, 6)
    run(fresh(0), 3, checkpoint=path)
    second = fresh(1)
    assert second.state() != fresh(0).state()
    history = run(second, 6, checkpoint=path)
    assert second.state() == case.state()
    assert history.loss == whole.loss
    assert history.validation_loss == whole.validation_loss


def tool_save(case, fresh, path):
    """See what is loaded go on as what was saved."""
    case.steps(3)
    mlp.save(path, case.model, case.optimizer)
    other = fresh(1)
    mlp.load(path, other.model, other.optimizer)
    assert other.state() == case.state()
    assert other.steps(3) == case.steps(3)
    assert other.state() == case.state()


def tool_predict(case, fresh, path):
    """See forward in evaluation, and no change, not of a pending backward."""
    gradients = []
    for predicts in (False, True):
        one = copy.deepcopy(case)
        loss = one.criterion.forward(one.model.forward(one.x), one.y)
        before = one.state()
        if predicts:
            expected = copy.deepcopy(one.model).eval().forward(one.x)
            assert np.array_equal(one.model.predict(one.x), expected)
            assert np.allclose(one.model.predict(one.x, batch_size=5), expected)
        assert one.state() == before
        assert all(layer.training for layer in one.model.modules())
        one.model.zero_grad()
        one.model.backward(one.criterion.backward())
        gradients.append([loss, *(p.grad.tobytes() for p in one.model.parameters())])
    assert gradients[0] == gradients[1]
    with pytest.raises(ValueError, match="predict: expected x to be finite, got 1 "):
        case.model.predict([[1.0, np.nan, 0.0]])


def tool_state_dict(case, fresh, path):
    case.steps(3)
    other = fresh(1)
    assert not np.array_equal(other.model.predict(case.x), case.model.predict(case.x))
    state = case.model.state_dict()
    other.model.load_state_dict(state)
    assert np.array_equal(other.model.predict(case.x), case.model.predict(case.x))
    parameters, buffers = case.model.parameters(), [*case.model.named_buffers()]
    assert len(state) == len(parameters) + len(buffers)
    if isinstance(case.optimizer, mlp.Optimizer):
        other.optimizer.load_state_dict(case.optimizer.state_dict())
        if not [*case.model.named_generators()]:
            assert other.steps(3) == case.steps(3)
    with pytest.raises(ValueError, match="lacks"):
        other.model.load_state_dict(dict(list(state.items())[1:]))


def tool_summary(case, fresh, path):
    text = case.model.summary()
    total = sum(p.data.size for p in case.model.parameters())
    assert re.search(rf"^total +{total} +{8 * total}$", text, re.M)
    assert all(type(layer).__name__ in text for layer in leaves(case.model))


def wrong(thing):
    """Return a copy whose backward returns 1.5 times what is right."""
    kind, twin = type(thing), copy.deepcopy(thing)

    def backward(self, *args, **options):
        grad = kind.backward(self, *args, **options)
        return grad if grad is None else 1.5 * grad

    twin.__class__ = type(kind.__name__, (kind,), {"backward": backward})
    return twin


def tool_check_layer(case, fresh, path):
    before = case.state()
    x = np.random.default_rng(2).normal(size=(5, 4))
    layer = case.model[1]
    report = mlp.check_layer(layer, x)
    assert report.ok, report
    assert len(report.rows) == len(layer.parameters()) + len([*leaves(layer)])
    assert not mlp.check_layer(wrong(layer), x).ok
    assert case.state() == before


def leaves(layer):
    """Yield the layers of a net, those inside plain Sequentials too."""
    if type(layer) in (Sequential, strangers.Halves):
        for inside in layer:
            yield from leaves(inside)
    else:
        yield layer


def tool_check_gradients(case, fresh, path):
    before = case.state()
    report = mlp.check_gradients(case.model, case.criterion, case.x[:5], case.y[:5])
    assert report.ok, report
    broken = Sequential(case.model[0], wrong(case.model[1]), case.model[2])
    assert not mlp.check_gradients(broken, case.criterion, case.x[:5], case.y[:5]).ok
    off = wrong(case.criterion)
    assert not mlp.check_gradients(case.model, off, case.x[:5], case.y[:5]).ok
    assert case.state() == before


def tool_diagnose(case, fresh, path):
    """Compare the table with the step that train_step takes."""
    before = case.state()
    diagnosis = mlp.diagnose(
        case.model, case.criterion, case.x, case.y, optimizer=case.optimizer
    )
    assert case.state() == before
    assert diagnosis.ok, diagnosis
    old = [p.data.copy() for p in case.model[2].parameters()]
    assert diagnosis.loss == pytest.approx(case.step(), rel=1e-12)
    new = [p.data for p in case.model[2].parameters()]
    gradients = [p.grad for p in case.model[2].parameters()]
    last = diagnosis.layers[-1]
    assert last.parameter_gradient == pytest.approx(norm(gradients), rel=1e-9)
    moved = norm([b - a for a, b in zip(old, new, strict=True)])
    assert last.update == pytest.approx(moved / norm(old), rel=1e-9)


def norm(arrays):
    return np.linalg.norm(np.concatenate([np.ravel(a) for a in arrays]))


def tool_jacobian(case, fresh, path):
    """See that of the next forward, of the same draws, by differences."""
    before = case.state()
    found = mlp.jacobian(case.model, case.x[0])
    expected = numerical_jacobian(case.model, case.x[0])
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-8)
    assert np.any(expected)
    assert case.state() == before


def tool_jacobian_in_evaluation(case, fresh, path):
    case.steps(2)
    case.model.eval()
    tool_jacobian(case, fresh, path)


def tool_trace(case, fresh, path):
    """Compare the step shown with the step taken."""
    shown = mlp.trace(
        case.model, case.criterion, case.optimizer, case.x[:2], case.y[:2]
    )
    before = case.criterion.forward(case.model.forward(case.x[:2]), case.y[:2])
    train_step(case.model, case.criterion, case.optimizer, case.x[:2], case.y[:2])
    assert shown.loss == pytest.approx(before, rel=1e-12)
    for name, array in case.model.state_dict().items():
        assert np.array_equal(shown.after[name], array)
    assert is_named(case.optimizer, shown)


def is_named(optimizer, shown):
    """Return whether an optimizer without a rule is named where its step is shown."""
    return isinstance(optimizer, SGD) or type(optimizer).__name__ in str(shown)


def tool_derive(case, fresh, path):
    derivation = mlp.derive(case.model, case.criterion, optimizer=case.optimizer)
    assert derivation.check(case.x[0], case.y[0]) < 1e-10
    assert len(derivation.gradients) == len(case.model.parameters())
    assert is_named(case.optimizer, derivation)


def tool_copy(case, fresh, path):
    """See Parameters shared, and buffers that are the copy's own."""
    case.steps(1)
    twin = copy.copy(case.model)
    pairs = zip(twin.parameters(), case.model.parameters(), strict=True)
    assert all(p is q for p, q in pairs)
    before = {name: b.data.copy() for name, b in case.model.named_buffers()}
    twin.forward(case.x[:4] + 1)
    now = dict(case.model.named_buffers())
    assert all(np.array_equal(now[name].data, data) for name, data in before.items())


def tool_deepcopy(case, fresh, path):
    goes_on_alone(case, copy.deepcopy(case))


def tool_pickle(case, fresh, path):
    goes_on_alone(case, pickle.loads(pickle.dumps(case)))


def goes_on_alone(case, twin):
    """See the twin take the same steps, without a trace in the first."""
    assert twin.state() == case.state()
    before = case.state()
    losses = twin.steps(3)
    assert case.state() == before
    assert case.steps(3) == losses
    assert case.state() == twin.state()


# ------------------------------------------------------------------- the table

TABLE = """
                        MyTanh Dense MyDropout MyBatchNorm Residual Halves SoftmaxCrossEntropy LogCosh MyAdam Descent
train_step              works  works works     works       works    works  works               works   works  works
fit                     works  works works     works       works    works  works               works   works  no
fit_watched             works  works works     works       works    works  works               works   works  no
resume                  works  works works     works       works    works  works               works   works  no
save                    works  works works     works       works    works  works               works   works  no
predict                 works  works works     works       works    works  works               works   works  works
state_dict              works  works works     works       works    works  works               works   works  works
summary                 works  works works     works       works    works  works               works   works  works
check_layer             works  works works     works       works    works  works               works   works  works
check_gradients         works  works works     works       works    works  works               works   works  works
diagnose                works  works works     works       works    works  works               works   works  works
jacobian                works  works works     mixes       works    works  works               works   works  works
jacobian_in_evaluation  works  works works     works       works    works  works               works   works  works
trace                   rule   rule  rule      rule        own      works  rule                rule    works  no
derive                  rule   rule  rule      rule        own      works  rule                rule    works  no
copy                    works  works works     works       works    works  works               works   works  works
deepcopy                works  works works     works       works    works  works               works   works  works
pickle                  works  works works     works       works    works  works               works   works  works
"""  # noqa: E501 (a table is read by its columns)
SENTENCES = {
    "no": r"^{tool}: expected optimizer to be (of|an) Optimizer, got .*Descent",
    "rule": r"^{tool}: expected a rule for .*, got none; .*RULES\[{stranger}\]",
    "own": r"^{tool}: expected a rule for .*Residual.*, got none; .* is its own",
    "mixes": r"^jacobian: expected a layer that treats each row of a batch by itself, "
    r"got MyBatchNorm\(\) .*eval\(\)",
}
NAMES, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [
    pytest.param(name, tool, cell, id=f"{name}-{tool}")
    for tool, *row in ROWS
    for name, cell in zip(NAMES, row, strict=True)
]


@pytest.mark.parametrize(("name", "tool", "cell"), CELLS)
def test_a_stranger_goes_where_ours_go_or_is_told_what_is_missing(
    name, tool, cell, tmp_path
):
    def run():
        globals()[f"tool_{tool}"](
            case_of(name), lambda seed: case_of(name, seed), tmp_path / "a.npz"
        )

    if cell == "works":
        return run()
    with pytest.raises((TypeError, ValueError, NotImplementedError)) as caught:
        run()
    called = {"fit_watched": "fit", "resume": "fit"}.get(tool, tool)
    sentence = SENTENCES[cell].format(tool=called, stranger=name)
    assert re.search(sentence, str(caught.value))
    assert "\n" not in str(caught.value)


def test_the_table_has_each_stranger_and_each_tool():
    own = [name for name in vars(strangers) if name[0].isupper()]
    theirs = {"Buffer", "Layer", "Loss", "Optimizer", "Parameter", "Sequential"}
    assert set(NAMES) == set(own) - theirs
    tools = [name for name in globals() if name.startswith("tool_")]
    assert [f"tool_{row[0]}" for row in ROWS] == tools


@pytest.mark.parametrize(
    "scale",
    [1.0, 100.0],
)
def test_a_saturated_tanh_is_diagnosed_as_saturated_and_no_other(scale):
    case = case_of("MyTanh")
    case.model[0].weight.data[...] *= scale
    diagnosis = mlp.diagnose(case.model, case.criterion, case.x, case.y)
    said = [s for s in diagnosis.findings if re.search(r"^Saturated: .*MyTanh", s)]
    assert len(said) == (scale > 1)
