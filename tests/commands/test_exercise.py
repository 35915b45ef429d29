"""exercise on the command line: the stubs are printed."""

from mlp.__main__ import main


def test_it_prints_stubs_and_refuses_what_is_no_exercise(capsys):
    assert main(["exercise", "conv"]) == 2
    assert "got 'conv'" in capsys.readouterr().err
    assert main(["exercise", "relu"]) == 0
    assert "class ReLU(Layer):" in capsys.readouterr().out
