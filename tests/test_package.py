"""The package as a whole: what it loads, and what it exports."""

import ast
import importlib.util
import pickle
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import mlp

PACKAGE = Path(mlp.__file__).parent
OPTIONAL = "matplotlib tqdm torch pytest hypothesis scipy sklearn pandas".split()


MODULES = [
    "data",
    "datasets",
    "derivation",
    "initializers",
    "metrics",
    "schedules",
]
FIRST_NET = (
    "from mlp import SGD, Identity, Linear, MSELoss, ReLU, Sequential, minibatches, "
    "train_step"
)
OF_THE_FIRST_NET = (
    "_shared core data initializers layers losses optim sequential summary training"
).split()
NOT_OF_THE_FIRST_NET = "csv html json shutil threading zlib numpy.random".split()


def lacking():
    """Return the modules that are made of an extra that is not installed here."""
    return {"estimators"} if importlib.util.find_spec("sklearn") is None else set()


def printed(code):
    """Return what a program of these lines prints in a fresh process."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.split()


def loaded_by(code, after="pass"):
    """Return the modules that code loads, in a fresh process that has run after."""
    return printed(
        f"import sys; {after}; before = set(sys.modules); {code}; "
        f"print(*(set(sys.modules) - before))"
    )


def test_the_names_load_nothing_optional():
    code = (
        "from mlp import *; assert datasets.load_digits().x.shape == (1797, 64); "
        "assert data.read_csv"
    )
    assert {"mlp.training", "mlp.derivation.trace"} <= set(loaded_by(code))
    assert not set(loaded_by(code)) & set(OPTIONAL)


# ------------------------------------------------ names loaded when asked for


def test_import_mlp_loads_nothing_of_its_own_or_of_numpys():
    loaded = loaded_by("import mlp")
    assert "mlp" in loaded
    assert not [name for name in loaded if name.startswith(("mlp.", "numpy"))]


def test_a_first_net_loads_what_it_needs():
    loaded = loaded_by(FIRST_NET, after="import numpy")
    packages = {name.split(".")[1] for name in loaded if name.startswith("mlp.")}
    assert {"layers", "training"} <= packages <= set(OF_THE_FIRST_NET)
    assert not set(loaded) & set(NOT_OF_THE_FIRST_NET)


def test_all_names_exist_once():
    assert mlp.__all__ == [*mlp._HOME, *MODULES, "__version__"]
    assert len(set(mlp.__all__)) == len(mlp.__all__)
    assert all(hasattr(mlp, name) for name in mlp.__all__)


@pytest.mark.parametrize("name", mlp._HOME)
def test_a_name_is_what_its_module_has(name):
    home = import_module(f"mlp.{mlp._HOME[name]}")
    assert mlp.__getattr__(name) is getattr(mlp, name) is getattr(home, name)
    assert getattr(mlp, name).__module__.startswith(home.__name__)
    assert pickle.loads(pickle.dumps(getattr(mlp, name))) is getattr(mlp, name)


def test_type_checkers_see_the_same_names():
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    origins = {
        alias.asname or alias.name: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = {name: f"mlp.{home}" for name, home in mlp._HOME.items()}
    assert origins == homes | dict.fromkeys(MODULES, "mlp")
    *_, assignment = stub.body
    assert ast.unparse(assignment) == f"__all__ = {mlp.__all__}"


def test_star_and_dir_have_all_names():
    assert printed("from mlp import *; print(*dir())") == sorted(
        {*mlp.__all__, *printed("print(*dir())")}
    )
    names = printed("import mlp; print(*dir(mlp))")
    assert {*mlp.__all__, "__all__", "losses", "optim"} <= set(names)
    assert not [name for name in names if name.startswith("_") and name[1] != "_"]
    assert all(hasattr(mlp, name) for name in {*names} - lacking())


def test_each_module_is_there_without_an_import_of_its_own():
    there = {info.name for info in pkgutil.iter_modules(mlp.__path__)}
    assert {"losses", "sequential", "_shared", "estimators"} <= there
    names = sorted(there - lacking())
    names.remove("__main__")  # which is run, not imported
    code = f"import mlp; print(*(getattr(mlp, m).__name__ for m in {names}))"
    assert printed(code) == [f"mlp.{name}" for name in names]


@pytest.mark.parametrize("name", ["nonsense", "_no", "a.b", "__none__", "__wrapped__"])
def test_what_is_not_there_is_an_error_as_of_any_module(name):
    assert not hasattr(mlp, name)
    with pytest.raises(
        AttributeError, match=f"^module 'mlp' has no attribute '{name}'"
    ):
        getattr(mlp, name)
    with pytest.raises(ImportError, match="cannot import name 'nonsense' from 'mlp'"):
        from mlp import nonsense  # noqa: F401 - there is none to use


def test_a_module_that_lacks_what_it_needs_says_so():
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "import mlp\n"
        "for name in ('Linear', 'losses'):\n"
        "    try: getattr(mlp, name)\n"
        "    except ModuleNotFoundError as error: print(error.name)"
    )
    assert printed(code) == ["numpy", "numpy"]


def test_threads_that_ask_at_once_get_the_same():
    code = f"""
import random, sys, threading, mlp
sys.setswitchinterval(1e-5)
start, found = threading.Barrier(6), []

def ask(seed):
    names = list({mlp.__all__})
    random.Random(seed).shuffle(names)
    start.wait()
    found.append({{name: id(getattr(mlp, name)) for name in names}})

threads = [threading.Thread(target=ask, args=[seed]) for seed in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(found), all(ids == found[0] for ids in found))
"""
    assert printed(code) == ["6", "True"]


def test_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", mlp.__version__)


def test_no_assert_in_the_library():
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree)), path
