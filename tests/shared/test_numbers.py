"""Numbers, flags and words that are taken, and the sentence for each that is not."""

import math
import types
from fractions import Fraction

import numpy as np
import pytest

from mlp import SGD
from mlp._shared import numbers


@pytest.mark.parametrize("value", [3, np.int32(3), np.array(3)])
def test_a_positive_int_is_an_int(value):
    number = numbers.positive_int("f", "n", value)
    assert (number, type(number)) == (3, int)
    assert numbers.positive_int("f", "n", 1) == 1


@pytest.mark.parametrize(
    ("value", "error", "sentence"),
    [
        (0, ValueError, r"^f: expected n of at least 1, got 0$"),
        (np.int8(-2), ValueError, "of at least 1, got -2"),
        (True, TypeError, r"^f: expected n to be an int, got True$"),
        (np.True_, TypeError, "n to be an int"),
        (2.0, TypeError, r"n to be an int, got 2\.0"),
        ("2", TypeError, "n to be an int, got '2'"),
        (None, TypeError, "n to be an int, got None"),
        (np.ones(2, int), TypeError, "n to be an int"),
    ],
)
def test_what_is_no_positive_int_is_refused(value, error, sentence):
    with pytest.raises(error, match=sentence):
        numbers.positive_int("f", "n", value)


@pytest.mark.parametrize(
    "value",
    [1, 1.0, np.float32(1), np.float64(1), np.int8(1), Fraction(1), np.ones(())],
)
def test_a_number_is_a_float_that_widens_no_array(value):
    number = numbers.number("f", "x", value)
    assert (number, type(number)) == (1, float)
    assert (number * np.ones(2, np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("value", "bounds", "sentence"),
    [
        (0, {"above": 0}, "f: expected x above 0 and finite, got 0"),
        (math.inf, {"above": 0}, "f: expected x above 0 and finite, got inf"),
        (-0.1, {"least": 0}, "f: expected x of at least 0 and finite, got -0.1"),
        (1, {"least": 0, "below": 1}, "f: expected x of at least 0 and below 1, got 1"),
        (0, {"above": 0, "below": 1}, "f: expected x above 0 and below 1, got 0"),
        (
            2,
            {"least": 0, "most": 1},
            "f: expected x of at least 0 and at most 1, got 2",
        ),
        (math.nan, {"least": 0}, "f: expected x of at least 0 and finite, got nan"),
        (10**400, {"above": 0}, f"f: expected x above 0 and finite, got {10**400}"),
    ],
)
def test_a_number_beyond_its_bounds_is_told_them(value, bounds, sentence):
    with pytest.raises(ValueError) as caught:
        numbers.number("f", "x", value, **bounds)
    assert str(caught.value) == sentence


def test_bounds_that_may_be_reached_are_taken():
    for value in (0, 1):
        assert numbers.number("f", "x", value, least=0, most=1) == value


@pytest.mark.parametrize("value", [True, np.False_, "1", None, 1j, [1.0], np.ones(1)])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match="^f: expected x to be a number, got "):
        numbers.number("f", "x", value)


def test_a_whole_number_is_an_int_of_at_least_0():
    for value in (0, 7, 7.0, np.float32(7)):
        number = numbers.whole_number("f", "n", value)
        assert (number, type(number)) == (int(value), int)
    for value in (-1, 1.5, math.inf):
        with pytest.raises(ValueError, match=f"^f: expected n .*, got {value}"):
            numbers.whole_number("f", "n", value)


def test_a_real_number_may_be_any():
    for value in (math.inf, np.float32(-2), 3, np.array(0.5)):
        number = numbers.real_number("f", "x", value)
        assert (number, type(number)) == (value, float)
    assert math.isnan(numbers.real_number("f", "x", np.nan))
    for value in ("1", None, 1j, np.ones(1)):
        with pytest.raises(TypeError, match="^f: expected x to be a number, got "):
            numbers.real_number("f", "x", value)


def test_a_flag_is_true_or_false_and_no_number():
    for value in (True, np.True_, np.array(True)):
        assert numbers.flag("f", "b", value) is True
    assert numbers.flag("f", "b", np.False_) is False
    for value in (0, 1, "yes", None, np.array([True])):
        with pytest.raises(TypeError, match="^f: expected b to be True or False, got "):
            numbers.flag("f", "b", value)


def test_a_word_is_one_of_those_known():
    assert numbers.one_of("f", "mode", "sum", ("mean", "sum")) == "sum"
    for value in ("Sum", "", None, ["sum"]):
        with pytest.raises(ValueError) as caught:
            numbers.one_of("f", "mode", value, ("mean", "sum"))
        assert str(caught.value) == (
            f"f: expected mode to be one of 'mean', 'sum', got {value!r}"
        )


def test_a_layer_takes_what_the_one_below_gives():
    numbers.fits("f", "layer 1", 4, "layer 0", 4)
    with pytest.raises(ValueError, match="layer 1 to take the 3 features that layer 0"):
        numbers.fits("f", "layer 1", 4, "layer 0", 3)


def test_an_instance_is_of_a_class_or_of_one_in_a_union():
    numbers.instance("f", "x", 3, int)
    numbers.instance("f", "x", True, int)
    numbers.instance("f", "x", None, SGD | None)
    for kind in (SGD, SGD | None):
        with pytest.raises(TypeError, match=r"^f: expected x to be of SGD, got 3$"):
            numbers.instance("f", "x", 3, kind)
        with pytest.raises(TypeError, match=r"got <class .*SGD'>; make one, SGD\(…\)$"):
            numbers.instance("f", "x", SGD, kind)
    with pytest.raises(TypeError, match=r"got <class 'int'>$"):
        numbers.instance("f", "x", int, SGD)


def test_a_function_can_be_called():
    numbers.function("f", "init", len)
    with pytest.raises(TypeError, match=r"^f: expected init to be a function, got 3$"):
        numbers.function("f", "init", 3)


def test_a_dtype_is_one_of_two():
    for dtype in (np.float32, "float32", "f4", np.dtype(np.float32)):
        assert numbers.float_dtype("f", dtype) == np.float32
    assert numbers.float_dtype("f", float) == np.float64
    for dtype in ("float16", int, np.longdouble, "word", 3, ">f4", "f4,", ("f4", 2)):
        with pytest.raises(
            TypeError, match="^f: expected dtype float64 or float32, got"
        ):
            numbers.float_dtype("f", dtype)


def test_a_generator_is_made_of_a_seed_and_one_that_is_given_goes_on():
    rng = np.random.default_rng(3)
    assert numbers.generator("f", rng) is rng
    for seed in (0, np.int64(7), 2**70):
        drawn = numbers.generator("f", seed).random()
        assert drawn == np.random.default_rng(seed).random()
    assert (
        numbers.generator("f", None).random() != numbers.generator("f", None).random()
    )
    for wrong in (True, np.False_, 1.0, "1", np.random.RandomState(0), [1]):
        with pytest.raises(
            TypeError, match="^f: expected rng to be an int, a np.random"
        ):
            numbers.generator("f", wrong)
    for seed in (-1, np.int8(-1)):
        with pytest.raises(ValueError, match=r"seed of at least 0, got rng=-1$"):
            numbers.generator("f", seed)


def test_a_warning_names_the_first_line_outside_the_package():
    """Levels are counted from who asks: 1 for a caller's own line."""

    def function(name, source, **given):
        module = types.ModuleType(name)
        vars(module).update(given)
        exec(f"def f(): return {source}", vars(module))
        return module.f

    asked = numbers.stacklevel_outside
    assert asked() == 1
    inner = function("mlp.core.some", "asked()", asked=asked)
    assert inner() == 2
    outer = function("mlp", "inner()", inner=inner)
    assert outer() == 3
    assert function("mlpx", "inner()", inner=inner)() == 2  # of another package
    whole = function("mlp", "all_of(inner)", inner=inner, all_of=lambda f: f())
    assert whole() == 2
