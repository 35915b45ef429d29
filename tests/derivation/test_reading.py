"""Every printed formula, read back and worked out, is the value that it claims."""

import operator
import re

import numpy as np
import pytest
from derivations import assert_reads_back, call
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import random_net, seeds, sizes
from reading import FUNCTIONS, from_latex, from_mathml, read
from small import Own, elementwise

from mlp import SGD, BCELoss, MSELoss, Sequential, Sigmoid, derive, trace
from mlp.derivation import RULES, Elementwise
from mlp.derivation.expressions import Symbol
from mlp.derivation.figures import Line
from mlp.derivation.operations import Entry
from mlp.derivation.rendering import LATEX, MATHML

# ---------------------------------------- formulas that a reader of ours may write


numbers = st.sampled_from([2, 0.5, -0.5, -3.0, 1e-7, -1e-7, 1.25e20, 12, 0.1, 1e16])
binaries = st.sampled_from([operator.add, operator.sub, operator.mul, operator.truediv])
kinds = st.sampled_from(["column", "rows", "entry"])


def powered(p):
    return lambda x: x**p


UNARY = [
    operator.neg,
    lambda x: x * x,
    *map(powered, (2, 3, -1, -2, 0.5, 12)),
    *map(call, FUNCTIONS),
]


def formulas():
    """Return a strategy of functions of (x, y), made of Python's operators."""
    x, y = (lambda x, y: x), (lambda x, y: y)
    leaf = st.sampled_from([x, y])

    def grown(inner):
        def unary(f, u):
            return lambda x, y: u(f(x, y))

        def binary(f, g, op):
            return lambda x, y: op(f(x, y), g(x, y))

        def with_number(f, op, c, is_left):
            if is_left:
                return lambda x, y: op(c, f(x, y))
            return lambda x, y: op(f(x, y), c)

        return st.one_of(
            st.builds(unary, inner, st.sampled_from(UNARY)),
            st.builds(binary, inner, inner, binaries),
            st.builds(with_number, inner, binaries, numbers, st.booleans()),
        )

    return st.recursive(leaf, grown, max_leaves=8)


def assert_same(found, value):
    np.testing.assert_allclose(found, value, rtol=1e-7, atol=1e-12, equal_nan=True)


@settings(max_examples=200)
@given(formula=formulas(), seed=seeds, kind=kinds)
def test_a_formula_in_any_notation_is_what_python_makes_of_it(formula, seed, kind):
    rng = np.random.default_rng(seed)
    shape = (3, 3) if kind == "rows" else (3, 1)
    values = {"x": rng.normal(size=shape), "ŷ": rng.normal(size=shape)}
    letters = Symbol("x"), Symbol("ŷ")
    arrays = list(values.values())
    if kind == "entry":
        letters, arrays = map(Entry, letters), list(map(np.ravel, arrays))
    tree = formula(*letters)
    with np.errstate(all="ignore"):
        value = formula(*arrays)
        # of what is beyond a float, or nearly lost in rounding, nothing is claimed
        again = formula(*(a * (1 + 1e-13) for a in arrays))
        assume(np.all(np.isfinite(value)))
        assume(np.allclose(value, again, rtol=1e-9, atol=0))
        assert_same(tree.value(values), value)
    for text in (
        str(tree),
        from_latex(tree.layout(LATEX)),
        from_mathml(tree.layout(MATHML)),
    ):
        assert_same(read(text, values), value)


# --------------------------------------------------- each cell, and each line


def sigma(x):
    return call("σ")(x)


OWN = {
    "tanh": (call("tanh"), lambda x, y: 1 - y * y),
    "swish": (
        lambda x: x * sigma(x),
        lambda x, y: sigma(x) + x * sigma(x) * (1 - sigma(x)),
    ),
    "softsign": (lambda x: x / (1 + x * x), lambda x, y: (1 - x**2) / (1 + x**2) ** 2),
    "cube": (lambda x: 1e-7 * x**3 - 0.5 * x, lambda x, y: 3e-7 * (x * x) - 0.5),
    "gauss": (lambda x: call("exp")(-(x**2) / 2), lambda x, y: -x * y),
    "root": (lambda x: (1 + x**2) ** 0.5, lambda x, y: x / y),
    "inverse": (lambda x: (2 + x**2) ** -1, lambda x, y: -2 * x * y * y),
    "nested": (
        lambda x: call("log")(1 + call("exp")(x)),
        lambda x, y: 1 / (1 + call("exp")(-x)),
    ),
    "scaled": (lambda x: x * -3 / 2, lambda x, y: -1.5),
}


def case(seed, own, bce=False, widths=(2, 3, 2)):
    rng = np.random.default_rng(seed)
    model = random_net(rng, list(widths))
    layers = [*model[:1], elementwise(*OWN[own])] if own else []
    model = Sequential(*layers, *model[1:] if own else model)
    model = Sequential(*model, *([Sigmoid()] * bce))
    return rng, model


@pytest.fixture(params=[None, *OWN])
def own(request, monkeypatch):
    if request.param:
        monkeypatch.setitem(RULES, Own, Elementwise(*OWN[request.param]))
    return request.param


def elements_of(text, values):
    """Return the matrix, or the entries, that a cell of the Jacobians says."""
    if text == "I":
        return None
    if hit := re.fullmatch(r"1 if i = j and (.*) > 0, else 0", text):
        return np.diag(np.where(read(hit[1], values) > 0, 1.0, 0.0))
    if hit := re.fullmatch(r"(.*) if i = j, else 0", text):
        return np.diag(np.atleast_1d(read(hit[1], values)))
    return read(text, values)


@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize("make", [MSELoss, BCELoss])
def test_every_cell_of_derive_is_read_back(own, layout, make):
    for seed, nested in enumerate([None, True, False]):
        rng, model = case(seed, own, make is BCELoss)
        optimizer = SGD(model.parameters(), 1e-7, 0.9, 0.01, bool(seed % 2))
        d = derive(model, make(), optimizer=optimizer, layout=layout, nested=nested)
        x, y = rng.normal(size=2), rng.uniform(size=2)
        assert d.check(x, y) < 1e-9
        values = d.values_at(*d.sample(x, y))
        worked = d.evaluate(x, y)
        for (_, z, out), found in zip(d.forward[:-1], worked.forward, strict=False):
            text = str(z) if str(out) == "the same" else str(out)
            assert_same(np.ravel(read(str(z), values)), found.input)
            assert_same(np.ravel(read(text, values)), found.output)
        assert_same(read(str(d.forward[-1].output), values), worked.forward[-1].output)
        for row, found in zip(d.gradients, worked.gradients, strict=True):
            assert_same(
                read(str(row.gradient), values).reshape(row.shape.value), found.gradient
            )
        for row, found in zip(d.jacobians, worked.jacobians, strict=True):
            for text in re.split(r"(?<!i) = ", str(row.elements)):  # not at i = j
                elements = elements_of(text, values)
                if elements is None:
                    elements = np.eye(len(found.elements))
                elif elements.shape == (1, 1):
                    elements = elements * np.eye(len(found.elements))
                assert_same(elements.reshape(row.shape.value), found.elements)
        for row, found in zip(d.batch, worked.batch, strict=True):
            assert_same(
                read(str(row.formula), values).reshape(row.shape.value), found.formula
            )
        for step, found in zip(d.steps, worked.steps, strict=True):
            for equation, value in zip(step.equations, found.equations, strict=True):
                left, right = re.split(" = | ← ", str(equation), maxsplit=1)
                if right == "None":
                    assert (step.number, value) == (3, None)
                    continue
                for side in right.split(" = "):
                    result = np.asarray(read(side, values))
                    assert_same(result.ravel(), np.ravel(value))
                left = left.removesuffix(")ᵢ").removeprefix("(")
                values[left] = result.reshape(np.shape(values.get(left, result)))


def lines_of(t):
    return [line for _, _, lines in t.steps for line in lines if isinstance(line, Line)]


@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize("make", [MSELoss, BCELoss])
def test_every_line_of_trace_is_read_back(own, layout, make):
    for seed, scale in enumerate([1, 1e-7, 1e2]):
        rng, model = case(seed, own, make is BCELoss)
        optimizer = SGD(model.parameters(), 1e-7, 0.9, 0.01, bool(seed % 2))
        x = scale * rng.normal(size=(1 + seed % 2, 2))
        y = rng.uniform(size=(len(x), 2))
        t = trace(model, make(), optimizer, x, y, layout=layout)
        assert assert_reads_back(t) > 10


@given(seed=seeds, widths=st.lists(sizes, min_size=2, max_size=3))
def test_every_line_of_a_float32_net_is_read_back(seed, widths):
    rng = np.random.default_rng(seed)
    model = random_net(rng, widths, dtype=np.float32)
    x, y = rng.normal(size=(1, widths[0])), rng.uniform(size=(1, widths[-1]))
    t = trace(model, MSELoss(), SGD(model.parameters(), lr=0.1), x, y)
    for line in lines_of(t):
        with np.errstate(all="ignore"):
            assert_same(read(str(line.formula)), line.formula.value({}))


def test_the_reader_refuses_and_sees():
    for text in ("0.9 · (1 − 0.4621171570.46)", "2 3", "x2", "(1", "1)", "a b", "log"):
        with pytest.raises((SyntaxError, ValueError)):
            read(text, {"x": 1.0})
    assert read("1 − 2 · 3²/(−4) + log(1)") == 5.5
    assert read("‖x − 1‖²", {"x": np.array([[3.0], [1.0]])}) == 4
    assert read("aᵀb", {"a": np.ones((2, 1)), "b": np.ones((2, 1))}) == [[2]]
