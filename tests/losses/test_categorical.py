"""CrossEntropyLoss: by hand, exact far out, its targets, and what it refuses."""

import copy
import decimal
import math
import pickle
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import frozen, numerical_gradient, seeds, sizes

from mlp import CrossEntropyLoss, one_hot

EXTREMES = {np.float32: 1e30, np.float64: 1e300}
REDUCTIONS = ["mean", "sum", "batchmean"]


def exact(z, y, divisor):
    """Return value and gradient to 400 digits and then rounded."""
    gradient = np.empty(np.shape(z))
    with decimal.localcontext(prec=400):
        value = Decimal(0)
        for n, row in enumerate(z):
            top = max(Decimal(float(u)) for u in row)
            s = [Decimal(float(u)) - top for u in row]
            e = [u.exp() if u > -1000 else Decimal(0) for u in s]
            total = sum(e)
            for k, u in enumerate(s):
                t = Decimal(float(y[n][k]))
                value += t * (total.ln() - u)
                gradient[n, k] = float((e[k] / total - t) / divisor)
        return float(value / divisor), gradient


def test_cross_entropy_by_hand():
    z = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 4.0]])  # p = 1/8, 2/8, 5/8; .3, .3, .4
    total = -math.log(2 / 8) - math.log(0.4)
    rows = np.array([[1 / 8, -6 / 8, 5 / 8], [0.3, 0.3, -0.6]])
    for reduction, divisor in (("mean", 2), ("sum", 1), ("batchmean", 2)):
        loss = CrossEntropyLoss(reduction)
        assert loss.forward(z, [1, 2]) == pytest.approx(total / divisor, rel=1e-14)
        np.testing.assert_allclose(loss.backward(), rows / divisor, rtol=1e-13)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@given(seed=seeds, rows=sizes, classes=sizes)
def test_backward_is_the_derivative_of_forward(reduction, seed, rows, classes):
    rng = np.random.default_rng(seed)
    loss, z = CrossEntropyLoss(reduction), rng.normal(0, 3, (rows, classes))
    for y in (rng.integers(0, classes, rows), rng.dirichlet(np.ones(classes), rows)):
        expected = numerical_gradient(lambda y=y: loss.forward(z, y), z)
        loss.forward(z, y)
        np.testing.assert_allclose(loss.backward(), expected, atol=3e-8)


@given(seed=seeds, rows=sizes, classes=sizes)
def test_labels_are_one_hot_rows(seed, rows, classes):
    rng = np.random.default_rng(seed)
    z, labels = rng.normal(0, 9, (rows, classes)), rng.integers(0, classes, rows)
    loss, other = CrossEntropyLoss(), CrossEntropyLoss()
    y = one_hot(labels, classes)
    assert loss.forward(z, labels) == pytest.approx(other.forward(z, y), rel=1e-14)
    np.testing.assert_array_equal(loss.backward(), other.backward())


@pytest.mark.parametrize(
    "dtype", [np.int8, np.uint8, np.int32, np.uint64, np.float32, np.float64]
)
def test_labels_of_any_dtype_that_are_whole(dtype):
    z = np.random.default_rng(0).normal(size=(3, 3))
    expected = CrossEntropyLoss().forward(z, [0, 2, 1])
    assert CrossEntropyLoss().forward(z, np.array([0, 2, 1], dtype)) == expected


@pytest.mark.parametrize("dtype", EXTREMES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_it_is_exact_to_a_few_ulp_far_out(dtype, reduction):
    far, limits = EXTREMES[dtype], np.finfo(dtype)
    tiny, eps = float(limits.tiny), float(limits.eps)
    z = np.array(
        [
            *([far, -far, 0.0], [-far, far, far], [-far, -far, -far], [0, 0, far]),
            *([0, -40, -41], [17, 0, 0], [88, 0, -88], [700, 0, 1], [104, 0, 103]),
            *([0, -1e-8, 1e-8], [1e4, 1e4 + 1, 0], [0, -1e-30, -746], [-3, 2, 1]),
        ],
        dtype,
    )
    n = len(z)
    targets = [np.full(n, k) for k in range(3)] + [[0.5, 0.25, 0.25], [1, 0, 0]]
    for target in targets:
        y = np.asarray(target)
        y = y if len(y) == n else np.tile(np.array(y, dtype), (n, 1))
        rows = y if y.ndim == 2 else one_hot(y, 3)
        for part in [slice(i, i + 1) for i in range(n)] + [slice(None)]:
            loss = CrossEntropyLoss(reduction)
            divisor = 1 if reduction == "sum" else len(z[part])
            with np.errstate(all="raise"):
                got, gradient = loss.forward(z[part], y[part]), loss.backward()
            value, expected = exact(z[part], rows[part], divisor)
            assert got == pytest.approx(value, rel=4 * eps, abs=tiny)
            assert gradient.dtype == dtype
            # p − y of soft rows is a difference, right to an ulp of its operands
            atol = tiny if y.ndim == 1 else 2 * eps
            np.testing.assert_allclose(gradient, expected, rtol=8 * eps, atol=atol)


@pytest.mark.parametrize("dtype", EXTREMES)
@pytest.mark.parametrize("scale", [1, 10, 80, 300])
def test_it_is_exact_to_a_few_ulp_for_logits_of_any_size(dtype, scale):
    # z − max z has a rounding of up to 300/2 ulp of e^(z − max z), were it lost
    rng, limits = np.random.default_rng(scale), np.finfo(dtype)
    tiny, eps = float(limits.tiny), float(limits.eps)
    z = (scale * rng.normal(size=(8, 5))).astype(dtype)
    labels = rng.integers(0, 5, 8)
    for i in range(8):
        loss = CrossEntropyLoss()
        got = loss.forward(z[i : i + 1], labels[i : i + 1])
        gradient = loss.backward()
        rows = one_hot(labels[i : i + 1], 5)
        value, expected = exact(z[i : i + 1], rows, 1)
        assert got == pytest.approx(value, rel=4 * eps, abs=tiny)
        np.testing.assert_allclose(gradient, expected, rtol=4 * eps, atol=tiny)


def test_a_saturated_right_answer_keeps_its_digits():
    loss = CrossEntropyLoss()
    value = loss.forward([[0.0, -40.0]], [0])
    assert value == pytest.approx(math.exp(-40), rel=1e-15)
    gradient = math.exp(-40) * np.array([[-1, 1]])
    np.testing.assert_allclose(loss.backward(), gradient, rtol=1e-15)


@pytest.mark.parametrize("classes", [1, 2, 10, 1000])
def test_at_the_start_the_loss_is_log_k(classes):
    loss = CrossEntropyLoss()
    value = loss.forward(np.full((5, classes), 3.5), np.zeros(5, int))
    assert value == pytest.approx(math.log(classes), rel=1e-14)
    assert abs(loss.backward().sum()) < 1e-14


def test_float32_stays_float32_and_the_value_has_its_digits():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(100_000, 10)).astype(np.float32)
    labels = rng.integers(0, 10, len(z))
    loss, wide = CrossEntropyLoss(), CrossEntropyLoss()
    value = loss.forward(z, labels)
    assert type(value) is float
    assert value == pytest.approx(wide.forward(z.astype(float), labels), rel=1e-7)
    assert loss.backward().dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, int, ">f8"])
def test_another_dtype_is_taken_as_float64(dtype):
    z = np.array([[1, 2], [3, 1]])
    loss, other = CrossEntropyLoss(), CrossEntropyLoss()
    assert loss.forward(z.astype(dtype), [0, 1]) == other.forward(z, [0, 1])
    assert loss.backward().dtype == np.float64


def test_no_argument_is_written_to_and_no_output_later():
    loss, rng = CrossEntropyLoss(), np.random.default_rng(0)
    for target in (rng.integers(0, 3, 4), rng.dirichlet(np.ones(3), 4)):
        for dtype in (np.float64, np.float32):
            z = frozen(rng.normal(size=(4, 3)).astype(dtype))
            loss.forward(z, frozen(target.copy()))
            frozen(loss.backward())


# ------------------------------------------------------------ wrong arguments

Z = np.zeros((3, 4))


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ([0, 1, 4], r"whole numbers from 0 to 3, got 4 in row 2"),
        ([0, -1, 1], r"whole numbers from 0 to 3, got -1 in row 1"),
        ([0.5, 1, 1], r"whole numbers from 0 to 3, got 0.5 in row 0"),
        ([0, np.nan, 1], r"whole numbers from 0 to 3, got nan in row 1"),
        ([0, np.inf, 1], r"whole numbers from 0 to 3, got inf in row 1"),
        ([0, 1], r"shape \(3,\), a label a row, or \(3, 4\).*got \(2,\)"),
        (1, r"shape \(3,\).*got \(\)"),
        ([[0], [1], [2]], r"shape \(3,\).*got \(3, 1\)"),
        (np.ones((4, 3)), r"shape \(3,\).*got \(4, 3\)"),
        (np.ones((3, 4)), r"row of target .* sum to 1, got .*in row 0, of sum 4"),
        (np.full((3, 4), 0.2501), r"sum to 1, got .*in row 0, of sum 1\.0004"),
        (np.zeros((3, 4)), r"sum to 1, got .*in row 0, of sum 0"),
        (np.tile([1.5, -0.5, 0, 0], (3, 1)), r"at least 0 and to sum to 1"),
        (np.full((3, 4), np.nan), r"sum to 1, got .*in row 0"),
    ],
)
def test_a_wrong_target_is_one_sentence(target, sentence):
    with pytest.raises(ValueError, match=f"CrossEntropyLoss.forward: .*{sentence}"):
        CrossEntropyLoss().forward(Z, target)


@pytest.mark.parametrize("shape", [(), (3,), (0, 4), (3, 0), (2, 3, 4)])
def test_logits_are_rows(shape):
    with pytest.raises(ValueError, match=r"prediction of shape \(N, K\), a logit"):
        CrossEntropyLoss().forward(np.zeros(shape), np.zeros(shape[:1], int))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_logit_is_finite(wrong):
    z = Z.copy()
    z[1, 2] = wrong
    with pytest.raises(ValueError, match=r"logits to be finite, got 1 of 12.*\(1, 2\)"):
        CrossEntropyLoss().forward(z, [0, 1, 2])


@pytest.mark.parametrize("wrong", ["a", None, [["x"]], ["cat", "dog", "cat"], [1j] * 3])
def test_what_is_not_real_numbers_is_a_type_error(wrong):
    with pytest.raises(TypeError, match="expected prediction to hold real numbers"):
        CrossEntropyLoss().forward(wrong, [0])
    with pytest.raises(TypeError, match="expected target to hold real numbers"):
        CrossEntropyLoss().forward(Z, wrong)


def test_rows_may_be_off_by_the_rounding_of_their_dtype():
    y = np.full((3, 7), 1 / 7, np.float32)
    CrossEntropyLoss().forward(np.zeros((3, 7)), y)
    CrossEntropyLoss().forward(np.zeros((3, 7), np.float32), y.astype(np.float64))
    half = np.full((3, 7), 1 / 7, np.float16)
    CrossEntropyLoss().forward(np.zeros((3, 7)), half)
    with pytest.raises(ValueError, match="sum to 1"):
        CrossEntropyLoss().forward(np.zeros((3, 7)), half.astype(np.float64))


def test_rows_of_k_may_be_off_by_four_roundings_of_k_numbers():
    eps = np.finfo(np.float32).eps
    loss = CrossEntropyLoss()
    assert np.isfinite(loss.forward([[1.0, 2.0]], [[0.5, 0.5 + 7 * eps]]))
    with pytest.raises(ValueError, match="sum to 1"):
        loss.forward([[1.0, 2.0]], [[0.5, 0.5 + 9 * eps]])


@pytest.mark.parametrize("wrong", ["avg", "Mean", "none", None, 1])
def test_an_unknown_reduction_is_refused(wrong):
    with pytest.raises(ValueError, match="CrossEntropyLoss: expected reduction to be"):
        CrossEntropyLoss(wrong)


# ----------------------------------------------------------------- the contract


@given(st.sampled_from(REDUCTIONS))
def test_what_it_divides_by(word):
    reduction = CrossEntropyLoss(word).reduction
    assert reduction == word
    assert reduction.over == ("nothing" if word == "sum" else "rows")
    assert reduction.divisor((32, 10)) == (1 if word == "sum" else 32)
    assert CrossEntropyLoss.takes_labels


def test_each_backward_uses_up_one_forward_and_a_refused_one_none():
    loss = CrossEntropyLoss()
    with pytest.raises(RuntimeError, match=r"uses up one forward.*step 2"):
        loss.backward()
    loss.forward(Z, [0, 1, 2])
    expected = copy.deepcopy(loss).backward()
    with pytest.raises(ValueError):
        loss.forward(Z[:2], [0, 9])
    np.testing.assert_array_equal(loss.backward(), expected)
    with pytest.raises(RuntimeError, match="uses up one forward"):
        loss.backward()


def test_repr_call_and_pickle():
    loss = CrossEntropyLoss("sum")
    assert repr(loss) == "CrossEntropyLoss(reduction='sum')"
    assert loss(Z, [0, 1, 2]) == pytest.approx(3 * math.log(4), rel=1e-15)
    twin = pickle.loads(pickle.dumps(loss))
    assert twin.reduction == "sum"
    assert twin.reduction.over == "nothing"
    with pytest.raises(RuntimeError, match="uses up one forward"):
        twin.backward()


def test_one_row_of_many_that_is_no_distribution_is_named():
    z, y = np.zeros((3, 2)), np.array([[0.5, 0.5], [0.9, 0.9], [1.0, 0.0]])
    with pytest.raises(ValueError, match=r"got \[0\.9 0\.9\] in row 1, of sum 1\.8"):
        CrossEntropyLoss().forward(z, y)
