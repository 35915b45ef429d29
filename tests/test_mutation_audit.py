"""The audit's table fits mlp as it stands, its page fits the table, and it sees."""

import shutil
from pathlib import Path

import mutation_audit as audit
import pytest
from mutation_audit import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: f"{m.file}: {m.new}")
def test_a_mutation_can_still_be_made(mutation):
    text = audit.mutated(mutation)
    assert text != audit.source(mutation.file)
    compile(text, mutation.file, "exec")  # a mistake that Python sees is none


def test_a_stale_table_is_refused():
    for old in ("there is no such line", "import"):
        with pytest.raises(SystemExit, match="once in mlp/layers.py.*up to date"):
            audit.mutated(Mutation("layers.py", old, "pass"))


def test_each_mutation_is_there_once_and_has_tests_of_its_own():
    rows = [audit.cells(mutation) for mutation in MUTATIONS]
    assert len(set(rows)) == len(rows)
    for file, *_ in rows:
        assert all((audit.ROOT / path).exists() for path in audit.home(file))


def test_the_page_is_that_of_the_table():
    found = audit.verdicts()
    assert list(found) == [audit.cells(mutation) for mutation in MUTATIONS]
    assert audit.REPORT.read_text(encoding="utf-8") == audit.report(found)
    for mutation, last in zip(MUTATIONS, found.values(), strict=True):
        reason = mutation.equivalent
        assert last == f"equivalent: {reason}" if reason else last.startswith("`")


def test_what_lives_is_said_and_so_is_a_wrong_excuse():
    mutation = Mutation("layers.py", "1", "2")
    assert (
        audit.verdict(mutation, "tests/test_a.py::test_it")
        == "`tests/test_a.py::test_it`"
    )
    assert audit.verdict(mutation, None) == "**lives**"
    excused = mutation._replace(equivalent="1 is 2")
    assert audit.verdict(excused, None) == "equivalent: 1 is 2"
    assert audit.verdict(excused, "test_it") == "**not equivalent**: `test_it`"


def test_the_audit_runs_the_copy_and_names_the_first_failure(tmp_path):
    for folder in ("mlp", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "mlp/__init__.py").write_text("here = 1\n")
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path / "tests")
    (tmp_path / "tests/test_a.py").write_text(
        "import subprocess, sys\n"
        "def test_in_a_script():\n"
        "    subprocess.run([sys.executable, '-c', 'import mlp; mlp.here'], check=1)\n"
    )
    (tmp_path / "tests/test_b.py").write_text(
        "import mlp\ndef test_it(): assert mlp.here == 2\n"
    )
    assert audit.first_failure(tmp_path, [], []) == "tests/test_b.py::test_it"
    assert audit.first_failure(tmp_path, [], ["tests/test_b.py"]) is None
    with pytest.raises(SystemExit, match="could not run"):
        audit.first_failure(tmp_path, ["tests/test_c.py"], [])
