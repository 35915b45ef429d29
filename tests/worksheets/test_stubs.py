"""Stubs: they run, are worth nothing, tell what is to be written, and no answer."""

import inspect
import re

import pytest
from submissions import classes, results

import mlp
from mlp.worksheets import exercises
from mlp.worksheets.stubs import stub

TEXT = stub(",".join(exercises.EXERCISES))
TARGETS = [e.target for e in exercises.EXERCISES.values()]
STUBS = {name: classes(TEXT)[name] for name in TARGETS}


def test_a_stub_runs_and_is_worth_nothing():
    for exercise, e in exercises.EXERCISES.items():
        found = results(exercise, TEXT)
        assert sum(r.score for r in found) == 0
        assert any(r.sentence == "it is not written yet" for r in found)
        assert e.target in stub(exercise)


def test_a_stub_gives_no_answer_away():
    for answer in ("Derivation", ">>>", "grad_outputᵀ", "p − y", "y ⊙", "1. forward"):
        assert answer not in TEXT
    assert "y = x Wᵀ + b" in TEXT and "(N, in_features)" in TEXT
    assert 'The loss on this batch, before the step.\n    """' in TEXT


def methods(subject):
    """Return the functions of a class by name, or a function alone."""
    if inspect.isfunction(subject):
        return {"": subject}
    return {k: f for k, f in vars(subject).items() if inspect.isfunction(f)}


@pytest.mark.parametrize("name", TARGETS)
def test_a_stub_has_the_first_line_and_the_arguments_of_the_librarys_own(name):
    ours, stubbed = getattr(mlp, name), STUBS[name]
    assert first(stubbed) == first(ours)
    for key, method in methods(stubbed).items():
        all_of_them = inspect.signature(getattr(ours, key) if key else ours).parameters
        some = [*inspect.signature(method).parameters]
        assert some == [argument for argument in all_of_them if argument in some]


def first(subject):
    return inspect.getdoc(subject).split("\n")[0]


SAYS = {  # where the first line of the contract would say too much
    ("Linear", "__init__"): "Make the parameters.",
    ("ReLU", "backward"): "Return ∂ℓ/∂x, given ∂ℓ/∂y.",
    ("Sigmoid", "backward"): "Return ∂ℓ/∂x, given ∂ℓ/∂y.",
}


@pytest.mark.parametrize("name", TARGETS)
def test_each_body_says_what_it_is_for_and_is_a_hole(name):
    for key, method in methods(STUBS[name]).items():
        if key:
            base = getattr(STUBS[name].__base__, key)
            assert inspect.getdoc(method) == SAYS.get((name, key), first(base))
        with pytest.raises(NotImplementedError, match="your code here"):
            method(**dict.fromkeys(inspect.signature(method).parameters))
    layer = ["forward", "backward"]
    written = {"Linear": ["__init__", *layer], "SGD": ["update"], "train_step": [""]}
    assert [*methods(STUBS[name])] == written.get(name, layer)


@pytest.mark.parametrize(
    ("names", "imported"),
    [
        ("linear", "Layer, Parameter"),
        (["sigmoid", "softmax_cross_entropy"], "Layer, Loss"),
        ("sgd,relu", "Layer, Optimizer"),
        ("loop", None),
    ],
)
def test_a_stub_imports_what_it_needs_and_says_how_to_see_the_marks(names, imported):
    text, listed = stub(names), names if isinstance(names, str) else ",".join(names)
    assert f"    python -m mlp grade FILE --exercise {listed}\n" in text
    assert re.findall("(?m)^from mlp import (.*)", text) == [imported] * (
        imported is not None
    )
    targets = [exercises.EXERCISES[name].target for name in listed.split(",")]
    assert re.findall(r"(?m)^(?:class|def) (\w+)", text) == targets


# What the docstring of each tells of, by hand.
TOLD = {
    "Linear": {
        "Parameters": "in_features out_features rng",
        "Attributes": "in_features out_features weight bias",
        "Shapes": "x grad_input y grad_output",
    },
    "ReLU": {"Shapes": "x y grad_output grad_input"},
    "Sigmoid": {"Shapes": "x y grad_output grad_input"},
    "CrossEntropyLoss": {"Shapes": "prediction and what backward returns target"},
    "SGD": {"Parameters": "parameters lr", "Attributes": "lr"},
    "train_step": {"Parameters": "model criterion optimizer x y", "Returns": "float"},
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_stub_tells_of_what_it_has_and_of_nothing_else(name):
    _, *parts = re.split(r"(\w+)\n-+\n", inspect.getdoc(STUBS[name]))
    told = {
        title: " ".join(re.findall(r"(?m)^\w.*?(?= :|$)", body)).replace(",", "")
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    }
    assert told == TOLD[name]
