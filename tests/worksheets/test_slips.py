"""Which slip a wrong answer is."""

import numpy as np
import pytest
from homework import row

from mlp import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from mlp.worksheets.slips import (
    Slip,
    Traces,
    among,
    formula,
    is_near,
    numbers,
    sizes_of,
)

RNG = np.random.default_rng(3)
X, G, W = (RNG.normal(size=shape) for shape in ((2, 3), (2, 3), (3, 3)))
NONE = np.full(9, np.nan)


def of_weight():
    """Return ∂ℓ/∂W = Gᵀ X, and what it is made of."""
    rows = np.stack([np.outer(g, x).ravel() for g, x in zip(G, X, strict=True)], 1)
    plain = (np.ones_like(G).T @ X).ravel()
    return G.T @ X, Traces(W, G, X @ W.T, rows, plain, NONE, False, True)


def of_tanh():
    """Return G ⊙ (1 − Y²), and what it is made of."""
    y = np.tanh(X)
    slope = 1 - y**2
    rows = np.stack([(G * slope * row[:, None]).ravel() for row in np.eye(2)], 1)
    right = G * slope
    traces = Traces(X, G, y, rows, slope.ravel(), right.ravel(), False, False)
    return right, traces


def test_one_unit_of_the_last_digit_is_allowed_for(curved):
    for letter in ("Z₁", "ℓ", "∂ℓ/∂W⁽¹⁾", "b⁽²⁾ after"):
        assert row(curved, letter, lambda a: np.round(a, curved.digits))[0] == 1
        unit = 10.0**-curved.digits
        assert row(curved, letter, lambda a, unit=unit: a + unit)[0] == 1
        near = row(curved, letter, lambda a, u=unit: np.round(a, curved.digits) - u)
        assert near[0] == 1
        for off in (1.7, -2.5):
            mark, _, verdict = row(
                curved, letter, lambda a, off=off: a + off * 10.0**-curved.digits
            )
            assert (mark, verdict) == (0, "rounding")


@pytest.mark.parametrize(
    ("letter", "change", "verdict"),
    [
        ("∂ℓ/∂W⁽²⁾", lambda a: 7 * a, "factor 7"),
        ("∂ℓ/∂W⁽¹⁾", lambda a: 2 * a, "factor 2 (1/N lost)"),
        ("G₃", lambda a: 3 * a, "factor 3 (1/K lost)"),
        ("G₃", lambda a: 6 * a, "factor 6 (1/(N·K) lost)"),
        ("G₃", lambda a: a / 3, "factor 0.3333 (1/K taken twice)"),
        ("ℓ", lambda a: 2 * a, "factor 2 (1/N lost)"),
        ("G₂", lambda a: -a, "sign"),
        ("Z₁", lambda a: -a, "sign"),
        ("Z₁", lambda a: a.T, "transposed"),
        ("b⁽¹⁾ after", lambda a: 0 * a, "zero"),
        ("G₁", lambda a: np.roll(a, 1), "differs"),
    ],
)
def test_a_slip_is_named(sheet, letter, change, verdict):
    mark, text, found = row(sheet, letter, change)
    assert (mark, found) == (0, verdict)
    assert verdict.split(" (")[0] in text


@pytest.mark.parametrize(
    ("answer", "right", "near"),
    [
        (1.0001, 1.0, True),
        (0.99989, 1.0, False),
        (0.1233, 0.123449, True),  # a unit from 0.1234, which is right
        (0.12325, 0.123449, False),
        (-20.0625, -20.06245, True),
        (1e9 + 0.5, 1e9, True),  # float64 itself knows no more
        ([1.0, 2.0], [1.0, 2.0002], False),
        (np.zeros((2, 1)), np.zeros((1, 2)), False),
        (np.nan, 1.0, False),
    ],
)
def test_near_is_a_unit_of_the_fourth_digit_from_the_number_or_as_rounded(
    answer, right, near
):
    assert is_near(np.asarray(answer), np.asarray(right)) is near


@pytest.mark.parametrize(
    ("change", "label"),
    [
        (lambda a: a + 0.0019, "rounding"),
        (lambda a: a + np.eye(3) * 0.00205, "differs"),
        (lambda a: a + np.eye(3), "differs"),
        (lambda a: 2 * a + np.eye(3) * 0.00009, "factor 2"),
        (lambda a: 2 * a + np.eye(3) * 0.0003, "differs"),
        (lambda a: 0 * a, "zero"),
        (lambda a: -a, "sign"),
        (lambda a: a.T, "transposed"),
        (lambda a: np.outer(G[0], X[0]), "not summed"),
        (lambda a: a + 0.3 * W, "differs"),  # on paper it is no weight decay
        (lambda a: np.ones((3, 2)) @ X, "grad_output left out"),
    ],
)
def test_a_wrong_gradient_by_a_weight_has_the_verdict_of_check_layer(change, label):
    right, traces = of_weight()
    assert numbers(change(right), right, traces, {}).label == label


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        (lambda y: G, "slope left out"),
        (lambda y: G * (1 - X**2), "x for y"),
        (lambda y: G * y * (1 - y), "another's slope"),
        (lambda y: 1 - y**2, "grad_output left out"),
    ],
)
def test_a_wrong_gradient_by_an_input_has_the_verdict_of_check_layer(answer, label):
    right, traces = of_tanh()
    assert numbers(answer(traces.output), right, traces, {}).label == label


def test_a_factor_is_told_with_the_letters_that_it_may_stand_for():
    right, traces = of_weight()
    sizes = {"K": 3, "N": 2, "N·K": 6}
    assert numbers(6 * right, right, traces, sizes) == (
        "factor 6 (1/(N·K) lost)",
        "it is 6 times what it should be; the loss divides by K = 3, N = 2: 1/(N·K) "
        "may be lost",
    )
    label, sentence = numbers(right / 2, right, traces, {"K": 2, "N": 2, "N·K": 4})
    assert label == "factor 1/2 (1/K or 1/N taken twice)"
    assert sentence.endswith("K = 2, N = 2: 1/K or 1/N may be taken twice")
    only = numbers(3 * right, right, traces, {"N": 1, "K": 1})
    assert only == ("factor 3", "it is 3 times what it should be")


def test_of_a_formula_the_numbers_and_the_prediction_are_known():
    ŷ, y = np.array([[0.2], [0.7], [0.4]]), np.array([[0.0], [1.0], [1.0]])
    right = (ŷ - y) / (ŷ * (1 - ŷ))
    assert formula(ŷ - y, right, {}, True, ŷ).label == "σ' too early"
    assert formula(ŷ - y, right, {}, False, ŷ).label == "differs"
    assert formula(ŷ - y, right, {}, True).label == "differs"
    loss = np.array(1.5)  # one number, and of another size than the prediction
    assert formula(2 * loss, loss, {"K": 2}, True, ŷ).label == "factor 2 (1/K lost)"
    assert formula(loss / 4, loss, {}, True, np.full(3, 0.5)).label == "differs"


def test_the_first_slip_that_gives_the_answer_is_named():
    slips = [Slip("a", "it is a", X), Slip("b", "it is b", G), Slip("c", "", G)]
    assert among(G + 1e-5, slips) == ("b", "it is b")
    assert among(G + 1e-3, slips) is None


@pytest.mark.parametrize(
    ("criterion", "sizes"),
    [
        (MSELoss(), {"K": 3, "N": 2, "N·K": 6}),
        (BCEWithLogitsLoss(), {"K": 3, "N": 2, "N·K": 6}),
        (MSELoss("batchmean"), {"N": 2}),
        (CrossEntropyLoss(), {"N": 2}),
        (MSELoss("sum"), {}),
    ],
)
def test_what_a_loss_divides_by_has_letters(criterion, sizes):
    assert sizes_of(criterion, 2, 3) == sizes
