"""History: the losses and metrics of each epoch of fit.

Look at the curves of the two losses first. If both fall, train longer. If
both are flat and high, the net or lr is too small. If the training loss
falls and the validation loss rises, the net overfits: the best net is that
of the lowest validation loss, best_epoch.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import Any

from mlp._shared.arrays import Array
from mlp._shared.figures import new_figure, plain
from mlp._shared.printing import printable
from mlp.core.layer import Layer

HEIGHT, WIDTH = 12, 60  # of the curve in plain text


@dataclass(repr=False)
class History:
    """One number for each epoch: losses, metrics, seconds, learning rates.

    fit returns a History. repr is one line; print draws the curves in plain
    text. Two are equal if all their numbers are equal, except the seconds.

    Attributes
    ----------
    loss : list of float
        The mean of the training losses of an epoch, each computed in the
        step of its row, before the update. The mean is over rows, not over
        batches; with reduction "sum" it is the total divided by N.
    validation_loss : list of float
        The same for the validation rows, at the end of the epoch; empty
        without validation.
    metrics : dict of str to list of float
        For each name given to fit, the value of the function at the end of
        each epoch, on the validation rows, or on the training rows if there
        are no validation rows; NaN if it has no value.
    lr : list of float
        The lr of the steps in each epoch.
    seconds : list of float
        The time of each epoch, including validation and metrics.
    stopped : str or None
        Why the run stopped. "epochs": all epochs were run. "patience": the
        validation loss, or another value that patience watches, did not
        become better. "divergence": a number was no longer finite. None
        while it runs.
    best_epoch : int or None
        The first epoch with the lowest validation loss, counted from 0.
        None without validation.
    parameters : list of dict of str to array
        The model's state_dict() after each epoch, if fit got
        on_epoch=History.keep.

    Examples
    --------
    >>> from mlp.fitting.history import History
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
    stopped: str | None = field(default=None, compare=False)
    parameters: list[dict[str, Array]] = field(default_factory=list, compare=False)

    def keep(self, model: Layer) -> None:
        """Append a copy of the model's state_dict() to parameters.

        For fit(…, on_epoch=History.keep). mlp.plotting.loss_surface draws
        the path of these parameters.
        """
        state = model.state_dict()
        self.parameters.append({name: a.copy() for name, a in state.items()})

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the lowest validation loss, from 0; None without one."""
        losses = [
            (loss, epoch)
            for epoch, loss in enumerate(self.validation_loss)
            if not math.isnan(loss)
        ]
        return min(losses)[1] if losses else None

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Return a matplotlib Figure of the curves, or print the curves.

        The losses are in one plot, with a logarithmic axis if all are
        above 0, and with a dotted line at the best epoch. The metrics are
        in a second plot below.

        Parameters
        ----------
        path : str, path or None
            Where to save the picture, in the format of its suffix.

        Returns
        -------
        matplotlib.figure.Figure, or None where matplotlib is not installed
            A notebook shows it if it is the last line of a cell. It is not
            a figure of pyplot, because a notebook would show that twice.

        Raises
        ------
        ImportError
            If there is a path, and no matplotlib to write it.
        """
        height = 7 if self.metrics else 4.5
        try:
            figure = new_figure("History.plot", 8, height)
        except ImportError as error:
            if path is not None:
                raise ImportError(f"{error}; or print(history)") from None
            print(f"{self}\n(a picture: pip install '.[plot]' in the clone)")
            return None
        from matplotlib.ticker import MaxNLocator

        panels = [("loss", [(name, values) for name, _, values in self._curves()])]
        if self.metrics:
            panels.append(("metric", list(self.metrics.items())))
        best = self.best_epoch
        column = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        for axes, (what, curves) in zip(column, panels, strict=True):
            for name, values in curves:
                axes.plot(range(1, len(values) + 1), values, ".-", label=plain(name))
            axes.set_ylabel(what)
            axes.grid(alpha=0.3)
            if best is not None:
                axes.vlines(
                    best + 1,
                    0,
                    1,
                    transform=axes.get_xaxis_transform(),  # from bottom to top
                    colors="grey",
                    linestyles="dotted",
                    label=f"lowest validation loss, after {_epochs(best + 1)}",
                )
            axes.legend()
        if self._is_log():
            column[0].set_yscale("log")
        column[-1].set_xlabel("epochs")
        whole = MaxNLocator(integer=True, min_n_ticks=1)
        column[-1].xaxis.set_major_locator(whole)
        if path is not None:
            figure.savefig(path, dpi=120)
        return figure

    def _curves(self) -> list[tuple[str, str, list[float]]]:
        """Return the name, the mark and the numbers of each loss there is."""
        curves = [("loss", "•", self.loss)]
        if self.validation_loss:
            curves.append(("validation loss", "o", self.validation_loss))
        return curves

    def _is_log(self) -> bool:
        """Return whether the losses can be drawn in powers of ten."""
        return all(value > 0 for _, _, values in self._curves() for value in values)

    def __str__(self) -> str:
        """Return the curves in plain text: of logarithms, if all are above 0."""
        points = [v for _, _, values in self._curves() for v in values]
        points = [v for v in points if math.isfinite(v)]
        if not points:
            return repr(self)
        epochs = len(self.loss)
        top, bottom = max(points), min(points)
        # neighbouring floats may have one logarithm
        is_log = self._is_log() and math.log(top) > math.log(bottom)
        height_of = math.log if is_log else _half
        low, span = height_of(bottom), height_of(top) - height_of(bottom)
        columns = min(epochs, WIDTH)
        canvas = [[" "] * columns for _ in range(HEIGHT)]
        for _, mark, values in self._curves():
            for column in range(columns):
                value = values[round(column * (epochs - 1) / max(columns - 1, 1))]
                if math.isfinite(value):
                    up = (height_of(value) - low) / span if span > 0 else 0.0
                    canvas[HEIGHT - 1 - round(up * (HEIGHT - 1))][column] = mark
        lines = ["   ".join(f"{name} {mark}" for name, mark, _ in self._curves())]
        for row, cells in enumerate(canvas):
            label = {0: f"{top:.3g}", HEIGHT - 1: f"{bottom:.3g}"}.get(row, "")
            tick = "┤" if label else "│"
            lines.append(f"{label:>10} {tick}{''.join(cells)}".rstrip())
        lines += [" " * 11 + "└" + "─" * columns, f"{'':12}1 to {epochs} epochs"]
        return printable("\n".join(lines + self._notes()))

    def _repr_html_(self) -> str:
        """Return the curves as SVG, and the notes below, for a notebook."""
        from mlp._shared import html
        from mlp.fitting.curves import svg

        if not self.loss:
            return html.fragment(html.paragraph(repr(self)))
        panels = [svg([(n, v) for n, _, v in self._curves()], self._is_log())]
        if self.metrics:
            panels.append(svg(list(self.metrics.items()), False))
        return html.fragment(*panels, *map(html.paragraph, self._notes()))

    def _notes(self) -> list[str]:
        """Return what stands below the curves: metrics, the best, why it stopped."""
        notes = [_from_to(name, values) for name, values in self.metrics.items()]
        best, epochs = self.best_epoch, len(self.loss)
        if best is not None:
            lowest = self.validation_loss[best]
            notes.append(
                f"lowest validation loss {lowest:.4g}, after {_epochs(best + 1)} "
                f"(best_epoch {best})"
            )
        if self.stopped is not None:
            why = {
                "epochs": "all epochs were run",
                "patience": "patience ran out"
                if best is None
                else f"not lower in {_epochs(epochs - 1 - best)} since",
                "divergence": "a number was no longer finite in the next one",
            }
            notes.append(f"stopped after {_epochs(epochs)}: {why[self.stopped]}")
        return notes

    def __repr__(self) -> str:
        """Return how many epochs, and where each loss and metric went."""
        parts = [_epochs(len(self.loss))]
        curves = [(name, values) for name, _, values in self._curves()]
        for name, values in [*curves, *self.metrics.items()]:
            if values:
                parts.append(_from_to(name, values))
        if self.best_epoch is not None:
            parts.append(f"best_epoch {self.best_epoch}")
        if self.stopped not in (None, "epochs"):
            parts.append(f"stopped by {self.stopped}")
        return printable(f"History({', '.join(parts)})")


def _half(value: float) -> float:
    """Return value / 2: the difference of two of them does not overflow."""
    return value / 2


def _epochs(number: int) -> str:
    return f"{number} epoch{'s' * (number != 1)}"


def _from_to(name: str, values: list[float]) -> str:
    return f"{name} {values[0]:.4g} → {values[-1]:.4g}"
