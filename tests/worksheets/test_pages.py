"""A sheet on paper and on a screen: whole, escaped, and with room to write."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from oracles import page_of

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
from mlp.derivation.rendering import LATEX, MATHML
from mlp.worksheets import pages, worksheet
from mlp.worksheets.pages import Heading, Item, Matrix, Text

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
NAME = r"<b>Ada & Bób_#1 $x$ 100% {~^\} 学生 TITLE BODY TEXT</b>"


@pytest.mark.parametrize("sheet", SHEETS, ids=repr)
@pytest.mark.parametrize("solved", [False, True])
def test_html_is_whole_and_needs_no_network(sheet, solved):
    page = sheet.to_html(solved=solved, name=NAME)
    assert {"math", "mtable"} <= page_of(page).seen
    assert page.count("TITLE BODY TEXT") == 2  # in the tab and above the sheet
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
    assert text.count("TITLE BODY TEXT") == 1
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


@pytest.mark.parametrize(
    ("array", "rows", "latex"),
    [
        (-0.00001, "0", "0"),
        (2 / 3, "0.6667", "0.6667"),
        ([1.0, -0.5], "[1, −0.5]", r"\begin{pmatrix} 1 & -0.5 \end{pmatrix}"),
        (
            [[12345.0], [-0.25]],
            "[[12345], [−0.25]]",
            r"\begin{pmatrix} 12345 \\ -0.25 \end{pmatrix}",
        ),
    ],
)
def test_numbers_are_rounded_and_stand_in_rows(array, rows, latex):
    matrix = Matrix(np.array(array))
    assert str(matrix) == rows.replace("−", "-")
    assert matrix.layout(LATEX).strip() == latex
    seen = page_of(f"<math>{matrix.layout(MATHML)}</math>")
    brackets = ["(", ")"] * ("[" in rows)
    assert sorted(seen.words) == sorted(brackets + re.findall(r"[^][, ]+", rows))


TITLE = ["On ", Matrix(np.array(1.5))]
BLOCKS = [
    Heading("1. A & B"),
    Text(["x is ", Matrix(np.array([1.0, 2.0])), ", not *."]),
    Item("1.1", ["What is x?"], None, 2),
    Item(
        "1.2", ["And ", Matrix(np.array(3.0)), "?"], ["x < ", Matrix(np.array(4.0))], 5
    ),
]


def test_a_page_of_text_block_by_block():
    assert pages.to_text(TITLE, BLOCKS).splitlines() == [
        *("On 1.5", "══════", "", "1. A & B", "────────", "x is [1, 2], not *."),
        *("1.1    What is x?", *[" " * 7 + "." * 93] * 2),
        *("1.2    And 3?", "       → x < 4"),
    ]


def test_a_long_question_stands_beside_its_number():
    text = pages.to_text(TITLE, [Item("1.1", ["word " * 30], None, 1)])
    first, second, _ = text.splitlines()[2:]
    assert first.startswith("1.1    word") and second.startswith(" " * 7 + "word")
    assert len(first) <= 100 and (first + second).count("word") == 30


def test_a_page_of_markdown_block_by_block():
    parts = [
        *("# On $1.5$", "## 1. A & B"),
        r"x is $\begin{pmatrix} 1 & 2 \end{pmatrix}$, not \*.",
        *("**1.1** What is x?", "<br>\n<br>\n", "**1.2** And $3$?", "> x \\< $4$\n"),
    ]
    assert pages.to_markdown(TITLE, BLOCKS) == "\n\n".join(parts)


def test_a_page_of_latex_block_by_block():
    text = pages.to_latex(TITLE, BLOCKS).partition(r"\begin{document}")[2]
    assert text.split("\n") == [
        *("", r"\section*{On $1.5$}", r"\subsection*{1. A \& B}", ""),
        *(r"x is $\begin{pmatrix} 1 & 2 \end{pmatrix}$, not *.", ""),
        *(r"\begin{samepage}", r"\textbf{1.1}\quad What is x?", ""),
        *(r"\vspace{18mm}", "", r"\end{samepage}", ""),
        *(r"\begin{samepage}", r"\textbf{1.2}\quad And $3$?", ""),
        *(r"\hspace*{2em}x \textless{} $4$", "", r"\end{samepage}"),
        *(r"\end{document}", ""),
    ]


def test_pdftex_has_letters_up_to_the_end_of_latin_extended_a():
    assert r"\section*{ſ?}" in pages.to_latex(["ſƀ"], [])


def test_a_page_of_html_block_by_block():
    page = pages.to_html(TITLE, BLOCKS)
    assert "<title>On 1.5</title>" in page and "<h1>On <math>" in page
    body = page.partition("</h1>\n")[2]
    assert re.sub("<math>.*?</math>", "M", body).splitlines() == [
        *("<h2>1. A &amp; B</h2>", "<p>x is M, not *.</p>"),
        *('<div class="item"><b>1.1</b> What is x?',),
        '<div class="room"></div><div class="room"></div></div>',
        *('<div class="item"><b>1.2</b> And M?',),
        '<div class="answer">x &lt; M</div></div>',
        *("</div>", "</body></html>"),
    ]
