"""Write docs/architecture.md and docs/architecture.svg: who imports whom in mlp/."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from html import escape
from pathlib import Path

DOCS = Path(__file__).parent
MLP = DOCS.parent / "mlp"

# The order in which the packages are read, and in each the files that come first.
ORDER = {
    "core": ["parameter", "layer", "loss", "optimizer"],
    "layers": ["linear", "activations", "dropout", "normalization"],
    "initializers": [],
    "losses": ["squared", "binary", "categorical"],
    "sequential": [],
    "optim": ["sgd", "adaptive", "clipping"],
    "training": [],
    "data": ["batches", "scaling", "encoding", "tables"],
    "datasets": [],
    "schedules": [],
    "metrics": [],
    "summary": [],
    "fitting": ["fit", "run", "rewind", "history", "checkpoint"],
    "checking": ["gradients", "pieces", "differences", "verdicts", "report"],
    "derivation": ["rules", "expressions", "tables", "derivation", "rendering"],
    "plotting": ["boundary", "surface", "activations", "weights", "network", "live"],
    "worksheets": ["sheets", "questions", "marks", "formulas"],
    "estimators": ["classifier", "regressor"],
    "parallel": ["allreduce", "meeting"],
    "commands": [
        "train",
        "predict",
        "derive",
        "exercise",
        "grade",
        "worksheet",
        "mark",
    ],
    "_shared": ["arrays", "numbers", "sums", "walking", "printing"],
}
COURSE = ("core", "layers", "losses", "sequential", "optim", "training")
FIRST = "The course, in reading order"
THEN = "What is used beside the course"
LAST = "The tools, and what all packages share"
PAGE = """# The architecture

`docs/make_architecture.py` writes this page and its picture from the imports in
`mlp/`. A test fails when they are out of date. To write them again, run
`.venv/bin/python docs/make_architecture.py`.

![The packages of mlp, with an arrow from each to those it imports](architecture.svg)

A box is a package or a module at the top of `mlp/`, with its files. It stands one
row above the highest box that it imports, so every arrow points down. The picture
leaves out an arrow if a path of other arrows leads to the same box. The six boxes with
a blue edge are the course. The three packages above it (`checking`, `derivation`,
`fitting`) are tools, called wings, and do not import each other. [design.md](design.md)
states the directions of the imports, and [contributing.md](contributing.md) says where
to put something new.

## What to read, file by file

The sentence beside a file is the first line of its docstring. Read the course in this
order. Of the other files, read what you need.
"""

BOX, PAD, LINE, MARGIN, STOREY = 132, 12, 15, 20, 56  # in pixels
# Where a box stands in its storey, so that few arrows cross and none runs behind a box.
COLUMN = {
    **{"__main__": 0.0, "commands": 0.0},
    **{"checkpoint": 4.6, "estimators": 5.75, "plotting": 6.9, "worksheets": 8.05},
    **{"checking": 1.75, "derivation": 3.0, "fitting": 4.6},
    **{"sequential": 0.5, "training": 4.5},
    **{"layers": 0.0, "summary": 1.1, "losses": 2.2, "optim": 3.3, "datasets": 5.75},
    **{
        "initializers": 0.0,
        "metrics": 1.1,
        "core": 2.2,
        "schedules": 4.65,
        "data": 5.75,
        "parallel": 6.9,
    },
    "_shared": 2.2,
}


def modules() -> dict[str, ast.Module]:
    """Return each module of mlp, parsed, by its path inside mlp/."""
    paths = sorted(MLP.rglob("*.py"))
    return {
        path.relative_to(MLP).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in paths
        if path != MLP / "__init__.py"
    }


def package_of(path: str) -> str:
    """Return the package or module at the top of mlp/ that a file is, or is in."""
    return path.split("/")[0].removesuffix(".py")


def imported(tree: ast.Module) -> set[str]:
    """Return the packages of mlp that a module imports, in its functions too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in found if name.startswith("mlp.")}


def graph(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Return which packages each package imports."""
    packages: dict[str, set[str]] = {package_of(path): set() for path in trees}
    for path, tree in trees.items():
        packages[package_of(path)] |= imported(tree) & packages.keys()
    return {name: others - {name} for name, others in packages.items()}


def reachable(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the imports of each package, and those of these, and so on."""
    reached: dict[str, set[str]] = {}
    for name in TopologicalSorter(imports).static_order():
        reached[name] = set(imports[name]).union(*(reached[o] for o in imports[name]))
    return reached


def storeys(imports: dict[str, set[str]]) -> list[list[str]]:
    """Return the packages from the ground up, each just above what it imports."""
    level: dict[str, int] = {}
    for name in TopologicalSorter(imports).static_order():
        level[name] = 1 + max((level[other] for other in imports[name]), default=-1)
    return [[n for n in level if level[n] == i] for i in range(1 + max(level.values()))]


def columns(row: list[str]) -> dict[str, float]:
    """Return where each box of a storey stands; new ones are put on its right."""
    known = {name: COLUMN[name] for name in row if name in COLUMN}
    right = max(known.values(), default=-1.1)
    new = sorted(set(row) - known.keys())
    return known | {name: right + 1.1 * (1 + i) for i, name in enumerate(new)}


def picture(trees: dict[str, ast.Module]) -> str:
    """Return the storeys as SVG."""
    imports = graph(trees)
    reached = reachable(imports)
    files = {name: sorted(files_of(trees, name)) for name in imports}
    rows = storeys(imports)
    places, y = {}, MARGIN
    for row in reversed(rows):
        tall = max(height(files[name]) for name in row)
        for name, column in columns(row).items():
            top = y + (tall - height(files[name])) / 2
            places[name] = round(MARGIN + column * BOX), round(top)
        y += tall + STOREY
    lines = []
    for name in sorted(imports):
        for other in drawn(imports, reached, name):
            lines.append(arrow(name, other, imports, reached, places, files))
    boxes = [box(name, files[name], *places[name]) for name in sorted(places)]
    width = max(x for x, _ in places.values()) + BOX + MARGIN
    tall = y - STOREY + MARGIN
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {tall}' "
        f"width='{width}' height='{tall}' font-family='sans-serif'>\n"
        "<title>Who imports whom in mlp</title>\n"
        "<defs><marker id='head' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' "
        "markerHeight='7' orient='auto'><path d='M0 0L8 4L0 8z' fill='#7a828c'/>"
        "</marker></defs>\n"
        f"<rect width='{width}' height='{tall}' rx='8' fill='#ffffff'/>\n"
    )
    return head + "\n".join([*lines, *boxes]) + "\n</svg>\n"


def files_of(trees: dict[str, ast.Module], name: str) -> list[str]:
    """Return the files of a package, without its __init__; none of a module."""
    inside = [path.removeprefix(f"{name}/") for path in trees if f"{name}/" in path]
    return [file for file in inside if file != "__init__.py"]


def height(files: list[str]) -> int:
    """Return how tall a box is."""
    return 2 * PAD + 8 + LINE * len(files) + (4 if files else 0)


def box(name: str, files: list[str], x: int, y: int) -> str:
    """Return a package as a box with its files."""
    course = name in COURSE
    edge, fill = ("#2f6db5", "#eaf2fb") if course else ("#9aa2ab", "#f6f7f8")
    parts = [
        f"<rect x='{x}' y='{y}' width='{BOX}' height='{height(files)}' rx='6' "
        f"fill='{fill}' stroke='{edge}' stroke-width='{1.8 if course else 1}'/>",
        f"<text x='{x + PAD}' y='{y + PAD + 9}' font-size='13' font-weight='bold' "
        f"fill='#1f2328'>{escape(name)}{'/' if files else '.py'}</text>",
    ]
    for i, file in enumerate(files):
        parts.append(
            f"<text x='{x + PAD}' y='{y + PAD + 12 + LINE * (i + 1)}' font-size='11' "
            f"fill='#57606a'>{escape(file)}</text>"
        )
    return "\n".join(parts)


def arrow(
    name: str,
    other: str,
    imports: dict[str, set[str]],
    reached: dict[str, set[str]],
    places: dict[str, tuple[int, int]],
    files: dict[str, list[str]],
) -> str:
    """Return the arrow from the bottom of a box to the top of one that it imports."""
    down = [o for o in drawn(imports, reached, name)]
    into = [n for n in imports if other in drawn(imports, reached, n)]
    down.sort(key=lambda o: places[o])
    into.sort(key=lambda n: places[n])
    x0 = round(places[name][0] + BOX * (1 + down.index(other)) / (1 + len(down)))
    x1 = round(places[other][0] + BOX * (1 + into.index(name)) / (1 + len(into)))
    y0, y1 = places[name][1] + height(files[name]), places[other][1] - 2
    bend = round((y1 - y0) / 2)
    return (
        f"<path d='M{x0} {y0}C{x0} {y0 + min(bend, 40)} {x1} {y1 - bend} {x1} {y1}' "
        f"fill='none' stroke='#7a828c' stroke-width='1.4' marker-end='url(#head)'/>"
    )


def drawn(
    imports: dict[str, set[str]], reached: dict[str, set[str]], name: str
) -> list[str]:
    """Return the imports of a package to which no path of other imports leads."""
    others = imports[name]
    return sorted(o for o in others if not any(o in reached[p] for p in others))


def reading_order(trees: dict[str, ast.Module]) -> str:
    """Return the files in the order in which to read them, with what each is for."""
    order = [*ORDER, *sorted(graph(trees).keys() - ORDER.keys())]
    course = [n for n in order if n in COURSE or n == "initializers"]
    tools = [n for n in order if n in ("fitting", "checking", "derivation", "_shared")]
    beside = [n for n in order if n not in course + tools]
    lines = []
    for title, names in ((FIRST, course), (THEN, beside), (LAST, tools)):
        lines += [f"\n### {title}\n", "| file | what it is |", "|---|---|"]
        for name in names:
            first = ORDER.get(name, [])
            files = [path for path in trees if package_of(path) == name]
            for path in sorted(files, key=lambda p: place(p, first)):
                if defines(trees[path]):
                    link = f"[{path}](../mlp/{path})"
                    lines.append(f"| {link} | {summary(trees[path])} |")
    return "\n".join(lines) + "\n"


def defines(tree: ast.Module) -> bool:
    """Return whether a module has a function or class, not only imports."""
    return any(isinstance(n, ast.FunctionDef | ast.ClassDef) for n in tree.body)


def place(path: str, first: list[str]) -> tuple[int, str]:
    """Return where a file stands among those of its package."""
    stem = path.split("/")[-1].removesuffix(".py")
    return (first.index(stem) if stem in first else len(first)), path


def summary(tree: ast.Module) -> str:
    """Return the first line of a module's docstring."""
    return (ast.get_docstring(tree) or "").partition("\n")[0].replace("|", "\\|")


def made() -> dict[str, str]:
    """Return the text of each file by its name."""
    trees = modules()
    return {
        "architecture.md": PAGE + reading_order(trees),
        "architecture.svg": picture(trees),
    }


if __name__ == "__main__":
    for file, text in made().items():
        (DOCS / file).write_text(text, encoding="utf-8")
