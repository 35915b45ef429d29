"""fit with weights of rows, and with weights of the validation rows."""

import numpy as np
import pytest
from fitting_runs import ROWS, data, problem, run, same
from strangers import LogCosh

from mlp import (
    SGD,
    BatchNorm1d,
    CrossEntropyLoss,
    DivergenceError,
    Linear,
    MSELoss,
    Sequential,
    minibatches,
    train_step,
)

W = np.random.default_rng(5).uniform(0.1, 4, ROWS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
def test_fit_is_the_loop_with_weights_to_the_last_bit(dtype, reduction):
    model, optimizer, x, y = problem(dtype=dtype, lr=0.002)
    by_hand, its_optimizer, _, _ = problem(dtype=dtype, lr=0.002)
    criterion = MSELoss(reduction)
    history = run(model, optimizer, x, y, criterion, sample_weight=W)
    rng, w = np.random.default_rng(1), W.astype(dtype)
    for epoch in range(3):
        total = 0.0
        for x_batch, rows in minibatches(x, np.arange(ROWS), 5, rng=rng):
            batch = x_batch, y[rows], w[rows]
            loss = train_step(by_hand, criterion, its_optimizer, *batch)
            total += loss * (1 if reduction == "sum" else w[rows].sum())
        assert history.loss[epoch] == pytest.approx(total / w.sum(), rel=1e-5)
    assert same(data(model), data(by_hand))
    assert not same(data(model), data(problem(dtype=dtype)[0]))


def test_weights_of_one_change_no_bit():
    model, optimizer, x, y = problem()
    plain, its_optimizer, _, _ = problem()
    for number in (1, 0.1):
        weights = np.full(ROWS, number)
        history = run(
            model, optimizer, x, y, sample_weight=weights, validation=(x, y, weights)
        )
        expected = run(plain, its_optimizer, x, y, validation=(x, y))
        assert history.loss == pytest.approx(expected.loss, rel=1e-14)
        assert history.validation_loss == pytest.approx(expected.validation_loss)
        assert same(data(model), data(plain))


def test_rows_of_weight_0_are_left_out_to_the_last_bit():
    x, y = problem()[2:]
    w = W.copy()
    w[[0, 3, 4, 22]] = 0
    kept = w > 0

    def trained(*rows, **weights):
        model = Sequential(Linear(3, 4, rng=0), BatchNorm1d(4), Linear(4, 2, rng=1))
        optimizer = SGD(model.parameters(), lr=0.05)
        return run(model, optimizer, *rows, **weights), data(model)

    history, parameters = trained(x, y, sample_weight=w, validation=(x, y, w))
    expected, its_parameters = trained(
        x[kept], y[kept], sample_weight=w[kept], validation=(x[kept], y[kept], w[kept])
    )
    assert history == expected
    assert same(parameters, its_parameters)


def test_on_the_full_batch_a_weight_of_2_is_the_row_twice():
    x, y = problem()[2:]
    w = np.random.default_rng(0).integers(0, 4, ROWS)
    model, optimizer, _, _ = problem()
    run(model, optimizer, x, y, sample_weight=w, batch_size=ROWS, epochs=20)
    other, its_optimizer, _, _ = problem()
    rows = np.repeat(np.arange(ROWS), w)
    run(other, its_optimizer, x[rows], y[rows], batch_size=10 * ROWS, epochs=20)
    for p, q in zip(data(model), data(other), strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
def test_both_losses_are_means_over_all_rows_by_their_weights(reduction):
    model, optimizer, x, y = problem()
    still = {"schedule": lambda epoch: 0, "epochs": 1}
    many = np.tile(x, (100, 1)), np.tile(y, (100, 1)), np.tile(W, 100)
    criterion = MSELoss(reduction)
    history = run(
        model, optimizer, x, y, criterion, sample_weight=W, validation=many, **still
    )
    whole = criterion(model.predict(x), y, W)
    expected = whole / W.sum() if reduction == "sum" else whole
    assert history.loss == pytest.approx([expected], rel=1e-12)
    assert history.validation_loss == pytest.approx([expected], rel=1e-12)


def test_patience_waits_for_the_weighted_loss():
    x = np.ones((2, 1))
    y = np.array([[0.0], [1.0]])
    kept = []
    for weights in ([1, 0], [0, 1]):
        model = Linear(1, 1, bias=False)
        model.weight.data[...] = 0.2
        optimizer = SGD(model.parameters(), lr=0.2)
        validation = (x, y, weights)
        run(model, optimizer, x, np.ones((2, 1)), validation=validation, patience=3)
        kept.append(model.weight.data.item())
    assert kept[0] < kept[1]  # training goes from 0.2 to 1, away from the first row


def test_a_run_with_weights_goes_on_from_a_checkpoint(tmp_path):
    path = tmp_path / "run.npz"
    model, optimizer, x, y = problem()
    whole = run(model, optimizer, x, y, sample_weight=W, epochs=6)
    for epochs in (2, 6):
        cut, its_optimizer, _, _ = problem()
        history = run(
            cut, its_optimizer, x, y, sample_weight=W, epochs=epochs, checkpoint=path
        )
    assert history == whole
    assert same(data(cut), data(model))


def test_a_run_that_diverges_goes_back_with_its_weights():
    model, optimizer, x, y = problem(lr=1e150, momentum=0.0)
    weights = np.full(ROWS, 1.0)
    weights[0] = 3.0
    with pytest.raises(DivergenceError):
        run(model, optimizer, x, y, sample_weight=weights)
    assert all(np.isfinite(p).all() for p in data(model))


def test_class_weights_go_with_labels():
    model, optimizer, x, _ = problem()
    y = np.array([0, 1] + [0] * (ROWS - 2))
    count = np.bincount(y)
    balanced = (ROWS / (2 * count))[y]
    run(model, optimizer, x, y, CrossEntropyLoss(), sample_weight=balanced, epochs=60)
    assert model.predict(x)[1].argmax() == 1


@pytest.mark.parametrize(
    ("weights", "error", "words"),
    [
        (W[1:], ValueError, r"sample_weight of shape \(23,\).*got \(22,\)"),
        (
            W[:, np.newaxis],
            ValueError,
            r"sample_weight .*write np.ravel\(sample_weight\)",
        ),
        (-W, ValueError, "sample_weight of at least 0"),
        (
            np.where(W > 2, np.nan, W),
            ValueError,
            "sample_weight .*finite, got nan in row",
        ),
        (0 * W, ValueError, "sample_weight with one above 0 at least, got only 0"),
        ("balanced", TypeError, "sample_weight to hold real numbers"),
    ],
)
def test_wrong_weights_are_refused_before_the_first_step(weights, error, words):
    model, optimizer, x, y = problem()
    before = data(model)
    with pytest.raises(error, match=f"fit: expected {words}"):
        run(model, optimizer, x, y, sample_weight=weights)
    words = words.replace("sample_", "")
    with pytest.raises(error, match=f"fit, validation: expected {words}"):
        run(model, optimizer, x, y, validation=(x, y, weights))
    assert same(data(model), before)


def test_a_loss_without_weights_is_refused_before_the_first_step():
    model, optimizer, x, y = problem()
    words = r"LogCosh.forward: expected an argument weight"
    with pytest.raises(TypeError, match=words):
        run(model, optimizer, x, y, LogCosh(), sample_weight=W)
    with pytest.raises(TypeError, match=words):
        run(model, optimizer, x, y, LogCosh(), validation=(x, y, W))
