"""Build the site: lay out the pages of docs/ as a book, and run Sphinx over them.

    .venv/bin/python docs/make_site.py site        into the folder site/

No page is written twice. The README is the home page; docs/backprop.md becomes
a page for each chapter, docs/bug_museum.md one for each exhibit, each public
name a page of the manual, each example a page of the gallery. site/ can be
read as it is, without a server and without network.
"""

from __future__ import annotations

import argparse
import ast
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "site"))

PAGES = [  # beside the course, in the order of the table of contents
    *("guide", "courses", "glossary", "teaching", "parallel", "benchmarks"),
    *("benchmarks_calls", "architecture", "design", "decisions", "contributing"),
    *("mutations", "CHANGELOG"),
]
MODULES = ["data", "datasets", "initializers", "metrics", "schedules", "plotting"]
MODULES += ["estimators", "parallel", "worksheets"]
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]*)(#[^)\s]*)?(?=\))")
CODE = re.compile(r":  |:$|\w = \w+\.\w")  # in a block that is no formula
NOTEBOOKS = (
    "Six lessons, from one neuron to a deep net that trains. Each ends with three "
    "questions; the answers are folded, and are code that checks itself."
)
FENCE = re.compile(r"^(```|~~~)")


def slug(heading: str) -> str:
    """Return what GitHub calls a heading in an address."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def outside_code(text: str) -> Iterator[tuple[bool, str]]:
    """Yield each line, and whether it is outside the fences of code."""
    is_code = False
    for line in text.splitlines():
        if FENCE.match(line):
            is_code = not is_code
            yield False, line
        else:
            yield not is_code, line


def split(text: str, marks: str) -> tuple[str, list[tuple[str, str]]]:
    """Return what stands before the first heading of a kind, and each one's part."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    for is_text, line in outside_code(text):
        if is_text and line.startswith(f"{marks} "):
            parts.append((line[len(marks) + 1 :], []))
        else:
            parts[-1][1].append(line)
    opening, *rest = [(name, "\n".join(lines)) for name, lines in parts]
    return opening[1], rest


def toctree(entries: list[str], *, caption: str = "", depth: int = 1) -> str:
    """Return a table of contents for Sphinx, which a page does not show."""
    lines = ["```{toctree}", ":hidden:", f":maxdepth: {depth}"]
    lines += [f":caption: {caption}"] if caption else []
    return "\n".join([*lines, "", *entries, "```"])


class Book:
    """The pages as Sphinx will read them, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.moved: dict[str, str] = {}  # "backprop.md#the-chain": the new page

    def write(
        self, name: str, text: str, origin: Path, has_formulas: bool = False
    ) -> None:
        """Write a page that was made of origin, with its links put right.

        With has_formulas an indented block that is no code is typeset.
        """
        from typeset import formulas

        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        up = "../" * name.count("/")
        lines: list[str] = []
        block: list[str] = []
        above = ""
        for is_text, line in [*outside_code(text), (True, "")]:
            if has_formulas and is_text and line[:4] == "    " and (block or not above):
                block.append(line)
            else:
                if block:
                    is_code = any(map(CODE.search, block))
                    lines += block if is_code else [formulas(block)]
                    block = []
                if is_text:
                    line = LINK.sub(lambda m: self.target(m, origin, up), line)
                lines.append(line)
            above = line
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def target(self, link: re.Match[str], origin: Path, up: str) -> str:
        """Return where a link of a page leads on the site."""
        place, anchor = link[1], link[2] or ""
        file = (origin.parent / place).resolve() if place else origin
        if not file.exists():
            raise FileNotFoundError(
                f"{origin.name} links to {place}, which is not there"
            )
        key = f"{file.name}{anchor}"
        if file.parent in (DOCS, ROOT) and key in self.moved:
            return up + self.moved[key]
        if file == ROOT / "README.md":
            return f"{up}index.md{anchor}"
        if file.parent == DOCS / "tables":
            return f"{up}tables/{file.name}{anchor}"
        if file.parent == DOCS and file.suffix == ".md":
            return f"{up}{file.name}{anchor}"
        if file.parent == DOCS:
            return f"{up}{file.name}"
        inside = file.relative_to(ROOT)
        if file == ROOT / "examples" / "course":
            return f"{up}notebooks/index.md"
        if inside.parts[0] == "examples" and file.suffix == ".py":
            if "course" in inside.parts:
                return f"{up}notebooks/{file.stem}.ipynb"
            return f"{up}gallery/{file.stem}.rst"
        page = f"source/{'/'.join(inside.parts)}.md"
        if not (self.folder / page).exists():
            self.source(page, file)
        return up + page

    def source(self, page: str, file: Path) -> None:
        """Write a page that shows a file of the clone."""
        path = self.folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = {".py": "python", ".toml": "toml"}.get(file.suffix, "text")
        text = file.read_text("utf-8")
        if file.suffix != ".md":
            text = f"# {file.name}\n\n``````{kind}\n{text}\n``````\n"
        path.write_text(f"---\norphan: true\n---\n\n{text}", encoding="utf-8")


def course(book: Book) -> None:
    """Write docs/backprop.md, a page for each chapter."""
    source = DOCS / "backprop.md"
    opening, chapters = split(source.read_text("utf-8"), "##")
    pages = []
    book.moved["backprop.md"] = "course/index.md"
    for number, (heading, body) in enumerate(chapters, 1):
        words = re.findall("[a-z0-9]+", slug(heading))  # in ASCII, for an address
        page = f"course/{number:02}-{'-'.join(words[:5])}.md"
        pages.append((page, f"# {heading}\n{body}"))
        for line in [f"## {heading}", *body.splitlines()]:
            if re.match("##+ ", line):
                anchor = slug(line.lstrip("# "))
                book.moved[f"backprop.md#{anchor}"] = f"{page}#{anchor}"
    for page, text in pages:
        text = re.sub(r"(?m)^##(#+ )", r"#\1", text)
        book.write(page, text, source, has_formulas=True)
    tables = sorted((DOCS / "tables").glob("*.md"))
    for table in tables:
        text = re.sub(r"(?m)^#(#+ )", r"\1", table.read_text("utf-8"))
        book.write(f"tables/{table.name}", text, table)
    inside = [Path(page).stem for page, _ in pages]
    inside += [f"../tables/{table.stem}" for table in tables]
    names = zip([heading for heading, _ in chapters], inside, strict=False)
    listed = "\n".join(f"1. [{heading}]({name}.md)" for heading, name in names)
    text = f"{opening}\n{listed}\n\n{toctree(inside)}"
    (book.folder / "course/index.md").write_text(text, encoding="utf-8")


def museum(book: Book) -> None:
    """Write docs/bug_museum.md, a page for each exhibit."""
    source = DOCS / "bug_museum.md"
    opening, rooms = split(source.read_text("utf-8"), "##")
    book.moved["bug_museum.md"] = "museum/index.md"
    shared = ""
    entries: list[str] = []
    for room, body in rooms:
        before, exhibits = split(body, "###")
        if not exhibits:
            shared += f"## {room}\n{body}"
            continue
        for heading, text in exhibits:
            number, name = heading.split(". ", 1)
            page = f"museum/{int(number):03}.md"
            book.moved[f"bug_museum.md#{slug(heading)}"] = page
            opening = opening.replace(
                f"| {number} | {name} |", f"| {number} | [{name}]({Path(page).name}) |"
            )
            entries.append(Path(page).stem)
            book.write(page, f"# {heading}\n\n*{room}*\n{before}{text}", source)
    (book.folder / "museum/index.md").write_text(
        f"{opening}\n{shared}\n{toctree(entries)}\n", encoding="utf-8"
    )


def manual(book: Book) -> None:
    """Write a page for each public name, and for each public module."""
    import importlib
    import inspect

    import mlp

    folder = book.folder / "manual"
    folder.mkdir()
    names = [name for name in mlp.__all__ if not name.startswith("__")]
    names = [name for name in names if not inspect.ismodule(getattr(mlp, name))]
    rows, entries = ["# Manual", "", "| name | |", "|---|---|"], []

    def page(module: str, name: str) -> None:
        thing = getattr(importlib.import_module(module), name)
        full = f"{module}.{name}"
        kind = "class" if inspect.isclass(thing) else "function"
        if not (inspect.isclass(thing) or callable(thing)):
            return
        lines = [name, "=" * len(name), "", f".. currentmodule:: {module}", ""]
        lines += [f".. auto{kind}:: {name}"]
        lines += ["   :members:"] if kind == "class" else []
        (folder / f"{full}.rst").write_text("\n".join(lines) + "\n", encoding="utf-8")
        first = (inspect.getdoc(thing) or "").partition("\n")[0].replace("|", r"\|")
        rows.append(f"| [{full}]({full}.rst) | {first} |")
        entries.append(full)

    for name in names:
        page("mlp", name)
    for module in MODULES:
        if not list(ROOT.glob(f"mlp/{module}*")):
            continue
        found = importlib.import_module(f"mlp.{module}")
        for name in getattr(found, "__all__", []):
            if not hasattr(mlp, name) or getattr(mlp, name) is not getattr(found, name):
                page(f"mlp.{module}", name)
    text = "\n".join([*rows, "", toctree(entries)])
    (folder / "index.md").write_text(text + "\n", encoding="utf-8")


def examples(book: Book) -> None:
    """Copy the examples, each with a title, as the gallery wants them."""
    target = book.folder / "examples"
    target.mkdir()
    head = (
        "Examples\n========\n\nEach can be downloaded as a script or a notebook. Most "
        "scripts need :download:`common.py </examples/common.py>` beside them.\n"
    )
    (target / "GALLERY_HEADER.rst").write_text(head, encoding="utf-8")
    for script in sorted((ROOT / "examples").glob("*.py")):
        text = _with_title(script.read_text("utf-8"))
        (target / script.name).write_text(text, encoding="utf-8")


def notebooks(book: Book) -> None:
    """Make a notebook of each script of the course."""
    import jupytext

    target = book.folder / "notebooks"
    target.mkdir()
    names = []
    for script in sorted((ROOT / "examples" / "course").glob("*.py")):
        notebook = jupytext.read(script, fmt="py:percent")
        download = f"{{nb-download}}`{script.stem}.ipynb`"
        notebook.cells[0].source += f"\n\nThis page as a notebook: {download}"
        notebook.metadata["language_info"] = {"name": "python"}
        jupytext.write(notebook, target / f"{script.stem}.ipynb")
        names.append(script.stem)
    listed = "\n".join(f"1. []({name}.ipynb)" for name in names)
    text = f"# Notebooks for a course\n\n{NOTEBOOKS}\n\n{listed}\n\n{toctree(names)}\n"
    (target / "index.md").write_text(text, encoding="utf-8")


def _with_title(text: str) -> str:
    """Return a script whose docstring's first line is a title."""
    docstring = ast.get_docstring(ast.parse(text), clean=False)
    if docstring is None or script_has_title(docstring):
        return text
    first, _, rest = docstring.partition("\n")
    title = first.rstrip(".")
    escaped = re.sub(r"([*`|]|(?<=\w)_(?!\w))", r"\\\1", rest)
    new = f"\n{title}\n{'=' * len(title)}\n{escaped}"
    return text.replace(docstring, new, 1).replace('"""', 'r"""', 1)


def script_has_title(docstring: str) -> bool:
    """Return whether a docstring has a title in reStructuredText."""
    return re.search(r"^(=|-){4,}$", docstring, re.MULTILINE) is not None


def lay_out(folder: Path) -> None:
    """Write all that Sphinx is to read into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    book = Book(folder)
    for picture in [*DOCS.glob("*.svg"), *DOCS.glob("*.png")]:
        shutil.copy(picture, folder)
    course(book)
    museum(book)
    manual(book)
    examples(book)
    notebooks(book)
    pages = [name for name in PAGES if (DOCS / f"{name}.md").exists()]
    for name in pages:
        source = DOCS / f"{name}.md"
        book.write(f"{name}.md", source.read_text("utf-8"), source)
    home = (ROOT / "README.md").read_text("utf-8")
    book.write("index.md", home, ROOT / "README.md")
    course_pages = ["course/index", "notebooks/index", "museum/index"]
    contents = [
        toctree(course_pages, caption="The course"),
        toctree(["guide", "gallery/index", "manual/index"], caption="The library"),
        toctree([p for p in pages if p != "guide"], caption="More"),
    ]
    with (folder / "index.md").open("a", encoding="utf-8") as file:
        file.write("\n" + "\n\n".join(contents) + "\n")


def main() -> int:
    """Build the site; return 0, or 1 if there was a warning."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the site is to be")
    parser.add_argument("--without-examples", action="store_true", help="show, not run")
    options = parser.parse_args()
    try:
        from sphinx.cmd.build import build_main
    except ImportError:
        parser.error("Sphinx is not installed; pip install '.[docs]' in the clone")
    source = options.folder / "_source"
    lay_out(source)
    settings = []
    if options.without_examples:
        settings = ["-D", "plot_gallery=0", "-D", "nb_execution_mode=off"]
    return build_main(
        [
            *("-b", "html", "-W", "--keep-going", "-q", "-j", "auto", *settings),
            *("-c", str(DOCS / "site"), "-d", str(options.folder / "_doctrees")),
            *(str(source), str(options.folder)),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
