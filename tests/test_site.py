"""The site's pages: chapters, exhibits and links, formulas, docstrings."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


def module(path):
    """Return a script of docs/ as a module, without its package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = loaded
    spec.loader.exec_module(loaded)
    return loaded


make_site = module(DOCS / "make_site.py")
typeset = module(DOCS / "site" / "typeset.py")


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("∂ℓ/∂W⁽¹⁾", r"\frac{\partial\ell}{\partial W^{(1)}}"),
        ("x · ∂ℓ/∂y", r"x\cdot\frac{\partial\ell}{\partial y}"),
        ("∂yᵢ/∂xⱼ = Wᵢⱼ", r"\frac{\partial y_{i}}{\partial x_{j}}=W_{ij}"),
        ("1 if i = j, else 0", r"1\text{ if }i=j,\text{ else }0"),
        ("s = 1/√(v + ε)", r"s=1/\sqrt{v+\varepsilon}"),
        ("z_L₋₁", r"z_{L-1}"),
        ("Gᵀ X", r"G^{\top}X"),
        ("2 (ŷ − y)", r"2(\hat{y}-y)"),
    ],
)
def test_unicode_is_typeset(text, latex):
    assert typeset.latex(text).replace(" ", "") == latex.replace(" ", "")


def test_columns_are_columns():
    block = typeset.formulas(["    a = b        c = d", "    e = f"])
    assert r"\begin{array}{ll}" in block
    assert block.count("&") == 1
    assert block.count(r"\\") == 1


def test_a_page_is_split_at_its_headings_and_not_in_its_code():
    text = "before\n## A\none\n```sh\n## no heading\n```\n## B\ntwo"
    opening, parts = make_site.split(text, "##")
    assert opening == "before"
    assert parts == [("A", "one\n```sh\n## no heading\n```"), ("B", "two")]


def test_all_is_laid_out_and_every_link_leads_somewhere(tmp_path):
    pytest.importorskip("jupytext")
    make_site.lay_out(tmp_path / "source")
    source = tmp_path / "source"
    exhibits = re.findall(r"(?m)^### ", (DOCS / "bug_museum.md").read_text("utf-8"))
    chapters = re.findall(r"(?m)^## ", (DOCS / "backprop.md").read_text("utf-8"))
    assert len(list(source.glob("museum/[0-9]*.md"))) == len(exhibits) > 90
    assert len(list(source.glob("course/[0-9]*.md"))) == len(chapters) > 10
    assert len(list(source.glob("notebooks/*.ipynb"))) == 6
    pages = [
        p for p in source.rglob("*.md") if p.relative_to(source).parts[0] != "source"
    ]
    for page in pages:
        for place in make_site.LINK.finditer(page.read_text("utf-8")):
            target = (page.parent / place[1]) if place[1] else page
            made_later = target.suffix == ".rst" and "gallery" in target.parts
            assert made_later or target.exists(), (page, place[0])


def test_a_link_to_nothing_is_an_error(tmp_path):
    book = make_site.Book(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"design\.md links to no\.md"):
        book.write("page.md", "[text](no.md)", DOCS / "design.md")


def test_formulas_of_docstrings_keep_their_columns():
    pytest.importorskip("numpydoc")
    docstrings = module(DOCS / "site" / "docstrings.py")
    text = "y = a * b\n\nDerivation\n----------\nSo\n\n    a = b*\n\nc_ d\n"
    lines = [*text.split("\n"), "Shapes", "------", "x : (N, n)", "y : (N, m)"]
    docstrings.plain(None, "class", "name", None, None, lines)
    assert lines[0] == r"y = a \* b"
    assert lines[10] == r"c\_ d"
    assert lines[-4:] == ["::", "", "    x : (N, n)", "    y : (N, m)"]
    assert lines[5:9] == ["", "::", "", "    a = b*"]


def test_a_downloaded_notebook_runs_by_itself(tmp_path):
    pytest.importorskip("sphinx_gallery")
    gallery = module(DOCS / "site" / "gallery.py")
    examples = DOCS.parent / "examples"
    common = (examples / "common.py").read_text("utf-8")
    code = (examples / "by_hand.py").read_text("utf-8")
    cells = [{"cell_type": "markdown", "source": ["# Title"]}]
    notebook = {"cells": [*cells, {"cell_type": "code", "source": [code]}]}
    for _ in range(2):  # the second time it is complete already
        gallery.complete(notebook, common)
    assert [cell["cell_type"] for cell in notebook["cells"]] == [
        *("markdown", "code", "code")
    ]
    run = (
        "import sys, pathlib; sys.argv = ['launcher', '-f', 'kernel.json']\n"
        "for cell in sys.stdin.read().split('\\0'): exec(cell, globals())"
    )
    sources = ["".join(cell["source"]) for cell in notebook["cells"][1:]]
    done = subprocess.run(
        [sys.executable, "-P", "-X", "utf8", "-c", run],
        input="\0".join(sources),
        capture_output=True,
        cwd=tmp_path,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "common.py").read_text("utf-8") == common

    alone = {"cells": [{"cell_type": "code", "source": ["import numpy"]}]}
    gallery.complete(alone, common)
    assert len(alone["cells"]) == 1
