"""python -m mlp derive: the derivation of a net.

A net is written as its sizes. A letter after a size is the activation that
follows the layer: 3-4r-2i is Linear(3, 4), ReLU(), Linear(4, 2),
Identity().
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlp.sequential import Sequential

ACTIVATIONS = {
    "r": "ReLU",
    "l": "LeakyReLU",
    "s": "Sigmoid",
    "t": "Tanh",
    "m": "Softmax",
    "i": "Identity",
}
LOSSES = {
    "mse": "MSELoss",
    "bce": "BCELoss",
    "bce-logits": "BCEWithLogitsLoss",
    "cross-entropy": "CrossEntropyLoss",
}
_LETTERS = ", ".join(f"{letter} {name}" for letter, name in ACTIVATIONS.items())
_MOST_WEIGHTS, _MOST_SIZES = 10**6, 20


def add_to(subparsers: Any) -> None:
    """Declare the command and its arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "derive",
        help="print the derivation of a net, as a solution sheet",
        description="Print the derivation of a net: forward pass, gradients, the "
        "Jacobians, and the five steps of training.",
    )
    parser.add_argument(
        "net",
        help="sizes with a dash between them, as in 3-4r-2i. A letter after a size is "
        f"the activation that follows the layer: {_LETTERS}",
    )
    parser.add_argument("--loss", choices=LOSSES, default="mse", help="default: mse")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--html", action="store_true", help="a page with MathML")
    form.add_argument("--latex", action="store_true", help="tables for LaTeX")


def run(arguments: argparse.Namespace) -> int:
    """Print the sheet."""
    from mlp import losses
    from mlp.derivation import derive

    criterion = getattr(losses, LOSSES[arguments.loss])()
    derivation = derive(net_of(arguments.net), criterion)
    if arguments.html:
        print(_encodable(derivation.to_html()))
    elif arguments.latex:
        print(derivation.to_latex())
    else:
        print(derivation)
    return 0


def _encodable(html: str) -> str:
    """Return HTML whose characters standard output can encode."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return html.encode(encoding, "xmlcharrefreplace").decode(encoding)


def net_of(notation: str) -> Sequential:
    """Return the net that 3-4r-2i stands for.

    Raises
    ------
    ValueError
        If a part is not a size, or a size with a letter; it says where.

    Examples
    --------
    >>> from mlp.commands.derive import net_of
    >>> net_of("3-4r-2")
    Sequential(
      (0): Linear(in_features=3, out_features=4, bias=True)
      (1): ReLU()
      (2): Linear(in_features=4, out_features=2, bias=True)
    )
    """
    from mlp import layers
    from mlp.core import Layer
    from mlp.sequential import Sequential

    parts = _parts(notation)
    pairs = list(zip(parts, parts[1:], strict=False))
    if sum(n * m for (n, _), (m, _) in pairs) > _MOST_WEIGHTS:
        raise ValueError(
            f"derive: expected a net of at most {_MOST_WEIGHTS:,} weights, got "
            f"{notation:.60}; the formulas are the same for smaller sizes"
        )
    net: list[Layer] = []
    for (n, _), (m, letter) in pairs:
        net.append(layers.Linear(n, m, rng=0))
        if letter:
            net.append(getattr(layers, ACTIVATIONS[letter])())
    return Sequential(*net)


def _parts(notation: str) -> list[tuple[int, str]]:
    """Return each size with its letter, or "" if it has none."""
    parts: list[tuple[int, str]] = []
    start = 1  # the character at which the part starts
    for text in notation.split("-"):
        letter = text.lstrip("0123456789")
        digits = text.removesuffix(letter).lstrip("0")
        if not digits or letter and not (parts and letter in ACTIVATIONS):
            wanted = f"one letter of {_LETTERS}" if parts else "no letter"
            place = start + len(text) - len(letter)
            raise ValueError(
                f"derive: expected {wanted if digits else 'a size'} at character "
                f"{place} of {notation!r:.60}, got {letter!r:.20}; write a net as "
                f"3-4r-2i"
            )
        parts.append((int(digits[:9]), letter))  # 9 digits are too many already
        start += len(text) + 1
    if not 2 <= len(parts) <= _MOST_SIZES:
        raise ValueError(
            f"derive: expected 2 to {_MOST_SIZES} sizes, got {len(parts)}; write a net "
            f"as 3-4r-2i"
        )
    return parts
