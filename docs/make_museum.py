"""Write docs/bug_museum.md: the exhibits of tests/museum/, and what they print."""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
ROOMS = {
    "layers": "Layers",
    "losses": "Losses",
    "optimizers": "Optimizers",
    "batches": "Batches and data",
    "loops": "Loops",
    "classification": "Softmax and cross-entropy",
    "adaptive": "Adam and clipping",
    "dropout": "Dropout",
    "normalization": "Batch normalisation",
    "beginnings": "Initial weights",
}
OPENING = (
    "Wrong layers, losses, optimizers, batches, loops and initial weights, each a "
    "mistake that learners make or that published code has. Each exhibit has the "
    "symptom, the wrong lines, what the library says to them, and the right lines. "
    "Where the library cannot know, the exhibit says so, and what to look at instead.",
    "The page is written by `docs/make_museum.py` from `tests/museum/`, where the "
    "tests run every exhibit. Each block runs, and what is below it is what it prints. "
    "`print(check_layer(…))` shows a table above these sentences, and the entries that "
    "are most wrong.",
)
SAYS_NOTHING = "nothing; see there what to look at"


def made() -> str:
    """Return the page."""
    if str(ROOT / "tests") not in sys.path:
        sys.path.insert(0, str(ROOT / "tests"))
    tell = importlib.import_module("museum.exhibit")
    tools = importlib.import_module("museum.tools")
    rooms = {name: importlib.import_module(f"museum.{name}") for name in ROOMS}
    contents = ["| | exhibit | what the library says |", "|---|---|---|"]
    pages, shown = [], {}
    for name, room in rooms.items():
        pages.append(f"## {ROOMS[name]}\n")
        for exhibit in tell.exhibits(room):
            number = len(contents) - 1
            title, symptom = tell.text_of(exhibit)
            says = SAYS_NOTHING if exhibit.instead else _in_short(tell, exhibit)
            contents.append(f"| {number} | {title} | {says} |")
            pages += [f"### {number}. {title}\n", _paragraph(symptom)]
            pages += _shown(tell, exhibit, number, shown)
    names = tell.names_from_mlp(tools, *rooms.values())
    opening = ["# A bug museum\n", *map(_paragraph, OPENING), *contents]
    return "\n".join([*opening, "", _tools(tools, names), *pages])


def _in_short(tell: Any, exhibit: Any) -> str:
    """Return the words of an exhibit, with the verdict that follows "x:"."""
    text = " ".join(tell.printed(exhibit, "wrong").split())
    verdict = text.partition(exhibit.says)[2].partition(";")[0]
    return exhibit.says + verdict * exhibit.says.endswith(":")


def _tools(tools: Any, names: set[str]) -> str:
    """Return the section with what the exhibits share."""
    text = inspect.getsource(tools)
    body = text[text.index("\n\nx = ") + 2 :]
    listed = "".join(f"    {name},\n" for name in sorted(names, key=_as_ruff_sorts))
    head = text[text.index("import ") : text.index("from mlp")]
    return (
        f"## What the exhibits share\n\n```python\n{head}"
        f"from mlp import (\n{listed})\n\n{body}```\n"
    )


def _as_ruff_sorts(name: str) -> tuple[bool, bool, str]:
    return not name.isupper(), name.islower(), name.lower()


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 120, break_on_hyphens=False) + "\n"


def _shown(tell: Any, exhibit: Any, number: int, shown: dict[Any, int]) -> list[str]:
    """Return the blocks of an exhibit."""
    if exhibit.instead:
        before = _paragraph(f"The library does not see it. {exhibit.instead}")
        blocks = [before, *_block(tell, exhibit, "wrong")]
    else:
        blocks = _block(tell, exhibit, "wrong")
    right = tell.of(exhibit, "right")
    if right in shown:
        printed = exhibit.clean.strip().partition("\n")[0]
        and_so = f", which print “{printed}”" if printed else ""
        return [
            *blocks,
            f"The right lines are those of exhibit {shown[right]}{and_so}.\n",
        ]
    shown[right] = number
    return [*blocks, "Right:\n", *_block(tell, exhibit, "right")]


def _block(tell: Any, exhibit: Any, side: str) -> list[str]:
    """Return the code of one side, and what it prints."""
    printed = tell.printed(exhibit, side)
    output = [f"```text\n{printed}```\n"] if printed else []
    return [f"```python\n{tell.source(exhibit, side)}```\n", *output]


if __name__ == "__main__":
    (ROOT / "docs" / "bug_museum.md").write_text(made(), encoding="utf-8")
