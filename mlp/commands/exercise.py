"""python -m mlp exercise: code for students to write."""

from __future__ import annotations

import argparse
from typing import Any


def add_to(subparsers: Any) -> None:
    """Declare the command and its arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "exercise",
        help="print classes of the library without their code, for students to write",
        description="Print a Python file with a class or function for each exercise. "
        "Its docstring says what it has to do, and students write the code. The "
        "command grade marks their files.",
    )
    parser.add_argument(
        "exercises",
        help="names separated by commas: linear, relu, sigmoid, "
        "softmax_cross_entropy, sgd, loop",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the stubs."""
    import sys

    from mlp.worksheets.stubs import stub

    text = stub(arguments.exercises)
    if hasattr(sys.stdout, "reconfigure"):  # Python reads source code as UTF-8
        sys.stdout.reconfigure(encoding="utf-8")
    print(text, end="")
    return 0
