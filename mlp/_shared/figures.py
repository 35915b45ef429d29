"""Figures of matplotlib, without pyplot and without a display."""

from __future__ import annotations

import io
from functools import partial
from typing import Any


def new_figure(who: str, width: float, height: float) -> Any:
    """Return a Figure of a size in inches, which a notebook shows by itself.

    It is not one of pyplot's: those are kept, and a notebook shows them a
    second time.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib import figure as figures
    except ImportError:
        raise ImportError(
            f"{who}: expected matplotlib to draw with, got none; "
            f"pip install '.[plot]' in the clone"
        ) from None
    figure = figures.Figure(figsize=(width, height), layout="constrained")
    show_as(figure, figure)
    return figure


def plain(text: str) -> str:
    r"""Return a label that matplotlib shows as text.

    It would take what stands between two $ as a formula, and leave a name
    that begins with _ out of the legend.

    Examples
    --------
    >>> from mlp._shared.figures import plain
    >>> plain("$5 to $10"), plain("_f1")
    ('\\$5 to \\$10', ' _f1')
    """
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def show_as(thing: Any, figure: Any) -> None:
    """Let a notebook show a figure where thing is the last line of a cell."""
    vars(thing)["_repr_png_"] = partial(png, figure)


def png(figure: Any) -> bytes:
    """Return the figure as a picture."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
