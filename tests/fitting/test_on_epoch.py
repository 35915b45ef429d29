"""fit(on_epoch=…): a function that looks on."""

import numpy as np
import pytest

from mlp import SGD, DivergenceError, History, Linear, MSELoss, Sequential, fit, load

X = np.random.default_rng(0).normal(size=(20, 2))
Y = X @ [[1.0], [-2.0]]


def net():
    return Sequential(Linear(2, 1, rng=0))


def run(model, **options):
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.5)
    options = {"epochs": 4, "batch_size": 8, "rng": 0} | options
    return fit(model, MSELoss(), optimizer, X, Y, **options)


def test_it_is_called_after_each_epoch_and_told_of_the_last():
    calls, model = [], net()

    def look(history, seen):
        calls.append((len(history.loss), seen is model, history.stopped))

    history = run(model, on_epoch=look)
    assert calls == [(1, True, None), (2, True, None), (3, True, None)] + [
        (4, True, "epochs")
    ]
    assert history.stopped == "epochs"


def test_it_is_told_of_a_stop_by_patience():
    reasons = []
    run(
        net(),
        epochs=500,
        validation=(X[:4], Y[:4] + 3),
        patience=2,
        on_epoch=lambda history, _: reasons.append(history.stopped),
    )
    assert reasons[-1] == "patience"
    assert set(reasons[:-1]) == {None}


def test_looking_on_changes_no_bit():
    left_alone, watched = net(), net()
    assert run(left_alone) == run(watched, on_epoch=History.keep)
    for a, b in zip(left_alone.parameters(), watched.parameters(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)


def test_keep_keeps_a_copy_of_each_epoch():
    model = net()
    history = run(model, on_epoch=History.keep)
    kept = [state["0.weight"] for state in history.parameters]
    assert len(kept) == 4
    assert not any(np.array_equal(a, b) for a, b in zip(kept, kept[1:], strict=False))
    last = model.state_dict()["0.weight"]
    np.testing.assert_array_equal(kept[-1], last)
    model[0].weight.data[...] = 7
    assert not np.any(kept[-1] == 7)


def test_an_error_in_it_comes_through_and_leaves_the_checkpoint(tmp_path):
    def fail(history, model):
        if len(history.loss) == 2:
            raise LookupError("mine")

    model = net()
    with pytest.raises(LookupError, match="mine"):
        run(model, on_epoch=fail, checkpoint=tmp_path / "run.npz")
    other = net()
    load(tmp_path / "run.npz", other)
    np.testing.assert_array_equal(other[0].weight.data, model[0].weight.data)


def test_a_rewind_takes_what_it_did_to_the_net_into_account():
    model, states = net(), []

    def shrink(history, seen):
        for p in seen.parameters():
            p.data *= 0.5
        states.append(seen.state_dict()["0.weight"].copy())

    big = X.copy()
    optimizer = SGD(model.parameters(), lr=3.0)
    with pytest.raises(DivergenceError):
        fit(
            *(model, MSELoss(), optimizer, big, Y),
            epochs=2000,
            batch_size=20,
            on_epoch=shrink,
        )
    # one step an epoch: the parameters before the step that failed
    np.testing.assert_array_equal(model[0].weight.data, states[-1])


def test_lr_is_fit_s_own():
    def meddle(history, model):
        optimizer.lr = 0.5

    model = net()
    optimizer = SGD(model.parameters(), lr=0.1)
    with pytest.raises(RuntimeError, match=r"optimizer\.lr to be left alone"):
        fit(model, MSELoss(), optimizer, X, Y, epochs=2, on_epoch=meddle)


@pytest.mark.parametrize("wrong", [3, "print", [print], History()])
def test_what_is_no_function_is_refused(wrong):
    with pytest.raises(TypeError, match="fit: expected on_epoch to be a function"):
        run(net(), on_epoch=wrong)
