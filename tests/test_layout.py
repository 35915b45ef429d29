"""The layout: who imports whom, how long a module is, whose names are private."""

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import SimpleNamespace

import pytest

import mlp

ROOT = Path(mlp.__file__).parent
TESTS = Path(__file__).parent
LINES = 450
# From the ground up. A package, which is a folder or a module at the top of mlp,
# imports from the levels below its own, and from itself.
LEVELS = (
    "_shared",
    "core",
    "initializers metrics schedules data",
    "layers losses optim datasets summary",
    "sequential",
    "training",
    "fitting checking derivation",
    "checkpoint plotting worksheets estimators parallel",
    "commands",
    "__main__",
)


def name_of(path):
    parts = ("mlp", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(part for part in parts if part != "__init__")


FILES = sorted(ROOT.rglob("*.py"))
TEXTS = {name_of(p): p.read_text("utf-8") for p in FILES}
MODULES = {name: ast.parse(text) for name, text in TEXTS.items()}


def package(module):
    """Return the package that a module is in, or is; "" for mlp itself."""
    return (module.split(".") + [""])[1]


def level(module):
    """Return how high a package stands; mlp itself stands above all."""
    rows = [i for i, row in enumerate(LEVELS) if package(module) in row.split()]
    if not rows and module != "mlp":
        raise LookupError(f"{module} is in no row of LEVELS")
    return rows[0] if rows else len(LEVELS)


def imports(tree):
    """Yield each import of something in mlp as (module, name), at any depth.

    A relative import is given with its dots, which is no module's name.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((module, alias.name) for alias in node.names)


def imported(tree, modules):
    """Yield each module of mlp that a module imports."""
    for module, name in imports(tree):
        if module.split(".")[0] == "mlp":
            full = f"{module}.{name}"
            yield full if full in modules else module


def graph(modules):
    """Return what each module imports, but for mlp, which loads names when asked."""
    return {
        module: set(imported(tree, modules)) - {module}
        for module, tree in modules.items()
        if module != "mlp"
    }


def with_module(name, text):
    return MODULES | {name: ast.parse(text)}


def test_each_package_stands_on_one_level():
    levels = {level(module) for module in MODULES if module != "mlp"}
    assert levels <= {*range(len(LEVELS))}
    names = " ".join(LEVELS).split()
    assert len(set(names)) == len(names)
    with pytest.raises(LookupError, match="mlp.utilities.more is in no row"):
        level("mlp.utilities.more")


def wrong_ways(modules):
    return [
        f"{module} imports {other}"
        for module, others in graph(modules).items()
        for other in sorted(others)
        if package(other) != package(module) and level(other) >= level(module)
    ]


def test_every_package_imports_from_below_and_no_wing_from_another():
    assert wrong_ways(MODULES) == []


@pytest.mark.parametrize(
    ("module", "line", "other"),
    [
        ("mlp.core.more", "from mlp.layers.linear import Linear", "mlp.layers.linear"),
        ("mlp.core.more", "from mlp.layers import linear", "mlp.layers.linear"),
        ("mlp.core.more", "import mlp.layers.linear", "mlp.layers.linear"),
        ("mlp.fitting.more", "import mlp.checking.gradients", "mlp.checking.gradients"),
        ("mlp.derivation.more", "def f():\n  import mlp.fitting", "mlp.fitting"),
        ("mlp.checking.more", "from mlp import derivation", "mlp.derivation"),
        ("mlp.training", "if 0: from mlp.fitting.fit import fit", "mlp.fitting.fit"),
        ("mlp.layers.more", "import mlp.losses", "mlp.losses"),
        ("mlp.fitting.more", "from mlp import SGD", "mlp"),
        ("mlp._shared.more", "import mlp.core.parameter", "mlp.core.parameter"),
    ],
)
def test_a_wrong_way_is_seen(module, line, other):
    assert wrong_ways(with_module(module, line)) == [f"{module} imports {other}"]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("mlp.fitting.more", "import mlp.training, mlp.layers, mlp.core, numpy.linalg"),
        ("mlp.fitting.more", "from mlp.fitting import fit"),
        ("mlp.estimators", "import mlp.fitting.fit, mlp.checking, mlp.derivation"),
    ],
)
def test_a_right_way_is_let_pass(module, line):
    assert wrong_ways(with_module(module, line)) == []


def relative(modules):
    return [
        module
        for module, tree in modules.items()
        if any(origin[0] == "." for origin, _ in imports(tree))
    ]


def test_an_import_says_the_whole_path():
    assert relative(MODULES) == []
    for line in ("from . import fit", "from ..core.layer import Layer"):
        assert relative(with_module("mlp.fitting.more", line)) == ["mlp.fitting.more"]


def test_there_is_no_circle_of_imports():
    list(TopologicalSorter(graph(MODULES)).static_order())


def test_a_circle_is_seen():
    one = {"mlp.data.a": "import mlp.data.b", "mlp.data.b": "from mlp.data import a"}
    modules = {name: ast.parse(text) for name, text in one.items()}
    with pytest.raises(CycleError):
        list(TopologicalSorter(graph(modules)).static_order())


def too_long(texts):
    lengths = {module: len(text.splitlines()) for module, text in texts.items()}
    return {module: n for module, n in lengths.items() if n > LINES}


def test_a_module_is_one_idea_long():
    assert too_long(TEXTS) == {}


def test_a_module_that_is_too_long_is_seen():
    texts = {"mlp.short": "\n" * LINES, "mlp.long": "\n" * (LINES + 1)}
    assert too_long(texts) == {"mlp.long": LINES + 1}


# -------------------------------------------------------- a test module for each


def place_of_tests(path):
    """Return the path in tests/ of the test module of a module of mlp/."""
    *folders, name = [part.strip("_") for part in path.with_suffix("").parts]
    if name == "init":
        name = folders[-1] if folders else "package"
    return Path(*folders, f"test_{name}.py")


def untested(trees):
    """Return the modules that define something and have no test module."""
    return [
        path.as_posix()
        for path, tree in trees.items()
        if any(isinstance(n, ast.FunctionDef | ast.ClassDef) for n in ast.walk(tree))
        and not (TESTS / place_of_tests(path)).is_file()
    ]


def test_each_module_has_a_test_module_in_the_same_place():
    trees = {p.relative_to(ROOT): ast.parse(p.read_text("utf-8")) for p in FILES}
    assert untested(trees) == []


def test_a_module_without_tests_is_seen():
    defines, imports = ast.parse("def f(): ..."), ast.parse("from mlp import fit")
    paths = ["core/more.py", "core/layer.py", "more/__init__.py", "__main__.py"]
    seen = ["core/more.py", "more/__init__.py"]
    assert untested(dict.fromkeys(map(Path, paths), defines)) == seen
    assert untested(dict.fromkeys(map(Path, paths), imports)) == []


# ------------------------------------------------------------- private names


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def is_a_protocol(name):
    """Return whether a name is one that Python or IPython tells users of."""
    return name in ("_fields", "_replace", "_asdict") or (
        re.fullmatch(r"_repr_\w+_", name) is not None
    )


@cache
def own_and_used(tree):
    """Return the names that a module defines, and the private ones that it takes."""
    return set(defined(tree)), set(used(tree))


def defined(tree):
    """Yield the names that a module defines, as globals, methods or attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name) and node.value.id in ("self", "twin"):
                yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value  # of __slots__


def used(tree):
    """Yield the private names that a module takes from something but itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            owner = node.value
            if not (isinstance(owner, ast.Name) and owner.id in ("self", "cls", "sys")):
                yield node.attr
    for module, name in imports(tree):
        parts = module.split(".") if module.startswith("mlp.") else []
        yield from filter(is_private, [*parts, name or ""])


def borrowed(modules):
    """Return the private names that a package uses and does not define."""
    found = set()
    for room in {package(module) for module in modules}:
        inside = [tree for name, tree in modules.items() if package(name) == room]
        own, names = map(set.union, *map(own_and_used, inside))
        names -= own | {"_shared"}
        found |= {f"{room}: {name}" for name in names if not is_a_protocol(name)}
    return found


def test_a_private_name_is_not_used_outside_its_own_package():
    assert borrowed(MODULES) == set()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("def f(optimizer):\n    optimizer._states = []", "_states"),
        ("def f(optimizer):\n    return optimizer._states", "_states"),
        ("def f(layer):\n    return layer.rng._bit", "_bit"),
        ("from mlp.core.forward import _Forward", "_Forward"),
        ("from mlp.fitting._hidden import f", "_hidden"),
        ("import mlp.core._hidden", "_hidden"),
    ],
)
def test_a_private_name_of_another_package_is_seen(text, name):
    seen = borrowed(with_module("mlp.data.more", text)) - borrowed(MODULES)
    assert seen == {f"data: {name}"}


@pytest.mark.parametrize(
    "text",
    [
        "class A:\n    def f(self):\n        return self._states",
        "def _f(): ...\nfrom mlp.data.more import _f",
        "def f(row, figure):\n    return row._replace(a=1), figure._repr_png_()",
        "from mlp._shared import arrays",
        "from _thread import RLock",
        "def f(a):\n    return a.__dict__",
    ],
)
def test_a_name_of_its_own_is_let_pass(text):
    assert borrowed(with_module("mlp.data.more", text)) == borrowed(MODULES)


def private_in(module):
    return [name for name in dir(module) if is_private(name)]


def test_only_public_names_are_listed():
    assert private_in(mlp) == []
    assert private_in(SimpleNamespace(_hidden=1, shown=2)) == ["_hidden"]


def test_a_test_module_that_cannot_be_imported_is_an_error(request):
    """As a module with doctests, which may lack an extra, it would be skipped."""
    hook = request.session.gethookproxy(TESTS).pytest_collect_file
    found = hook(file_path=Path(__file__), parent=request.session)
    assert [type(one) for one in found] == [pytest.Module]
