"""The sheets of a whole class, and its marks.

The seed of a sheet is computed from a secret and the student's id. So no
student can make another student's sheet, or a solution. The key of a sheet
is a file with the seed and everything else that marking needs.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mlp._shared.printing import paragraph, text_table
from mlp.core import Layer, Loss
from mlp.worksheets.drawing import VERSION
from mlp.worksheets.marks import Marks
from mlp.worksheets.sheets import Worksheet, worksheet

_ID = re.compile(r"[\w@+][\w@+. -]{0,98}[\w@+-]|[\w@+]")
_FORMS = {
    "md": Worksheet.to_markdown,
    "tex": Worksheet.to_latex,
    "html": Worksheet.to_html,
}
Made = Callable[[str, str], tuple[Layer, Loss]]


class Student(NamedTuple):
    """One row of students.csv."""

    id: str
    name: str


def read_students(path: Path) -> list[Student]:
    """Return the students of a table with the columns id and name.

    Raises
    ------
    ValueError
        If a column is missing, or there is no student; if an id cannot be
        the name of a file, or is there twice.
    OSError
        If the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected a table in UTF-8, got {error}") from error
    lines = text.splitlines()
    delimiter = ";" if lines and ";" in lines[0] and "," not in lines[0] else ","
    table = csv.DictReader(lines, delimiter=delimiter, skipinitialspace=True)
    columns = [str(name).strip().lower() for name in table.fieldnames or []]
    table.fieldnames = columns
    if not {"id", "name"} <= set(columns):
        got = ", ".join(columns) if columns else "an empty file"
        raise ValueError(f"{path}: expected the columns id and name, got {got}")
    if columns.count("id") + columns.count("name") > 2:
        raise ValueError(f"{path}: expected one column id and one name, got more")
    students, seen = [], dict[str, int]()
    for row in table:
        student = Student((row["id"] or "").strip(), (row["name"] or "").strip())
        where = f"{path}, line {table.line_num}"
        if not _ID.fullmatch(student.id):
            raise ValueError(
                f"{where}: expected an id that can name a file, of letters, digits and "
                f"@ + . _ -, got {student.id!r}"
            )
        first = seen.setdefault(student.id.casefold(), table.line_num)
        if first != table.line_num:
            raise ValueError(
                f"{where}: expected each id once, got {student.id!r} of line {first} "
                f"again"
            )
        students.append(student)
    if not students:
        raise ValueError(f"{path}: expected a row for each student, got none")
    return students


def seed_of(secret: str, student: str) -> int:
    """Return the seed of a student's sheet.

    Examples
    --------
    >>> from mlp.worksheets.classroom import seed_of
    >>> seed_of("a secret", "ada") == seed_of("a secret", "ada")
    True
    >>> seed_of("a secret", "ada") == seed_of("another", "ada")
    False
    """
    digest = hmac.new(secret.encode(), student.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:6])


def write_class(
    students: Sequence[Student],
    out: Path,
    net: str,
    loss: str,
    made: Made,
    secret: str,
    layout: str,
    questions: str | Collection[str],
) -> None:
    """Write the sheet, solution and key of each student to a new folder.

    Parameters
    ----------
    students : list of Student
        As read_students returns them.
    out : Path
        The folder, which is made if it does not exist. The files are in its
        folders sheets/, solutions/ and keys/.
    net, loss : str
        The net and the loss as written on a command line; the key has both.
    made : callable
        Returns the net and the loss for these two texts.
    secret : str
        The seeds are computed from this text and the ids.
    layout, questions
        As in worksheet.

    Raises
    ------
    ValueError
        If the folder exists and is not empty; otherwise as in worksheet.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(
            f"{out}: expected a new or an empty folder, got one with files in it; "
            f"nothing is overwritten"
        )
    model, criterion = made(net, loss)
    sheets = [
        worksheet(
            model,
            criterion,
            questions=questions,
            layout=layout,
            seed=seed_of(secret, student.id),
        )
        for student in students
    ]  # all sheets, before the first file is written
    for folder in ("sheets", "solutions", "keys"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for student, sheet in zip(students, sheets, strict=True):
        for suffix, form in _FORMS.items():
            for folder, solved in (("sheets", False), ("solutions", True)):
                text = form(sheet, solved=solved, name=f"{student.name}, {student.id}")
                path = out / folder / f"{student.id}.{suffix}"
                path.write_text(text, encoding="utf-8")
        key = {
            "version": VERSION,
            **student._asdict(),
            "net": net,
            "loss": loss,
            "layout": layout,
            "questions": list(sheet.parts),
            "seed": sheet.seed,
            "digits": sheet.digits,
            "solution": {k: _listed(a) for k, a in sheet.solution.items()},
        }
        text = json.dumps(key, ensure_ascii=False, indent=1)
        (out / "keys" / f"{student.id}.json").write_text(text, encoding="utf-8")


def _listed(answer: Any) -> Any:
    return answer.tolist() if isinstance(answer, np.ndarray) else answer


class Marked(NamedTuple):
    """A student with marks, or with the reason why there are none."""

    student: Student
    marks: Marks | None
    note: str


class Class:
    """The marks of a class.

    Parameters
    ----------
    sheets : Path
        The folder that write_class wrote.
    answers : Path
        A folder with a JSON file for each student, ID.json.
    made : callable
        As in write_class.
    layout, hints
        As in Worksheet.grade.

    Attributes
    ----------
    marked : list of Marked
        The students with their marks, in the order of the ids.
    notes : list of str
        A sentence for each file that could not be used.
    """

    def __init__(
        self, sheets: Path, answers: Path, made: Made, layout: str | None, hints: str
    ) -> None:
        keys = sorted(_keys(sheets).glob("*.json"))
        if not keys:
            raise ValueError(f"{sheets}: expected keys/ID.json in it, got none")
        if not answers.is_dir():
            raise ValueError(f"{answers}: expected a folder with answers, ID.json")
        self._made, self._sheets = made, dict[str, Worksheet]()
        self.marked = [self._marked(key, answers, layout, hints) for key in keys]
        known = {key.stem for key in keys}
        self.notes = [f"{m.student.id}: {m.note}" for m in self.marked if m.note]
        self.notes += [
            f"{path.name}: there is no sheet of this name"
            for path in sorted(answers.glob("*.json"))
            if path.stem not in known
        ]

    def _marked(
        self, path: Path, answers: Path, layout: str | None, hints: str
    ) -> Marked:
        student = Student(path.stem, "")
        try:
            key = json.loads(path.read_text(encoding="utf-8"))
            student = Student(path.stem, str(key["name"]))
            sheet = self._sheet(key)
        except (OSError, ValueError, KeyError, TypeError) as error:
            return Marked(student, None, f"its key cannot be used: {_said(error)}")
        try:
            return Marked(
                student,
                sheet.grade(answers / path.name, layout=layout, hints=hints),
                "",
            )
        except FileNotFoundError:
            return Marked(student, None, "no answers")
        except (OSError, ValueError) as error:
            return Marked(student, None, _said(error))

    def _sheet(self, key: Any) -> Worksheet:
        """Return the sheet of a key; raise if its solution differs."""
        if key["version"] != VERSION:
            raise ValueError(
                f"it is of version {key['version']}, and this is version {VERSION}"
            )
        alike = json.dumps([key[k] for k in ("net", "loss", "layout", "questions")])
        model, criterion = self._made(key["net"], key["loss"])
        sheet = worksheet(
            model,
            criterion,
            questions=key["questions"],
            layout=key["layout"],
            seed=key["seed"],
        )
        first = self._sheets.setdefault(alike, sheet)
        sheet.asking.points = first.asking.points  # the same net: the same points
        for name, right in sheet.solution.items():
            listed = _listed(right)
            same = listed == key["solution"].get(name)
            if not (same or np.allclose(right, key["solution"][name], 1e-9, 1e-9)):
                raise ValueError(f"its solution of {name} is not that of its seed")
        return sheet

    def questions(self) -> list[str]:
        """Return the questions of all sheets, in their order."""
        found: dict[str, None] = {}
        for _, marks, _ in self.marked:
            for row in marks.rows if marks else ():
                if row.maximum:
                    found[row.question] = None
        return sorted(found, key=lambda key: [int(part) for part in key.split(".")])

    def to_csv(self) -> Iterator[list[str]]:
        """Yield the rows of a table of marks, beginning with its head."""
        questions = self.questions()
        yield ["id", "name", "total", "maximum", "unread", *questions, "note"]
        for student, marks, note in self.marked:
            if marks is None:
                empty = [""] * (len(questions) + 3)
                yield [*map(_safe, student), *empty, _safe(note)]
                continue
            given = {row.question: row.mark for row in marks.rows}
            cells = [_cell(given.get(key, "")) for key in questions]
            totals = f"{marks.total:g}", f"{marks.maximum:g}", " ".join(marks.unread)
            yield [*map(_safe, student), *totals, *cells, ""]

    def page(self) -> str:
        """Return a summary of the wrong answers, as text."""
        done = [m.marks for m in self.marked if m.marks]
        head = f"{len(done)} of {len(self.marked)} sheets marked"
        if done:
            mean = np.mean([marks.total for marks in done])
            head += f"; {mean:.1f} of {done[0].maximum:g} marks on average"
        rows, slips, who = [], Counter[str](), dict[str, set[int]]()
        for key in self.questions():
            verdicts = Counter(m.verdicts[key] for m in done if key in m.verdicts)
            right = verdicts.pop("right", 0) + verdicts.pop("carried", 0)
            for label, count in verdicts.items():
                slips[label] += count
                at = {k for k, m in enumerate(done) if m.verdicts.get(key) == label}
                who.setdefault(label, set()).update(at)
            how = ", ".join(f"{label} {n}" for label, n in verdicts.most_common())
            rows.append([key, f"{right} of {right + sum(verdicts.values())}", how])
        tables = [
            text_table(["Question", "Right", "What else"], rows),
            text_table(
                ["Slip", "Answers", "Students"],
                [[s, str(n), str(len(who[s]))] for s, n in slips.most_common()],
            ),
        ]
        notes = [paragraph(note) for note in self.notes]
        return "\n\n".join([head, *tables[: 1 + bool(slips)], *notes])


def _keys(folder: Path) -> Path:
    """Return the folder of the keys: in the given folder, or beside it."""
    inside, beside = folder / "keys", folder.parent / "keys"
    if inside.is_dir():
        return inside
    return beside if folder.name == "sheets" and beside.is_dir() else folder


def _said(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error} in it"
    return " ".join(str(error).splitlines())


def _cell(mark: Any) -> str:
    return "" if mark is None or mark == "" else f"{mark:g}"


def _safe(text: str) -> str:
    """Return a text that a spreadsheet does not read as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
