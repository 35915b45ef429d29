"""summary: a net as a table of its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlp._shared import printing
from mlp.core import Layer, Parameter

COLUMNS = ("layer", "output", "parameters", "bytes")


class Summary(str):
    """A table of text that shows itself, in a terminal and in a notebook.

    Attributes
    ----------
    rows : list of list of str
        A row for each layer, and the totals.

    Examples
    --------
    >>> from mlp import Linear, Sequential
    >>> Sequential(Linear(2, 1)).summary()
    ────────  ──────  ──────────  ─────
    layer     output  parameters  bytes
    ────────  ──────  ──────────  ─────
    0 Linear  (N, 1)           3     24
    total                      3     24
    """

    rows: list[list[str]]

    def __repr__(self) -> str:
        """Return the table."""
        return str(self)

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        from html import escape  # here, as a net that is only trained needs none

        from mlp._shared import html

        return html.fragment(
            html.table(COLUMNS, [list(map(escape, row)) for row in self.rows])
        )


def summary(model: Layer, is_opened: Callable[[Layer], bool]) -> Summary:
    """Return a table of the layers: output, parameters and their bytes.

    Sequential.summary says what it shows; is_opened says which layers are
    shown by the layers in them.

    Examples
    --------
    >>> from mlp import Linear
    >>> from mlp.summary import summary
    >>> print(summary(Linear(2, 1), lambda layer: False))
    ────────────────  ──────  ──────────  ─────
    layer             output  parameters  bytes
    ────────────────  ──────  ──────────  ─────
    weight Parameter                   2     16
    bias Parameter                     1      8
    total                              3     24
    """
    found = [*_rows(model, is_opened), ("total", "", model.parameters())]
    counts = [sum(p.data.size for p in parameters) for _, _, parameters in found]
    sizes = [sum(p.data.nbytes for p in parameters) for _, _, parameters in found]
    cells = zip(
        (layer for layer, _, _ in found),
        (output for _, output, _ in found),
        _to_the_right(counts, "parameters"),
        _to_the_right(sizes, "bytes"),
        strict=True,
    )
    rows = [list(row) for row in cells]
    table = Summary(printing.text_table(COLUMNS, rows))
    table.rows = rows
    return table


def _rows(
    model: Layer,
    is_opened: Callable[[Layer], bool],
    path: str = "",
    output: str = "?",
) -> Iterator[tuple[str, str, list[Parameter]]]:
    """Yield each layer's name, its output's shape and its parameters."""
    for name, member in model.members():
        where = f"{path}{name}"
        if isinstance(member, Parameter):  # of a subclass
            yield f"{where} Parameter", "", [member]
        elif isinstance(member, Layer) and is_opened(member):
            for row in _rows(member, is_opened, f"{where}.", output):
                output = row[1] or output
                yield row
        elif isinstance(member, Layer):
            width = getattr(member, "out_features", None)
            if width is not None:
                output = f"(N, {width})"
            elif not member.keeps_shape:
                output = "?"
            yield f"{where} {type(member).__name__}", output, member.parameters()


def _to_the_right(numbers: list[int], head: str) -> list[str]:
    """Return a column of numbers in line at their last digits."""
    width = max(len(head), *(len(f"{n:,}") for n in numbers))
    return [f"{n:{width},}" for n in numbers]
