"""python -m mlp: the commands of mlp.commands, collected.

An error is one sentence on standard error, and the exit code 2. Results go
to standard output, so that they can be piped; progress to standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from mlp._shared.printing import printable
from mlp.commands import NAMES

_REFUSED = 2
_INTERRUPTED = 130  # what a shell says of a program that Ctrl-C has ended
_READER_GONE = 141  # and of one that writes into a pipe that nobody reads
# What the library raises for a wrong argument, file or table, or an extra that is
# not installed. Any other exception is a mistake of its own, and is shown whole.
_ERRORS = (
    ValueError,
    OSError,
    ArithmeticError,
    ImportError,
    MemoryError,
    NotImplementedError,
)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments, and exit."""
        _complain(self.prog, f"{message}; see {self.prog} --help")
        self.exit(_REFUSED)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in argv, sys.argv[1:] unless given; return its exit code.

    Raises
    ------
    SystemExit
        If argv cannot be parsed, or asks for help.
    """
    parser = Parser(
        prog="python -m mlp", description="Multilayer perceptrons, from a terminal."
    )
    subparsers = parser.add_subparsers(
        dest="command", metavar="command", title="commands", required=True
    )
    commands = {name: import_module(f"mlp.commands.{name}") for name in NAMES}
    for command in commands.values():
        command.add_to(subparsers)
    arguments = parser.parse_args(argv)
    try:
        code: int = commands[arguments.command].run(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader, as head, has all that it wanted
        _leave_standard_output()
        return _READER_GONE
    except KeyboardInterrupt:
        _complain(f"{parser.prog} {arguments.command}", "interrupted")
        return _INTERRUPTED
    except _ERRORS as error:
        sentence = _sentence(error).removeprefix(f"{arguments.command}: ")
        _complain(f"{parser.prog} {arguments.command}", sentence)
        return _REFUSED


def _sentence(error: Exception) -> str:
    """Return what an error says, in one line."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
        if error.filename is not None and str(error.filename) not in text:
            text = f"{error.filename}: {text}"
    if isinstance(error, UnicodeEncodeError):
        text = (
            f"expected standard output to have the sign {error.object[error.start]!r}, "
            f"got one in {error.encoding}; set PYTHONIOENCODING=utf-8"
        )
    return " ".join(text.splitlines())


def _complain(who: str, sentence: str) -> None:
    print(printable(f"{who}: {sentence}", sys.stderr), file=sys.stderr)


def _leave_standard_output() -> None:
    """Let Python's own flush at its end go nowhere, instead of failing again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _open_closed_streams() -> None:
    """Let what is written go nowhere if the program was started without a stream."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))


if __name__ == "__main__":
    _open_closed_streams()
    sys.exit(main())
