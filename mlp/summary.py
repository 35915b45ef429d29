"""summary: a net as a table of its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlp._shared import printing
from mlp.core import Layer, Parameter


def summary(model: Layer, is_opened: Callable[[Layer], bool]) -> str:
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
    rows = [*_rows(model, is_opened), ("total", "", model.parameters())]
    counts = [sum(p.data.size for p in parameters) for _, _, parameters in rows]
    sizes = [sum(p.data.nbytes for p in parameters) for _, _, parameters in rows]
    cells = zip(
        (layer for layer, _, _ in rows),
        (output for _, output, _ in rows),
        _to_the_right(counts, "parameters"),
        _to_the_right(sizes, "bytes"),
        strict=True,
    )
    columns = ("layer", "output", "parameters", "bytes")
    return printing.text_table(columns, list(cells))


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
