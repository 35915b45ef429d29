"""Functions, entries, sums and equations.

Each class says how it is printed and what its value is. Use these classes
and Python's operators to write a rule of your own. Read kinds.py next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from mlp.derivation.expressions import FACTOR, POWER, PRODUCT, Expr, Symbol
from mlp.derivation.notation import Notation


class Nothing(Expr):
    """None: a gradient after step 3."""

    show = staticmethod(lambda n: n.words("None"))
    compute = staticmethod(lambda: None)


class Transpose(Expr):
    """aᵀ."""

    tightness = POWER
    compute = staticmethod(np.transpose)

    def show(self, n: Notation, a: Expr) -> str:
        """Return aᵀ, or W⁽¹⁾ᵀ for a letter with a number above."""
        return n.power(a.layout(n, POWER if type(a) is Symbol else FACTOR), "T")


class Apply(Expr):
    """f(a), entry by entry: its name, a function of an array, its argument.

    The argument has parentheses, as in σ(x). After a name of several
    letters, an argument of one letter has none, as in log x.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.derivation.expressions import Symbol
    >>> from mlp.derivation.operations import Apply
    >>> log = Apply("log", np.log, Symbol("x"))
    >>> print(log, log.value({"x": 1.0}))
    log x 0.0
    """

    def __init__(self, name: str, function: Callable[[Any], Any], arg: Expr) -> None:
        super().__init__(arg)
        self.name, self.function = name, function
        letter = arg.args[0] if isinstance(arg, Entry) else arg
        self.is_word = len(name) > 1
        self.is_open = (
            self.is_word
            and type(letter) is Symbol
            and (letter is arg or not letter.below)  # (z₁)ᵢ has parentheses already
        )
        self.tightness = PRODUCT if self.is_open else POWER

    def show(self, n: Notation, a: Expr) -> str:
        """Return f(a), or log x."""
        name = n.words(self.name) if self.is_word else n.token(self.name)
        if self.is_open:
            return n.row(name, n.token(" "), a.layout(n))
        return n.row(name, n.fence("(", a.layout(n), ")"))

    def compute(self, a: Any) -> Any:
        """Return f(a)."""
        return self.function(a)


class AtLeast(Expr):
    """max(a, b)."""

    compute = staticmethod(np.maximum)

    def show(self, n: Notation, a: Expr, b: Expr) -> str:
        """Return max(a, b)."""
        inner = n.joined(", ", [a.layout(n), b.layout(n)])
        return n.row(n.words("max"), n.fence("(", inner, ")"))


class Positive(Expr):
    """(a)⁺ = max(0, a)."""

    tightness = POWER
    show = staticmethod(lambda n, a: n.power(n.fence("(", a.layout(n), ")"), "+"))
    compute = staticmethod(lambda a: np.maximum(a, 0))


class IsPositive(Expr):
    """[a > 0]: 1 where a > 0, else 0."""

    compute = staticmethod(lambda a: np.where(a > 0, 1.0, 0.0))

    def condition(self, n: Notation) -> str:
        """Return a > 0."""
        return n.row(self.args[0].layout(n), n.token(" > "), n.token("0"))

    def show(self, n: Notation, a: Expr) -> str:
        """Return [a > 0]."""
        return n.fence("[", self.condition(n), "]")


class SquaredNorm(Expr):
    """‖a‖²."""

    tightness = POWER
    show = staticmethod(lambda n, a: n.power(n.fence("‖", a.layout(n), "‖"), "2"))
    compute = staticmethod(lambda a: np.sum(a**2))


class Entry(Expr):
    """aᵢ: all entries of a, in one dimension."""

    compute = staticmethod(np.ravel)

    def __init__(self, a: Expr) -> None:
        super().__init__(a)
        self.is_array = False

    def show(self, n: Notation, a: Expr) -> str:
        """Return aᵢ, or (z₁)ᵢ."""
        bare = isinstance(a, Symbol) and not a.below
        return n.index(a.layout(n, FACTOR + (not bare)), "i")


class SumOver(Expr):
    """Σᵢ [a]."""

    tightness = PRODUCT
    compute = staticmethod(np.sum)

    def show(self, n: Notation, a: Expr) -> str:
        """Return Σᵢ [a]."""
        sign = n.index(n.token("Σ"), "i")
        return n.row(sign, n.token(" "), n.fence("[", a.layout(n), "]"))


class RowSum(Expr):
    """The sum of the rows of a batch."""

    show = staticmethod(lambda n, a: n.row(n.words("sum of the rows of "), a.layout(n)))
    compute = staticmethod(lambda a: a.sum(axis=0))


class _Along(Expr):
    """The mean or the sum of a batch along an axis, printed in words."""

    tightness, is_open = PRODUCT, True
    says = ""

    def show(self, n: Notation, a: Expr) -> str:
        """Return the words and the argument."""
        return n.row(n.words(self.says), a.layout(n, PRODUCT))


class RowMean(_Along):
    """The mean over the rows of a batch: one number for each column."""

    says = "mean of the rows of "
    compute = staticmethod(lambda a: a.mean(axis=0))


class RowMeans(_Along):
    """The mean of each row, as a column.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.derivation import RowMeans
    >>> from mlp.derivation.expressions import Symbol
    >>> RowMeans(Symbol("A")).value({"A": np.array([[1.0, 3.0]])})
    array([[2.]])
    """

    says = "the row means of "
    compute = staticmethod(lambda a: a.mean(axis=1, keepdims=True))


class RowSums(_Along):
    """The sum of each row, as a column.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.derivation import RowSums
    >>> from mlp.derivation.expressions import Symbol
    >>> RowSums(Symbol("A")).value({"A": np.array([[1.0, 3.0]])})
    array([[4.]])
    """

    says = "the row sums of "
    compute = staticmethod(lambda a: a.sum(axis=1, keepdims=True))


class Coordinate(Expr):
    """aᵢ or aⱼ in entry (i, j) of a Jacobian, for all i and j."""

    def __init__(self, a: Expr, index: str) -> None:
        super().__init__(a)
        self.index, self.is_array = index, False

    def show(self, n: Notation, a: Expr) -> str:
        """Return aᵢ or aⱼ, or (z₁)ⱼ."""
        bare = isinstance(a, Symbol) and not (a.below or a.above)
        return n.index(a.layout(n, FACTOR + (not bare)), self.index)

    def compute(self, a: Any) -> Any:
        """Return the entries along the axis of i, or of j."""
        return np.reshape(a, (-1, 1, 1) if self.index == "i" else (1, -1, 1))


class IsSame(Expr):
    """(1 if i = j, else 0), in a matrix of its argument's size."""

    show = staticmethod(lambda n, a: n.fence("(", n.words("1 if i = j, else 0"), ")"))
    compute = staticmethod(lambda a: np.eye(np.size(a))[:, :, np.newaxis])

    def __init__(self, a: Expr) -> None:
        super().__init__(a)
        self.is_array = False


class Named(Symbol):
    """A letter for a formula: printed as the letter, with the formula's value."""

    def __init__(self, letter: str, meaning: Expr, above: str = "") -> None:
        super().__init__(letter, above=above)
        self.meaning = meaning

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return the value of the formula."""
        return self.meaning.value(values)


class Kept(Expr):
    """An array that a layer keeps, such as a running mean, named in words."""

    def __init__(self, says: str, keeps: Any) -> None:
        super().__init__()
        self.says, self.keeps = says, keeps

    def show(self, n: Notation) -> str:
        """Return the words."""
        return n.words(self.says)

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return the present array, in float64."""
        return np.asarray(self.keeps.data, np.float64)


class Words(Expr):
    """A sentence instead of a formula; it has no value."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def show(self, n: Notation) -> str:
        """Return the sentence."""
        return n.words(self.text)

    def compute(self) -> float:
        """Return NaN."""
        return float("nan")


class PowerOf(Expr):
    """aᵗ, where t is a letter or a number."""

    tightness = POWER
    compute = staticmethod(np.power)

    def show(self, n: Notation, a: Expr, t: Expr) -> str:
        """Return the power."""
        return n.power(a.layout(n, FACTOR), t.layout(n))


class Diagonal(Expr):
    """The matrix with these entries on its diagonal, of the size of `of`."""

    compute = staticmethod(lambda a, of: np.diag(np.broadcast_to(a, np.size(of))))

    def show(self, n: Notation, a: Expr, of: Expr) -> str:
        """Return "a if i = j, else 0", or "1 if i = j and a > 0, else 0"."""
        if isinstance(a, IsPositive):
            ifs = n.row(n.words(" if i = j and "), a.condition(n), n.words(", else 0"))
            return n.row(n.token("1"), ifs)
        return n.row(a.layout(n), n.words(" if i = j, else 0"))


class Unit(Expr):
    """I, the identity matrix of its argument's size."""

    show = staticmethod(lambda n, a: n.token("I"))
    compute = staticmethod(lambda a: np.eye(np.size(a)))


class Same(Expr):
    """The formula of the cell before, named in words."""

    show = staticmethod(lambda n, a: n.words("the same"))
    compute = staticmethod(lambda a: a)


class That(Expr):
    """The output of the row before, and y: a loss's input, named in words."""

    show = staticmethod(lambda n, _, y: n.row(n.words("that, and "), y.layout(n)))
    compute = staticmethod(lambda *args: args)


class Equal(Expr):
    """a = b; its value is the value of b."""

    sign = " = "

    def show(self, n: Notation, *args: Expr) -> str:
        """Return both sides."""
        return n.joined(self.sign, [arg.layout(n) for arg in args])

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return the value of b; a may have no value yet."""
        return self.args[1].value(values)


class Becomes(Equal):
    """a ← b."""

    sign = " ← "


class Shape(NamedTuple):
    """A shape, in letters such as n × h, and in integers.

    Attributes
    ----------
    value : tuple of int
        The shape of the array.
    """

    letters: tuple[Expr, ...]
    value: tuple[int, ...]

    def layout(self, n: Notation) -> str:
        """Return the letters with × between them."""
        return n.joined(" × ", [letter.layout(n) for letter in self.letters])

    def __str__(self) -> str:
        """Return the letters in plain Unicode."""
        return self.layout(Notation())
