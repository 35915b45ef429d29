"""derive on the command line: the notation of nets, and the three forms."""

import io
import sys

import pytest

import mlp
from mlp.__main__ import main
from mlp.commands.derive import net_of


def kinds(net):
    return [type(layer).__name__ for layer in net]


def test_a_net_is_sizes_with_letters():
    net = net_of("3-4r-5l-6s-7t-8m-9i-2")
    activations = ["ReLU", "LeakyReLU", "Sigmoid", "Tanh", "Softmax", "Identity"]
    assert kinds(net)[1::2] == activations
    linear = [layer for layer in net if isinstance(layer, mlp.Linear)]
    assert [layer.in_features for layer in linear] == [3, 4, 5, 6, 7, 8, 9]
    assert [layer.out_features for layer in linear] == [4, 5, 6, 7, 8, 9, 2]


@pytest.mark.parametrize(
    ("notation", "sentence"),
    [
        ("3-4x-2", "one letter of r ReLU, .* at character 4 of '3-4x-2', got 'x'"),
        ("3-4rr", "one letter of .* at character 4 of '3-4rr', got 'rr'"),
        ("3-4R", "one letter of .* at character 4 of '3-4R', got 'R'"),
        ("3r-4", "no letter at character 2 of '3r-4', got 'r'"),
        ("3--4", "a size at character 3 of '3--4', got ''"),
        ("", "a size at character 1 of '', got ''"),
        ("3-0r", "a size at character 4 of '3-0r', got 'r'"),
        ("3-٤", "a size at character 3"),
        ("3 - 4", "no letter at character 2"),
        ("3", "2 to 20 sizes, got 1"),
        ("-".join("1" * 21), "2 to 20 sizes, got 21"),
        ("1001-1000", "at most 1,000,000 weights, got 1001-1000"),
        (f"{'9' * 5000}-1", "at most 1,000,000 weights"),
    ],
)
def test_what_is_no_net_is_refused_at_its_place(notation, sentence):
    with pytest.raises(ValueError, match=sentence):
        net_of(notation)


@pytest.mark.parametrize(
    ("form", "method"),
    [((), "__str__"), (("--html",), "to_html"), (("--latex",), "to_latex")],
)
@pytest.mark.parametrize(
    ("word", "loss"),
    [
        ("mse", mlp.MSELoss),
        ("bce", mlp.BCELoss),
        ("bce-logits", mlp.BCEWithLogitsLoss),
        ("cross-entropy", mlp.CrossEntropyLoss),
    ],
)
def test_it_prints_what_derive_returns(form, method, word, loss, capsys):
    assert main(["derive", "3-4r-2s", "--loss", word, *form]) == 0
    derivation = mlp.derive(net_of("3-4r-2s"), loss())
    assert capsys.readouterr().out == getattr(derivation, method)() + "\n"


@pytest.mark.parametrize("form", ["--html", "--latex"])
def test_the_forms_for_files_are_whole_in_ascii(form, capsys, monkeypatch):
    main(["derive", "3-4r-2i", form])
    whole = capsys.readouterr().out
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["derive", "3-4r-2i", form]) == 0
    stream.seek(0)
    from html import unescape

    assert unescape(stream.read()) == unescape(whole)
