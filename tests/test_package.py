"""The package as a whole: what it loads, what it exports, which way it imports."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mlp

PACKAGE = Path(mlp.__file__).parent
OPTIONAL = ["matplotlib", "tqdm", "torch", "pytest", "hypothesis", "scipy"]


def test_import_loads_nothing_optional():
    code = (
        "import sys, mlp; print([m for m in sys.argv[1:] if m in sys.modules], "
        "mlp.datasets.load_digits().x.shape, mlp.data.read_csv.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *OPTIONAL], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[] (1797, 64) read_csv\n", "")


def test_all_names_exist_once():
    assert len(set(mlp.__all__)) == len(mlp.__all__)
    assert all(hasattr(mlp, name) for name in mlp.__all__)


def test_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", mlp.__version__)


def imports(module):
    """Return the names of the modules of mlp that a file imports."""
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "mlp":
                names |= {alias.name for alias in node.names}
            elif node.module.startswith("mlp."):
                names.add(node.module.split(".")[1])
    return names


@pytest.mark.parametrize(
    ("module", "may"),
    [
        ("_checks.py", set()),
        ("core.py", {"_checks"}),
        ("layers.py", {"_checks", "core"}),
        ("losses.py", {"_checks", "core"}),
        ("sequential.py", {"_checks", "_printing", "core", "layers"}),
        ("optim.py", {"_checks", "core"}),
        ("_archive.py", {"_checks"}),
        ("checkpoint.py", {"_archive", "_checks", "optim", "sequential"}),
        ("history.py", set()),
        ("_progress.py", {"history"}),
        ("schedules.py", {"_checks"}),
        ("metrics.py", {"_checks"}),
        (
            "training.py",
            {
                "_checks",
                "_progress",
                "checkpoint",
                "core",
                "data",
                "history",
                "losses",
                "optim",
                "schedules",
                "sequential",
            },
        ),
        ("_printing.py", set()),
        ("jacobians.py", {"_checks", "core"}),
        ("differences.py", {"_checks"}),
        ("verdicts.py", {"_checks", "differences"}),
        ("pieces.py", {"_checks", "core", "differences", "sequential", "verdicts"}),
        (
            "gradcheck.py",
            {"_checks", "_printing", "core", "differences", "pieces", "verdicts"},
        ),
        ("derivation/expressions.py", set()),
        ("derivation/rendering.py", {"_printing", "derivation"}),
        (
            "derivation/tables.py",
            {
                "_checks",
                "_printing",
                "core",
                "derivation",
                "optim",
                "proving",
                "sequential",
            },
        ),
        ("proving.py", {"derivation", "jacobians"}),
        (
            "tracing.py",
            {
                "_checks",
                "_printing",
                "core",
                "derivation",
                "losses",
                "optim",
                "sequential",
            },
        ),
        (
            "diagnosing.py",
            {"_checks", "_printing", "core", "layers", "sequential"},
        ),
        ("derivation/rules.py", {"core", "derivation", "layers", "losses"}),
        ("_tables.py", {"_checks"}),
        ("data.py", {"_checks", "_tables"}),
        ("datasets/__init__.py", {"_checks", "_tables", "data"}),
    ],
)
def test_imports_run_one_way(module, may):
    assert imports(module) <= may


def test_no_assert_in_the_library():
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree)), path
