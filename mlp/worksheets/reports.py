"""Marks of code as a table, JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from mlp._shared.printing import paragraph, printable, text_table
from mlp.worksheets.grading import Graded

HINTS = ("none", "some", "all")
"""What a report says: only marks, also the failed checks, also what is wrong."""


def rows(graded: Graded, hints: str) -> list[dict[str, Any]]:
    """Return a row for each check, or without hints for each exercise."""
    if hints != "none":
        return [
            {
                "exercise": r.exercise,
                "check": r.check,
                "score": r.score,
                "max_score": r.maximum,
                "text": r.sentence if hints == "all" else "",
            }
            for r in graded.results
        ]
    return [
        {
            "exercise": name,
            "check": "",
            "score": graded.score(name),
            "max_score": graded.maximum(name),
            "text": "",
        }
        for name in graded.exercises
    ]


def notes(graded: Graded) -> list[str]:
    """Return why exercises or the file ended early; hints do not matter here."""
    return [f"{n}: {text}" if n else text for n, text in graded.notes.items()]


def to_table(all_graded: Sequence[Graded], hints: str) -> str:
    """Return a table for each student."""
    parts = []
    for graded in all_graded:
        cells, said = [], ""
        for r in rows(graded, hints):
            text = "as above" if r["text"] and r["text"] == said else r["text"]
            points = f"{r['score']}/{r['max_score']}"
            cells.append([r["exercise"], r["check"], points, text])
            said = r["text"] or said
        total = f"{graded.file}: {graded.score()} of {graded.maximum()} points"
        columns = ("exercise", "check", "points", "what is wrong")
        parts += [printable(total), *map(paragraph, notes(graded))]
        parts.append(text_table(columns, cells))
    return "\n\n".join(parts) + "\n"


def to_json(all_graded: Sequence[Graded], hints: str) -> str:
    """Return a JSON list with an object for each student."""
    whole = [
        {
            "file": graded.file,
            "score": graded.score(),
            "max_score": graded.maximum(),
            "notes": notes(graded),
            "seconds": round(graded.seconds, 3),
            "checks": rows(graded, hints),
        }
        for graded in all_graded
    ]
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def to_csv(all_graded: Sequence[Graded], hints: str) -> str:
    """Return CSV with a line for each student and a column for each exercise."""
    names = all_graded[0].exercises
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["file", "score", "max_score", *names, "notes"])
    for graded in all_graded:
        said = notes(graded)
        if hints != "none":
            said += _failed(graded, hints)
        marks = [graded.score(), graded.maximum(), *map(graded.score, names)]
        writer.writerow([graded.file, *marks, "; ".join(said)])
    return table.getvalue()


def _failed(graded: Graded, hints: str) -> list[str]:
    """Return which checks failed, each sentence once, without the notes."""
    checks: dict[tuple[str, str], list[str]] = {}
    for r in graded.results:
        if r.sentence and r.sentence not in graded.notes.values():
            text = r.sentence if hints == "all" else ""
            checks.setdefault((r.exercise, text), []).append(r.check)
    return [
        f"{exercise} ({', '.join(names)}){': ' * bool(text)}{text}"
        for (exercise, text), names in checks.items()
    ]


def to_gradescope(all_graded: Sequence[Graded], hints: str) -> str:
    """Return results.json for one student, in Gradescope's format."""
    [graded] = all_graded
    whole = {
        "score": graded.score(),
        "execution_time": round(graded.seconds, 3),
        "output": "\n".join(notes(graded)),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [
            {
                "name": r["exercise"] + (f": {r['check']}" if r["check"] else ""),
                "score": r["score"],
                "max_score": r["max_score"],
                "status": "passed" if r["score"] == r["max_score"] else "failed",
                "output": r["text"],
                "visibility": "visible",
            }
            for r in rows(graded, hints)
        ],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Sequence[Graded], str], str]] = {
    "table": to_table,
    "gradescope": to_gradescope,
    "json": to_json,
    "csv": to_csv,
}
"""The function that writes the marks, by the name of the format."""
