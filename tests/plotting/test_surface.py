"""The loss around the parameters, and the path that led there."""

import numpy as np
import pytest
from plotted import MOONS, net, trained

from mlp import BCEWithLogitsLoss, History, Linear, MSELoss

pytest.importorskip("matplotlib")

from mlp.plotting import loss_surface
from mlp.plotting.surface import directions, projected


def test_the_surface_is_the_loss_of_moved_parameters():
    model = Linear(1, 1, bias=False)
    model.weight.data[...] = 2.0
    ax = loss_surface(model, MSELoss(), [[1.0]], [[5.0]], points=3, span=1.0)
    contours = ax.collections[0]
    # δ, η are ±2, so the weight is 2 ± 2a ± 2b, from −2 to 6 in steps of 2
    assert contours.zmax == pytest.approx((-2 - 5) ** 2)
    assert contours.zmin == pytest.approx((4 - 5) ** 2)


def test_directions_have_the_norms_of_the_rows():
    model = net(3, 5, 2)
    rng = np.random.default_rng(0)
    for d, p in zip(
        directions(model.parameters(), rng), model.parameters(), strict=True
    ):
        if p.data.ndim == 1:
            assert not d.any()
        else:
            ours, theirs = (np.linalg.norm(a, axis=1) for a in (d, p.data))
            np.testing.assert_allclose(ours, theirs)


def test_a_path_in_the_plane_is_found_again_and_one_across_it_is_not():
    rng = np.random.default_rng(0)
    δ, η = ([rng.normal(size=(4, 3)), np.zeros(4)] for _ in range(2))
    flat = [np.concatenate([part.ravel() for part in one]) for one in (δ, η)]
    moves = np.array([[0.5, 0.25], [-1.0, 2.0]]) @ flat
    at, share = projected(moves, δ, η)
    np.testing.assert_allclose(at, [[0.5, 0.25], [-1.0, 2.0]])
    assert share == pytest.approx(1)
    across = rng.normal(size=16)
    across -= np.linalg.lstsq(np.transpose(flat), across, rcond=None)[0] @ flat
    at, share = projected(across[np.newaxis], δ, η)
    np.testing.assert_allclose(at, 0, atol=1e-12)
    assert share < 1e-12


def test_a_history_that_kept_parameters_is_a_path():
    model = net(2, 4, 1)
    history = trained(model, BCEWithLogitsLoss(), MOONS, on_epoch=History.keep)
    ax = loss_surface(
        *(model, BCEWithLogitsLoss(), MOONS.x, MOONS.y), history=history, points=3
    )
    path = next(line for line in ax.lines if line.get_label() == "path")
    assert len(path.get_xdata()) == 5
    # the last epoch's parameters are the model's
    np.testing.assert_allclose(path.get_xydata()[-1], 0, atol=1e-12)
    assert "% of the path lies in this plane" in ax.get_title()


def test_a_history_without_parameters_or_of_another_net_is_refused():
    model, criterion = net(2, 4, 1), BCEWithLogitsLoss()
    given = model, criterion, MOONS.x, MOONS.y
    with pytest.raises(ValueError, match=r"give fit on_epoch=History\.keep"):
        loss_surface(*given, history=History(loss=[1.0]))
    other = trained(net(2, 5, 1), criterion, MOONS, on_epoch=History.keep)
    with pytest.raises(ValueError, match="expected a history of this model"):
        loss_surface(*given, history=other)


def test_the_surface_is_drawn_where_the_loss_is_finite():
    model = net(2, 3, 1)
    with np.errstate(all="raise"):
        ax = loss_surface(*(model, MSELoss(), MOONS.x, MOONS.y), span=1e100, points=6)
    ax.figure.draw_without_rendering()
    line = Linear(1, 1, bias=False, rng=0)
    line.weight.data[...] = 2.0  # as above, so the corners are at 4e154, squared
    contours = loss_surface(
        *(line, MSELoss(), [[1.0]], [[5.0]]), span=1e154, points=5
    ).collections[0]
    assert np.isfinite(contours.levels).all()
    assert 1e307 < contours.zmax < np.inf
    with pytest.raises(ValueError, match="loss_surface: expected points of at least 2"):
        loss_surface(model, MSELoss(), MOONS.x, MOONS.y, points=1)
