"""What a notebook shows: HTML that is whole, keeps to itself and needs no network."""

import re

import numpy as np
import pytest
from oracles import page_of

import mlp
from mlp import SGD, CrossEntropyLoss, Linear, MSELoss, ReLU, Sequential, Sigmoid
from mlp._shared import html

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 2))


def net(activation=ReLU):
    rng = np.random.default_rng(0)
    return Sequential(Linear(3, 4, rng=rng), activation(), Linear(4, 2, rng=rng))


class Doubled(ReLU):
    def backward(self, grad_output):
        return 2 * super().backward(grad_output)


def history():
    model = net()
    return mlp.fit(
        *(model, MSELoss(), SGD(model.parameters(), lr=0.1), X, Y),
        epochs=3,
        validation=(X, Y),
        metrics={"R² < 1": mlp.metrics.r2},
    )


SHOWN = {
    "derivation": lambda: mlp.derive(net(), CrossEntropyLoss()),
    "trace": lambda: trace_of_a_step(),
    "report": lambda: mlp.check_gradients(net(Doubled), MSELoss(), X, Y),
    "diagnosis": lambda: mlp.diagnose(net(), MSELoss(), X, Y),
    "history": history,
    "empty history": mlp.History,
    "summary": lambda: net().summary(),
    "net": net,
}


def trace_of_a_step():
    model = net()
    return mlp.trace(model, MSELoss(), SGD(model.parameters(), lr=0.1), X[:1], Y[:1])


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_shown_is_whole_and_needs_no_network_and_no_script(name):
    text = SHOWN[name]()._repr_html_()
    page = page_of(text)
    assert not {"script", "link", "img", "iframe", "html", "body"} & page.seen
    assert "http" not in text
    assert "url(" not in text
    assert "".join(page.words).strip()


def test_the_style_names_only_what_is_inside():
    rules = re.findall(r"([^{}]+)\{", html.STYLE.replace("<style>", ""))
    selectors = [one.strip() for rule in rules for one in rule.split(",")]
    assert len(selectors) > 5
    assert all(re.match(r"\.mlp-(out|page)\b", one) for one in selectors)
    # the text keeps the colour of the page, which a dark theme has made light
    assert not re.search(r"(?<![-\w])color: (?!inherit)", html.STYLE)


def test_the_exported_page_says_that_it_is_light_and_dark():
    text = mlp.derive(net(), MSELoss()).to_html()
    assert '<meta name="color-scheme" content="light dark">' in text
    assert "body {" not in text
    page_of(text)


def test_a_document_is_whole_whatever_its_title_says():
    text = html.page("<BODY> & TITLE", "<p>x</p>", "<p>y</p>")
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "<title>&lt;BODY&gt; &amp; TITLE</title>" in text
    assert text.index(html.STYLE) < text.index("<p>x</p>\n<p>y</p>")
    assert {"html", "head", "meta", "body", "div"} <= page_of(text).seen


def test_a_wrong_gradient_stands_out_in_words_and_by_its_row():
    report = SHOWN["report"]()
    text = report._repr_html_()
    wrong = [row.name for row in report.rows if not row.ok]
    assert wrong
    marked = re.findall(r'<tr class="mlp-wrong"><td>([^<]*)', text)
    assert marked == wrong
    assert text.count("✗") == 1
    assert "factor 2" in text
    verdict, table = text.index("gradients wrong"), text.index("<table>")
    assert verdict < table
    right = mlp.check_gradients(net(), MSELoss(), X, Y)._repr_html_()
    assert "✗" not in right
    assert '<tr class="mlp-wrong">' not in right
    assert "✓ gradients right" in right


def test_findings_stand_before_the_table():
    deep = Sequential(*(f for _ in range(8) for f in (Linear(3, 3, rng=0), Sigmoid())))
    d = mlp.diagnose(deep, MSELoss(), X, X)
    text = d._repr_html_()
    assert len(d.findings) == text.count("✗") > 0
    assert text.index("✗") < text.index("<table>")
    assert "✓ Nothing is out of the ordinary." in SHOWN["diagnosis"]()._repr_html_()


def test_signs_of_html_in_names_are_text():
    words = "".join(page_of(history()._repr_html_()).words)
    assert "R² < 1" in words
    assert "<b>" not in html.paragraph("<b>")


def test_each_line_of_a_trace_is_there():
    t = trace_of_a_step()
    lines = [line for _, _, lines in t.steps for line in lines]
    text = t._repr_html_()
    assert len(lines) > 20
    assert text.count("<tr>") == len(lines) + 4
    for line in lines:
        entry = line if isinstance(line, str) else line.entry
        assert f"<td>{entry}</td>" in text
