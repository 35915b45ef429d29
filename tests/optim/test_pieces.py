"""Pieces are views that cover the whole, and none of them is too large."""

from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from oracles import sizes

from mlp.optim import pieces
from mlp.optim.pieces import in_pieces

LIMITS = st.integers(1, 300)  # bytes; a row below has 8 to 40


@given(rows=st.integers(0, 20), columns=sizes, made=sizes, least=LIMITS, piece=LIMITS)
def test_pieces_are_views_that_cover_the_whole_within_the_limits(
    rows, columns, made, least, piece
):
    θ = np.zeros((rows, columns))
    g = np.arange(θ.size, dtype=np.float32).reshape(θ.shape)
    with patch.multiple(pieces, _LEAST=least, _PIECE=piece):
        found = list(in_pieces((θ, g), made))
    for of_θ, of_g in found:
        of_θ += of_g + 1
    np.testing.assert_array_equal(θ, g + 1)  # each row is in one piece, by its gradient
    if len(found) > 1:
        largest = max(of_θ.nbytes for of_θ, _ in found)
        assert largest <= max(columns * 8, min(piece, θ.nbytes / made))
        assert all(len(of_θ) == len(found[0][0]) for of_θ, _ in found[:-1])
    elif rows > 1:
        assert θ.nbytes <= max(least, min(piece, θ.nbytes / made))


@given(rows=st.integers(2, 40), made=st.integers(1, 4))
def test_a_parameter_is_cut_no_more_often_than_it_must_be(rows, made):
    θ = np.zeros((rows, 3))
    with patch.multiple(pieces, _LEAST=1, _PIECE=5 * θ[0].nbytes):
        lengths = [len(piece) for (piece,) in in_pieces((θ,), made)]
    assert sum(lengths) == rows
    if lengths != [rows]:
        assert lengths[0] == max(1, min(5, rows // made))


def test_a_small_array_is_not_cut():
    whole = np.zeros((128, 64)), np.ones((128, 64))  # 64 KiB, which is the limit
    (found,) = in_pieces(whole, 3)
    assert all(a is b for a, b in zip(found, whole, strict=True))
    one_piece = (np.zeros((pieces._PIECE // 8, 1)),)
    assert len(list(in_pieces(one_piece, 1))) == 1 < len(list(in_pieces(one_piece, 2)))
