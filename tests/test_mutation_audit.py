"""The audit makes mistakes that run, sees which a test notices, and says the rest."""

import ast
import shutil
import textwrap
from functools import cache
from pathlib import Path

import mutation_audit as audit
import pytest

SOURCE = b'''\
"""A doc."""
from typing import Any
if 1 < 2:
    LEAST: float = 1e-3  # \xe2\x89\xa5 0
RULES = {"f": lambda x: x.T}

@decorated(1)
class A(B[1]):
    """Another."""

    x: Literal[1] = 2

    def f(self, x: Literal[3] = 4) -> Literal[5]:
        """A third."""
        if x < 0 and self:
            raise ValueError(f"{x + 1}", x - 1)
        y = [n for n in x if n]; x = g(x)
        y += (
            abs(x + y) * x.dot(y)  # e\xcc\x81
        )
        return a @ (y.T if x is None else -np.sum(x, axis=1))
'''


def made(text):
    """Return (place, before, after) of each mutant of a text."""
    return [mutant[1:4] for mutant in audit.mutants("a.py", text.encode())]


def test_each_mutant_is_one_line_changed_and_compiles():
    found = audit.mutants("a.py", SOURCE)
    assert {m.place for m in found} == {"RULES", "A", "A.f"}
    assert len(set(found)) == len(found)
    for mutant in found:
        text = mutant.put_into(SOURCE)
        compile(text, "a.py", "exec")
        tree = ast.unparse(ast.parse(text))
        assert tree != ast.unparse(ast.parse(SOURCE))
        assert mutant.before != mutant.after and mutant.after in tree
        assert "if 1 < 2:" in tree and "@decorated(1)" in tree and "A(B[1])" in tree
        assert "{x + 1}', x - 1" in tree or "raise" not in tree  # messages stay


@pytest.mark.parametrize(
    ("line", "mistakes"),
    [
        ("a + b", ["a - b", "a", "b"]),
        ("a - b", ["a + b", "a"]),
        ("a * b", ["a / b", "a", "b"]),
        ("a / b", ["a * b", "a"]),
        ("a @ b", ["b @ a"]),
        ("a.dot(b)", ["b.dot(a)"]),
        ("a.T", ["a"]),
        ("a < b", ["a <= b"]),
        ("a is b", ["a is not b"]),
        ("a and b", ["b", "a"]),
        ("not a", ["a"]),
        ("a[0]", ["a[1]"]),
        ("a[1]", ["a[0]"]),
        ("a[2]", ["a[3]"]),
        ("f(b, axis=-1)", ["f(b, axis=1)", "f(b, axis=-0)"]),
        ("0.5", ["5.0"]),
        ("0.0", ["1.0"]),
        ("True", ["False"]),
        ("np.exp(a)", ["a"]),
        ("a.copy()", ["a"]),
        ("a.sum(b)", ["a.mean(b)"]),
        ("min(a, b)", ["max(a, b)"]),
        ("a if b else c", ["a", "c"]),
        ("[a for a in b if c]", ["[a for a in b if True]"]),
        ("zip(a, b, strict=True)", []),
        ("f'{a + 1}' + 'b'", ["f'{a + 1}' - 'b'", "f'{a + 1}'", "'b'"]),
    ],
)
def test_an_expression_has_these_mistakes(line, mistakes):
    after = [a.removeprefix("return ") for _, _, a in made(f"def f(): return {line}")]
    assert after == mistakes


@pytest.mark.parametrize(
    ("line", "mistakes"),
    [
        ("a += b", ["a -= b", "pass"]),
        ("f(a)", ["pass"]),
        ("self.a = b", ["pass"]),
        ("a[b] = c", ["pass"]),
        ("a = f(a)", ["pass"]),
        ("a = f(b)", []),  # nothing is left for a later line to use
        ("a: int", []),
        ("raise a", ["pass"]),
        ("if a: b = c", ["if True:", "if False:"]),
        ("if a: f(b)", ["if True:", "pass"]),  # which is if False
        ("def g(a: 1, b=True): pass", ["a: 1, b=False"]),
        ("'text'", []),
    ],
)
def test_a_statement_has_these_mistakes(line, mistakes):
    assert [after for *_, after in made(f"def f():\n    {line}")] == mistakes


def test_a_mutant_does_not_depend_on_layout_or_on_the_code_around_it():
    text = "def f(a):\n    # why\n    return (a  +\n       b)  # so\n"
    assert made(text) == made("def f(a): return a + b")
    more = text + "def g(): return 1 + 2\n"
    few, many = (audit.mutants("a.py", t.encode()) for t in (text, more))
    assert audit.sample(many, 2)[:2] == audit.sample(few, 2)
    assert len(audit.sample(many, 1)) == 2


@cache
def of_mlp():
    """Return each module's source, and all mistakes that can be made in it."""
    sources = {
        m: (audit.ROOT / "mlp" / m).read_bytes() for m in audit.modules(audit.ROOT)
    }
    return {m: (source, audit.mutants(m, source)) for m, source in sources.items()}


def test_every_module_can_be_mutated():
    for module, (source, found) in of_mlp().items():
        nodes = ast.walk(ast.parse(source))
        assert found or not any(isinstance(n, ast.FunctionDef) for n in nodes)
        for mutant in audit.sample(found, 1)[:3]:
            compile(mutant.put_into(source), module, "exec")


@pytest.fixture
def tree(tmp_path):
    """Return a small package with tests, laid out as this one is."""
    for name, text in {
        "mlp/__init__.py": "",
        "mlp/parts/__init__.py": "from mlp.parts._a import f\n",
        "mlp/parts/_a.py": "def f(x):\n    return x + 0 * x + len(b'') * 2\n",
        "mlp/parts/b.py": "from mlp.parts._a import f\n",
        "tests/parts/test_a.py": """\
            import mlp.parts, os, pathlib
            def test_it():
                assert mlp.parts.f(0) == 0
                assert not list(pathlib.Path().rglob("left_behind"))
                pathlib.Path(mlp.__file__).with_name("left_behind").touch()
                assert pathlib.Path.home() in pathlib.Path(mlp.__file__).parents
                assert os.environ["TMPDIR"] == os.environ["HOME"]
            """,
        "tests/test_other.py": """\
            import pathlib, subprocess, sys
            def test_in_a_script():
                code = "import mlp.parts; assert mlp.parts.f(2) == 2"
                command = [sys.executable, "-c", code]
                subprocess.run(command, check=True, cwd=pathlib.Path.home())
            """,
        "tests/test_docs.py": "def test_it(): assert False\n",
        "tests/test_b.py": "",
    }.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path / "root/tests")
    return tmp_path / "root"


def test_what_its_own_tests_kill_what_others_kill_and_what_lives(tree, capsys):
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    lines = {
        "return x + 0 * x + (len(b'') + 2)": None,  # never made
        "return x + 1 + len(b'') * 2": None,  # never made
        "return x + 0 * x + len(b'') * 3": None,
        "return x + 0 * x + 2": "tests/parts/test_a.py::test_it",
        "return x - 0 * x + len(b'') * 2": None,  # excused
        "return 0 * x + len(b'') * 2": "tests/test_other.py::test_in_a_script",
        "return x + 1 * x + len(b'') * 2": None,  # excused, and seen by another
    }
    source = (tree / "mlp/parts/_a.py").read_bytes()
    chosen = [m for m in audit.mutants("parts/_a.py", source) if m.after in lines]
    assert len(chosen) == len(lines) - 2
    excused = {("f", line): "no matter" for line in list(lines)[4:7:2]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit.Audit, "time", lambda self, m: self.limits.update({m: 60}))
        found = audit.audit(chosen, excused, tree, workers=2)
    assert {m.after: by for m, by in found.items()}.items() <= lines.items()
    assert capsys.readouterr().out.count("LIVES") == 3
    after = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    assert after == before


def test_a_tree_whose_tests_fail_already_is_refused(tree):
    (tree / "tests/test_b.py").write_text("def test_it(): assert False\n")
    with pytest.raises(SystemExit, match="without a mistake tests/test_b.py::test_it"):
        audit.audit([], {}, tree, workers=1)


def test_a_loop_without_end_is_a_failure_and_no_tests_are_none(tree):
    (tree / "tests/test_b.py").write_text("while True: pass\n")
    ended = audit.first_failure(tree, ["tests/test_b.py"], [], limit=2)
    assert ended == "no end within 2 s"
    with pytest.raises(SystemExit, match="could not run"):
        audit.first_failure(tree, ["tests/test_nowhere.py"], [], limit=60)


def test_a_module_finds_its_tests(tree):
    a, b = "tests/parts/test_a.py", "tests/test_b.py"
    assert audit.tests_of("parts/_a.py", tree) == [a, "mlp/parts/_a.py"]
    assert audit.tests_of("parts/b.py", tree) == [b, "mlp/parts/b.py"]
    package, namesake = "tests/parts/test_parts.py", "tests/others/test_b.py"
    (tree / package).write_text("")
    (tree / "tests/others").mkdir()
    (tree / namesake).write_text("")  # of another package
    assert audit.tests_of("parts/b.py", tree) == [package, b, "mlp/parts/b.py"]
    (tree / package).unlink()
    (tree / a).rename(tree / "tests/parts/test_more.py")  # of the folder
    more = ["tests/parts/test_more.py", "mlp/parts/_a.py"]
    assert audit.tests_of("parts/_a.py", tree) == more
    (tree / "mlp/c.py").write_text("")
    (tree / b).write_text("from mlp import c\n")
    assert audit.tests_of("c.py", tree) == [b, "mlp/c.py"]
    (tree / b).write_text("")
    (tree / "mlp/parts/b.py").write_text("from mlp import c\n")
    assert audit.tests_of("c.py", tree) == [b, "mlp/c.py", "mlp/parts/b.py"]


def test_a_module_is_called_by_its_last_names():
    for name in ("linear", "linear.py", "layers", "layers/linear", "mlp/layers/"):
        assert audit.is_called("layers/linear.py", name)
    assert not audit.is_called("layers/linear.py", "near")


def test_what_the_audit_names_is_in_mlp():
    for name in audit.MODULES:
        assert any(audit.is_called(module, name) for module in of_mlp()), name
    made = [mutant for _, found in of_mlp().values() for mutant in found]
    assert audit.stale(audit.excuses(), made) == []


def test_an_excuse_for_what_is_no_longer_there_is_stale():
    found = audit.mutants("a.py", b"def f(a): return a + b")
    lines = [("f", "return a - b"), ("f", "return a * b"), ("g", "return a - b")]
    excused = dict.fromkeys(lines, "no matter")
    assert audit.stale(excused, found) == [("f", "return a * b"), ("g", "return a - b")]


def test_the_page_keeps_other_modules_and_lists_what_is_not_killed():
    killed, lives, excused = audit.mutants("a.py", b"def f(a): return a + b | c")
    excuses = {("f", excused.after): "b is 0"}
    row = "| a.py | f | `return a + b \\| c` |"
    other = audit.mutants("b.py", b"def g(a): return -a")
    text = audit.page("", {other[0]: None}, {}, ["a.py", "b.py"])
    for _ in range(2):  # anew over itself
        found = {killed: "test_it", lives: None, excused: None}
        text = audit.page(text, found, excuses, ["a.py", "b.py"])
        assert "| a.py | 3 | 1 | 1 | 1 |\n| b.py | 1 | 0 | 0 | 1 |\n" in text
        assert (
            f"{row} `{lives.after}` | **lives** |\n".replace(" | c`", " \\| c`") in text
        )
        assert (
            f"{row} `{excused.after}` | b is 0 |\n".replace(" | c`", " \\| c`") in text
        )
        assert text.count("a.py |") == 3
        assert "`return -a` | `return a` | **lives** |" in text
        assert killed.after not in text.replace("\\|", "|")
    assert "b.py" not in audit.page(text, {killed: "test_it"}, {}, ["a.py"])
