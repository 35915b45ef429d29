"""All measurements of docs/benchmarks.md and benchmarks_calls.md, and the pages.

    .venv/bin/python tests/benchmarks/bench_all.py --data DIR        all of it
    .venv/bin/python tests/benchmarks/bench_all.py steps memory      these sections
    .venv/bin/python tests/benchmarks/bench_all.py --quick           whether it runs

On a machine with nothing else to do. What is said in words on the pages is written
by hand; between the marks of a section stands what this script measured. DIR has
Debian's dataset-fashion-mnist. pip install '.[bench]' brings the other contenders;
without one of them it is left out, and named.
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bench_choices
import bench_estimators
import bench_fashion
import bench_fit
import bench_growth
import bench_import
import bench_memory
import bench_picture
import bench_pieces
import bench_predict
import bench_steps
import bench_threads
import bench_walk
from turns import machine

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "benchmarks.md"
CALLS = {"walk", "choices"}  # whose tables are on a page of their own
SECTIONS: dict[str, Callable[[int], str]] = {
    "fashion": bench_fashion.section,
    "steps": bench_steps.section,
    "pieces": bench_pieces.section,
    "fit": bench_fit.section,
    "estimators": bench_estimators.section,
    "predict": bench_predict.section,
    "import": bench_import.section,
    "memory": bench_memory.section,
    "walk": bench_walk.section,
    "choices": bench_choices.section,
    "growth": bench_growth.section,
    "threads": bench_threads.section,
    "picture": bench_picture.section,
}


def page_of(section: str) -> Path:
    """Return the page that has a section's tables."""
    return DOCS / "benchmarks_calls.md" if section in CALLS else PAGE


def replaced(page: str, section: str, text: str) -> str:
    """Return the page with this text between the marks of a section."""
    begin, end = f"<!-- begin: {section} -->\n", f"<!-- end: {section} -->\n"
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    new, times = re.subn(
        pattern, lambda _: f"{begin}\n{text}\n{end}", page, flags=re.DOTALL
    )
    if times != 1:
        raise SystemExit(
            f"bench_all: expected the marks of {section!r} once, got them {times} times"
        )
    return new


def main() -> None:
    """Measure the sections asked for, and write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="folder with Fashion-MNIST")
    parser.add_argument(
        "--quick", action="store_true", help="one round, printed instead of written"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"expected sections of {', '.join(SECTIONS)}, got {unknown}")
    bench_fashion.FOLDER = arguments.data
    day = datetime.date.today().isoformat()
    for section in arguments.sections or SECTIONS:
        begun = time.perf_counter()
        text = SECTIONS[section](1 if arguments.quick else arguments.rounds)
        print(f"{section}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
        text += f"\nMeasured on {day}: {machine()}\n"
        if arguments.quick:
            print(text)
            continue
        path = page_of(section)
        page = path.read_text(encoding="utf-8")
        path.write_text(replaced(page, section, text), encoding="utf-8")


if __name__ == "__main__":
    main()
