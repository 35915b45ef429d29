"""live: a picture that is drawn anew while fit runs."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from mlp._shared import arrays, figures, numbers
from mlp.core import Layer
from mlp.fitting.history import History
from mlp.plotting.boundary import decision_boundary

SHARE = 0.03  # of the time of a run, that drawing may take
POINTS = 80  # of the decision boundary, in each direction


def live(
    x: npt.ArrayLike | None = None,
    y: npt.ArrayLike | None = None,
    *,
    every: float = 0.5,
) -> Live:
    """Return a function for fit's on_epoch that shows the run in a notebook.

    The losses so far; and beside them the decision boundary, if there are
    points of two features.

    Parameters
    ----------
    x, y : array_like, or None
        Points for decision_boundary; without them, or with another number
        of features than two, the losses are drawn alone. What
        decision_boundary refuses, the targets of a regression, is said in
        its place, and the run goes on.
    every : float
        Seconds from one picture to the next, at least. More pass where
        drawing would take more than 3 % of the run. The last epoch is
        always drawn. Another run has a picture of its own.

    Returns
    -------
    Live

    Raises
    ------
    ImportError
        If matplotlib, or IPython, is not installed.
    ValueError, TypeError
        If an argument is wrong.

    Examples
    --------
    In a notebook:

    >>> from mlp.plotting import live
    >>> fit(model, criterion, optimizer, x, y, epochs=200,
    ...     on_epoch=live(x, y))  # doctest: +SKIP
    """
    who = "live"
    every = numbers.number(who, "every", every, least=0)
    if (x is None) != (y is None):
        raise ValueError(
            f"{who}: expected x and y together, or neither, got one of them"
        )
    if x is not None:
        x = arrays.floating(who, "x", x)
    try:
        from IPython.display import display
    except ImportError:
        raise ImportError(
            f"{who}: expected IPython to show the picture in a notebook, got none; "
            f"in a script, History.plot draws the curves when the run has ended"
        ) from None
    return Live(x, y, every, display)


class Live:
    """What live returns; fit calls it with the History and the model.

    Attributes
    ----------
    figure : matplotlib Figure
        The picture, as it was drawn last.
    drawn : int
        How many times it was, in this run.
    seconds : float
        What drawing took, in this run.
    """

    def __init__(
        self, x: Any, y: Any, every: float, display: Callable[..., Any]
    ) -> None:
        self._x, self._y, self._every, self._display = x, y, every, display
        self._has_plane = x is not None and x.ndim == 2 and x.shape[1] == 2
        width = 10 if self._has_plane else 6
        self.figure = figures.new_figure("live", width, 4)
        self._panels = self.figure.subplots(
            1, 2 if self._has_plane else 1, squeeze=False
        )[0]
        self._cost = 0.0
        self._begin(None)

    def _begin(self, history: History | None) -> None:
        """Begin a run, with no picture and no time of the one before."""
        self._history, self._handle = history, None
        self._begun = self._last_end = time.perf_counter()
        self.drawn, self.seconds = 0, 0.0

    def __call__(self, history: History, model: Layer) -> None:
        """Draw, unless that was done a moment ago."""
        if history is not self._history:
            self._begin(history)
        now = time.perf_counter()
        if history.stopped is None and not self._is_due(now):
            return
        self._draw(history, model)
        self._last_end = time.perf_counter()
        self._cost = self._last_end - now
        self.seconds += self._cost
        self.drawn += 1

    def _is_due(self, now: float) -> bool:
        """Return whether a picture is wanted, and can be paid for."""
        budget = SHARE * (now - self._begun)
        return (
            now - self._last_end >= self._every and self.seconds + self._cost <= budget
        )

    def _draw(self, history: History, model: Layer) -> None:
        losses = self._panels[0]
        for axes in self._panels:
            axes.clear()
        curves = {"loss": history.loss, "validation loss": history.validation_loss}
        for name, values in curves.items():
            if values:
                losses.plot(range(1, len(values) + 1), values, label=name)
        if all(value > 0 for values in curves.values() for value in values):
            losses.set_yscale("log")
        losses.set(xlabel="epochs", ylabel="loss")
        losses.legend()
        if self._has_plane:
            self._draw_plane(model, self._panels[1])
        picture = Picture(figures.png(self.figure))
        if self._handle is None:
            self._handle = self._display(picture, display_id=True)
        else:
            self._handle.update(picture)

    def _draw_plane(self, model: Layer, axes: Any) -> None:
        """Draw the decision boundary, or say why there is none."""
        try:
            decision_boundary(model, self._x, self._y, points=POINTS, ax=axes)
        except (TypeError, ValueError) as error:  # a picture must not end a run
            axes.clear()
            text = textwrap.fill(figures.plain(str(error)), 40)
            axes.text(0.5, 0.5, text, ha="center", va="center")
            axes.axis("off")


class Picture:
    """A PNG that a notebook shows."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def _repr_png_(self) -> bytes:
        return self._data

    def __repr__(self) -> str:
        """Return what a terminal shows in its place."""
        return "<a picture of the run>"
