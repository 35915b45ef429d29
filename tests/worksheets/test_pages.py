"""A sheet on paper and on a screen: whole, escaped, and with room to write."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from mlp import (
    BatchNorm1d,
    BCELoss,
    CrossEntropyLoss,
    LayerNorm,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from mlp.worksheets import worksheet

SHEETS = [
    worksheet(Sequential(Linear(3, 4), ReLU(), Linear(4, 2)), MSELoss()),
    worksheet(
        Sequential(Linear(2, 3), LayerNorm(3), Tanh(), Linear(3, 3)), CrossEntropyLoss()
    ),
    worksheet(
        Sequential(Linear(2, 3), BatchNorm1d(3), Sigmoid(), Linear(3, 2), Softmax()),
        BCELoss(),
    ),
]
NAME = r"<b>Ada & Bób_#1 $x$ 100% {~^\} 学生</b>"


class Balanced(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("sheet", SHEETS, ids=repr)
@pytest.mark.parametrize("solved", [False, True])
def test_html_is_whole_and_needs_no_network(sheet, solved):
    page = sheet.to_html(solved=solved, name=NAME)
    parser = Balanced()
    parser.feed(page)
    assert parser.open == [] and {"math", "mtable"} <= parser.seen
    assert "<b>Ada" not in page and "&lt;b&gt;Ada &amp; Bób" in page
    assert not re.search(r"<script|src=|href=|https?:", page)
    count = len(sheet.questions)
    assert page.count('class="item"') == count
    assert page.count('class="answer"') == (count if solved else 0)
    assert (page.count('class="room"') >= count) is not solved


@pytest.mark.parametrize("sheet", SHEETS, ids=repr)
@pytest.mark.parametrize("solved", [False, True])
def test_latex_is_a_document_with_room_to_write(sheet, solved, tmp_path):
    text = sheet.to_latex(solved=solved, name=NAME)
    begins, ends = (re.findall(rf"\\{w}\{{(\w+\*?)\}}", text) for w in ("begin", "end"))
    assert sorted(begins) == sorted(ends) and "document" in begins
    bare = re.sub(r"\\[\\{}$&%#_]", "", text)
    assert bare.count("{") == bare.count("}") and bare.count("$") % 2 == 0
    title = text.partition(r"\section*{")[2].partition("\n")[0]
    assert r"$\to$" in title and title.count("?") == 2  # two letters of the name
    assert r"\usepackage{amsmath}" in text and r"\{\textasciitilde" in text
    assert ("\\vspace{" in text) is not solved
    assert not re.search(r"[^\x00-\u017f]", text)  # which pdfTeX has no letter for
    if shutil.which("pdflatex") is None:
        return
    path = tmp_path / "sheet.tex"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", path.name],
        cwd=tmp_path,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("sheet", SHEETS, ids=repr)
def test_markdown_and_text_have_each_question_and_answer(sheet):
    for form in (sheet.to_markdown, sheet.to_text):
        asked, solved = form(name=NAME), form(solved=True, name=NAME)
        for key in sheet.questions:
            assert re.search(rf"^(\*\*)?{re.escape(key)}\b", asked, re.MULTILINE)
        assert len(solved.splitlines()) > len(sheet.questions)
        assert "rises" in solved.split("What goes wrong")[1]
    answers = str(sheet).split("5. One training step")[1]
    assert "→" not in answers  # nor is a solution on the sheet
    assert max(map(len, str(sheet).splitlines())) <= 100
    assert r"\<b\>Ada & Bób\_\#1 \$x\$" in sheet.to_markdown(name=NAME)


def test_the_numbers_of_a_solution_are_not_on_the_sheet():
    sheet = SHEETS[0]
    shown = sheet.to_text()
    for key, answer in sheet.solution.items():
        if key.startswith("5.") and answer.size > 2:
            assert str(sheet.asked[key].shown[0]) not in shown


def test_a_terminal_without_the_signs_gets_ascii(monkeypatch):
    class Ascii:
        encoding = "ascii"

    monkeypatch.setattr("sys.stdout", Ascii())
    text = str(SHEETS[0])
    assert text.isascii() and "dl/dyhat" in text
