"""The suite's own audit: break mlp on purpose, and see whether a test notices.

A test that cannot fail tests nothing. This script makes small mistakes in mlp, one
at a time: another sign, a factor or a transpose dropped, a condition that always
holds, a statement left out. The tests of the module run first, then those of its
package, and all others only if none of them fails. If none fails at all, the mistake
lives: a test is missing, or the mistake changes nothing that can be seen, and
mutation_equivalents.toml says why.

    .venv/bin/python tests/mutation_audit.py                     those of MODULES
    .venv/bin/python tests/mutation_audit.py layers optim        these, or packages
    .venv/bin/python tests/mutation_audit.py --changed HEAD~3    those changed since

The mistakes are found in the syntax tree, by the rules of mistakes() below, so new or
renamed code needs no entry anywhere. A function gets at most --most of them, the same
ones as long as it stays as it is. Each is made in a fresh copy of the tree, which is
thrown away afterwards. docs/mutations.md is written anew; what it says of modules that
were not asked for is kept.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path, PurePath
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "mutations.md"
EQUIVALENT = Path(__file__).with_name("mutation_equivalents.toml")

MODULES = [  # those of the mathematics and of the checks, wherever in mlp/ they are
    *("core", "layers", "losses", "optim", "initializers", "metrics", "schedules"),
    *("sequential", "training", "checking", "derivation", "sums"),
]
MOST = 1  # mistakes a function
APART = [  # tests of examples, pages and scripts: what only they see is not tested
    "test_benchmarks.py",
    "test_docs.py",
    "test_examples.py",
    "test_mutation_audit.py",
]
MEMORY = 16 << 30  # bytes of addresses that a run of tests may take
FILE = 1 << 30  # bytes that it may write into one file

# ------------------------------------------------------------------- the mistakes

PAIRS: list[tuple[Any, Any]] = [
    *((ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.Lt, ast.LtE), (ast.Gt, ast.GtE)),
    *((ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn)),
    *(("sum", "mean"), ("std", "var"), ("min", "max"), ("minimum", "maximum")),
    *(("argmin", "argmax"), ("any", "all"), ("zeros", "ones"), ("floor", "ceil")),
    ("zeros_like", "ones_like"),
]
OTHER = {ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult}
OTHER |= dict(PAIRS) | {second: first for first, second in PAIRS}
DROPPED = {"abs", "asarray", "astype", "clip", "copy", "exp", "log", "sqrt", "square"}


def mistakes(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield what a small mistake replaces at this node, and by what."""
    match node:
        case ast.BinOp(left, ast.MatMult() as op, right):
            yield node, ast.BinOp(right, op, left)
        case ast.BinOp(left, op, right) if type(op) in OTHER:
            yield node, ast.BinOp(left, OTHER[type(op)](), right)
            yield node, left
            if isinstance(op, ast.Add | ast.Mult):
                yield node, right
        case ast.AugAssign(target, op, value) if type(op) in OTHER:
            yield node, ast.AugAssign(target, OTHER[type(op)](), value)
        case ast.Compare(left, ops, values):
            for i, op in enumerate(ops):
                other = [*ops[:i], OTHER[type(op)](), *ops[i + 1 :]]
                yield node, ast.Compare(left, other, values)
        case ast.BoolOp(op, values):
            for i in range(len(values)):
                yield node, ast.BoolOp(op, values[:i] + values[i + 1 :])
        case ast.UnaryOp(_, operand):
            yield node, operand
        case ast.Constant(bool(value)):
            yield node, ast.Constant(not value)
        case ast.Constant(int(value)):
            yield node, ast.Constant({0: 1, 1: 0}.get(value, value + 1))
        case ast.Constant(float(value)):
            yield node, ast.Constant(10 * value or 1.0)
        case ast.Attribute(value, "T"):
            yield node, value
        case ast.Call(ast.Attribute(a, "dot"), [b]):
            yield node, ast.Call(ast.Attribute(b, "dot"), [a], [])
        case ast.Call(ast.Attribute(value, name) as called, arguments):
            if name in OTHER:
                yield called, ast.Attribute(value, OTHER[name])
            if name in DROPPED:
                is_module = isinstance(value, ast.Name) and value.id in ("np", "math")
                yield node, arguments[0] if is_module and arguments else value
        case ast.Call(ast.Name(name) as called, [argument, *_]):
            if name in OTHER:
                yield called, ast.Name(OTHER[name])
            if name in DROPPED:
                yield node, argument
        case ast.IfExp(_, body, orelse):
            yield node, body
            yield node, orelse
        case ast.If(test, body):
            yield test, ast.Constant(True)
            if len(body) > 1 or not can_be_left_out(body[0]):
                yield test, ast.Constant(False)
        case ast.comprehension(ifs=tests):
            for test in tests:
                yield test, ast.Constant(True)
    if can_be_left_out(node):
        yield node, ast.Pass()


def can_be_left_out(node: ast.AST) -> bool:
    """Return whether this is a statement without which no name is missing."""
    match node:
        case ast.Expr(ast.Call()) | ast.AugAssign() | ast.Raise():
            return True
        case ast.Continue() | ast.Break():
            return True
        case ast.Assign() | ast.AnnAssign(value=ast.expr()):
            names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
            bound = {n.id for n in names if isinstance(n.ctx, ast.Store)}
            return bound - {"_"} <= {n.id for n in names if isinstance(n.ctx, ast.Load)}
    return False


class Mutant(NamedTuple):
    """A mistake in a module: where it is, and what stands there before and after."""

    module: str  # its path in mlp/
    place: str  # the qualified name of the function, class or constant
    before: str  # the line, as ast.unparse writes it
    after: str
    start: int  # of the bytes replaced
    end: int
    text: str  # what stands there instead

    @property
    def key(self) -> tuple[str, str]:
        """What an excuse knows of it."""
        return self.place, self.after

    def put_into(self, source: bytes) -> bytes:
        """Return the module with the mistake in it."""
        return source[: self.start] + self.text.encode() + source[self.end :]


def mutants(module: str, source: bytes) -> list[Mutant]:
    """Return all mistakes that can be made in a module, in order."""
    lines = source.splitlines(keepends=True)
    starts = [0, *accumulate(map(len, lines))]
    found = []
    for place, line, old, new in walk(ast.parse(source), ""):
        before, after = (unparse(put(line, old, n)) for n in (old, new))
        text = unparse(new)
        if isinstance(new, ast.expr):
            text = f"({text})"
        span = (starts[old.lineno - 1] + old.col_offset,
                starts[old.end_lineno - 1] + old.end_col_offset)  # fmt: skip
        if before != after:
            found.append(Mutant(module, place, before, after, *span, text))
    return found


def unparse(node: ast.AST) -> str:
    """Return the text of a node, some of which was never in a file."""
    return ast.unparse(ast.fix_missing_locations(node))


UNDER = ast.stmt | ast.excepthandler | ast.match_case
Found = tuple[str, ast.AST, ast.AST, ast.AST]


def walk(node: ast.AST, place: str, line: ast.AST | None = None) -> Iterator[Found]:
    """Yield place, line, old and new of each mistake in a tree.

    Of what a module runs when it is imported, only the functions, classes and values
    that it names; nowhere types, decorators, messages, and zip's strict, which holds.
    """
    if isinstance(node, ast.stmt | ast.match_case | ast.Lambda | ast.arguments):
        line = node
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        place = f"{place}.{node.name}".lstrip(".")
    elif not place and isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        place, node = ast.unparse(target), node.value
    elif not place and not isinstance(node, ast.Module):
        return
    if place:
        yield from ((place, line, old, new) for old, new in mistakes(node))
    is_strict = isinstance(node, ast.keyword) and node.arg == "strict"
    if not isinstance(node, ast.Raise | ast.JoinedStr) and not is_strict:
        for field, value in ast.iter_fields(node):
            if field not in ("annotation", "returns", "decorator_list", "bases"):
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        yield from walk(child, place, line)


def put(part: Any, old: ast.AST, new: ast.AST) -> Any:
    """Return a line with new in the place of old, without the lines under it."""
    if part is old:
        return new
    if isinstance(part, list):
        return [put(p, old, new) for p in part if not isinstance(p, UNDER)]
    if not isinstance(part, ast.AST):
        return part
    fields = {name: put(value, old, new) for name, value in ast.iter_fields(part)}
    return type(part)(**fields)


def sample(found: Iterable[Mutant], most: int) -> list[Mutant]:
    """Return at most so many mutants of each place, drawn by a hash of their text."""

    def lot(mutant: Mutant) -> bytes:
        return hashlib.sha256("\n".join(mutant[1:4]).encode()).digest()

    by_place = defaultdict(list)
    for mutant in found:
        by_place[mutant.module, mutant.place].append(mutant)
    return [m for ms in by_place.values() for m in sorted(ms, key=lot)[:most]]


# ---------------------------------------------------------------- which modules, tests


def modules(root: Path) -> list[str]:
    """Return the paths in mlp/ of all modules."""
    package = root / "mlp"
    return sorted(p.relative_to(package).as_posix() for p in package.rglob("*.py"))


def is_called(module: str, name: str) -> bool:
    """Return whether a name is that of a module, or of a package around it.

    Both "linear" and "layers/linear.py" are names of mlp/layers/linear.py.
    """
    name = name.removeprefix("mlp/").removesuffix(".py").strip("/")
    return f"/{name}/" in f"/{module.removesuffix('.py')}/"


def changed(since: str) -> list[str]:
    """Return the modules that differ from a revision, and those not yet in it."""
    git = ["git", "-C", str(ROOT)]
    diff = [*git, "diff", "--name-only", "--diff-filter=d", since, "--", "mlp"]
    new = [*git, "ls-files", "--others", "--exclude-standard", "mlp"]
    text = "".join(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
        for command in (diff, new)
    )
    return [p.removeprefix("mlp/") for p in text.split() if p.endswith(".py")]


def tests_of(module: str, root: Path, above: tuple[str, ...] = ()) -> list[str]:
    """Return the tests of a module: those that bear its name, and its docstrings.

    With them those that bear its package's name; and if none bears its own, all of its
    package's folder. Without any, those that import it; else those of the modules that
    import it. Docstrings come last: a module that pytest is asked for before a test
    has imported it is imported twice.
    """
    names = [n.strip("_") for n in PurePath("mlp", module).with_suffix("").parts]
    *around, name = [n for n in names if n != "init"]
    files = sorted((root / "tests").rglob("test_*.py"))
    places = {"tests", *around[1:]}
    found = [f for f in files if f.stem == f"test_{name}" and f.parent.name in places]
    own = {f"test_{package}" for package in around[1:]}
    found += [
        f
        for f in files
        if f.stem in own or not found and f.parent.name in places - {"tests"}
    ]
    found = found or [f for f in files if imports(f, name)]
    paths = {f.relative_to(root).as_posix() for f in found}
    if not found:
        for user in set(modules(root)) - {*above, module}:
            if imports(root / "mlp" / user, name):
                paths |= set(tests_of(user, root, (*above, module)))
    return sorted({f"mlp/{module}", *paths}, key=lambda p: (p.startswith("mlp/"), p))


def imports(file: Path, name: str) -> bool:
    """Return whether a file imports something of this name."""
    line = rf"^\s*(from|import)\b.*\b{name}\b"
    return re.search(line, file.read_text(encoding="utf-8"), re.MULTILINE) is not None


# ------------------------------------------------------------------------ the verdicts


def first_failure(
    tree: Path, paths: list[str], besides: list[str], limit: float
) -> str | None:
    """Run tests in a copy of the tree; return the name of the first that fails."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rfE", "--tb=no"]
    command += ["-p", "_hypothesis_pytestplugin", "--hypothesis-profile=audit"]
    command += ["-p", "no:cacheprovider", *paths]
    command += [f"--ignore={path}" for path in besides]
    command += [f"--ignore-glob=**/{name}" for name in APART]
    environment = os.environ | {
        "CI": "true",
        "HOME": str(tree.parent),
        "TMPDIR": str(tree.parent),
        "PYTHONPATH": str(tree),  # before the installed mlp, in what tests start too
        "PYTHONHASHSEED": "0",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # looking for them takes a second
        "OPENBLAS_NUM_THREADS": "1",  # as the workers share the machine
    }
    with subprocess.Popen(
        command,
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            output, _ = run.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return f"no end within {limit:.0f} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)  # with what a test started
    if run.returncode in (0, 5):  # 5: none was there to run
        return None
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    if failed is None and run.returncode > 0:
        raise SystemExit(f"mutation_audit: pytest could not run:\n{output}")
    return failed[1] if failed else f"the run died of signal {-run.returncode}"


@contextlib.contextmanager
def readable_folder() -> Iterator[str]:
    """Yield a new folder, thrown away afterwards, that every user may read.

    As root, some tests become another user for a while.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield folder


class Audit:
    """A copy of the tree as it was at the start, from which mutants are made."""

    def __init__(self, root: Path, folder: Path) -> None:
        skip = shutil.ignore_patterns(".*", "*venv*", "__pycache__", "dist", "build")
        self.tree = Path(shutil.copytree(root, folder / "clean" / "tree", ignore=skip))
        self.limits: dict[str, float] = {}

    def time(self, module: str) -> None:
        """Set how long tests may take: those of a module, or all, on the clean tree."""
        start = time.perf_counter()
        paths = tests_of(module, self.tree) if module else []
        wrong = first_failure(self.tree, paths, [], limit=3600)
        if wrong is not None:
            raise SystemExit(f"mutation_audit: without a mistake {wrong} fails already")
        self.limits[module] = 30 + 5 * (time.perf_counter() - start)

    def killer(self, mutant: Mutant, is_excused: bool) -> str | None:
        """Return the first test that fails with the mistake in the tree, or None.

        One that is said to be equivalent meets the tests of its module alone.
        """
        own = tests_of(mutant.module, self.tree)
        with readable_folder() as folder:
            tree = Path(shutil.copytree(self.tree, Path(folder, "tree")))
            file = tree / "mlp" / mutant.module
            file.write_bytes(mutant.put_into(file.read_bytes()))
            found = first_failure(tree, own, [], self.limits[mutant.module])
            near = f"tests/{PurePath(mutant.module).parts[0].strip('_')}"
            stages = [([near], own)] if (tree / near).is_dir() else []
            for paths, besides in [*stages, ([], [*own, near])]:
                if found is None and not is_excused:
                    found = first_failure(tree, paths, besides, self.limits[""])
        print(" | ".join([found or "LIVES", *mutant[:4]]), flush=True)
        return found


Excuses = dict[tuple[str, str], str]  # why, by the place and the line with the mistake


def excuses() -> Excuses:
    """Return the equivalent mutants, and why they cannot be seen."""
    tables = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).items()
    return {(place, line): why for place, rows in tables for line, why in rows.items()}


def stale(excused: Excuses, made: Iterable[Mutant]) -> list[tuple[str, str]]:
    """Return the excuses for mutants that can no longer be made."""
    return sorted(excused.keys() - {mutant.key for mutant in made})


def audit(
    chosen: list[Mutant], excused: Excuses, root: Path, workers: int
) -> dict[Mutant, str | None]:
    """Return the test that killed each mutant, None if it lives."""
    with readable_folder() as folder, ThreadPoolExecutor(workers) as pool:
        one = Audit(root, Path(folder))
        one.time("")  # the first run, which leaves the bytecode for all others
        list(pool.map(one.time, sorted({mutant.module for mutant in chosen})))
        are_excused = [mutant.key in excused for mutant in chosen]
        return dict(zip(chosen, pool.map(one.killer, chosen, are_excused), strict=True))


# ---------------------------------------------------------------------------- the page

HEAD = """\
# Mutations

How the tests are tested: `.venv/bin/python tests/mutation_audit.py` makes small
mistakes in mlp/, one at a time, at most one in each function, and sees whether a
test fails. A mutant is mlp with one mistake. It is killed if a test fails, and lives
if none does. An equivalent mutant changes nothing that could be seen. The script
writes this page.

| module | mutants | killed | equivalent | living |
|---|---|---|---|---|
"""
REST = """
The mutants that are not killed:

| module | place | instead of | stands | why no test sees it |
|---|---|---|---|---|
"""


def code(text: str) -> str:
    """Return a line of code for a cell of a table in Markdown."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{' '.join(text.split())}{fence}".replace("|", "\\|")


def page(
    old: str,
    found: dict[Mutant, str | None],
    excused: Excuses,
    existing: Iterable[str],
) -> str:
    """Return the page with new rows for the modules of these mutants."""
    new = {mutant.module for mutant in found}
    others = set(existing) - new
    kept = [row for row in old.splitlines() if row[2:].split(" | ")[0] in others]
    counts = [row for row in kept if re.match(r"\| \S+ \| \d+ \|", row)]
    alive = [row for row in kept if row not in counts]
    for module in new:
        killers = {m: killer for m, killer in found.items() if m.module == module}
        lives = [m for m, killer in killers.items() if killer is None]
        equivalent = sum(m.key in excused for m in lives)
        row = len(killers), len(killers) - len(lives), equivalent
        counts.append(
            f"| {module} | {' | '.join(map(str, row))} | {len(lives) - equivalent} |"
        )
        alive += [
            f"| {module} | {m.place} | {code(m.before)} | {code(m.after)} "
            f"| {excused.get(m.key, '**lives**')} |"
            for m in lives
        ]
    return "\n".join(
        [HEAD + "\n".join(sorted(counts)), REST + "\n".join(sorted(alive)), ""]
    )


def main() -> None:
    """Run the audit, write the page, say what is not as it should be."""
    parser = argparse.ArgumentParser(description="Which mistakes do the tests not see?")
    parser.add_argument("modules", nargs="*", help="modules or packages in mlp/")
    parser.add_argument("--changed", metavar="REV", help="and those changed since REV")
    parser.add_argument("--most", type=int, default=MOST, help="mistakes a function")
    parser.add_argument("--workers", type=int, default=2, help="runs at a time")
    asked = parser.parse_args()
    start = time.perf_counter()
    sources = {name: (ROOT / "mlp" / name).read_bytes() for name in modules(ROOT)}
    for name in asked.modules:
        if not any(is_called(module, name) for module in sources):
            parser.error(f"expected modules or packages in mlp/, got {name}")
    since = changed(asked.changed) if asked.changed else []
    names = asked.modules or ([] if asked.changed else MODULES)
    wanted = [m for m in sources if m in since or any(is_called(m, n) for n in names)]
    made = [mutant for item in sources.items() for mutant in mutants(*item)]
    chosen = sample((mutant for mutant in made if mutant.module in wanted), asked.most)
    for what, most in (resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, FILE):
        resource.setrlimit(what, (most, resource.getrlimit(what)[1]))  # of all runs
    excused = excuses()
    found = audit(chosen, excused, ROOT, asked.workers)
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(page(old, found, excused, sources), encoding="utf-8")
    minutes = (time.perf_counter() - start) / 60
    print(f"{len(found)} mutants in {minutes:.1f} minutes; {PAGE.name} is written")
    wrong = [
        f"no longer in mlp/: {place}: {line}" for place, line in stale(excused, made)
    ]
    for mutant, killer in found.items():
        if killer is None and mutant.key not in excused:
            wrong.append(f"lives: {' | '.join(mutant[:4])}")
        if killer is not None and mutant.key in excused:
            wrong.append(f"not equivalent: {' | '.join(mutant[:4])}: {killer}")
    if wrong:
        raise SystemExit(
            "\n".join([*wrong, "write the test, or say why there is none"])
        )


if __name__ == "__main__":
    main()
