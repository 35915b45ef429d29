"""Curves over the epochs as SVG, which a notebook shows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

WIDTH, HEIGHT = 560, 240  # of the field in which the curves are, in pixels
LEFT, ABOVE, RIGHT, BELOW = 60, 26, 20, 44  # of the margins, for words
POINTS = 400  # of a curve at most: more cannot be told apart
# Colours that colour-blind readers can tell apart, on white and on black; dashes too.
STROKES = (
    ("#0072b2", ""),
    ("#d55e00", "6 4"),
    ("#009e73", "2 3"),
    ("#cc79a7", "8 3 2 3"),
)


def svg(curves: Sequence[tuple[str, Sequence[float]]], is_log: bool) -> str:
    """Return a picture of curves, one number an epoch, each with its name.

    A number that is not finite is a gap. With is_log the heights are those
    of the logarithms.

    Examples
    --------
    >>> from mlp.fitting.curves import svg
    >>> svg([("loss", [4.0, 2.0, 1.0])], is_log=True).count("<polyline")
    1
    """
    height_of = math.log10 if is_log else _half
    heights = [height_of(v) for _, values in curves for v in values if math.isfinite(v)]
    low, high = min(heights, default=0.0), max(heights, default=1.0)
    span, epochs = high - low or 1.0, max(len(values) for _, values in curves)

    def place(epoch: int, value: float) -> str:
        x = LEFT + WIDTH * epoch / max(epochs - 1, 1)
        y = ABOVE + HEIGHT * (1 - (height_of(value) - low) / span)
        return f"{x:.1f},{y:.1f}"

    whole = f"{LEFT + WIDTH + RIGHT} {ABOVE + HEIGHT + BELOW}"
    names = " and ".join(name for name, _ in curves)
    axes = 'fill="none" stroke="currentColor"'
    parts = [
        f'<svg viewBox="0 0 {whole}" role="img" fill="currentColor">',
        f"<title>{escape(names)}, {epochs} epochs</title>",
        f'<path d="M{LEFT},{ABOVE}v{HEIGHT}h{WIDTH}" {axes}/>',
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        value = low + share * (high - low)
        label = f"{10**value if is_log else 2 * value:.3g}"
        y = ABOVE + HEIGHT * (1 - share) + 4
        parts.append(_text(LEFT - 6, y, label, "end"))
    for epoch in sorted({1, (epochs + 1) // 2, epochs}):
        x = LEFT + WIDTH * (epoch - 1) / max(epochs - 1, 1)
        parts.append(_text(x, ABOVE + HEIGHT + 16, str(epoch), "middle"))
    parts.append(_text(LEFT + WIDTH / 2, ABOVE + HEIGHT + 36, "epochs", "middle"))
    for i, (name, values) in enumerate(curves):
        colour, dashes = STROKES[i % len(STROKES)]
        style = f'fill="none" stroke="{colour}" stroke-dasharray="{dashes}"'
        x = LEFT + 8 + WIDTH * i / len(curves)
        parts.append(f'<path d="M{x:.0f},12h28" {style} stroke-width="2"/>')
        parts.append(_text(x + 34, 16, name, "start"))
        for points in _pieces(values):
            line = " ".join(place(*point) for point in points)
            parts.append(f'<polyline points="{line}" {style} stroke-width="2"/>')
    return "\n".join([*parts, "</svg>"])


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _half(value: float) -> float:
    """Return value / 2: the difference of two of them does not overflow."""
    return value / 2


def _pieces(values: Sequence[float]) -> Iterator[list[tuple[int, float]]]:
    """Yield runs of finite numbers, each with its epoch, at most POINTS in all."""
    number, last = min(len(values), POINTS), len(values) - 1
    run = []
    for i in range(number):
        epoch = round(i * last / max(number - 1, 1))
        if math.isfinite(values[epoch]):
            run.append((epoch, values[epoch]))
        elif run:
            yield run
            run = []
    if run:
        yield run
