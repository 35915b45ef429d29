"""Text for people: readable on any stream, and tables in line."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlp
from mlp._shared.printing import WIDTH, paragraph, printable, text_table

ROOT = Path(__file__).parent.parent.parent
SOURCES = [*ROOT.glob("mlp/**/*.py"), *ROOT.glob("examples/*.py")]


def stream(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [
        ("∂ℓ/∂W⁽¹⁾ = x · ∂ℓ/∂ŷ", "dl/dW^(1) = x * dl/dyhat"),
        ("ℓ = (1/M) Σ (ŷ − y)²", "l = (1/M) sum (yhat - y)^2"),
        ("G₃ᵀ Z₂   (n × h)", "G_3^T Z_2   (n x h)"),
        ("W⁽¹⁾ᵀ, e⁻ˣ y, 4¹⁻ᴸ, 10¹²", "W^(1)^T, e^(-x) y, 4^(1-L), 10^12"),
        ("zₖ₊₁, xᵢⱼ, (z₁)₁", "z_(k+1), x_ij, (z_1)_1"),
        ("ŷᵢyᵢ, θx, x²y", "yhat_i y_i, theta x, x^2 y"),  # the parts stay apart
        ("Θ ← Θ − lr ∇ℓ, λ ⊙ σ'", "Theta <- Theta - lr grad l, lambda (.) sigma'"),
        ("‖W‖₂ ≤ √6 ≈ 2½ …", "||W||_2 <= sqrt 6 ~ 21/2 ..."),
        ("│ ┤• └───", "| +* +---"),
        ("tête, Ünal", "tete, Unal"),
        ("東, \udce9", r"\u6771, \udce9"),  # what has no name in ASCII
        ("", ""),
    ],
)
def test_signs_are_spelled_where_the_encoding_lacks_them(text, ascii_text):
    assert printable(text, stream("ascii")) == ascii_text


def test_signs_that_the_encoding_has_stay():
    text = "∂ℓ/∂ŷ · x² − 2⁻¹ → 東"
    assert printable(text, stream("utf-8")) == text
    assert printable(text, stream("cp1252")) == r"dl/dyhat · x² - 2^(-1) -> \u6771"
    assert printable("─ Σ ŷ", stream("cp437")) == "─ Σ yhat"


class Named:
    """What an IDE may put in the place of a stream."""

    def __init__(self, encoding):
        self.encoding = encoding


@pytest.mark.parametrize("other", [io.StringIO(), object(), Named(None), Named("none")])
def test_a_stream_without_an_encoding_takes_any_sign(other, monkeypatch):
    assert printable("ŷ", other) == "ŷ"
    monkeypatch.setattr(sys, "stdout", other)
    assert printable("ŷ") == "ŷ"


def test_stdout_may_be_missing_and_is_looked_at_when_called(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert printable("ŷ") == "ŷ"
    monkeypatch.setattr(sys, "stdout", stream("ascii"))
    assert printable("ŷ") == "yhat"
    assert printable("ŷ", stream("utf-8")) == "ŷ"


def unnamed(texts):
    """Return the signs in the texts that ASCII cannot spell so that they are read."""
    signs = {sign for text in texts for sign in text if not sign.isascii()}
    spelled = {sign: printable(sign, stream("ascii")) for sign in signs}
    return {s for s, text in spelled.items() if not text.isascii() or "\\" in text}


def test_each_sign_in_the_sources_has_a_spelling():
    texts = [path.read_text(encoding="utf-8") for path in SOURCES]
    assert "ŷ" in "".join(texts)
    assert unnamed(texts) == set()
    assert unnamed(["ŷ ☃"]) == {"☃"}


@given(st.text(), st.sampled_from(["ascii", "cp1252", "cp437", "gbk", "utf-8"]))
def test_any_text_can_be_printed(text, encoding):
    file = stream(encoding)
    shown = printable(text, file)
    shown.encode(encoding)
    assert printable(shown, file) == shown
    if text.isascii():
        assert shown == text
    assert "?" not in printable(text.replace("?", ""), file)


# ----------------------------------------------------------- what the library prints


def reports():
    """Return all that the library writes for people about one net."""
    rng = np.random.default_rng(0)
    model = mlp.Sequential(
        mlp.Linear(2, 3, rng=rng), mlp.ReLU(), mlp.Linear(3, 2, rng=rng), mlp.Sigmoid()
    )
    criterion = mlp.BCELoss()
    optimizer = mlp.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, y = rng.normal(size=(3, 2)), rng.uniform(size=(3, 2))
    net = model, criterion
    return {
        "history": mlp.fit(*net, optimizer, x, y, epochs=9, validation=(x, y)),
        "derivation": mlp.derive(*net, optimizer=optimizer),
        "trace": mlp.trace(*net, optimizer, x, y),
        "check": mlp.check_gradients(*net, x, y),
        "wrong": mlp.check_layer(Mistaken(), x),
        "diagnosis": mlp.diagnose(*net, 1e6 * x, y, optimizer=optimizer),
        "summary": model.summary(),
    }


class Mistaken(mlp.Sigmoid):
    def forward(self, x):
        self.x = x
        return super().forward(x)

    def backward(self, grad_output, *, needs_input_grad=True):
        return grad_output * self.x * (1 - self.x)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "cp932"])
def test_all_reports_print_on_a_terminal_without_the_signs(encoding, monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream(encoding))
    for report in reports().values():
        print(report, repr(report))
    sys.stdout.flush()
    shown = sys.stdout.buffer.getvalue().decode(encoding)
    assert "W^(1)" in shown
    assert "\\u" not in shown
    assert "?" not in shown


def test_all_reports_keep_their_signs_where_these_can_be_printed(monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream("utf-8"))
    shown = "".join(f"{report}{report!r}" for report in reports().values())
    for sign in "∂ℓ ⁽¹⁾ ŷ σ ─ ┤ • → ‖ Σ ⟨ Δθ ⊙".split():
        assert sign in shown


def test_a_table_in_ascii_is_in_line(monkeypatch):
    columns = ["‖∂ℓ/∂y‖", "shape"]
    rows = [["dz", "n"], ["∂ℓ/∂ŷ · ∂ŷ/∂z₃", "n × h"], ["θ " * 60, "ŷ"]]
    monkeypatch.setattr(sys, "stdout", stream("ascii"))
    table = text_table(columns, rows)
    lines = table.splitlines()
    assert table.isascii()
    first, gap = lines[0].index("  "), lines[0].index("  ") + 2
    assert lines[0] == lines[2] == "-" * first + "  " + "-" * (len(lines[0]) - gap)
    assert max(map(len, lines)) <= WIDTH
    for line in lines[1:]:
        assert line[first:gap].strip() == ""
    assert [line[gap:] for line in lines[1:5]] == ["shape", "-" * 5, "n", "n x h"]


def test_a_curve_in_ascii_has_the_shape_of_the_curve_in_unicode(monkeypatch):
    history = reports()["history"]
    monkeypatch.setattr(sys, "stdout", stream("utf-8"))
    before = str(history).splitlines()
    monkeypatch.setattr(sys, "stdout", stream("ascii"))
    after = str(history).splitlines()
    assert list(map(len, before)) == list(map(len, after))
    spaces = [[sign == " " for sign in line] for line in before]
    assert spaces == [[sign == " " for sign in line] for line in after]


def test_a_trace_has_its_figures_in_line_in_ascii(monkeypatch):
    trace = reports()["trace"]
    monkeypatch.setattr(sys, "stdout", stream("ascii"))
    *_, before, after, change, predicted = str(trace).splitlines()
    places = {line.rindex(" ") for line in (before, after, change, predicted)}
    assert predicted.startswith("predicted, sum <dl/dtheta, Delta theta>   ")
    assert len(places) == 1


def test_a_paragraph_in_ascii_fits_the_width(monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream("ascii"))
    lines = paragraph("‖Δθ‖ is at most " * 40).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) > 5
