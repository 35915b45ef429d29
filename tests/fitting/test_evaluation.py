"""Losses of all rows, metrics, the validation: what fit evaluates, and how."""

import math

import fitting_runs
import numpy as np
import pytest
from fitting_runs import ROWS, data, problem, run, same
from strangers import LogCosh

from mlp import SGD, BCELoss, DivergenceError, Identity, MSELoss, Sequential, Sigmoid
from mlp.metrics import r2


def test_the_validation_has_a_dtype_of_its_own():
    model, optimizer, x, _ = problem()
    whole, half = np.ones((ROWS, 2), int), np.full((ROWS, 2), 0.5)
    history = run(model, optimizer, x, whole, validation=(x, half))
    loss = MSELoss().forward(model.predict(x), half)
    assert history.validation_loss[-1] == pytest.approx(loss)


# ------------------------------------------------------- what is written down


@pytest.mark.parametrize(
    "criterion",
    [MSELoss(), MSELoss("sum"), MSELoss("batchmean"), BCELoss("sum"), LogCosh()],
)
def test_losses_are_means_over_samples(criterion):
    # with an lr next to nothing each step sees the same net, so that the loss of
    # the epoch is the loss of all rows, whatever the batches are
    model, _, x, y = problem()
    model, y = Sequential(*model, Sigmoid()), (y > 0).astype(float)
    optimizer = SGD(model.parameters(), lr=1e-300)
    held_out = np.tile(x, (100, 1)), np.tile(y[::-1], (100, 1))  # more than 1024
    history = run(model, optimizer, x, y, criterion, epochs=1, validation=held_out)
    for (inputs, targets), loss in (
        ((x, y), history.loss[0]),
        (held_out, history.validation_loss[0]),
    ):
        expected = criterion.forward(model.predict(inputs), targets)
        if getattr(criterion, "reduction", None) == "sum":
            expected /= len(inputs)
        assert loss == pytest.approx(expected, rel=1e-12)


def test_metrics_see_all_rows_of_the_validation_or_else_of_the_training_data():
    model, optimizer, x, y = problem()
    seen = []

    def spy(prediction, target):
        seen.append((prediction, target))
        return len(seen)

    held_out = np.tile(x, (60, 1))[:1300], np.tile(y, (60, 1))[:1300]
    history = run(
        model, optimizer, x, y, epochs=2, metrics={"m²": spy}, validation=held_out
    )
    assert history.metrics == {"m²": [1.0, 2.0]}
    assert np.array_equal(seen[-1][1], held_out[1])
    np.testing.assert_allclose(seen[-1][0], model.predict(held_out[0]), rtol=1e-12)
    history = run(model, optimizer, x, y, epochs=1, metrics={"m": spy})
    assert history.metrics == {"m": [3.0]}
    assert np.array_equal(seen[-1][1], y)
    np.testing.assert_allclose(seen[-1][0], model.predict(x), rtol=1e-12)
    assert history.validation_loss == []


def test_validation_changes_nothing():
    some = problem()
    other = problem()
    plain = run(*some)
    watched = run(
        *other, validation=(some[2], some[3]), metrics={"one": lambda p, y: 1}
    )
    assert plain.loss == watched.loss
    assert same(data(some[0]), data(other[0]))


def test_an_evaluation_sends_a_bounded_number_of_rows_at_a_time():
    most = []

    class Spy(Identity):
        def forward(self, x):
            most.append(len(x))
            return super().forward(x)

    model, optimizer, x, y = problem()
    held_out = np.tile(x, (200, 1)), np.tile(y, (200, 1))
    run(Sequential(Spy(), *model), optimizer, x, y, validation=held_out, epochs=1)
    assert max(most) <= 1024 < len(held_out[0])
    assert sum(most) == len(x) + len(held_out[0])


# ------------------------------------------------------------------- metrics


@pytest.mark.parametrize("value", [None, math.nan, -math.inf])
def test_a_metric_may_have_no_value(value, tmp_path):
    metrics = {"a": lambda p, y: value}
    path = tmp_path / "run"
    history = run(*problem(), metrics=metrics, checkpoint=path)
    expected = [math.nan if value is None else value] * 3
    np.testing.assert_array_equal(history.metrics["a"], expected)
    history = run(*problem(), metrics=metrics, checkpoint=path, epochs=4)
    assert len(history.metrics["a"]) == 4


def raising(error, epoch):
    """Return a metric that has no value in one epoch."""
    calls = []

    def metric(prediction, target):
        calls.append(None)
        if len(calls) == epoch + 1:
            raise error
        return 0.5

    return metric


@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize(
    "error", [ValueError("one class"), ZeroDivisionError("0/0"), OverflowError("big")]
)
def test_a_metric_that_raises_has_no_value_in_that_epoch(error, epoch):
    sentence = rf"metrics\['a'\] to have a value, got {type(error).__name__}: {error}"
    metrics = {"a": raising(error, epoch), "b": lambda p, y: 1}
    with pytest.warns(UserWarning, match=sentence) as warned:
        history = run(*problem(), metrics=metrics)
    assert len(warned) == 1 and warned[0].filename == fitting_runs.__file__
    expected = [0.5] * 3
    expected[epoch] = math.nan
    np.testing.assert_array_equal(history.metrics["a"], expected)
    assert history.metrics["b"] == [1.0] * 3
    plain = run(*problem())
    assert history.loss == plain.loss


@pytest.mark.parametrize("error", [TypeError, KeyError, IndexError, AttributeError])
def test_a_mistake_in_a_metric_is_raised(error):
    with pytest.raises(error):
        run(*problem(), metrics={"a": raising(error("a"), 1)})


def test_r2_of_one_row_does_not_end_a_run():
    model, optimizer, x, y = problem()
    with pytest.warns(UserWarning, match="r2: expected at least two rows"):
        history = run(
            model, optimizer, x, y, validation=(x[:1], y[:1]), metrics={"R²": r2}
        )
    assert np.isnan(history.metrics["R²"]).all()


# ----------------------------------------------------- what is not finite


@pytest.mark.parametrize("criterion", [MSELoss(), BCELoss()])
def test_what_is_not_finite_in_the_validation_alone(criterion):
    model, optimizer, x, y = problem()
    y = (y > 0) * 1.0

    class Inverse(Identity):  # 1/0 in the row of zeros that only the validation has
        def forward(self, x):
            with np.errstate(all="ignore"):
                return x / np.abs(x).sum(axis=1, keepdims=True)

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output

    net = Sequential(Inverse(), *model, Sigmoid())
    with pytest.raises(DivergenceError, match="at the end of epoch 0") as caught:
        run(net, optimizer, x, y, criterion, validation=(0 * x, y), patience=2)
    assert caught.value.batch is None
    assert caught.value.history.loss == []


def test_a_loss_of_the_validation_alone_that_overflows():
    model, optimizer, x, y = problem()
    with pytest.raises(DivergenceError, match="a loss that is not, at the end"):
        run(model, optimizer, x, y, validation=(1e200 * x, y))


def test_no_forward_of_the_evaluation_waits_for_a_backward():
    criterion = MSELoss()
    model, optimizer, x, y = problem()
    run(model, optimizer, x, y, criterion, validation=(x, y))
    with pytest.raises(RuntimeError, match="each backward uses up one forward"):
        criterion.backward()


def test_a_metric_that_is_no_number_is_refused():
    with pytest.raises(TypeError, match=r"metrics\['all'\] to be a number"):
        run(*problem(), metrics={"all": lambda p, y: p})
