"""Write formulas in plain Unicode.

A Notation has a method for each part of a formula, such as a letter with an
index, a fraction or brackets. rendering.py has the notations of LaTeX and
MathML. Read expressions.py next.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SUP = str.maketrans("0123456789()+−T", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁺⁻ᵀ")
_SUB = str.maketrans("0123456789ijk", "₀₁₂₃₄₅₆₇₈₉ᵢⱼₖ")


class Notation:
    """The notation of plain Unicode, and the base class of the others."""

    inline_fractions = True
    digit_first = re.compile(r"[ {]*\d")  # matches a layout that begins with a digit

    def token(self, text: str) -> str:
        """Return a letter, a number or an operator."""
        return text

    words = token  # plain words

    def number(self, digits: str, exponent: str) -> str:
        """Return a positive number: digits, or digits · 10^exponent."""
        return f"{digits}e{exponent}" if exponent else digits

    def row(self, *parts: str) -> str:
        """Return the parts, one after the other."""
        return "".join(parts)

    def joined(self, sign: str, texts: Sequence[str]) -> str:
        """Return the parts with a sign between them."""
        first, *rest = texts
        return self.row(first, *(self.row(self.token(sign), r) for r in rest))

    def fence(self, left: str, inner: str, right: str) -> str:
        """Return inner between brackets of its height."""
        return left + inner + right

    def index(self, base: str, below: str) -> str:
        """Return base with an index below to the right."""
        return base + below.translate(_SUB)

    def power(self, base: str, above: str) -> str:
        """Return base with an exponent above to the right: x² or x^(0.5)."""
        if above.strip("0123456789()+−T"):
            return f"{base}^({above})"
        return base + above.translate(_SUP)

    def fraction(self, above: str, below: str) -> str:
        """Return above over below."""
        return f"{above}/{below}"
