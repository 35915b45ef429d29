"""Figures of matplotlib: of a size, without pyplot, their labels as they are."""

import builtins
import struct
import sys
from types import SimpleNamespace

import pytest

from mlp._shared import figures


def size_of(png):
    """Return the width and height of a PNG, as its definition has them."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])


def test_a_figure_has_its_size_and_is_none_of_pyplots(monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    figure = figures.new_figure("f", 4, 3)
    figure.add_subplot().plot([1, 2])
    assert tuple(figure.get_size_inches()) == (4, 3)
    assert "matplotlib.pyplot" not in sys.modules
    assert figure.get_layout_engine() is not None  # so that labels fit in
    width, height = size_of(figures.png(figure))
    assert 3 * width == 4 * height > 0
    assert figure._repr_png_() == figures.png(figure)


def test_a_notebook_shows_the_figure_of_what_has_one():
    pytest.importorskip("matplotlib")
    figure, thing = figures.new_figure("f", 2, 1), SimpleNamespace()
    figures.show_as(thing, figure)
    empty = thing._repr_png_()
    figure.add_subplot()
    assert empty != thing._repr_png_() == figure._repr_png_()  # drawn when it is shown


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"^f: expected matplotlib .*'\.\[plot\]'"):
        figures.new_figure("f", 4, 3)


@pytest.mark.parametrize("text", ["$5 to $10", "_f1", "R²", "a_b", "_$x$"])
def test_a_label_is_shown_sign_by_sign(text):
    pytest.importorskip("matplotlib")
    from matplotlib.text import Text

    label = figures.plain(text)
    assert not label.startswith("_")  # which a legend leaves out
    shown, is_formula = Text()._preprocess_math(label)
    assert not is_formula
    assert shown.strip() == text
