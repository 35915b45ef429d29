"""Commands, run as in a terminal."""

import re

from mlp.__main__ import main

# An argument as Python has it, missing='drop', of which no command speaks.
PYTHON_S = re.compile(r"\w=['\[]")


def ran(capsys, *arguments):
    """Return a command's exit code, standard output and standard error."""
    capsys.readouterr()
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code
    return code, *capsys.readouterr()


def refused(capsys, *arguments):
    """Return the one sentence with which a command refuses its arguments."""
    code, out, err = ran(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.endswith("\n") and err.count("\n") == 1
    return err
