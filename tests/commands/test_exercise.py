"""exercise on the command line: the stubs are printed, as Python reads them."""

import io
import sys

import pytest
from terminal import ran, refused

from mlp.worksheets.stubs import stub


def test_it_prints_the_stubs(capsys):
    assert ran(capsys, "exercise", "relu,loop") == (0, stub("relu,loop"), "")


@pytest.mark.parametrize("names", ["conv", "relu,", "relu relu", ""])
def test_it_refuses_what_is_no_exercise(names, capsys):
    assert "python -m mlp exercise: expected" in refused(capsys, "exercise", names)


def test_a_file_of_stubs_is_utf_8_whatever_the_terminal_has(capsys, monkeypatch):
    """It is source code, and θ and ∂ in it are no errors and no other signs."""
    file = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(file, encoding="ascii"))
    assert ran(capsys, "exercise", "sgd")[0] == 0
    text = file.getvalue().decode("utf-8")
    assert text == stub("sgd") and not text.isascii()


def test_a_stream_without_an_encoding_takes_it(capsys, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    assert ran(capsys, "exercise", "relu")[0] == 0
    assert stream.getvalue() == stub("relu")
