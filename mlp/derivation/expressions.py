"""Formulas as trees: letters and arithmetic.

Each node of a tree can be written in a notation, and can be evaluated if
its letters have values. This module does not depend on nets. operations.py
has functions, sums and equations.

The value of a column, a row or a matrix is an array of two dimensions, and
a Product of two of them is a matrix product. The value of a number is a
float. The value of an entry such as ŷᵢ is an array of one dimension with
all the entries, and a product with it is computed entry by entry. So
Σᵢ [yᵢ log ŷᵢ] has the value of this sum.

A printed formula has enough parentheses to be unambiguous. Powers come
first, then functions, then products and quotients from left to right, then
sums. Between two arrays, Python's *, ** and / work entry by entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from mlp.derivation.notation import Notation

SUM, PRODUCT, POWER, FACTOR = 1, 2, 3, 4  # the precedence of a node


class Expr:
    """A node; its layout and its value follow from those of its arguments.

    Attributes
    ----------
    args : tuple of Expr
        The arguments.
    is_array : bool
        Whether the value is a column or a matrix, so that * means ⊙.
    needs_signs : bool
        Whether each product needs a sign, because there are numbers instead
        of letters, or numbers with an exponent.
    """

    tightness = FACTOR
    is_word = is_open = False  # begins with a word; takes a factor after it as its own
    show: Callable[..., str]  # of a notation and the arguments: the layout
    compute: Callable[..., Any]  # of the arguments' values: the value

    def __init__(self, *args: Expr | float) -> None:
        self.args = tuple(a if isinstance(a, Expr) else Number(a) for a in args)
        self.is_array: bool = any(arg.is_array for arg in self.args)
        self.needs_signs: bool = any(arg.needs_signs for arg in self.args)

    def layout(self, n: Notation, tightness: int = 0) -> str:
        """Return the node, in parentheses if its precedence is lower."""
        text = self.show(n, *self.args)
        return n.fence("(", text, ")") if self.tightness < tightness else text

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return the value of the node, from the letters' values."""
        return self.compute(*(arg.value(values) for arg in self.args))

    def __add__(self, other: Expr | float) -> Expr:
        """Return self + other."""
        return Sum(self, other)

    def __radd__(self, other: float) -> Expr:
        """Return other + self."""
        return Sum(other, self)

    def __sub__(self, other: Expr | float) -> Expr:
        """Return self − other."""
        return Sum(self, Negative(other))

    def __rsub__(self, other: float) -> Expr:
        """Return other − self, for 1 − y."""
        return Sum(other, Negative(self))

    def __mul__(self, other: Expr | float) -> Expr:
        """Return self times other, entry by entry; y * y is y ** 2."""
        base, exponent = _as_power(self)
        if isinstance(other, Expr):
            its_base, its_exponent = _as_power(other)
            if base is its_base:
                return Power(base, exponent + its_exponent)
            if self.is_array and other.is_array:
                return Hadamard(self, other)
        return Product(self, other)

    def __rmul__(self, other: float) -> Expr:
        """Return other times self."""
        return Product(other, self)

    def __truediv__(self, other: Expr | float) -> Expr:
        """Return self over other, entry by entry."""
        return Quotient(self, other)

    def __rtruediv__(self, other: float) -> Expr:
        """Return other over self, for 1 / y."""
        return Quotient(other, self)

    def __pow__(self, exponent: float) -> Expr:
        """Return self to the power of a number, entry by entry."""
        return Power(self, exponent)

    def __neg__(self) -> Expr:
        """Return −self."""
        return Negative(self)

    def __str__(self) -> str:
        """Return the node in plain Unicode."""
        return self.layout(Notation())

    __repr__ = __str__


def _as_power(factor: Expr) -> tuple[Expr, float]:
    """Return base and exponent of a whole power, or a factor and 1."""
    if isinstance(factor, Power) and factor.exponent in range(2, 100):
        return factor.args[0], factor.exponent
    return factor, 1


def _factors(n: Notation, args: Sequence[Expr], closed: type[Expr]) -> Iterator[str]:
    """Yield the layouts of factors, which are read from left to right.

    Parentheses go around a product of the other kind (· or ⊙),
    around log x before another factor, and around a quotient in one line
    after another factor.
    """
    for i, arg in enumerate(args):
        is_closed = isinstance(arg, closed) or (arg.is_open and i < len(args) - 1)
        if n.inline_fractions and i > 0:
            is_closed |= isinstance(arg, Quotient)
        yield arg.layout(n, PRODUCT + is_closed)


class Symbol(Expr):
    """A letter with an index, or a number in parentheses above: z₁, W⁽¹⁾."""

    def __init__(self, letter: str, below: str = "", above: str = "") -> None:
        super().__init__()
        self.letter, self.below, self.above = letter, below, above
        self.is_array, self.tightness = True, POWER if above else FACTOR

    def show(self, n: Notation, *args: Expr) -> str:
        """Return the letter with its indices."""
        text = n.token(self.letter)
        text = n.index(text, self.below) if self.below else text
        return n.power(text, self.above) if self.above else text

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return the value of this name."""
        return values[str(self)]


class Scalar(Symbol):
    """A letter for a number: K, lr."""

    def __init__(self, letter: str) -> None:
        super().__init__(letter)
        self.is_array = False


class Of(Symbol):
    """v(W⁽¹⁾) or W⁽¹⁾.grad, used as one letter."""

    def __init__(self, name: str, owner: Expr) -> None:
        super().__init__(name)
        self.args, self.tightness = (owner,), POWER

    def show(self, n: Notation, *args: Expr) -> str:
        """Return name(owner), or owner.name if the name begins with a dot."""
        owner = args[0].layout(n)
        if self.letter.startswith("."):
            return n.row(owner, n.words(self.letter))
        return n.row(n.token(self.letter), n.fence("(", owner, ")"))


class Derivative(Symbol):
    """∂a/∂b, used as one letter."""

    def __init__(self, a: Expr, b: Expr) -> None:
        super().__init__("∂")
        self.args, self.tightness = (a, b), PRODUCT

    def show(self, n: Notation, *args: Expr) -> str:
        """Return ∂a/∂b."""
        return n.fraction(*(n.row(n.token("∂"), arg.layout(n)) for arg in args))


class Number(Expr):
    """A number, written with all the digits that it needs."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = float(number)
        small = 0 < abs(self.number) < 1e-6 or abs(self.number) >= 1e16
        write = np.format_float_scientific if small else np.format_float_positional
        self.write(write(self.number, trim="-"))

    def write(self, text: str) -> None:
        """Set the text of the number, and whether it needs parentheses."""
        self.text = text.replace("-", "−")
        if self.text.startswith("−"):
            self.tightness = SUM
        else:  # 3e−05 is a product where it is written as one
            self.tightness = PRODUCT if "e" in self.text else FACTOR
        self.needs_signs |= "e" in self.text

    def show(self, n: Notation) -> str:
        """Return its digits, with a sign if it is negative."""
        digits, _, exponent = self.text.lstrip("−").partition("e")
        number = n.number(digits, exponent)
        return n.row(n.token("−"), number) if self.text.startswith("−") else number

    def compute(self) -> float:
        """Return the number."""
        return self.number


class Sum(Expr):
    """a + b − c."""

    tightness = SUM

    def __init__(self, *args: Expr | float) -> None:
        flat = (arg.args if isinstance(arg, Sum) else (arg,) for arg in args)
        super().__init__(*chain(*flat))

    def show(self, n: Notation, first: Expr, *rest: Expr) -> str:
        """Return the terms with their signs."""
        parts = [first.layout(n)]
        for arg in rest:
            sign, term = " + ", arg
            if isinstance(arg, Negative):
                sign, term = " − ", arg.args[0]
            elif type(arg) is Number and arg.number < 0:
                sign, term = " − ", Number(-arg.number)
            parts += [n.token(sign), term.layout(n, PRODUCT)]
        return n.row(*parts)

    def compute(self, first: Any, *rest: Any) -> Any:
        """Return the sum."""
        return sum(rest, start=first)


class Negative(Expr):
    """−a."""

    tightness = SUM
    show = staticmethod(lambda n, a: n.row(n.token("−"), a.layout(n, PRODUCT)))
    compute = staticmethod(np.negative)


class Product(Expr):
    """a b side by side, or a · b where that would be unclear."""

    tightness = PRODUCT

    def show(self, n: Notation, *args: Expr) -> str:
        """Return the factors, with a space where they need one."""
        texts, gaps = [], []
        for i, arg in enumerate(args, start=1):
            is_last = i == len(args)
            is_closed = isinstance(arg, Hadamard) or (arg.is_open and not is_last)
            if n.inline_fractions and isinstance(arg, Quotient):  # (1/K) Σ
                is_closed = not is_last or any(a.is_array for a in args[:-1])
            texts.append(arg.layout(n, PRODUCT + is_closed))
            gaps.append(arg.is_word or isinstance(args[i - 2], Quotient))
        if self.needs_signs or any(map(n.digit_first.match, texts[1:])):
            return n.joined(" · ", texts)
        parts = [
            part
            for gap, text in zip([False, *gaps[1:]], texts, strict=True)
            for part in ([n.token(" ")] * gap + [text])
        ]
        return n.row(*parts)

    def compute(self, result: Any, *rest: Any) -> Any:
        """Return the matrix product, or the product entry by entry."""
        for factor in rest:
            matrices = np.ndim(result) == np.ndim(factor) == 2
            result = result @ factor if matrices else result * factor
        return result


class Chain(Product):
    """a · b · c: a product of Jacobians, or of numbers."""

    show = staticmethod(
        lambda n, *args: n.joined(" · ", [*_factors(n, args, Hadamard)])
    )


class Hadamard(Expr):
    """a ⊙ b: the product entry by entry."""

    tightness = PRODUCT
    show = staticmethod(lambda n, *args: n.joined(" ⊙ ", [*_factors(n, args, Product)]))
    compute = staticmethod(np.multiply)


class Quotient(Expr):
    """a / b, entry by entry."""

    tightness = PRODUCT
    compute = staticmethod(np.divide)

    def show(self, n: Notation, a: Expr, b: Expr) -> str:
        """Return a/b, with parentheses if it is written in one line."""
        if not n.inline_fractions:
            return n.fraction(a.layout(n), b.layout(n))
        above = PRODUCT + isinstance(a, Quotient)
        return n.fraction(a.layout(n, above), b.layout(n, POWER))


class Power(Expr):
    """aᵖ, entry by entry, for a number p.

    Examples
    --------
    >>> from mlp.derivation.expressions import Symbol
    >>> x = Symbol("x")
    >>> print(x * x, (1 + x) ** -2, (x ** 0.5).value({"x": 9.0}))
    x² (1 + x)⁻² 3.0
    """

    tightness = POWER

    def __init__(self, base: Expr | float, exponent: float) -> None:
        super().__init__(base)
        self.exponent = float(exponent)

    def show(self, n: Notation, a: Expr) -> str:
        """Return base and exponent, with parentheses around a long base."""
        return n.power(a.layout(n, FACTOR), str(Number(self.exponent)))

    def compute(self, a: Any) -> Any:
        """Return the power."""
        return np.power(a, self.exponent)
