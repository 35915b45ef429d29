"""grade: marks for code, in a separate process.

The process has its own session, folder and limits. When its time is over,
it is killed, with all processes that it has started. If it ends too early,
a new process continues with the remaining exercises. This protects against
accidents, but it is not a sandbox: docs/teaching.md says how to run it in a
container. Read submission.py next, which runs in the process; exercises.py
has the checks, and reports.py writes the marks.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlp._shared import numbers
from mlp.worksheets.exercises import EXERCISES, Result, names_of

OUTPUT = 2**20
"""How many bytes a submission may print."""
START = 60.0
"""How many seconds the process has to start, before the file is run."""
_RUN = (
    "import json, sys; path, *rest = json.loads(sys.argv[1]); sys.path[:] = path; "
    "from mlp.worksheets.submission import main; main(*rest)"
)


@dataclass
class Graded:
    """The marks of a submission.

    Attributes
    ----------
    file : str
        The path of the file.
    results : list of Result
        The results, one for each check of each exercise.
    notes : dict of str to str
        For each exercise that ended before all its checks were done, the
        reason. The key "" has the reason if the whole file failed.
    seconds : float
        How long grading took.
    """

    file: str
    results: list[Result] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def score(self, exercise: str | None = None) -> int:
        """Return the points of one exercise, or of all of them."""
        return sum(r.score for r in self._of(exercise))

    def maximum(self, exercise: str | None = None) -> int:
        """Return the largest possible number of points."""
        return sum(r.maximum for r in self._of(exercise))

    def _of(self, exercise: str | None) -> list[Result]:
        return [r for r in self.results if exercise in (None, r.exercise)]

    @property
    def exercises(self) -> list[str]:
        """The names of the exercises."""
        return list(dict.fromkeys(r.exercise for r in self.results))


def grade(
    file: str | os.PathLike[str], exercises: str | Sequence[str], *, seconds: float = 10
) -> Graded:
    """Run a student's file and the checks, and return the marks.

    Parameters
    ----------
    file : path
        A Python file. If it cannot be read or run, it gets 0 points, and a
        note.
    exercises : str or sequence of str
        For example "linear,relu" or ["linear", "relu"].
    seconds : float
        How long the file, and then each exercise, may run.

    Raises
    ------
    ValueError
        If an exercise is unknown or given twice, or seconds is not above 0.
    NotImplementedError
        On Windows, which has no such limits; use WSL there.
    """
    names = names_of(exercises)
    numbers.number("grade", "seconds", seconds, above=0)
    if os.name != "posix":
        raise NotImplementedError(
            f"grade: expected Linux or macOS, whose limits a submission is run in, got "
            f"{sys.platform}; run it in WSL or in a container"
        )
    started = time.monotonic()
    graded, found = Graded(os.fspath(file)), {}
    left = list(names)
    if not Path(file).is_file():
        graded.notes[""] = f"there is no file {os.fspath(file)}"
        left = []
    while left:
        run = _Run(Path(file), left, seconds)
        found.update({(r.exercise, r.check): r for r in run.results})
        if run.sentence and run.current is None:
            graded.notes[""] = run.sentence
        elif run.sentence:
            graded.notes[str(run.current)] = run.sentence
        if run.is_void:
            found.clear()
        left = left[left.index(run.current) + 1 :] if run.current else []
    for name in names:
        note = graded.notes.get("") or graded.notes.get(name, "")
        for check in EXERCISES[name].checks:
            none = Result(name, check.name, 0, check.points, note)
            graded.results.append(found.get((name, check.name), none))
    graded.seconds = time.monotonic() - started
    return graded


class _Run:
    """One process and its results.

    results has the checks that were completed. If the process ended too
    early, sentence says why, and current is the exercise that was running,
    or None. is_void says that no result counts.
    """

    def __init__(self, file: Path, names: list[str], seconds: float) -> None:
        self.results: list[Result] = []
        self.current: str | None = None
        self.sentence = ""
        self.is_void = self._is_done = False
        self._seconds = seconds
        self._token = secrets.token_hex(16)
        with tempfile.TemporaryDirectory(
            prefix="grade-", ignore_cleanup_errors=True
        ) as folder:
            copy = Path(folder) / file.name
            try:
                shutil.copyfile(file, copy)
            except OSError as error:
                self.sentence = f"the file cannot be read: {error.strerror}"
                return
            self._run(folder, [str(copy), names, seconds])

    def _run(self, folder: str, arguments: list[Any]) -> None:
        """Start the process, read its records, and end it."""
        here = os.getcwd()
        root = str(Path(__file__).parents[2])
        path = [p for p in sys.path if p and os.path.abspath(p) != here]
        source, sink = os.pipe()
        todo = json.dumps([[*path, root], sink, *arguments])
        threads = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
        )
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-X", "utf8", "-c", _RUN, todo],
            cwd=folder,
            env=os.environ | threads | {"HOME": folder, "TMPDIR": folder},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[sink],
            start_new_session=True,
        )
        os.close(sink)
        try:
            with process.stdin or open(os.devnull, "wb") as told:
                told.write(f"{self._token}\n".encode())
            self._read(process, source)
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                process.kill()
            code = process.wait()
            os.close(source)
            if process.stdout is not None:
                process.stdout.close()
        if not self._is_done and not self.sentence:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self.sentence = f"the process ended before the checks did ({how})"

    def _read(self, process: subprocess.Popen[bytes], source: int) -> None:
        """Read records until the process is done, or a limit is reached."""
        said, rest, printed = 0, b"", 0
        output = process.stdout.fileno() if process.stdout else source
        limit = START
        deadline = time.monotonic() + limit
        with selectors.DefaultSelector() as waiting:
            for fd in (source, output):
                waiting.register(fd, selectors.EVENT_READ)
            while not self._is_done:
                left = deadline - time.monotonic()
                if left <= 0:
                    self.sentence = f"it ran longer than {limit:g} s"
                    return
                for key, _ in waiting.select(left):
                    data = os.read(key.fd, 65536)
                    if key.fd == source:
                        if not data:
                            return  # the process has ended, or has closed the pipe
                        said += len(data)
                        *lines, rest = (rest + data).split(b"\n")
                        if any([self._take(line) for line in lines]):
                            limit = self._seconds
                            deadline = time.monotonic() + limit
                    elif not data:
                        waiting.unregister(output)
                    printed += len(data) * (key.fd == output)
                    if max(printed, said) > OUTPUT:
                        self.sentence = f"it printed more than {OUTPUT:,} bytes"
                        return

    def _take(self, line: bytes) -> bool:
        """Read a record; return whether to measure the time from 0 again."""
        try:
            record = json.loads(line)
            if record["token"] != self._token:
                return False
        except (ValueError, TypeError, KeyError):
            return False  # the submission itself wrote this line
        event = record["event"]
        if event == "result":
            self.results.append(Result(*record["result"]))
        elif event in ("failed", "changed"):
            self.sentence, self.is_void = record["sentence"], True
            self.current, self._is_done = None, True
        elif event == "begin":
            self.current = record["exercise"]
        elif event == "end":
            self.current = None
        elif event == "done":
            self._is_done = True
        return event in ("ready", "imported", "begin", "end")
