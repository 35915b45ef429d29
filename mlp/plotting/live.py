"""live: a picture that is updated while fit runs."""

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

SHARE = 0.03  # the largest share of a run's time for drawing
POINTS = 80  # points of the decision boundary in each direction


def live(
    x: npt.ArrayLike | None = None,
    y: npt.ArrayLike | None = None,
    *,
    every: float = 0.5,
) -> Live:
    """Return a function for fit's on_epoch that shows the run in a notebook.

    It draws the losses of the epochs so far. If x has two features, it also
    draws the decision boundary beside them.

    Parameters
    ----------
    x, y : array_like, or None
        Points for decision_boundary. Without them, or if x does not have
        two features, only the losses are drawn. If decision_boundary
        refuses them, for example the targets of a regression, the picture
        shows its error instead, and the run continues.
    every : float
        The least number of seconds from one picture to the next. The time
        is longer if drawing would otherwise take more than 3 % of the run.
        The last epoch is always drawn. Each run has its own picture.

    Returns
    -------
    Live

    Raises
    ------
    ImportError
        If matplotlib or IPython is not installed.
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
    """The result of live; fit calls it with the History and the model.

    Attributes
    ----------
    figure : matplotlib Figure
        The latest picture.
    drawn : int
        How often it was drawn in this run.
    seconds : float
        How long drawing took in this run, in total.
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
        """Begin a new run, with a new picture and the times set to 0."""
        self._history, self._handle = history, None
        self._begun = self._last_end = time.perf_counter()
        self.drawn, self.seconds = 0, 0.0

    def __call__(self, history: History, model: Layer) -> None:
        """Draw, if a picture is due."""
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
        """Return whether enough time has passed, and drawing takes ≤ SHARE."""
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
        """Draw the decision boundary, or write why there is none."""
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
        """Return the text that a terminal shows instead."""
        return "<a picture of the run>"
