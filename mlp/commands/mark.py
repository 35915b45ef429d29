"""python -m mlp mark: marks for the worksheets of a class."""

from __future__ import annotations

import argparse
from typing import Any


def add_to(subparsers: Any) -> None:
    """Declare the command and its arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "mark",
        help="mark the answers to the sheets that worksheet wrote",
        description="Mark answers/ID.json for each sheet that the command worksheet "
        "wrote. It prints the marks as CSV, and a summary of the wrong answers to "
        "standard error. With --out it writes the marks to a file, and prints the "
        "summary to standard output.",
    )
    parser.add_argument("sheets", help="the folder that worksheet wrote")
    parser.add_argument("answers", help="a folder with ID.json for each student")
    parser.add_argument("--out", help="a file for the marks")
    parser.add_argument(
        "--feedback", help="a folder for ID.txt, the feedback for each student"
    )
    parser.add_argument(
        "--hints",
        choices=("none", "some", "all"),
        default="some",
        help="what the feedback says of a wrong answer: nothing, where to look, or "
        "which mistake it is (default: some)",
    )
    parser.add_argument(
        "--layout",
        choices=("numerator", "denominator"),
        help="the only layout in which answers get their marks (default: both)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Mark, and write the marks, the summary and the feedback."""
    import csv
    import io
    import sys
    from pathlib import Path

    from mlp._shared.printing import printable
    from mlp.commands.worksheet import net_and_loss
    from mlp.worksheets.classroom import Class

    marked = Class(
        Path(arguments.sheets),
        Path(arguments.answers),
        net_and_loss,
        arguments.layout,
        arguments.hints,
    )
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(marked.to_csv())
    if arguments.feedback is not None:
        folder = Path(arguments.feedback)
        folder.mkdir(parents=True, exist_ok=True)
        for student, marks, note in marked.marked:
            text = f"{student.name}, {student.id}\n{marks or note}\n"
            path = folder / f"{student.id}.txt"
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
    if arguments.out is None:
        print(printable(table.getvalue()), end="")
        print(printable(marked.page(), sys.stderr), file=sys.stderr)
    else:
        Path(arguments.out).write_text(table.getvalue(), encoding="utf-8")
        print(printable(marked.page()))
    return 0
