"""Evaluation: the value of a formula at a point.

A product is a matrix product if the shapes allow it. Otherwise it is taken
entry by entry, for equal shapes. A FormulaError shows what has no value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from mlp._shared.arrays import Array
from mlp.worksheets.formulas import (
    LOWERED,
    OWNER,
    RAISED,
    FormulaError,
    ShapeError,
    decoded,
    normal,
    read,
    signs,
)
from mlp.worksheets.values import Point, Value

_INDICES = "ijk"
_SUB = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SUP = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_WHOLE: dict[str, Any] = {
    "sum": np.sum, "mean": np.mean, "max": np.max, "norm": np.linalg.norm
}  # fmt: skip
_SAME = {"sigmoid": "σ", "sigma": "σ", "ln": "log"}
_RELATIONS: dict[str, Any] = {
    ">": np.greater, "≥": np.greater_equal, ">=": np.greater_equal, "≠": np.not_equal,
    "<": np.less, "≤": np.less_equal, "<=": np.less_equal, "!=": np.not_equal,
}  # fmt: skip
_SHOWN = re.compile(r"[^∂.(XYZGŶNℓ]|(x̂|[^∂.(ZG])[⁰-⁹¹²³₀-₉⁽⁾]+")


class Evaluation:
    """A formula at a point; sides() has a value for each side of a = b = c.

    Parameters
    ----------
    text : str
        The formula.
    point : Point
        The value of each letter.

    Attributes
    ----------
    used : list of str
        The letters in the formula, as the sheet prints them.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.worksheets.evaluation import Evaluation
    >>> from mlp.worksheets.values import FUNCTIONS, Point
    >>> values = {"ŷ": np.array([[2.0], [3.0]]), "y": np.ones((2, 1))}
    >>> point = Point(values, FUNCTIONS, {}, 2)
    >>> Evaluation("2(yhat - y)^T", point).sides()[0].data  # doctest: +SKIP
    array([[2., 4.]])
    """

    def __init__(self, text: str, point: Point) -> None:
        self.text, self.point = normal(text), point
        self.tree = read(text, point.words)
        self.used: list[str] = []

    def sides(self) -> list[Value]:
        """Return the value of each side of an equation."""
        with np.errstate(all="ignore"):
            return [self.of(side) for side in self.tree.children]

    def of(self, tree: Any) -> Value:
        """Return the value of a tree."""
        value: Value = getattr(self, f"_{tree.data}")(*tree.children)
        return value

    def _error(
        self, sentence: str, *trees: Any, kind: type[FormulaError] = FormulaError
    ) -> FormulaError:
        start = min(_start(tree) for tree in trees)
        return kind(sentence, self.text, start, max(_end(t) for t in trees))

    def _shown(self, tree: Any) -> str:
        return re.sub(r"\s+", " ", signs(self.text)[_start(tree) : _end(tree)])

    # ------------------------------------------------------------- arithmetic

    def _together(
        self, operation: Callable[..., Any], verb: str, a: Any, b: Any, *values: Value
    ) -> Value:
        """Return the values of two trees, combined entry by entry."""
        x, y = values or (self.of(a), self.of(b))
        if x.is_number or y.is_number:
            x, y = (v._replace(data=v.data.reshape(())) if v.is_number else v
                    for v in (x, y))  # fmt: skip
        elif bool(x.indices) != bool(y.indices):
            whole, entry = (b, a) if x.indices else (a, b)
            raise self._error(
                f"{self._shown(entry)} is an entry and {self._shown(whole)} a whole "
                f"array; they cannot be {verb}",
                a,
                b,
                kind=ShapeError,
            )
        elif not x.indices and x.data.shape != y.data.shape:
            raise self._error(
                f"{self._shown(a)} is {x.size} and {self._shown(b)} is {y.size}; they "
                f"cannot be {verb}",
                a,
                b,
                kind=ShapeError,
            )
        self._check_ends([x, y], a, b)
        return Value(np.asarray(operation(x.data, y.data)), x.indices | y.indices)

    def _check_ends(self, values: list[Value], *trees: Any) -> None:
        """Raise if an index has different ranges in the values."""
        for axis, name in enumerate(_INDICES):
            ends = {v.data.shape[axis] for v in values if name in v.indices}
            if len(ends) > 1:
                first, second = sorted(ends)
                raise self._error(
                    f"{name} runs to {first} and to {second}", *trees, kind=ShapeError
                )

    def _add(self, a: Any, b: Any) -> Value:
        return self._together(np.add, "added", a, b)

    def _subtract(self, a: Any, b: Any) -> Value:
        return self._together(np.subtract, "subtracted", a, b)

    def _hadamard(self, a: Any, b: Any) -> Value:
        return self._together(np.multiply, "multiplied entry by entry", a, b)

    def _divide(self, a: Any, b: Any) -> Value:
        return self._together(np.divide, "divided", a, b)

    def _negative(self, a: Any) -> Value:
        value = self.of(a)
        return value._replace(data=-value.data)

    def _times(self, a: Any, b: Any, is_matmul: bool = False) -> Value:
        x, y = self.of(a), self.of(b)
        whole = [not (v.is_number or v.indices) for v in (x, y)]
        if is_matmul:  # also for 1 × 1
            whole = [v.data.ndim == 2 for v in (x, y)]
        if all(whole):
            if x.data.shape[1] == y.data.shape[0]:
                return Value(x.data @ y.data)
            if is_matmul or x.data.shape != y.data.shape:
                raise self._error(
                    f"{self._shown(a)} is {x.size} and cannot multiply "
                    f"{self._shown(b)}, which is {y.size}",
                    a,
                    b,
                    kind=ShapeError,
                )
        return self._together(np.multiply, "multiplied", a, b, x, y)

    def _matmul(self, a: Any, b: Any) -> Value:
        return self._times(a, b, is_matmul=True)

    def _summed(self, sign: Any, term: Any) -> Value:
        value = self.of(term)
        named = re.search(r"[ijk]", sign.translate(LOWERED))
        over = {named.group()} if named and value.indices else set(value.indices)
        if value.indices and not over <= value.indices:
            raise self._error(f"there is no index {min(over)} to sum over", term)
        axes = tuple(_INDICES.index(i) for i in over) or None
        summed = np.asarray(value.data.sum(axis=axes, keepdims=bool(over)))
        left = value.indices - over
        return Value(summed if left else summed.reshape(()), left)

    # ------------------------------------------------------- groups and cases

    def _group(self, inner: Any) -> Value:
        return self.of(inner)

    def _several(self, *inner: Any) -> Value:
        raise self._error("a list with commas cannot stand here", *inner)

    def _conj(self, *comparisons: Any) -> Value:
        result = self.of(comparisons[0])
        for other in comparisons[1:]:
            value = self.of(other)
            self._check_ends([result, value], *comparisons)
            indices = result.indices | value.indices
            result = Value(np.asarray(result.data * value.data), indices)
        return result

    _iverson = _group

    def _comparison(self, a: Any, *rest: Any) -> Value:
        relation, b = ("=", *rest)[-2:]
        names = [str(t.children[0]) if t.data == "name" else "" for t in (a, b)]
        if set(names) <= set(_INDICES):
            axes = sorted(_INDICES.index(name) for name in names)
            shape = [self.point.size if k in axes else 1 for k in range(3)]
            same = self._eye(*(t for t in (a, b))).reshape(shape)
            data = same if relation in ("=", "==") else 1 - same
            return Value(data, frozenset(names))
        compare = _RELATIONS.get(str(relation), np.equal)
        return self._together(lambda x, y: compare(x, y) * 1.0, "compared", a, b)

    def _eye(self, *trees: Any) -> Array:
        """Return 1 if i = j, else 0, as an array; only for entries."""
        if not self.point.size:
            raise self._error("i and j have no meaning in this question", *trees)
        return np.eye(self.point.size)

    def _cases(self, a: Any, condition: Any, b: Any = None) -> Value:
        x, when = self.of(a), self.of(condition)
        y = Value(np.asarray(0.0)) if b is None else self.of(b)
        parts = [v for v in (x, when, y) if not v.is_number]
        if len({bool(v.indices) for v in parts}) > 1:
            raise self._error("an entry and a whole array in one case", a, condition)
        self._check_ends(parts, a, condition)
        if len({v.data.shape for v in parts if not v.indices}) > 1:
            raise self._error(
                "arrays of two shapes in one case", a, condition, kind=ShapeError
            )
        data = np.where(when.data != 0, x.data, y.data)
        return Value(data, x.indices | when.indices | y.indices)

    def _both_cases(self, a: Any, first: Any, b: Any, second: Any) -> Value:
        x, y = self._cases(a, first), self._cases(b, second)
        return Value(np.asarray(x.data + y.data), x.indices | y.indices)

    # ------------------------------------------------------ letters and numbers

    def _number(self, token: Any) -> Value:
        return Value(np.asarray(0.5 if token == "½" else float(token)))

    def _short(self, token: Any) -> Value:
        a, b = re.findall(r"\d|[A-Za-z]", token.removeprefix("\\frac"))
        below = float(b) if b.isdigit() else self._letter(b, "", token).data
        if np.size(below) != 1:
            raise self._error(f"{b} is no number to divide by", token, kind=ShapeError)
        return Value(np.asarray(float(a) / np.reshape(below, ())))

    def _name(self, token: Any) -> Value:
        return self._marked(token, [])

    def _derivative(self, token: Any) -> Value:
        owners = re.findall(rf"[∂d]\s*({OWNER})", token)
        above, below = (self._key(owner, token) for owner in owners[-2:])
        key = f"∂{above}/∂{below}"
        if key not in self.point.values:
            raise self._error(f"{key} is not among the letters of this sheet", token)
        self.used.append(key)
        return _whole(self.point.values[key])

    def _key(self, owner: str, token: Any) -> str:
        if re.fullmatch(r"ℓ|[lL](oss)?", owner):
            return "ℓ"
        match = re.match(r"x̂|.", owner)
        number = re.search(r"\d+", owner.translate(LOWERED).translate(RAISED))
        letter = match.group() if match else ""
        return self._spelled(letter, number.group() if number else "", token)

    def _spelled(self, letter: str, number: str, token: Any) -> str:
        """Return a letter as the sheet prints it."""
        values, alias = self.point.values, self.point.aliases.get(letter + number)
        low, high = number.translate(_SUB), f"⁽{number.translate(_SUP)}⁾"
        options = [letter + low, letter + high] if number else [letter, f"{letter}⁽¹⁾"]
        if not number and f"{letter}⁽²⁾" in values:
            options = [letter]
        found = [key for key in options if key in values]
        if found:
            return found[0]
        if alias:
            return alias
        shown = filter(_SHOWN.fullmatch, values)
        known = sorted(shown, key=lambda key: key.translate(RAISED))
        raise self._error(
            f"{letter}{low} is no letter of this sheet; there are {', '.join(known)}",
            token,
        )

    def _letter(self, letter: str, number: str, token: Any) -> Value:
        if letter == "e" and not number:
            return Value(np.asarray(np.e))
        if letter == "I":  # elsewhere it fits any size
            return _whole(np.eye(self.point.size) if self.point.size else 1.0)
        key = self._spelled(letter, number, token)
        self.used.append(key)
        return _whole(self.point.values[key])

    def _postfix(self, inner: Any, mark: Any) -> Value:
        tree, marks = inner, [mark]
        while tree.data == "postfix":
            tree, before = tree.children
            marks.insert(0, before)
        while tree.data == "group" and tree.children[0].data in ("name", "group"):
            tree = tree.children[0]
        if tree.data == "name":
            return self._marked(tree.children[0], marks)
        return self._apply(self.of(tree), marks)

    def _marked(self, token: Any, marks: list[Any]) -> Value:
        """Return the value of a letter with its marks above and below."""
        match = re.fullmatch(r"(x̂|.)(\d*)", token)
        letter, number = match.groups() if match else (str(token), "")
        rest: list[tuple[str, str, Any]] = []
        for mark in marks:
            kind, content = decoded(mark)
            if kind == "below" and content == "+":
                rest.append(("positive", "", mark))
            elif kind == "below":
                digits = "".join(re.findall(r"\d+", content))
                indices = "".join(re.findall(r"[ijk]", content))
                number = number or digits
                rest += [("index", indices, mark)] * bool(indices)
            elif kind == "layer" or (kind == "power" and letter in "Wbγβ"):
                number = number or re.sub(r"\D", "", content)
                rest += [("transpose", "", mark)] * content.endswith("T")
            else:
                rest.append((kind, content, mark))
        if letter == "δ":
            names = "".join(content for kind, content, _ in rest if kind == "index")
            shape = [self.point.size if i in names else 1 for i in _INDICES]
            if len(set(names)) != 2:
                raise self._error("δ needs two indices, δᵢⱼ", token)
            return Value(self._eye(token).reshape(shape), frozenset(names))
        if letter == "I":
            rest = [item for item in rest if item[0] == "transpose"]
        value = self._letter(letter, number, token)
        for item in rest:
            value = self._one(value, *item)
        return value

    def _apply(self, value: Value, marks: list[Any]) -> Value:
        for mark in marks:
            kind, content = decoded(mark)
            if kind == "below":
                indices = "".join(re.findall(r"[ijk]", content))
                if not indices and content != "+":  # ‖a‖₂
                    continue
                kind, content = ("index", indices) if indices else ("positive", "")
            value = self._one(value, kind, content, mark)
        return value

    def _one(self, value: Value, kind: str, content: str, mark: Any) -> Value:
        """Return a value with one mark above or below it."""
        data = value.data
        if kind == "transpose":
            return value if value.indices else value._replace(data=data.T)
        if kind == "positive":
            return value._replace(data=np.maximum(data, 0))
        if kind == "power":
            return value._replace(data=np.asarray(np.power(data, float(content))))
        if kind == "index":
            return self._indexed(value, content, mark)
        if kind == "layer":
            raise self._error("what stands before this has no layers", mark)
        power = self._inner(content, mark)
        if not (value.is_number or power.is_number):
            raise self._error("an exponent is a number", mark, kind=ShapeError)
        base, exponent = (v.data.reshape(()) if v.is_number else v.data
                          for v in (value, power))  # fmt: skip
        indices = value.indices | power.indices
        return Value(np.asarray(np.power(base, exponent)), indices)

    def _inner(self, text: str, token: Any) -> Value:
        """Return the value of a formula inside another."""
        inner = Evaluation(text, self.point)
        if len(inner.tree.children) > 1:
            raise self._error("an equation cannot stand here", token)
        (value,) = inner.sides()
        self.used += inner.used
        return value

    def _indexed(self, value: Value, names: str, mark: Any) -> Value:
        data = value.data
        if value.indices or not data.ndim:
            raise self._error("a number has no entries", mark)
        if len(names) == 1 and 1 in data.shape:
            shape = [data.size if i == names else 1 for i in _INDICES]
            return Value(data.reshape(shape), frozenset(names))
        if len(set(names)) == 2 and len(names) == 2:
            order = sorted(names)
            data = data if [*names] == order else data.T
            shape = [data.shape[order.index(i)] if i in order else 1 for i in _INDICES]
            return Value(data.reshape(shape), frozenset(names))
        raise self._error(
            f"an array of {value.size} has no entry {names}", mark, kind=ShapeError
        )

    # -------------------------------------------------------------- functions

    def _call(self, function: Any, *rest: Any) -> Value:
        *primes, argument = rest
        marks, tree = list[Any](), argument
        while tree.data == "postfix":
            tree, mark = tree.children
            marks.insert(0, mark)
        if tree.data in ("name", "number"):  # log ŷᵢ
            tree, marks = argument, []
        return self._apply(self._called(str(function), len(primes), tree), marks)

    def _powered(self, function: Any, mark: Any, argument: Any) -> Value:
        return self._apply(self._call(function, argument), [mark])  # tanh²(x)

    def _called(self, name: str, primes: int, tree: Any) -> Value:
        name = re.sub(r"[_{}\s]", "", name.translate(LOWERED))
        name = _SAME.get(name, name)
        if name == "max" and tree.data == "several":
            first, *others = tree.children
            if len(others) == 1:
                return self._together(np.maximum, "compared", first, others[0])
        value = self.of(tree)
        data = value.data
        if name in _WHOLE and not primes:
            return Value(np.asarray(_WHOLE[name](data.ravel())))
        if name == "diag" and not primes:
            if data.ndim == 2 and 1 not in data.shape:
                raise self._error(f"diag of an array of {value.size}", tree)
            return Value(np.diag(data.ravel()))
        known = self.point.functions
        pair = known.get(name) or known.get(name.lower().replace("_", ""))
        operation = pair[min(primes, 1)] if pair and primes < 2 else None
        if operation is None:
            raise self._error(f"there is no function {name}{chr(39) * primes}", tree)
        result = np.asarray(operation(data), np.float64)
        return value._replace(data=np.broadcast_to(result, data.shape))

    def _norm(self, token: Any) -> Value:
        value = self._inner(token.strip("‖|"), token)
        return Value(np.asarray(np.linalg.norm(value.data)))


def _whole(value: Any) -> Value:
    array = np.asarray(value, np.float64)
    return Value(array.reshape(len(array), -1) if array.ndim else array)


def _start(tree: Any) -> int:
    return int(getattr(tree, "meta", tree).start_pos)


def _end(tree: Any) -> int:
    return int(getattr(tree, "meta", tree).end_pos)
