"""save and load: what is saved is loaded bit for bit, and save refuses the rest."""

import os

import numpy as np
import pytest
from checkpoints import bits, net, steps

from mlp import Linear, Parameter, Sequential, load, save


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("settings", [{"momentum": 0.0}, {"nesterov": True}], ids=str)
def test_a_run_goes_on_bit_for_bit(path, dtype, settings):
    model, optimizer = net(0, dtype=dtype, weight_decay=0.01, **settings)
    save(path, model, optimizer)
    again, its_optimizer = net(1, dtype=dtype)
    assert bits(again, its_optimizer) != bits(model, optimizer)
    assert load(path, again, its_optimizer) == {}
    for _ in range(3):
        assert bits(again, its_optimizer) == bits(model, optimizer)
        for pair in ((model, optimizer), (again, its_optimizer)):
            steps(*pair, np.random.default_rng(5), 1)


def test_equal_states_give_equal_files(path, tmp_path):
    for name in ("run.npz", "other.npz"):
        save(tmp_path / name, *net(), epoch=3)
    assert path.read_bytes() == (tmp_path / "other.npz").read_bytes()


def test_parameters_in_the_order_of_columns_are_kept(path):
    class Table(Sequential):
        def __init__(self):
            super().__init__(Linear(2, 1))
            self.table = Parameter(np.asfortranarray(np.arange(6.0).reshape(2, 3)))

    model = Table()
    save(path, model)
    again = Table()
    again.table.data[...] = 0
    load(path, again)
    assert again.table.data.tolist() == model.table.data.tolist()


def test_the_optimizer_may_be_passed_over(path):
    model, optimizer = net(0)
    save(path, model, optimizer, epoch=2)
    again, its_optimizer = net(1)
    before = its_optimizer.state_dict()
    assert load(path, again) == {"epoch": 2}
    assert bits(again) == bits(model)
    assert {k: np.asarray(v).tobytes() for k, v in before.items()} == {
        k: np.asarray(v).tobytes() for k, v in its_optimizer.state_dict().items()
    }


def test_a_net_with_a_read_only_array_is_not_half_loaded(path):
    model, optimizer = net()
    save(path, model, optimizer)
    for place in range(4):
        again, its_optimizer = net(1)
        parameter = again.parameters()[place]
        parameter.data.flags.writeable = False
        before = bits(again, its_optimizer)
        for call in (
            lambda: load(path, again, its_optimizer),  # noqa: B023, called at once
            lambda: load(path, again),  # noqa: B023
            lambda: again.load_state_dict(model.state_dict()),  # noqa: B023
        ):
            with pytest.raises(ValueError, match="got one in read-only memory"):
                call()
            assert bits(again, its_optimizer) == before
        parameter.data.flags.writeable = True
        load(path, again, its_optimizer)
        assert bits(again, its_optimizer) == bits(model, optimizer)


def test_an_optimizer_does_not_take_over_that_an_array_is_read_only(path):
    model, optimizer = net()
    state = optimizer.state_dict()
    for name, value in state.items():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
            assert name.startswith("velocity.")
    optimizer.load_state_dict(state)
    steps(model, optimizer, np.random.default_rng(0), 1)


# ------------------------------------------------------- the best parameters


def test_best_gives_the_best_and_else_the_last(path):
    model, optimizer = net()
    best = {name: array + 1 for name, array in model.state_dict().items()}
    save(path, model, optimizer, best=best, epoch=2)
    last, its_optimizer = net(1)
    assert load(path, last)["epoch"] == 2
    assert bits(last) == bits(model)
    assert load(path, last, its_optimizer, best=True)["epoch"] == 2
    for name, array in last.state_dict().items():
        np.testing.assert_array_equal(array, best[name], strict=True)
    model.load_state_dict(best)
    assert bits(last, its_optimizer) == bits(model, optimizer)


def test_no_file_is_no_checkpoint_error(path, tmp_path):
    model, _ = net()
    with pytest.raises(FileNotFoundError):
        load(path, model)
    with pytest.raises(FileNotFoundError):
        save(tmp_path / "no folder" / "run.npz", model)
    with pytest.raises(OSError):
        load(tmp_path, model)


# --------------------------------------------------------- what save refuses


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_not_saved(path, value):
    model, optimizer = net()
    save(path, model, optimizer)
    before = path.read_bytes()
    for progress in (
        {"a": value},
        {"a": np.float64(value)},
        {"a": [1, value]},
        {"a": np.array([0.0, value])},
        {"a": {"b": np.array([value], np.float32)}},
        {"a": {"b[]": np.array([value])}},
    ):
        with pytest.raises(ValueError, match=r"save: expected .*a.* to be finite"):
            save(path, model, **progress)
    optimizer.load_state_dict(
        optimizer.state_dict() | {"velocity.1": np.array([0.0, value, 0.0])}
    )
    with pytest.raises(ValueError, match=r"optimizer.velocity.1 .* index \(1,\)"):
        save(path, model, optimizer)
    model[2].bias.data[...] = value
    with pytest.raises(ValueError, match="save: expected 2.bias to be finite"):
        save(path, model)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["run.npz"]


def test_wrong_models_and_optimizers_are_type_errors(path):
    model, optimizer = net()
    save(path, model)
    for f in (save, load):
        with pytest.raises(TypeError, match=f"{f.__name__}: expected model to be of"):
            f(path, model[0])
        with pytest.raises(TypeError, match=f"{f.__name__}: expected optimizer to be"):
            f(path, model, 0.1)
