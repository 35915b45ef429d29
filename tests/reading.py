"""A reader of printed formulas, which knows nothing of how they are made.

It reads one line of text as a person would, from left to right: powers and
indices first, then functions, then products and quotients, then sums. LaTeX
and MathML are turned into such a line before.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

import numpy as np

SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True))
FUNCTIONS = {
    "log": np.log,
    "exp": np.exp,
    "tanh": np.tanh,
    "σ": lambda x: np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x))),
}
NUMBER = re.compile(r"\d+(\.\d*)?(e[−+]?\d+)?")


class Reader:
    """Reads a formula and works it out at once."""

    def __init__(self, text: str, values: Mapping[str, Any]) -> None:
        self.text, self.at, self.values, self.norms = text, 0, values, 0
        self.names = sorted(values, key=len, reverse=True)
        self.functions = sorted(FUNCTIONS, key=len, reverse=True)

    def next_is(self, *signs: str, take: bool = True) -> str:
        """Return which of some signs comes next, and take it."""
        while self.text[self.at : self.at + 1] == " ":
            self.at += 1
        for sign in signs:
            if self.text.startswith(sign, self.at):
                self.at += len(sign) if take else 0
                return sign
        return ""

    def must(self, sign: str) -> None:
        if not self.next_is(sign):
            raise SyntaxError(f"{sign!r} expected at {self.at} of {self.text!r}")

    def whole(self) -> Any:
        value = self.sum()
        if self.text[self.at :].strip():
            raise SyntaxError(f"not read: {self.text[self.at :]!r} of {self.text!r}")
        return value

    def sum(self) -> Any:
        value = -self.term() if self.next_is("−") else self.term()
        while sign := self.next_is("+", "−"):
            value = value + self.term() if sign == "+" else value - self.term()
        return value

    def term(self) -> Any:
        value = self.factor()
        while True:
            if self.next_is("·"):
                value = product(value, self.factor())
            elif self.next_is("⊙"):
                value = value * self.factor()
            elif self.next_is("/"):
                value = value / self.factor()
            elif self.next_is(*"+−)]>=←," + "‖" * self.norms, take=False):
                return value
            elif self.at >= len(self.text):
                return value
            elif NUMBER.match(self.text, self.at):
                raise SyntaxError(
                    f"a product without a sign before a number: {self.text}"
                )
            else:
                value = product(value, self.factor())

    def factor(self) -> Any:
        value = self.primary()
        while True:
            power = ""
            while self.text[self.at : self.at + 1] in [*SUPERSCRIPTS]:
                power += SUPERSCRIPTS[self.text[self.at]]
                self.at += 1
            if power:
                value = np.power(value, float(power))
            elif self.text.startswith("^(", self.at):
                self.at += 2
                value = np.power(value, self.sum())
                self.must(")")
            elif self.text.startswith("ᵀ", self.at):
                self.at, value = self.at + 1, np.transpose(value)
            elif self.text.startswith("⁺", self.at):
                self.at, value = self.at + 1, np.maximum(value, 0)
            elif self.text.startswith("ᵢ", self.at):
                self.at, value = self.at + 1, np.ravel(value)
            else:
                return value

    def letter(self) -> Any:
        if name := self.next_is(*self.names):
            return self.values[name]
        raise SyntaxError(f"a letter expected at {self.at} of {self.text!r}")

    def primary(self) -> Any:
        self.next_is()
        if number := NUMBER.match(self.text, self.at):
            self.at = number.end()
            return float(number[0].replace("−", "-"))
        if self.next_is("sum of the rows of"):
            return self.sum().sum(axis=0)
        if self.next_is("max("):
            value = self.sum()
            self.must(",")
            value = np.maximum(value, self.sum())
            self.must(")")
            return value
        if self.next_is("Σᵢ"):
            self.must("[")
            value = np.sum(self.sum())
            self.must("]")
            return value
        if self.next_is("("):
            value = self.sum()
            self.must(")")
            return value
        if self.next_is("["):
            value = self.sum()
            self.must(">")
            value = np.where(value > self.sum(), 1.0, 0.0)
            self.must("]")
            return value
        if self.next_is("‖"):
            self.norms += 1
            value = self.sum()
            self.norms -= 1
            self.must("‖")
            self.must("²")
            return np.sum(value**2)
        if name := self.next_is(*self.names):
            return self.values[name]
        if name := self.next_is(*self.functions):
            if self.next_is("("):
                value = self.sum()
                self.must(")")
            else:
                value = self.letter()
                if self.text.startswith("ᵢ", self.at):
                    self.at, value = self.at + 1, np.ravel(value)
            return FUNCTIONS[name](value)
        raise SyntaxError(f"a factor expected at {self.at} of {self.text!r}")


def product(a: Any, b: Any) -> Any:
    return a @ b if np.ndim(a) == np.ndim(b) == 2 else a * b


def read(text: str, values: Mapping[str, Any] | None = None) -> Any:
    """Return the value of a formula in plain Unicode, given those of its letters."""
    with np.errstate(all="ignore"):
        return Reader(text, values or {}).whole()


ABOVE = str.maketrans("0123456789()+−T", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁺⁻ᵀ")
BELOW = str.maketrans("0123456789ik", "₀₁₂₃₄₅₆₇₈₉ᵢₖ")


def raised(text: str) -> str:
    text = text.strip().replace("-", "−")
    return text.translate(ABOVE) if re.fullmatch(r"[\d()+−T]+", text) else f"^({text})"


def over(above: str, below: str) -> str:
    """Return a fraction, which its line holds together; ∂a/∂b is one letter."""
    if above.startswith("∂"):
        return f"{above}/{below}".replace(" ", "")
    return f"(({above})/({below}))"


COMMANDS = {
    "cdot": "·", "odot": "⊙", "partial": "∂", "ell": "ℓ", "sigma": "σ", "top": "T",
    "thinspace": " ", "lVert": "‖", "rVert": "‖", "left": "", "right": "", "sum": "Σ",
}  # fmt: skip


def from_latex(text: str) -> str:
    """Return LaTeX as a line; braces are not seen in print."""
    at = 0

    def group() -> str:
        nonlocal at
        while text[at] == " ":
            at += 1
        if text[at] != "{":
            raise SyntaxError(text)
        at += 1
        inner = run("}")
        at += 1
        return inner

    def run(end: str) -> str:
        nonlocal at
        line = ""
        while at < len(text) and text[at] != end:
            if command := re.compile(r"\\([a-zA-Z]+)").match(text, at):
                at = command.end()
                if command[1] == "frac":
                    above = group()
                    line += over(above.strip(), group().strip())
                elif command[1] in ("text", "mathrm"):
                    line += group()
                elif command[1] == "hat":
                    line += {"y": "ŷ", "Y": "Ŷ"}[group()]
                else:
                    line += COMMANDS[command[1]]
            elif text[at] == "{":
                line += group()
            elif text[at] == "^":
                at += 1
                line = line.rstrip() + raised(group())
            elif text.startswith("_ ", at):
                at += 1
                line = line.rstrip() + group().translate(BELOW)
            else:
                line += text[at].replace("-", "−")
                at += 1
        return line

    return run("")


def from_mathml(text: str) -> str:
    """Return MathML as a line."""

    def line(node: ET.Element) -> str:
        parts = [line(child) for child in node]
        if node.tag == "mfrac":
            return over(parts[0].strip(), parts[1].strip())
        if node.tag == "msup":
            return parts[0] + raised(parts[1])
        if node.tag == "msub":
            return parts[0] + parts[1].translate(BELOW)
        if node.tag in ("math", "mrow"):
            return " ".join(parts)
        return (node.text or " ").replace("\xa0", " ")

    return line(ET.fromstring(f"<math>{text}</math>"))
