"""A curve in SVG has the heights of its numbers, and says what they are."""

import math
from xml.etree import ElementTree

import pytest

from mlp.fitting.curves import svg


def points(picture):
    root = ElementTree.fromstring(picture)
    return [
        [tuple(map(float, point.split(","))) for point in line.get("points").split()]
        for line in root.iter("polyline")
    ]


def test_a_curve_falls_where_its_numbers_do():
    (line,) = points(svg([("loss", [8.0, 4.0, 1.0])], False))
    (x0, y0), (x1, y1), (x2, y2) = line
    assert x1 - x0 == pytest.approx(x2 - x1)
    # pixels grow downwards: from 8 to 4 is 4/7 of the way down
    assert (y1 - y0) / (y2 - y0) == pytest.approx(4 / 7, abs=1e-3)


def test_a_curve_of_logarithms_falls_evenly():
    (line,) = points(svg([("loss", [100.0, 10.0, 1.0])], True))
    (_, y0), (_, y1), (_, y2) = line
    assert y1 - y0 == pytest.approx(y2 - y1, abs=0.2)


def test_a_number_that_is_not_finite_is_a_gap():
    lines = points(svg([("r2", [math.nan, 1.0, 2.0, math.inf, 3.0])], False))
    assert [len(line) for line in lines] == [2, 1]
    assert points(svg([("r2", [math.nan])], False)) == []


def test_a_long_curve_keeps_its_ends_and_stays_small():
    picture = svg([("loss", list(range(1, 100_001)))], True)
    (line,) = points(picture)
    assert len(picture) < 10_000
    first, last = line[0], line[-1]
    (short,) = points(svg([("loss", [1, 100_000])], True))
    assert [first, last] == short


def test_two_curves_differ_by_their_dashes_too():
    picture = svg([("a", [1.0, 2.0]), ("b", [2.0, 1.0])], False)
    lines = list(ElementTree.fromstring(picture).iter("polyline"))
    looks = {(line.get("stroke"), line.get("stroke-dasharray")) for line in lines}
    assert len(looks) == len({dashes for _, dashes in looks}) == 2
