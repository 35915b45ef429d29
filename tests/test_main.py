"""The frame of the command line: errors, exit codes, pipes."""

import argparse
import io
import subprocess
import sys
from importlib import import_module

import pytest
from terminal import refused

from mlp.__main__ import _open_closed_streams, main
from mlp.commands import NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_command_has_the_frame_s_two_functions_and_help(name, capsys):
    command = import_module(f"mlp.commands.{name}")
    assert callable(command.add_to) and callable(command.run)
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m mlp {name}")


def test_wrong_arguments_are_one_sentence(capsys):
    assert "arguments are required: command" in refused(capsys)
    assert "invalid choice: 'nonsense'" in refused(capsys, "nonsense")
    assert "see python -m mlp derive --help" in refused(capsys, "derive")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("expected a,\ngot b"), "expected a, got b"),
        (FileNotFoundError(2, "No such file", "a.csv"), "a.csv: No such file"),
        (OSError(2, "read_csv: a.csv: cannot be read", "a.csv"), "read_csv: a.csv: c"),
        (ImportError("pip install '.[sklearn]'"), "pip install '.[sklearn]'"),
    ],
)
def test_an_error_of_a_command_is_one_sentence(error, sentence, capsys, monkeypatch):
    def run(arguments):
        raise error

    monkeypatch.setattr("mlp.commands.derive.run", run)
    assert f"python -m mlp derive: {sentence}" in refused(capsys, "derive", "1-1")


def test_a_mistake_of_the_library_is_shown_whole(monkeypatch):
    monkeypatch.setattr("mlp.commands.derive.run", lambda arguments: 1 + "")
    with pytest.raises(TypeError):
        main(["derive", "1-1"])


def test_ctrl_c_has_its_own_exit_code(capsys, monkeypatch):
    def run(arguments: argparse.Namespace):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlp.commands.derive.run", run)
    assert main(["derive", "1-1"]) == 130
    assert capsys.readouterr() == ("", "python -m mlp derive: interrupted\n")


def test_errors_are_readable_in_ascii(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", stream)
    assert main(["derive", "3→4"]) == 2
    stream.seek(0)
    assert "got '->4'" in stream.read()


def test_a_stream_that_is_closed_at_the_start_takes_all(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    _open_closed_streams()
    assert main(["derive", "3-4"]) == 0 and main(["derive", "3x"]) == 2
    sys.stdout.close()
    sys.stderr.close()


def test_help_waits_for_nothing_heavy_and_a_reader_may_leave():
    code = (
        "import sys\nfrom mlp.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    command = [sys.executable, "-u", "-m", "mlp", "derive", "3-4r-2i"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()  # before there is anything to read
        assert process.stderr.read() == b""
    assert process.returncode == 141
