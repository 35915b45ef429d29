"""Large parameters, updated some rows at a time."""

from __future__ import annotations

from collections.abc import Iterable

from mlp._shared.arrays import Array

_LEAST = 1 << 16  # bytes of a parameter that is updated whole
_PIECE = 1 << 20  # and at most so many at a time of a larger one


def in_pieces(whole: tuple[Array, ...], made: int) -> Iterable[tuple[Array, ...]]:
    """Return arrays of one shape whole or, if large, some rows of each.

    The temporary arrays of an update, such as lr d, then stay in the cache.
    made says how many of them there are at a time. Together they take no
    more memory than one array of the whole parameter.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.optim.pieces import in_pieces
    >>> θ, g = np.zeros((1000, 64)), np.ones((1000, 64))
    >>> [piece.shape for piece, _ in in_pieces((θ, g), 3)]
    [(333, 64), (333, 64), (333, 64), (1, 64)]
    """
    size = whole[0].nbytes
    if size <= _LEAST:
        return (whole,)
    rows = max(1, len(whole[0]) * min(_PIECE, size // made) // size)
    return (
        tuple(array[start : start + rows] for array in whole)
        for start in range(0, len(whole[0]), rows)
    )
