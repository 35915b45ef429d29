"""python -m mlp grade: marks for students' code."""

from __future__ import annotations

import argparse
from typing import Any


def add_to(subparsers: Any) -> None:
    """Declare the command and its arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "grade",
        help="mark the code that students have written",
        description="Run each file in its own process, and mark the classes and "
        "functions of the exercises. The process has limits against accidents, but it "
        "is not a sandbox: docs/teaching.md says how to run it in a container.",
    )
    parser.add_argument("files", nargs="+", metavar="file", help="a student's file")
    parser.add_argument(
        "--exercise",
        required=True,
        help="names separated by commas: linear, relu, sigmoid, "
        "softmax_cross_entropy, sgd, loop",
    )
    parser.add_argument(
        "--time",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how long the file, and then each exercise, may run (default: 10)",
    )
    parser.add_argument(
        "--format",
        choices=("table", "gradescope", "json", "csv"),
        default="table",
        help="write a table, Gradescope's results.json, JSON, or CSV with a line for "
        "each file (default: table)",
    )
    parser.add_argument(
        "--hints",
        choices=("none", "some", "all"),
        default="all",
        help="what to write besides the marks: nothing, which check failed, or what is "
        "wrong (default: all)",
    )
    parser.add_argument("--out", metavar="FILE", help="a file for the marks")


def run(arguments: argparse.Namespace) -> int:
    """Mark each file, and print the marks or write them to a file."""
    import sys
    from pathlib import Path

    from mlp._shared.printing import printable
    from mlp.worksheets.grading import grade
    from mlp.worksheets.reports import FORMATS

    if arguments.format == "gradescope" and len(arguments.files) > 1:
        raise ValueError(
            f"expected one file for Gradescope's results.json, got "
            f"{len(arguments.files)}; use --format csv or json"
        )
    graded = []
    for i, file in enumerate(arguments.files, start=1):
        if len(arguments.files) > 1:
            count = f"{i} of {len(arguments.files)}: {file}"
            print(printable(count, sys.stderr), file=sys.stderr)
        graded.append(grade(file, arguments.exercise, seconds=arguments.time))
    text = FORMATS[arguments.format](graded, arguments.hints)
    if arguments.out is None:
        print(printable(text), end="")
    else:
        out = Path(arguments.out)
        out.write_text(text, encoding="utf-8", errors="backslashreplace")
    return 0
