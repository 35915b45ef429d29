"""Arrays that are taken, and the sentence for each that is not."""

import re
from collections import deque

import numpy as np
import pytest
from oracles import frozen

import mlp
from mlp import SGD, Parameter, ReLU
from mlp._shared import arrays


def test_masks_in_lists_are_not_lost():
    masked = np.ma.masked_array([1.0, 2.0], mask=[True, False])
    for x in ([masked], [[masked]], (masked, [1.0, 2.0]), [1.0, np.ma.masked]):
        with pytest.raises(TypeError, match="without a mask, got .* in a list"):
            ReLU().forward(x)
    with pytest.raises(TypeError, match="without a mask"):
        ReLU().forward(deque([masked]))


def test_text_labels_are_told_of_one_hot():
    with pytest.raises(TypeError, match=r"<U3; mlp\.one_hot turns labels into rows"):
        ReLU().forward(["cat", "dog"])


# ---------------------------------------------------------- numbers, and their dtype


def test_numbers_keep_their_dtype_or_take_the_one_asked_for():
    single = np.ones(2, np.float32)
    assert arrays.real_array("f", "x", single) is single
    assert arrays.real_array("f", "x", single, np.float32) is single
    assert arrays.real_array("f", "x", [True]).dtype == bool
    assert arrays.real_array("f", "x", [1, 2], np.float32).dtype == np.float32
    assert arrays.floating("f", "x", [1, 2]).dtype == np.float64
    assert arrays.floating("f", "x", single) is single
    assert arrays.array("f", "x", single) is single
    assert arrays.array("f", "x", [1, 2]).dtype.kind == "i"
    assert arrays.activation_input(ReLU(), single) is single
    assert arrays.activation_input(ReLU(), [1]).dtype == np.float64


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([1j], "f: expected x to hold real numbers, got list of dtype complex128"),
        (["a"], "f: expected x to hold real numbers, got list of dtype <U1"),
        (None, "f: expected x to hold real numbers, got NoneType"),
        ([None, 1], "f: expected x to hold real numbers, got list of dtype object"),
    ],
)
def test_what_holds_no_real_numbers_is_refused(value, sentence):
    for take in (arrays.real_array, arrays.floating, arrays.array):
        with pytest.raises(TypeError, match=f"^{sentence}; "):
            take("f", "x", value)


def test_a_number_beyond_the_dtype_is_refused_and_infinity_is_none():
    x = [1.0, -1e39, np.inf]
    with pytest.raises(ValueError, match=r"^f: .* range of float32, got 1e\+39; scale"):
        arrays.real_array("f", "x", x, np.float32)
    assert arrays.real_array("f", "x", [np.inf, 1e-50], np.float32).tolist() == [
        np.inf,
        0,
    ]


def test_ragged_rows_are_refused():
    with pytest.raises(ValueError, match="^f: expected x to have rows of one length"):
        arrays.as_array("f", "x", [[1.0], [2.0, 3.0]])


@pytest.mark.parametrize(
    "nest", [lambda m: m, lambda m: [m], lambda m: ([1.0, 2.0], m)]
)
def test_a_mask_is_refused_wherever_it_is(nest):
    masked = np.ma.masked_array([1.0, 2.0], mask=[True, False])
    inside = "" if nest(masked) is masked else ", in a list"
    with pytest.raises(
        TypeError, match=f"^f: expected x without .* array{inside}; fill"
    ):
        arrays.as_array("f", "x", nest(masked))
    assert arrays.as_array("f", "x", "text").item() == "text"


# -------------------------------------------------------------------- rows and shapes


def test_a_matrix_is_a_finite_table_of_a_width():
    assert arrays.matrix("f", "x", [[1, 2]]).dtype == np.float64
    assert arrays.matrix("f", "x", np.ones((0, 2)), 2).shape == (0, 2)
    with pytest.raises(
        ValueError, match=r"^f: expected x of shape \(N, columns\), got"
    ):
        arrays.matrix("f", "x", 3.0)
    with pytest.raises(ValueError, match=r"of shape \(N, 3\), got \(1, 2\)$"):
        arrays.matrix("f", "x", [[1, 2]], 3)
    x = np.ones((3, 2))
    x[1, 1], x[2, 0] = np.nan, -np.inf
    with pytest.raises(ValueError) as caught:
        arrays.matrix("f", "x", x)
    assert str(caught.value) == (
        "f: expected x to be finite, got 2 of 6 entries outside it, the first nan at "
        "index (1, 1); drop or fill these rows first"
    )


def test_one_dimension_is_shown_both_reshapes_and_they_are_right():
    x = np.array([1.0, 2.0, 3.0])
    with pytest.raises(ValueError) as caught:
        arrays.rows_of("f", "x", x, 3, "layer 0")
    sentence = str(caught.value)
    assert sentence.startswith(
        "f: expected x of shape (N, 3), as layer 0 has it, got (3,); "
    )
    shown = re.findall(r"(x\.reshape\(\S+, \S+\)) is .*?(\(\d, \d\))", sentence)
    assert len(shown) == 2
    for code, shape in shown:
        assert str(eval(code, {"x": x}).shape) == shape
    assert (
        arrays.reshapes("x", np.ones((2, 2))) == arrays.reshapes("x", np.ones(())) == ""
    )


def test_rows_of_an_end_of_a_net_are_at_least_one():
    assert arrays.rows_of("f", "x", [[1, 2]], 2, "layer 0").tolist() == [[1, 2]]
    with pytest.raises(ValueError, match=r"as layer 0 has it, got \(0, 2\)$"):
        arrays.rows_of("f", "x", np.ones((0, 2)), 2, "layer 0")


def test_rows_of_x_and_y_belong_together():
    x, y = arrays.paired_rows("f", [[1, 2], [3, 4]], [0, 1])
    assert (x.shape, y.shape) == ((2, 2), (2,))
    for x, y in (([1, 2], [1]), ([], []), (1, [1]), ([1], 1)):
        with pytest.raises(
            ValueError, match="same number of rows, at least one, got sh"
        ):
            arrays.paired_rows("f", x, y)


def test_a_layers_rows_have_its_width_and_the_dtype_of_its_weight():
    weight = np.ones((4, 3), np.float32)
    x = np.ones((2, 3), np.float32)
    assert arrays.rows_of_width(ReLU(), x, 3, weight) is x
    assert arrays.rows_of_width(ReLU(), [[1, 2, 3]], 3, weight).dtype == np.float32
    for wrong in (np.ones((2, 4)), np.ones(3), np.ones((1, 1, 3))):
        with pytest.raises(ValueError, match=r"^ReLU\.forward: .* shape \(N, 3\), got"):
            arrays.rows_of_width(ReLU(), wrong, 3, weight)
    with pytest.raises(TypeError, match="expected weight to be a Parameter"):
        arrays.rows_of_width(ReLU(), x, 3, memoryview(weight))


@pytest.mark.parametrize(
    ("weights", "got"),
    [
        ([1, -2, 3], "got -2 in row 1; a row"),
        ([1, 2, np.nan], "got nan in row 2; a row"),
        ([np.inf, -1, 0], "got inf in row 0; a row"),
        ([1e308, 1e308, 1e308], "got a sum beyond float64's range; a row"),
    ],
)
def test_weights_of_rows_are_at_least_0_and_have_a_sum(weights, got):
    with pytest.raises(ValueError, match=f"^f: expected w of at least 0 and .*{got}"):
        arrays.row_weights("f", "w", weights, np.ones((3, 2)), None)


def test_weights_of_rows_are_a_number_for_each():
    rows = np.ones((3, 2))
    taken = arrays.row_weights("f", "w", [0, 1, 2], rows, np.float32)
    assert (taken.tolist(), taken.dtype) == ([0, 1, 2], np.float32)
    assert arrays.row_weights("f", "w", [], rows[:0], None).size == 0
    large = np.full(3, 3e38, np.float32)  # their sum is beyond float32 alone
    assert arrays.row_weights("f", "w", large, rows, None) is large
    with pytest.raises(ValueError, match=r"w of shape \(3,\), .* got \(2,\)$"):
        arrays.row_weights("f", "w", [1, 2], rows, None)
    with pytest.raises(ValueError, match=r"got \(3, 1\); write np\.ravel\(w\)$"):
        arrays.row_weights("f", "w", np.ones((3, 1)), rows, None)
    with pytest.raises(ValueError, match=r"w of shape \(\), a number for each row"):
        arrays.row_weights("f", "w", [1], np.array(1.0), None)


# ------------------------------------------------------------------- forward, backward


def test_what_comes_down_has_the_shape_of_what_went_up():
    kept, g = np.ones((5, 3), np.float32), np.ones((5, 3), np.float32)
    first, second = arrays.upstream(ReLU(), kept, g)
    assert first is kept and second is g
    assert arrays.upstream(ReLU(), kept, np.ones((5, 3)))[1].dtype == np.float32
    assert arrays.upstream(ReLU(), kept, np.ones((5, 7)), width=7)[1].shape == (5, 7)
    with pytest.raises(
        RuntimeError, match=r"^ReLU\.backward: .*none: .*model\.forward"
    ):
        arrays.upstream(ReLU(), None, g)
    with pytest.raises(
        ValueError, match=r"shape \(5, 3\), .* got \(4, 3\); did another"
    ):
        arrays.upstream(ReLU(), kept, g[:4])
    with pytest.raises(
        ValueError, match=r"shape \(5, 7\), that of the last output, got"
    ):
        arrays.upstream(ReLU(), kept, g, width=7)
    with pytest.raises(ValueError, match=r"got \(\); pass the loss's gradient"):
        arrays.upstream(ReLU(), kept, 0.5)


@pytest.mark.parametrize(
    ("prediction", "target", "cure"),
    [
        ((5, 1), (5,), "target.reshape(-1, 1)"),
        ((5,), (5, 1), "target.reshape((5,))"),
        ((1, 5), (5,), "target.reshape((1, 5))"),
        ((5, 3), (5,), "mlp.one_hot(labels)"),
        ((5, 3), (3, 5), None),
        ((5, 3), (4,), None),
        ((5, 3), (15,), None),
        ((5,), (4,), None),
    ],
)
def test_a_target_of_another_shape_is_told_what_makes_it_fit(prediction, target, cure):
    given = np.arange(np.prod(target)) % 3
    values = {"mlp": mlp, "labels": given, "target": given.reshape(target)}
    found = arrays.reshape_cure(np.ones(prediction), values["target"])
    assert (cure or "") in found
    assert bool(found) == bool(cure)
    if cure:
        assert eval(cure, values).shape == prediction


@pytest.mark.parametrize(
    ("shape", "cure"),
    [
        ((3, 2), "; it looks transposed"),
        ((5, 2, 3), "; sum it over the batch, axis 0"),
        ((6,), r"; write grad\.reshape\(\(2, 3\)\)"),
        ((2, 2), ""),
    ],
)
def test_a_gradient_has_the_shape_of_its_parameter(shape, cure):
    with pytest.raises(ValueError, match=rf"^f: .* shape \(2, 3\), got .*\){cure}$"):
        arrays.gradient(np.ones(shape), np.ones((2, 3)), "f")


def test_a_gradient_takes_the_dtype_and_shares_no_memory_with_the_data():
    data = np.ones((2, 3), np.float32)
    g = np.ones((2, 3), np.float32)
    assert arrays.gradient(g, data, "f") is g
    assert arrays.gradient([[1, 2, 3]] * 2, data, "f").dtype == np.float32
    for own in (data, data[:]):
        assert not np.shares_memory(arrays.gradient(own, data, "f"), data)


# --------------------------------------------------------------------- states and steps


def test_a_state_has_the_names_and_no_others():
    arrays.names("f", ["a", "b"], {"b": 1, "a": 2, "c": 3}, optional=["c", "d"])
    with pytest.raises(
        TypeError, match="^f: expected a mapping of names to values, got l"
    ):
        arrays.names("f", ["a"], ["a"])
    for state in ({"a": 1}, {"a": 1, "b": 2, "z": 3}):
        lacks, has = ["b"] * ("b" not in state), ["z"] * ("z" in state)
        with pytest.raises(ValueError) as caught:
            arrays.names("f", ["a", "b"], state)
        assert f"['a', 'b'], got a state that lacks {lacks} and has {has} b" in str(
            caught.value
        )


def test_a_state_is_taken_over_as_a_whole_or_not_at_all():
    a, b = np.zeros(2, np.float32), np.zeros((1, 2))
    arrays.load_arrays("f", {"a": a, "b": b}, {"b": [[3, 4]], "a": [1, 2]})
    assert (a.tolist(), b.tolist()) == ([1, 2], [[3, 4]])
    with pytest.raises(
        ValueError, match=r"^f: expected 'b' of shape \(1, 2\), got \(2,\)"
    ):
        arrays.load_arrays("f", {"a": a, "b": b}, {"a": [7, 7], "b": [7, 7]})
    assert a.tolist() == [1, 2]
    c = np.array([8.0, 9.0])
    arrays.load_arrays("f", {"a": a, "c": c}, {"a": c, "c": a})  # swapped
    assert (a.tolist(), c.tolist()) == ([8, 9], [1, 2])
    with pytest.raises(
        ValueError, match=r"^f: expected parameters that can be written"
    ):
        arrays.load_arrays("f", {"a": frozen(a)}, {"a": [0, 0]})


def test_parameters_are_written_to_all_or_none():
    arrays.writable("f", [])
    arrays.writable("f", [np.ones(2), np.ones(3)])
    with pytest.raises(ValueError, match=r"one in read-only .*copy\.deepcopy\(model\)"):
        arrays.writable("f", [np.ones(2), frozen(np.ones(3))])


def test_an_optimizer_holds_at_least_one():
    first, second = Parameter([1.0]), Parameter([2.0])
    optimizer = SGD([first], lr=0.1)
    arrays.holds_some("f", optimizer, [second, first])
    with pytest.raises(ValueError, match=r"^f: .* that holds none of them; write SGD"):
        arrays.holds_some("f", optimizer, [second])


def test_all_are_finite_though_their_squares_are_not():
    assert arrays.all_finite([]) and arrays.all_finite([np.full(3, 1e300), np.ones(2)])
    for wrong in (np.nan, np.inf, -np.inf):
        assert not arrays.all_finite([np.ones(2), np.array([1e300, wrong])])
