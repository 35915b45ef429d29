"""Buffer and Reduction: what is kept unlearned, and what a loss divides by."""

import copy
import pickle

import numpy as np
import pytest

from mlp import BCELoss, Buffer, Layer, MSELoss, Sequential
from mlp.core import Reduction


class Counter(Layer):
    def __init__(self):
        self.rows = Buffer(0)
        self.inside = {"sum": Buffer(np.zeros(2, np.float32))}

    def forward(self, x):
        if self.training:
            self.rows.data += len(x)
            self.inside["sum"].data += x.sum(axis=0)
        return x

    def backward(self, grad_output):
        return grad_output


def test_a_buffer_copies_and_keeps_its_dtype():
    for data in (np.arange(3), np.ones(2, np.float32), np.array(True), 1.5, [1, 2]):
        buffer = Buffer(data)
        assert buffer.data is not data
        assert buffer.data.dtype == np.asarray(data).dtype
    with pytest.raises(TypeError, match="Buffer: expected data to hold real numbers"):
        Buffer("x")


def test_its_array_is_one_for_life():
    buffer = Buffer([1.0, 2.0])
    array = buffer.data
    buffer.data += 1
    buffer.data[...] = buffer.data * 2
    assert buffer.data is array
    assert array.tolist() == [4.0, 6.0]
    with pytest.raises(AttributeError, match=r"write into it: p\.data\[\.\.\.\]"):
        buffer.data = np.ones(2)
    assert repr(buffer) == "Buffer(shape=(2,), dtype=float64)"


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda b: pickle.loads(pickle.dumps(b))]
)
def test_a_copy_shares_nothing(twin):
    for owner in (Buffer([1.0]), Counter()):
        other = twin(owner)
        mine = owner if isinstance(owner, Buffer) else owner.rows
        theirs = other if isinstance(other, Buffer) else other.rows
        theirs.data[...] = 9
        assert mine.data != 9


def test_buffers_are_named_kept_and_no_parameters():
    model = Sequential(Counter())
    model.forward(np.ones((5, 2)))
    model.predict(np.ones((9, 2)))
    names = ["0.rows", "0.inside.sum"]
    assert [name for name, _ in model.named_buffers()] == names
    assert model.parameters() == []
    state = model.state_dict()
    assert state["0.rows"] == 5
    twin = Sequential(Counter())
    twin.load_state_dict(state)
    assert twin[0].inside["sum"].data.tolist() == [5, 5]
    assert twin[0].inside["sum"].data.dtype == np.float32
    with pytest.raises(ValueError, match=r"'0\.inside\.sum' of shape \(2,\)"):
        twin.load_state_dict(state | {"0.rows": 7, "0.inside.sum": np.ones(3)})
    assert twin[0].rows.data == 5


@pytest.mark.parametrize(
    ("word", "over", "divisor"),
    [("mean", "entries", 320), ("batchmean", "rows", 32), ("sum", "nothing", 1)],
)
def test_a_reduction_is_its_word_and_knows_the_number(word, over, divisor):
    for make in (MSELoss, BCELoss):
        reduction = make(word).reduction
        pickled = pickle.loads(pickle.dumps(reduction))
        of = Reduction.of(make(word))
        for one in (reduction, copy.deepcopy(reduction), pickled, of):
            assert one == word
            assert (one.over, one.divisor((32, 10))) == (over, divisor)


def test_a_loss_without_a_reduction_is_a_mean_over_rows():
    class Own:
        pass

    assert Reduction.of(Own()).over == "rows"
    for word, over in (("sum", "nothing"), ("mean", "rows"), ("anything", "rows")):
        own = Own()
        own.reduction = word
        assert Reduction.of(own).over == over
    assert Reduction("mean", "rows").divisor(()) == 1
