"""The exercises in code, and their checks.

An exercise is a class or a function that a student writes, with the same
name as in the library. Each check tests one property, is worth points, and
says in a sentence what is wrong. An exercise is worth 10 points. This
module runs the checks; grading.py runs it in a separate process.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mlp.worksheets import contracts, layer_checks, training_checks
from mlp.worksheets.comparing import Check, sentence_of_error


class Result(NamedTuple):
    """The result of a check; sentence is "" if the check was passed."""

    exercise: str
    check: str
    score: int
    maximum: int
    sentence: str


class Exercise(NamedTuple):
    """The name of what a student writes, and its checks."""

    target: str
    checks: tuple[Check, ...]


# Code that does nothing passes these checks.
_EXTRAS = ("dtype", "modes", "arguments unchanged", "gradients unchanged")


def names_of(text: str | Sequence[str]) -> list[str]:
    """Return the names of the exercises in a text such as "linear,relu".

    Raises
    ------
    ValueError
        If a name is unknown, or given twice.
    """
    given = text.split(",") if isinstance(text, str) else list(text)
    names = [name.strip() for name in given]
    for name in names:
        if name not in EXERCISES or names.count(name) > 1:
            raise ValueError(
                f"exercise: expected names out of {', '.join(EXERCISES)}, each once, "
                f"got {name!r}"
            )
    return names


def run(
    exercise: str, namespace: Mapping[str, Any], file: str = ""
) -> Iterator[Result]:
    """Yield the result of each check of an exercise.

    Parameters
    ----------
    exercise : str
        One of EXERCISES.
    namespace : mapping of str to object
        The names that the student's file defines.
    file : str
        The path of this file. An error is reported with its line.
    """
    target, checks = EXERCISES[exercise]
    earned = 0
    for check in checks:
        if target in namespace:
            sentence = _sentence_of(check, namespace[target], file)
        else:
            sentence = f"there is no {target} in the file"
        if not sentence and not earned and check.name in _EXTRAS:
            sentence = "it counts when something else is right"
        score = 0 if sentence else check.points
        earned += score
        yield Result(exercise, check.name, score, check.points, sentence)


def _sentence_of(check: Check, subject: Any, file: str) -> str:
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return check.run(subject)
    except contracts.Refused as error:
        return str(error)
    except BaseException as error:  # a student's code may raise anything
        return sentence_of_error(error, file)


EXERCISES = {
    "linear": Exercise("Linear", layer_checks.LINEAR),
    "relu": Exercise("ReLU", layer_checks.RELU),
    "sigmoid": Exercise("Sigmoid", layer_checks.SIGMOID),
    "softmax_cross_entropy": Exercise(
        "CrossEntropyLoss", training_checks.CROSS_ENTROPY
    ),
    "sgd": Exercise("SGD", training_checks.STEPS),
    "loop": Exercise("train_step", training_checks.LOOP),
}
"""Each exercise by its name."""
