"""GradientReport: what a check of gradients found."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from mlp._shared import html
from mlp._shared.printing import paragraph, printable, text_table

COLUMNS = (
    *("parameter", "shape", "measured", "‖analytic‖", "‖numerical‖"),
    *("relative error", "verdict"),
)


class GradientRow(NamedTuple):
    """One gradient: what backward gives, and what differences measure.

    Attributes
    ----------
    name : str
        The name in state_dict(), "0.weight" say; "x", or "2.x" for what
        comes into layer 2; "prediction" for ∂ℓ/∂ŷ.
    shape : tuple of int
        Of what it is the gradient by.
    analytic, numerical : float
        The norms, over the entries that were measured; NaN where there is
        nothing to measure.
    relative_error : float
        ‖analytic − numerical‖ over the larger of the two norms.
    ok : bool
        Whether they agree, kinks apart.
    verdict : str
        "right", or the mistake in a word or two.
    sentence : str
        The mistake in a sentence; "" if there is none.
    measured : str
        How many entries were measured, of how many.
    """

    name: str
    shape: tuple[int, ...]
    analytic: float
    numerical: float
    relative_error: float
    ok: bool
    verdict: str
    sentence: str
    measured: str


class GradientReport:
    """What a check of gradients found; print it.

    check_gradients and check_layer make it.

    Attributes
    ----------
    ok : bool
        Whether every gradient is right.
    rows : list of GradientRow
        One for each gradient.
    faults : list of str
        What is wrong besides: an argument written into, say.
    notes : list of str
        How it was measured.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Linear, check_layer
    >>> report = check_layer(Linear(3, 2, rng=0), np.eye(3))
    >>> report.ok
    True
    >>> report.raise_if_wrong()
    >>> report
    GradientReport(ok=True, Linear: 3 gradients)
    """

    def __init__(
        self, what: str, rows: list[GradientRow], faults: list[str], notes: list[str]
    ) -> None:
        self.what, self.rows, self.faults, self.notes = what, rows, faults, notes

    @property
    def ok(self) -> bool:
        """Whether every gradient is right, and nothing else is wrong."""
        return all(row.ok for row in self.rows) and not self.faults

    def raise_if_wrong(self) -> None:
        """Raise unless ok.

        Raises
        ------
        ValueError
            With the report for its text.
        """
        if not self.ok:
            raise ValueError(f"a gradient is wrong\n{self}")

    def __str__(self) -> str:
        """Return a table, and below it a sentence for each mistake."""
        parts = [
            printable(f"Gradients of {self.what}"),
            text_table(COLUMNS, list(map(_cells, self.rows))),
            *map(paragraph, [*self.faults, *self._sentences(), *self.notes]),
        ]
        return "\n\n".join(parts)

    def _sentences(self) -> list[str]:
        return [f"{row.name}: {row.sentence}" for row in self.rows if row.sentence]

    def _repr_html_(self) -> str:
        """Return the verdict, what is wrong, and the table, for a notebook."""
        wrong = [i for i, row in enumerate(self.rows) if not row.ok]
        n = len(self.rows)
        verdict = f"{len(wrong)} of {n} gradients wrong" if wrong else "gradients right"
        rows = (map(escape, _cells(row)) for row in self.rows)
        return html.fragment(
            f"<h3>Gradients of {escape(self.what)}</h3>",
            html.paragraph(verdict, right=not wrong),
            *(html.paragraph(fault, right=False) for fault in self.faults),
            *map(html.paragraph, self._sentences()),
            html.table(COLUMNS, map(list, rows), wrong),
            *map(html.paragraph, self.notes),
        )

    def __repr__(self) -> str:
        """Return whether all is right, and of what."""
        n = len(self.rows)
        return printable(
            f"GradientReport(ok={self.ok}, {self.what}: {n} gradient{'s' * (n != 1)})"
        )


def _cells(row: GradientRow) -> list[str]:
    """Return a row of the table."""
    return [
        row.name,
        str(row.shape),
        row.measured,
        *(f"{norm:.3g}" for norm in (row.analytic, row.numerical)),
        f"{row.relative_error:.2g}" if row.relative_error > 1e-9 else "< 1e-9",
        row.verdict,
    ]
