"""All measurements of docs/benchmarks.md, and the page itself.

    .venv/bin/python tests/benchmarks/bench_all.py                   all of it
    .venv/bin/python tests/benchmarks/bench_all.py steps memory      these sections

On a machine with nothing else to do. What is said in words on the page is written
by hand; between the marks of a section stands what this script measured.
pip install '.[bench]' brings the other contenders; without one of them it
is left out, and named.
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
from collections.abc import Callable
from pathlib import Path

import bench_choices
import bench_estimators
import bench_growth
import bench_import
import bench_memory
import bench_pieces
import bench_predict
import bench_steps
import bench_threads
import bench_walk
from turns import machine

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
SECTIONS: dict[str, Callable[[int], str]] = {
    "steps": bench_steps.section,
    "pieces": bench_pieces.section,
    "walk": bench_walk.section,
    "choices": bench_choices.section,
    "growth": bench_growth.section,
    "memory": bench_memory.section,
    "import": bench_import.section,
    "predict": bench_predict.section,
    "threads": bench_threads.section,
    "estimators": bench_estimators.section,
}


def replaced(page: str, section: str, text: str) -> str:
    """Return the page with this text between the marks of a section."""
    begin, end = f"<!-- begin: {section} -->\n", f"<!-- end: {section} -->\n"
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    new, times = re.subn(
        pattern, lambda _: f"{begin}\n{text}\n{end}", page, flags=re.DOTALL
    )
    if times != 1:
        raise SystemExit(
            f"bench_all: expected the marks of {section!r} once in {PAGE}, got them "
            f"{times} times"
        )
    return new


def main() -> None:
    """Measure the sections asked for, and write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}")
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"expected sections of {', '.join(SECTIONS)}, got {unknown}")
    for section in arguments.sections or SECTIONS:
        print(f"{section} …", file=sys.stderr)
        text = SECTIONS[section](arguments.rounds)
        day = datetime.date.today().isoformat()
        text += f"\nMeasured on {day}: {machine()}\n"
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(replaced(page, section, text), encoding="utf-8")


if __name__ == "__main__":
    main()
