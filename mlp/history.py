"""History: what fit writes down after each epoch, and its curve.

A newcomer should learn to look at two curves before anything else. Both
fall: go on. Both are flat, and high: the net or lr is too small. The
training loss falls and the validation loss rises: the net has begun to
learn the rows by heart, and the lowest point of the second curve was the
net to keep.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import Any

from mlp._printing import printable

HEIGHT, WIDTH = 12, 60  # of the curve in plain text


@dataclass(repr=False)
class History:
    """One number for each epoch: losses, metrics, seconds, learning rates.

    fit returns one. repr is one line; print draws the curves in plain text;
    two are equal if all but their seconds are.

    Attributes
    ----------
    loss : list of float
        The mean loss of the training rows, each at the step that it was in:
        early rows of an epoch saw a younger net. The mean is over rows, not
        batches; with reduction "sum" it is the total divided by N.
    validation_loss : list of float
        The same for the validation rows, at the end of the epoch; empty
        without validation.
    metrics : dict of str to list of float
        For each name given to fit, what the function returned at the end of
        the epoch, on the validation rows if there are some, else on the
        training rows.
    lr : list of float
        What the steps of the epoch were taken with.
    seconds : list of float
        How long the epoch took, validation and metrics included.

    Examples
    --------
    >>> from mlp.history import History
    >>> history = History(loss=[1.0, 0.3, 0.1], lr=[0.5, 0.5, 0.5])
    >>> history
    History(3 epochs, loss 1 → 0.1)
    >>> print(history)
    loss •
             1 ┤•
               │
               │
               │
               │
               │
               │ •
               │
               │
               │
               │
           0.1 ┤  •
               └───
                1 to 3 epochs
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    lr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list, compare=False)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Return a matplotlib Figure of the curves; without it, print them.

        Parameters
        ----------
        path : str, path or None
            Where to save the picture, in the format of its suffix. None
            makes a figure of pyplot's, which a notebook shows by itself and
            a script by matplotlib.pyplot.show().

        Returns
        -------
        matplotlib.figure.Figure, or None where matplotlib is not installed

        Raises
        ------
        ImportError
            If there is a path, and no matplotlib to write it.
        """
        try:
            from matplotlib import pyplot
            from matplotlib.figure import Figure
        except ImportError:
            cure = "pip install '.[plot]' in the clone"
            if path is not None:
                raise ImportError(
                    f"History.plot: expected matplotlib to save a picture with, got "
                    f"none; {cure}, or print(history) for a curve in plain text"
                ) from None
            print(f"{self}\n(a picture: {cure})")
            return None
        make = pyplot.figure if path is None else Figure
        figure: Any = make(figsize=(8, 4.5), layout="constrained")
        axes = figure.add_subplot()
        for name, _, values in self._curves():
            axes.plot(range(1, len(values) + 1), values, ".-", label=name)
        if self._is_log():
            axes.set_yscale("log")
        axes.set_xlabel("epochs")
        axes.grid(alpha=0.3)
        axes.legend()
        if path is not None:
            figure.savefig(path, dpi=120)
        return figure

    def _curves(self) -> list[tuple[str, str, list[float]]]:
        """Return the name, the mark and the numbers of each curve there is."""
        curves = [("loss", "•", self.loss)]
        if self.validation_loss:
            curves.append(("validation loss", "o", self.validation_loss))
        return curves

    def _is_log(self) -> bool:
        """Return whether the curves can be drawn in powers of ten."""
        return all(value > 0 for _, _, values in self._curves() for value in values)

    def __str__(self) -> str:
        """Return the curves in plain text: of logarithms, if all are above 0."""
        epochs = len(self.loss)
        if not epochs:
            return repr(self)
        height_of = math.log if self._is_log() else float
        points = [v for _, _, values in self._curves() for v in values]
        top, bottom = max(points), min(points)
        low, span = height_of(bottom), height_of(top) - height_of(bottom)
        columns = min(epochs, WIDTH)
        canvas = [[" "] * columns for _ in range(HEIGHT)]
        for _, mark, values in self._curves():
            for column in range(columns):
                value = values[round(column * (epochs - 1) / max(columns - 1, 1))]
                up = (height_of(value) - low) / span if span > 0 else 0.0
                canvas[HEIGHT - 1 - round(up * (HEIGHT - 1))][column] = mark
        lines = ["   ".join(f"{name} {mark}" for name, mark, _ in self._curves())]
        for row, cells in enumerate(canvas):
            label = {0: f"{top:.3g}", HEIGHT - 1: f"{bottom:.3g}"}.get(row, "")
            tick = "┤" if label else "│"
            lines.append(f"{label:>10} {tick}{''.join(cells)}".rstrip())
        lines += [" " * 11 + "└" + "─" * columns, f"{'':12}1 to {epochs} epochs"]
        return printable("\n".join(lines))

    def __repr__(self) -> str:
        """Return the number of epochs, and where each loss began and ended."""
        epochs = len(self.loss)
        parts = [f"{epochs} epoch{'s' * (epochs != 1)}"]
        if epochs:
            for name, _, values in self._curves():
                parts.append(f"{name} {values[0]:.4g} → {values[-1]:.4g}")
        return printable(f"History({', '.join(parts)})")
