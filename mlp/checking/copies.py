"""Copies of layers, and the state of a forward.

A check runs forward hundreds of times, and each run must compute the same
function. So before each run the Generators are set back to the same state,
which gives a Dropout the same mask, and the Buffers (running statistics)
are restored.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import walking
from mlp.core.layer import Layer


class Frozen:
    """The Buffers and Generators of a layer, as they were when this was made.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Dropout
    >>> from mlp.checking.copies import Frozen
    >>> layer, x = Dropout(0.5, rng=0), np.ones(100)
    >>> frozen, y = Frozen(layer), layer.forward(x)
    >>> np.array_equal(layer.forward(x), y)
    False
    >>> frozen.restore()
    >>> np.array_equal(layer.forward(x), y)
    True
    """

    def __init__(self, layer: Layer) -> None:
        self.buffers = [(b, b.data.copy()) for _, b in layer.named_buffers()]
        self.generators = [
            (g, g.bit_generator.state) for _, g in layer.named_generators()
        ]

    def restore(self) -> None:
        """Write the saved values and states back."""
        for buffer, data in self.buffers:
            buffer.data[...] = data
        for generator, state in self.generators:
            generator.bit_generator.state = state

    def draws(self) -> list[str]:
        """Return the present states of the Generators, to compare them."""
        return [str(generator.bit_generator.state) for generator, _ in self.generators]


def arrays_of_a_copy(
    layer: Layer, dtype: npt.DTypeLike | None = None
) -> dict[int, npt.NDArray[Any]]:
    """Return a memo for deepcopy: the new arrays, by the id of the old ones.

    copy.deepcopy(layer, memo) then makes parameters of this dtype. A layer
    may keep a view of a parameter or buffer, such as self.wT =
    self.weight.data.T. In the copy this is a view of the copy's parameter.
    Without the memo, deepcopy makes a separate array of a view.

    Examples
    --------
    >>> import copy
    >>> from mlp import Linear
    >>> from mlp.checking.copies import arrays_of_a_copy
    >>> layer = Linear(3, 2)
    >>> layer.wT = layer.weight.data.T
    >>> twin = copy.deepcopy(layer, arrays_of_a_copy(layer))
    >>> twin.weight.data[0, 1] = 5.0
    >>> twin.wT[1, 0]
    np.float64(5.0)
    """
    memo: dict[int, npt.NDArray[Any]] = {}
    owned = [(p.data, np.dtype(dtype or p.data.dtype)) for p in layer.parameters()]
    owned += [(b.data, b.data.dtype) for _, b in layer.named_buffers()]
    for array, kind in owned:
        memo[id(array)] = twin = array.astype(kind)
        for view in _views(layer, array):
            memo[id(view)] = _same_view(view, array, twin)
    return memo


def _views(layer: Layer, array: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Yield the attributes of a layer that are views of this array."""
    for inside in layer.modules():
        for _, kept in walking.members(inside, (np.ndarray,)):
            is_view = kept is not array and kept.dtype == array.dtype
            if is_view and kept.size and np.shares_memory(kept, array):
                yield kept


def _same_view(
    view: npt.NDArray[Any], array: npt.NDArray[Any], twin: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Return the view of twin that matches view, where twin copies array."""
    unit = twin.itemsize / array.itemsize
    start = view.__array_interface__["data"][0] - array.__array_interface__["data"][0]
    return np.ndarray(
        view.shape,
        twin.dtype,
        twin.ravel(order="K"),  # the memory itself, in one dimension
        int(start * unit),
        [int(step * unit) for step in view.strides],
    )


def copies(
    layer: Layer, *others: Any, dtype: npt.DTypeLike | None = None
) -> tuple[Any, ...]:
    """Return deep copies of a layer and of other objects that belong to it."""
    made: tuple[Any, ...] = copy.deepcopy(
        (layer, *others), arrays_of_a_copy(layer, dtype)
    )
    return made
