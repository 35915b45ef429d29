"""python -m mlp worksheet: homework for a class."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mlp.commands.derive import LOSSES, net_of

if TYPE_CHECKING:
    from mlp.core import Layer, Loss


def add_to(subparsers: Any) -> None:
    """Declare the command and its arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "worksheet",
        help="write a worksheet, its solution and its key for each student",
        description="Write a worksheet on a net for each student in a table. Each "
        "student gets other numbers. The files are sheets/ID.md, .tex and .html, the "
        "same in solutions/, and keys/ID.json, which the command mark reads. Give "
        "students only the files in sheets/.",
    )
    parser.add_argument("--net", required=True, help="as for derive: 3-4r-2i")
    parser.add_argument("--loss", choices=LOSSES, default="mse", help="default: mse")
    parser.add_argument(
        "--students", required=True, help="a CSV file with the columns id and name"
    )
    parser.add_argument("--out", required=True, help="a new folder")
    parser.add_argument(
        "--secret",
        help="the numbers depend on this text and on each id: the same secret gives "
        "the same sheets (default: a random text)",
    )
    parser.add_argument(
        "--layout", choices=("numerator", "denominator"), default="numerator"
    )
    parser.add_argument(
        "--questions",
        default="all",
        help="all, or some of steps,forward,gradients,jacobians,numbers,mistakes",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the files, and print what was written."""
    import secrets
    from pathlib import Path

    from mlp._shared.printing import printable
    from mlp.worksheets.classroom import read_students, write_class

    if arguments.secret == "":
        raise ValueError("worksheet: expected a secret, got an empty one")
    students = read_students(Path(arguments.students))
    secret = arguments.secret or secrets.token_hex(16)
    out = Path(arguments.out)
    write_class(
        students,
        out,
        arguments.net,
        arguments.loss,
        net_and_loss,
        secret,
        arguments.layout,
        [name.strip() for name in arguments.questions.split(",")],
    )
    print(printable(f"{len(students)} sheets in {out / 'sheets'}"))
    if arguments.secret is None:
        print(f"to make the same ones again: --secret {secret}")
    return 0


def net_and_loss(net: str, loss: str) -> tuple[Layer, Loss]:
    """Return the net and the loss that the command line names."""
    from mlp import losses

    if loss not in LOSSES:
        raise ValueError(f"expected a loss of {', '.join(LOSSES)}, got {loss!r}")
    return net_of(net), getattr(losses, LOSSES[loss])()
