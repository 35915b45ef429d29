"""README.md and docs/ do what they say; docstrings fit a terminal.

Run as a script, this file writes what the pages show of outputs anew.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import importlib.util
import inspect
import io
import pkgutil
import pydoc
import re
import runpy
import subprocess
import sys
import tempfile
import tomllib
from functools import cache
from pathlib import Path

import pytest

import mlp

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]  # not the tables
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONAL = re.compile(r"^(?:import|from) (pandas|sklearn)\b", re.MULTILINE)
CONSOLE = re.compile(r"^```console\n\$ (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_run_and_print_what_follows_them(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where they may write
    namespace, printed = {}, ""
    for language, text in blocks(page):
        if language == "python":
            can_run = all(map(importlib.util.find_spec, OPTIONAL.findall(text)))
            printed = output_of_python(text, page.name, namespace) if can_run else None
        elif language == "text":
            if printed is not None:
                assert_alike(printed, text)
        elif language == "pycon":
            test = doctest.DocTestParser().get_doctest(
                text, namespace, page.name, str(page), 0
            )
            runner = doctest.DocTestRunner(verbose=False)
            report = io.StringIO()
            runner.run(test, out=report.write, clear_globs=False)
            assert runner.failures == 0, report.getvalue()
            namespace.update(test.globs)
        else:
            assert language in ("sh", "console", "powershell"), (
                f"who runs a block of {language}?"
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_show_what_their_commands_print(page):
    for command, shown in CONSOLE.findall(page.read_text(encoding="utf-8")):
        assert_alike(output_of(command), shown)


def test_the_tables_are_those_that_derive_gives_now():
    path = ROOT / "docs" / "make_tables.py"
    made = runpy.run_path(str(path))["made"]()
    assert sorted(made) == sorted(p.name for p in (ROOT / "docs/tables").iterdir())
    for name, text in made.items():
        assert (ROOT / "docs/tables" / name).read_text(encoding="utf-8") == text


def architecture():
    return runpy.run_path(str(ROOT / "docs" / "make_architecture.py"))


def test_the_architecture_is_that_of_the_imports_now():
    for name, text in architecture()["made"]().items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == text


def test_the_picture_shows_each_package_and_the_imports_that_no_path_shows():
    make = architecture()
    source = "from mlp.low import f\ndef g():\n    import mlp.middle.more"
    trees = {"high.py": source, "middle/more.py": "from mlp import low", "low.py": ""}
    graph = make["graph"]({path: ast.parse(text) for path, text in trees.items()})
    assert graph == {"high": {"low", "middle"}, "middle": {"low"}, "low": set()}
    assert make["storeys"](graph) == [["low"], ["middle"], ["high"]]
    assert make["drawn"](graph, make["reachable"](graph), "high") == ["middle"]
    svg = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    for path in (ROOT / "mlp").glob("[!_.]*"):
        if path.suffix == ".py" or (path / "__init__.py").exists():
            assert f">{path.stem}" in svg


def output_of_python(text, name, namespace):
    """Run a block of Python in a namespace, and return what it prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(text, name, "exec"), namespace)
    return output.getvalue()


def output_of(command):
    """Run .venv/bin/python script with this interpreter, and return its output."""
    program, *arguments = command.split()
    assert program == ".venv/bin/python"
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def assert_alike(printed, shown):
    """Compare two outputs: counts exactly, figures within 10 % or 0.03."""
    within = 0  # of a count; 4 in a confusion matrix
    assert len(printed.splitlines()) == len(shown.splitlines())
    for line, expected in zip(printed.splitlines(), shown.splitlines(), strict=True):
        if line.startswith("truth (rows)"):
            within = 4
        assert NUMBER.sub("#", line).split() == NUMBER.sub("#", expected).split()
        if line.startswith("trained in"):
            continue
        for number, figure in zip(
            NUMBER.findall(line), NUMBER.findall(expected), strict=True
        ):
            if "." in figure:
                assert float(number) == pytest.approx(float(figure), rel=0.1, abs=0.03)
            else:
                assert abs(int(number) - int(figure)) <= within, (line, expected)


def test_the_comparison_of_outputs_can_fail():
    for printed, shown in (
        ("a 0.50", "a 0.56"),
        ("a 3", "a 4"),
        ("a 1", "b 1"),
        ("a", "a\nb"),
    ):
        with pytest.raises(AssertionError):
            assert_alike(printed, shown)
    assert_alike("a 0.50\ntrained in 0.1 s", "a 0.52\ntrained in 7.0 s")


RESULTS = re.compile(
    r"^\| `(\.venv/bin/python examples/\S+)` \| (.+?) \| (.+?) \|$", re.M
)


@pytest.mark.parametrize(
    "row", RESULTS.findall((ROOT / "README.md").read_text("utf-8")), ids=lambda r: r[0]
)
def test_the_readmes_figures_are_those_of_its_commands(row):
    command, ours, theirs = row
    printed = output_of(command)
    held_out = printed.partition("held out")[2]
    for cell in (ours, theirs):
        (figure,) = re.findall(r"\d\.\d+", cell)
        numbers = [float(n) for n in re.findall(r"\b\d\.\d+", held_out)]
        assert min(abs(n - float(figure)) for n in numbers) <= 0.01


def test_the_readme_has_a_figure_for_each_kind_of_task():
    assert len(RESULTS.findall((ROOT / "README.md").read_text("utf-8"))) == 3
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 200


def test_run_it_and_test_it_are_one_command_each():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for heading, what in (("Run it", "examples/regression.py"), ("Test it", "pytest")):
        section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        ((language, command),) = BLOCK.findall(section)
        assert language == "sh"
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install")
        assert command.rstrip().endswith(what)


TEXTS = PAGES + [
    p for part in ("mlp", "examples") for p in ROOT.glob(f"{part}/**/*.py")
]
REQUIREMENT = re.compile(r"pip\s+install(?:\s+--\w+)*\s+['\"]?([^\s'\"`]+)")


def extras():
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]["optional-dependencies"]


def wrong_requirements(text):
    """Return what pip is told to install and would not find."""
    wrong = []
    for name in REQUIREMENT.findall(text):
        _, _, wanted = name.rstrip(".,;:)]").partition("[")
        is_clone = name.startswith(".") or f"{name} @ git+https://YOUR-HOST/" in text
        if not is_clone or wanted and not set(wanted.split(",")) <= set(extras()):
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_what_pip_is_told_to_install_is_there(path):
    assert wrong_requirements(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", ["mlp", "mlp-numpy", "'mlp-numpy[plot]'", "'.[no]'"])
def test_what_pip_would_not_find_is_noticed(name):
    assert len(wrong_requirements(f"pip install .; pip install {name} in a clone")) == 1
    assert wrong_requirements("pip install '.[plot,test]'; pip install .") == []


def test_the_guide_installs_on_each_system():
    text = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    install = text.partition("## Install\n")[2].partition("\n## ")[0]
    debian, macos, windows, _ = (block for _, block in BLOCK.findall(install))
    assert "python3-venv" in debian
    for commands in (debian, macos):
        assert "python3 -m venv .venv\n.venv/bin/python -m pip install .\n" in commands
    assert "py -m venv .venv\n.venv\\Scripts\\python -m pip install .\n" in windows
    named = re.findall(r"^\| `(\w+)` \|", install, re.MULTILINE)
    assert sorted(named) == sorted(extras())


def test_readme_says_what_is_not_here():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## What is not here\n")[2].partition("\n## ")[0]
    for word in ("autograd", "GPU", "convolution"):
        assert word in section


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_only_files_that_are_there(page):
    names = re.findall(r"[\w/]+\.md\b", page.read_text(encoding="utf-8"))
    for name in names:
        assert any((place / name).exists() for place in (ROOT, ROOT / "docs")), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists()


@pytest.mark.parametrize("page", ["README.md", "docs/design.md"])
def test_a_page_names_everything_public(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for name in {*mlp.__all__, *mlp.commands.NAMES} - {"__version__"}:
        assert re.search(rf"\b{name}\b", text), name


MODULES = ["mlp"] + [
    info.name
    for info in pkgutil.walk_packages(mlp.__path__, "mlp.", onerror=lambda name: None)
    if "._" not in info.name
]


@cache
def docstring_lines():
    """Return each line of a docstring in mlp/, without its indentation."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    lines = set()
    for path in Path(mlp.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, documented):
                text = ast.get_docstring(node) or ""
                lines |= {line.strip() for line in text.splitlines()}
    return lines


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_fit_80_columns_in_help(name):
    if name.startswith("mlp.estimators"):
        pytest.importorskip("sklearn")
    page = pydoc.plain(pydoc.render_doc(importlib.import_module(name)))
    ours = docstring_lines()  # pydoc does not wrap the signatures, which are its own
    lines = [line for line in page.splitlines() if line.strip(" |") in ours]
    assert lines
    title = page.partition("\nNAME\n")[2].partition("\n")[0]
    assert [line for line in [title, *lines] if len(line) > 80] == []


def public_objects():
    """Yield what a user may call: what the package and its parts export."""
    for module in (mlp, mlp.data, mlp.datasets, mlp.derivation):
        for name, value in vars(module).items():
            ours = getattr(value, "__module__", "").startswith("mlp")
            if ours and not name.startswith("_") and callable(value):
                yield pytest.param(value, id=f"{module.__name__}.{name}")


@pytest.mark.parametrize("thing", list(public_objects()))
def test_each_public_class_and_function_has_examples_that_run(thing):
    if inspect.isclass(thing) and issubclass(thing, Warning | tuple):
        return  # a warning, and the plain record Dataset
    assert "\nExamples\n--------\n" in inspect.getdoc(thing)
    assert ">>> " in inspect.getdoc(thing)


@pytest.mark.parametrize(
    "layer", ["Linear", "ReLU", "Sigmoid", "Identity", "MSELoss", "BCELoss", "SGD"]
)
def test_a_derivation_note_has_its_sections_in_order(layer):
    note = inspect.getdoc(getattr(mlp, layer))
    wanted = ["Raises", "Shapes", "Derivation", "Examples", "References"]
    if layer == "SGD":
        wanted.remove("Shapes")
    found = re.findall(r"^(\w+)\n-+$", note, re.MULTILINE)
    assert [section for section in found if section in wanted] == wanted
    first = note.partition("\n")[0]
    assert "=" in first or "←" in first  # the formula


def renewed(text, name):
    """Return a page with its console and text blocks as they come out now."""
    namespace, printed = {}, ""

    def renew(block):
        nonlocal printed
        language, body = block.groups()
        if language == "python":
            printed = output_of_python(body, name, namespace)
        elif language == "text":
            return f"```text\n{printed}```"
        elif language == "console":
            command = body.partition("\n")[0]
            return f"```console\n{command}\n{output_of(command[2:])}```"
        return block[0]

    return BLOCK.sub(renew, text)


if __name__ == "__main__":
    for page in PAGES:
        old = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            page.write_text(renewed(old, page.name), encoding="utf-8")
