"""GradientReport: the results of a check of gradients."""

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
    """One row of the report: the gradient from backward, and the measured one.

    Attributes
    ----------
    name : str
        For a parameter its name in state_dict(), such as "0.weight". "x"
        for the input, "2.x" for the input of layer 2, "prediction" for
        ∂ℓ/∂ŷ.
    shape : tuple of int
        The shape of this parameter or input.
    analytic, numerical : float
        The norm of the gradient from backward and of the measured gradient,
        over the measured entries. NaN if it cannot be computed.
    relative_error : float
        ‖analytic − numerical‖, divided by the larger of the two norms.
    ok : bool
        Whether the two agree. A difference at a kink is allowed.
    verdict : str
        "right", or the mistake in a few words.
    sentence : str
        The mistake in a sentence; "" without a mistake.
    measured : str
        How many of the entries were measured, such as "all 6".
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
    """The results of a check of gradients.

    check_gradients and check_layer return it. Print it to see the table and
    a sentence for each mistake.

    Attributes
    ----------
    ok : bool
        Whether every gradient is right, and faults is empty.
    rows : list of GradientRow
        One for each gradient.
    faults : list of str
        Other mistakes, such as a forward that writes into its argument.
    notes : list of str
        How the gradients were measured.

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
        """Whether every gradient is right, and there are no faults."""
        return all(row.ok for row in self.rows) and not self.faults

    def raise_if_wrong(self) -> None:
        """Raise an error if something is wrong.

        Raises
        ------
        ValueError
            If ok is False. Its message has the report.
        """
        if not self.ok:
            raise ValueError(f"a gradient is wrong\n{self}")

    def __str__(self) -> str:
        """Return the table, the sentences for the mistakes, and the notes."""
        parts = [
            printable(f"Gradients of {self.what}"),
            text_table(COLUMNS, list(map(_cells, self.rows))),
            *map(paragraph, [*self.faults, *self._sentences(), *self.notes]),
        ]
        return "\n\n".join(parts)

    def _sentences(self) -> list[str]:
        return [f"{row.name}: {row.sentence}" for row in self.rows if row.sentence]

    def _repr_html_(self) -> str:
        """Return the verdict, the mistakes, and the table, for a notebook."""
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
        """Return a summary in one line."""
        n = len(self.rows)
        return printable(
            f"GradientReport(ok={self.ok}, {self.what}: {n} gradient{'s' * (n != 1)})"
        )


def _cells(row: GradientRow) -> list[str]:
    """Return the cells of one row of the table."""
    return [
        row.name,
        str(row.shape),
        row.measured,
        *(f"{norm:.3g}" for norm in (row.analytic, row.numerical)),
        f"{row.relative_error:.2g}" if row.relative_error > 1e-9 else "< 1e-9",
        row.verdict,
    ]
