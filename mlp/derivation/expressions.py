"""Trees that can be printed and evaluated.

A newcomer should learn that a formula and its value are two readings of one
thing: a node knows how it is laid out, whatever the notation, and what it
is worth, given the values of its letters. Nothing here knows of nets.

Columns, rows and matrices are worth arrays of two dimensions, and a product
of two such is a matrix product. A number is worth a float; an entry like ŷᵢ
all entries at once, an array of one dimension, and a product with it is
taken entry by entry. So Σᵢ [yᵢ log ŷᵢ] is worth what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

SUM, PRODUCT, FACTOR = 1, 2, 3  # how tightly a node holds together
_SUP = str.maketrans("0123456789()+T", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁺ᵀ")
_SUB = str.maketrans("0123456789ik", "₀₁₂₃₄₅₆₇₈₉ᵢₖ")


class Notation:
    """How things look: here in plain Unicode; rendering.py has two more."""

    inline_fractions = True

    def token(self, text: str) -> str:
        """Return a letter, a number or an operator."""
        return text

    words = token  # plain words

    def row(self, *parts: str) -> str:
        """Return the parts side by side."""
        return "".join(parts)

    def joined(self, sign: str, args: Sequence[Expr], tightness: int = PRODUCT) -> str:
        """Return the layouts of factors, or of others, with a sign between."""
        first, *rest = (arg.layout(self, tightness) for arg in args)
        return self.row(first, *(self.row(self.token(sign), r) for r in rest))

    def fence(self, left: str, inner: str, right: str) -> str:
        """Return inner between brackets as high as it is."""
        return left + inner + right

    def index(self, base: str, below: str) -> str:
        """Return base with something below to the right."""
        return base + below.translate(_SUB)

    def power(self, base: str, above: str) -> str:
        """Return base with something above to the right."""
        return base + above.translate(_SUP)

    def fraction(self, above: str, below: str) -> str:
        """Return above over below."""
        return f"{above}/{below}"


class Expr:
    """A node: layout and value, from those of its arguments."""

    tightness = FACTOR
    is_fraction = is_word = False
    show: Callable[..., str]  # of a notation and the arguments: the layout
    worth: Callable[..., Any]  # of the arguments' values: the value

    def __init__(self, *args: Expr | float) -> None:
        self.args = tuple(a if isinstance(a, Expr) else Number(a) for a in args)
        self.batch: bool = any(
            arg.batch for arg in self.args
        )  # has a matrix of rows in it

    def layout(self, n: Notation, tightness: int = 0) -> str:
        """Return the node, in parentheses if it holds less tightly."""
        text = self.show(n, *self.args)
        return n.fence("(", text, ")") if self.tightness < tightness else text

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return what the node is worth, given its letters' values."""
        return self.worth(*(arg.value(values) for arg in self.args))

    def __add__(self, other: Expr | float) -> Expr:
        """Return self + other."""
        return Sum(self, other)

    def __sub__(self, other: Expr | float) -> Expr:
        """Return self − other."""
        return Sum(self, Negative(other))

    def __rsub__(self, other: float) -> Expr:
        """Return other − self, for 1 − y."""
        return Sum(other, Negative(self))

    def __mul__(self, other: Expr | float) -> Expr:
        """Return self times other, entry by entry where a batch is in it."""
        both = Hadamard(self, other)
        return both if both.batch else Product(self, other)

    def __radd__(self, other: float) -> Expr:
        """Return other + self."""
        return Sum(other, self)

    def __rmul__(self, other: float) -> Expr:
        """Return other times self."""
        return Product(other, self)

    def __truediv__(self, other: Expr | float) -> Expr:
        """Return self over other."""
        return Quotient(self, other)

    def __neg__(self) -> Expr:
        """Return −self."""
        return Negative(self)

    def __str__(self) -> str:
        """Return the node in plain Unicode."""
        return self.layout(Notation())

    __repr__ = __str__


class Symbol(Expr):
    """A letter with an index, or a number in parentheses above: z₁, W⁽¹⁾."""

    def __init__(
        self, letter: str, below: str = "", above: str = "", *, batch: bool = False
    ) -> None:
        super().__init__()
        self.letter, self.below, self.above, self.batch = letter, below, above, batch

    def show(self, n: Notation, *args: Expr) -> str:
        """Return the letter with its indices."""
        text = n.token(self.letter)
        text = n.index(text, self.below) if self.below else text
        return n.power(text, self.above) if self.above else text

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return the value of this name."""
        return values[str(self)]


class Of(Symbol):
    """v(W⁽¹⁾), or W⁽¹⁾.grad, as one letter."""

    def __init__(self, name: str, owner: Expr) -> None:
        super().__init__(name)
        self.args = (owner,)

    def show(self, n: Notation, *args: Expr) -> str:
        """Return name(owner), or owner.name if the name begins with a dot."""
        owner = args[0].layout(n)
        if self.letter.startswith("."):
            return n.row(owner, n.words(self.letter))
        return n.row(n.token(self.letter), n.fence("(", owner, ")"))


class Derivative(Symbol):
    """∂a/∂b, as one letter."""

    is_fraction = True

    def __init__(self, a: Expr, b: Expr) -> None:
        super().__init__("∂")
        self.args = a, b

    def show(self, n: Notation, *args: Expr) -> str:
        """Return ∂a/∂b."""
        return n.fraction(*(n.row(n.token("∂"), arg.layout(n)) for arg in args))


class Number(Expr):
    """A number, written out."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number

    def show(self, n: Notation) -> str:
        """Return its digits."""
        return n.token(np.format_float_positional(self.number, trim="-"))

    def worth(self) -> float:
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
            negative = isinstance(arg, Negative)
            sign, term = (" − ", arg.args[0]) if negative else (" + ", arg)
            parts += [n.token(sign), term.layout(n, PRODUCT)]
        return n.row(*parts)

    def worth(self, first: Any, *rest: Any) -> Any:
        """Return the sum."""
        return sum(rest, start=first)


class Negative(Expr):
    """−a."""

    tightness = SUM
    show = staticmethod(lambda n, a: n.row(n.token("−"), a.layout(n, PRODUCT)))
    worth = staticmethod(np.negative)


class Product(Expr):
    """a b, side by side."""

    tightness = PRODUCT

    def show(self, n: Notation, *args: Expr) -> str:
        """Return the factors, with a space where they would run together."""
        *most, last = args
        tight = PRODUCT + n.inline_fractions  # (1/K) Σ, but 1/K over and under a line
        parts = [
            arg.layout(n, tight if isinstance(arg, Quotient) else PRODUCT)
            for arg in most
        ]
        loose = any(isinstance(arg, Quotient) for arg in most) or last.is_word
        return n.row(*parts, *([n.token(" ")] * loose), last.layout(n, PRODUCT))

    def worth(self, result: Any, *rest: Any) -> Any:
        """Return the matrix product, or that of entries."""
        for factor in rest:
            matrices = np.ndim(result) == np.ndim(factor) == 2
            result = result @ factor if matrices else result * factor
        return result


class Chain(Product):
    """a · b · c: a product of Jacobians, or of numbers."""

    show = staticmethod(lambda n, *args: n.joined(" · ", args))


class Hadamard(Expr):
    """a ⊙ b: the product entry by entry."""

    tightness = PRODUCT
    show = staticmethod(lambda n, *args: n.joined(" ⊙ ", args))
    worth = staticmethod(np.multiply)


class Quotient(Expr):
    """a / b, entry by entry."""

    tightness = PRODUCT
    worth = staticmethod(np.divide)

    def show(self, n: Notation, a: Expr, b: Expr) -> str:
        """Return a/b, with parentheses if it is in one line."""
        above, below = (PRODUCT, FACTOR) if n.inline_fractions else (0, 0)
        return n.fraction(a.layout(n, above), b.layout(n, below))


class Transpose(Expr):
    """aᵀ."""

    show = staticmethod(lambda n, a: n.power(a.layout(n, FACTOR + a.is_fraction), "T"))
    worth = staticmethod(np.transpose)


class Apply(Expr):
    """f(a), entry by entry: a name, a function of NumPy's kind, its argument.

    A name of one letter, such as σ, is set as it is; a word, such as log,
    stands before a letter without parentheses.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.derivation.expressions import Apply, Symbol
    >>> log = Apply("log", np.log, Symbol("x"))
    >>> print(log, log.value({"x": 1.0}))
    log x 0.0
    """

    def __init__(self, name: str, function: Callable[[Any], Any], arg: Expr) -> None:
        super().__init__(arg)
        self.name, self.function = name, function
        self.is_word = len(name) > 1

    def show(self, n: Notation, a: Expr) -> str:
        """Return f(a)."""
        name = n.words(self.name) if self.is_word else n.token(self.name)
        if self.is_word and isinstance(a, Symbol | Entry):
            return n.row(name, n.token(" "), a.layout(n))
        return n.row(name, n.fence("(", a.layout(n), ")"))

    def worth(self, a: Any) -> Any:
        """Return f(a)."""
        return self.function(a)


class Positive(Expr):
    """(a)⁺ = max(0, a)."""

    show = staticmethod(lambda n, a: n.power(n.fence("(", a.layout(n), ")"), "+"))
    worth = staticmethod(lambda a: np.maximum(a, 0))


class IsPositive(Expr):
    """[a > 0]: 1 where a > 0, else 0."""

    worth = staticmethod(lambda a: np.where(a > 0, 1.0, 0.0))

    def condition(self, n: Notation) -> str:
        """Return a > 0."""
        return n.row(self.args[0].layout(n), n.token(" > "), n.token("0"))

    def show(self, n: Notation, a: Expr) -> str:
        """Return [a > 0]."""
        return n.fence("[", self.condition(n), "]")


class SquaredNorm(Expr):
    """‖a‖²."""

    show = staticmethod(lambda n, a: n.power(n.fence("‖", a.layout(n), "‖"), "2"))
    worth = staticmethod(lambda a: np.sum(a**2))


class Entry(Expr):
    """aᵢ, standing for all entries of a."""

    worth = staticmethod(np.ravel)

    def show(self, n: Notation, a: Expr) -> str:
        """Return aᵢ, or (z₁)ᵢ."""
        bare = isinstance(a, Symbol) and not a.below
        return n.index(a.layout(n, FACTOR + (not bare or a.is_fraction)), "i")


class SumOver(Expr):
    """Σᵢ [a]."""

    worth = staticmethod(np.sum)

    def show(self, n: Notation, a: Expr) -> str:
        """Return Σᵢ [a]."""
        sign = n.index(n.token("Σ"), "i")
        return n.row(sign, n.token(" "), n.fence("[", a.layout(n), "]"))


class RowSum(Expr):
    """The sum of the rows of a batch."""

    show = staticmethod(lambda n, a: n.row(n.words("sum of the rows of "), a.layout(n)))
    worth = staticmethod(lambda a: a.sum(axis=0))


class Diagonal(Expr):
    """The matrix with these entries on its diagonal, as large as of."""

    worth = staticmethod(lambda a, of: np.diag(np.broadcast_to(a, np.size(of))))

    def show(self, n: Notation, a: Expr, of: Expr) -> str:
        """Return a if i = j, else 0; a condition goes among the ifs."""
        if isinstance(a, IsPositive):
            ifs = n.row(n.words(" if i = j and "), a.condition(n), n.words(", else 0"))
            return n.row(n.token("1"), ifs)
        return n.row(a.layout(n), n.words(" if i = j, else 0"))


class Unit(Expr):
    """I, the matrix that changes nothing, as large as its argument."""

    show = staticmethod(lambda n, a: n.token("I"))
    worth = staticmethod(lambda a: np.eye(np.size(a)))


class Same(Expr):
    """What stands in the cell before, in words."""

    show = staticmethod(lambda n, a: n.words("the same"))
    worth = staticmethod(lambda a: a)


class That(Expr):
    """What stands in the row before, and y: a loss's input, in words."""

    show = staticmethod(lambda n, _, y: n.row(n.words("that, and "), y.layout(n)))
    worth = staticmethod(lambda *args: args)


class Equal(Expr):
    """a = b, worth what b is worth."""

    show = staticmethod(lambda n, *args: n.joined(" = ", args, 0))

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return what b is worth; a need not have a value yet."""
        return self.args[1].value(values)


class Becomes(Equal):
    """a ← b."""

    show = staticmethod(lambda n, *args: n.joined(" ← ", args, 0))


class Shape(NamedTuple):
    """n × h in letters, and in integers.

    Attributes
    ----------
    value : tuple of int
        As the shape of an array.
    """

    letters: tuple[Expr, ...]
    value: tuple[int, ...]

    def layout(self, n: Notation) -> str:
        """Return the letters with × between."""
        return n.joined(" × ", self.letters)

    def __str__(self) -> str:
        """Return the letters in plain Unicode."""
        return self.layout(Notation())
