"""What several test modules use: differences, arrays that show a write, nets, pages."""

from __future__ import annotations

import copy
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mlp import Identity, Layer, Linear, ReLU, Sequential, Sigmoid

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 5)


def numerical_gradient(f: Callable[[], float], array: np.ndarray) -> np.ndarray:
    """Return ∂f/∂array by central differences, writing into array meanwhile.

    With h = 6e-6 the error of truncation, h²/6 · f‴, and that of rounding,
    ε/h · f, are both near 1e-11 for f and f‴ near 1.
    """
    gradient = np.empty_like(array)
    for place in np.ndindex(array.shape):
        value, h = array[place], 6e-6
        array[place] = value + h
        above = f()
        array[place] = value - h
        below = f()
        array[place] = value
        gradient[place] = (above - below) / (2 * h)
    return gradient


def frozen(array: np.ndarray) -> np.ndarray:
    """Return the array, which from now on raises when somebody writes into it."""
    array.flags.writeable = False
    return array


def random_net(
    rng: np.random.Generator,
    widths: list[int],
    activations: tuple[type[Layer], ...] = (ReLU, Sigmoid, Identity),
    dtype: type = np.float64,
) -> Sequential:
    """Return Linear layers of these widths, a random activation after each."""
    layers: list[Layer] = []
    for n, m in zip(widths, widths[1:], strict=False):
        layers.append(Linear(n, m, bias=bool(rng.integers(4)), rng=rng, dtype=dtype))
        layers.append(activations[rng.integers(len(activations))]())
    return Sequential(*layers)


def numerical_jacobian(layer: Layer, x: np.ndarray) -> np.ndarray:
    """Return ∂y/∂x at one sample by central differences, (out, in).

    Each forward is of a copy, so that a layer that draws draws the same.
    """

    def y(x: np.ndarray) -> np.ndarray:
        return copy.deepcopy(layer).forward(x[np.newaxis])[0]

    h = 6e-6
    columns = [(y(x + h * e) - y(x - h * e)) / (2 * h) for e in np.eye(len(x))]
    return np.stack(columns, axis=1)


def on_one_line(text: object) -> str:
    """Return a text with each run of spaces and line breaks as one space."""
    return " ".join(str(text).split())


def idx(array: np.ndarray) -> bytes:
    """Return the bytes of an IDX file of this array, as its definition has them."""
    lengths = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.astype(np.uint8).tobytes()


class Page(HTMLParser):
    """Keeps tags and words, and refuses a tag that is closed in the wrong order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "br", "mspace"):  # which have no end
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def page_of(text: str) -> Page:
    """Return the page that HTML makes, whose tags are all closed."""
    page = Page()
    page.feed(text)
    assert page.open == []
    return page


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    """Return the path of a table that has this text."""
    path = folder / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path
