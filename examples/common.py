"""What all example scripts need: options, tables, output and errors.

The scripts themselves hold what is worth reading, the net and the five steps.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from mlp import Dataset
from mlp._shared.printing import printable
from mlp.data import read_csv

Array: TypeAlias = npt.NDArray[Any]

MIN_ROWS = 8  # so that two are held out, and a held-out result means something


class _Signs:
    """A stream that is given ASCII for the signs that it cannot write."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(printable(text, self._stream))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def script(main: Callable[[Sequence[str] | None], None]) -> Callable[..., None]:
    """Return main, which then prints on any stream, and ends quietly with a pipe.

    A script in `script | head -1` finds its output closed. It then leaves with
    exit code 1 and no traceback, as Python's page on the module signal says.
    """

    @wraps(main)
    def run(argv: Sequence[str] | None = None) -> None:
        output = sys.stdout
        if output is None:  # closed before the start: print does nothing
            return main(argv)
        try:
            with redirect_stdout(cast(TextIO, _Signs(output))):
                try:
                    main(argv)
                finally:
                    output.flush()
        except BrokenPipeError:
            # Python flushes stdout once more at its end; nowhere is still open
            os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
            sys.exit(1)

    return run


class Parser(argparse.ArgumentParser):
    """argparse's parser, described by the first line of a script's docstring."""

    def __init__(self, docstring: str | None) -> None:
        super().__init__(description=(docstring or "").partition("\n")[0])

    def error(self, message: str) -> NoReturn:
        """Print usage and one sentence on stderr, and leave with exit code 2."""
        super().error(printable(message, sys.stderr))


def whole_number(least: int, most: int = 10**9) -> Callable[[str], int]:
    """Return argparse's type of an int from least to most."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"expected a whole number, got {text!r}"
            ) from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"expected at least {least} and at most {most}, got {value}"
            )
        return value

    return number


def learning_rate(text: str) -> float:
    """Return a finite float above 0; argparse's type of --lr."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value > 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(
            f"expected a finite number above 0, got {text!r}"
        )
    return value


def readable(text: str) -> str:
    """Return the path of a file, and of no folder or device; a type of argparse's.

    /dev/zero never ends. A file that is missing is refused where it is read.
    """
    if os.path.exists(text) and not os.path.isfile(text):
        raise argparse.ArgumentTypeError(f"expected a regular file, got {text!r}")
    return text


def picture(text: str) -> Path:
    """Return the path of a picture that can be written; a type of argparse's."""
    path, endings = Path(text), (".png", ".pdf", ".svg")
    if path.suffix.lower() not in endings:
        raise argparse.ArgumentTypeError(
            f"expected a file name that ends in {', '.join(endings)}, got {text!r}"
        )
    place = path if os.path.exists(path) else path.parent
    if os.path.isdir(path) or not os.access(place, os.W_OK):
        raise argparse.ArgumentTypeError(
            f"expected a file that can be written, in a folder that exists, got "
            f"{text!r}"
        )
    return path


def make_parser(
    docstring: str | None,
    *,
    epochs: int,
    lr: float,
    batch_size: int,
    hidden: int,
    most_hidden: int = 10_000,
    own_table: bool = False,
) -> Parser:
    """Return a parser of the options that all examples take, with these defaults."""
    parser = Parser(docstring)
    for name, kind, default, meaning in (
        ("--epochs", whole_number(1), epochs, "passes over the training rows"),
        ("--lr", learning_rate, lr, "learning rate"),
        ("--batch-size", whole_number(1), batch_size, "rows in a step"),
        ("--hidden", whole_number(1, most_hidden), hidden, "hidden units"),
        ("--seed", whole_number(0), 0, "of the split, the weights and the batches"),
    ):
        help_text = f"{meaning} (default: {default})"
        parser.add_argument(name, type=kind, default=default, help=help_text)
    if own_table:
        parser.add_argument(
            "--csv",
            metavar="FILE",
            type=readable,
            help="train on this table: names, then numbers",
        )
        parser.add_argument(
            "--target", metavar="COLUMN", help="the column of FILE to predict"
        )
    return parser


def is_divergence(error: Exception) -> bool:
    """Return whether an error says that the numbers grew out of range.

    NumPy 2.0 finds no overflow in dot, so there the loss is the first to see it.
    """
    return isinstance(error, FloatingPointError) or "try a smaller lr" in str(error)


@contextmanager
def errors_as_sentences(parser: Parser) -> Iterator[None]:
    """Turn what is wrong with the user's options or file into exit code 2."""
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            yield
    except (FloatingPointError, ValueError) as error:
        if not is_divergence(error):
            raise
        parser.error(
            f"the numbers grew out of range ({error}); try a smaller --lr, or a table "
            f"without such large numbers"
        )
    except MemoryError as error:
        parser.error(f"{error}; try a smaller --hidden")
    except ImportError as error:  # of an extra
        parser.error(str(error))


def load(
    parser: Parser,
    args: argparse.Namespace,
    default: Callable[[], Dataset],
) -> Dataset:
    """Return the reader's own table if --csv is given, else the default one."""
    if (args.csv is None) != (args.target is None):
        parser.error("--csv FILE and --target COLUMN go together, got one of them")
    if args.csv is None:
        return default()
    try:
        data = read_csv(args.csv, args.target)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if len(data.x) < MIN_ROWS:
        parser.error(
            f"{args.csv}: expected at least {MIN_ROWS} rows of numbers to split, got "
            f"{len(data.x)}"
        )
    return data


def print_data(data: Dataset, n_train: int, n_test: int) -> None:
    """Print what the data is, where it is from, and how it was split."""
    rows, features = data.x.shape
    print(f"data      {rows} rows, {features} features: {listed(data.feature_names)}")
    print(f"target    {listed(data.target_names)}")
    print(f"source    {data.source}")
    print(f"split     {n_train} rows to train on, {n_test} held out")
    print()


def listed(names: tuple[str, ...], most: int = 5) -> str:
    """Return the names with commas, the first of them if they are many."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def print_epoch(epoch: int, epochs: int, name: str, loss: float) -> None:
    """Print the loss of the first epoch and of each tenth of the run."""
    if not math.isfinite(loss):
        raise FloatingPointError(f"the loss is {loss}")
    if epoch in {1, *(-(-epochs * tenth // 10) for tenth in range(1, 11))}:
        print(f"epoch {epoch:>4}/{epochs}   {name} {loss:.5f}")


def confusion_matrix(truth: Array, guess: Array, names: tuple[str, ...]) -> str:
    """Return a table of how often each class (row) was taken for each (column)."""
    width = max(6, *(len(name) + 2 for name in names))
    lines = [" " * 12 + "".join(f"{name:>{width}}" for name in names)]
    for i, name in enumerate(names):
        counts = [np.sum((truth == i) & (guess == j)) for j in range(len(names))]
        lines.append(f"{name:<12}" + "".join(f"{n:>{width}}" for n in counts))
    return "\n".join(lines)
