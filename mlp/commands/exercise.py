"""python -m mlp exercise: stubs to be filled in."""

from __future__ import annotations

import argparse
from typing import Any


def add_to(subparsers: Any) -> None:
    """Declare the command and its arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "exercise",
        help="print stubs of the library's classes, to be filled in",
        description="Print a Python file with a class or function for each exercise: "
        "the docstring says what it has to do, and the body is a hole. The command "
        "grade marks what comes back.",
    )
    parser.add_argument(
        "exercises",
        help="names with commas between them: linear, relu, sigmoid, "
        "softmax_cross_entropy, sgd, loop",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the stubs."""
    import sys

    from mlp.worksheets.stubs import stub

    text = stub(arguments.exercises)
    if hasattr(sys.stdout, "reconfigure"):  # source code, which Python reads as UTF-8
        sys.stdout.reconfigure(encoding="utf-8")
    print(text, end="")
    return 0
