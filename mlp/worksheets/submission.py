"""The process that runs a student's file.

grading.py starts it. After each step it writes a record, one line of JSON,
into a pipe. So a crash does not change the marks of earlier checks. Each
record has a token that the student's file does not get. This protects
against accidents, not against attackers: the file runs in this process and
could find the token.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from mlp.worksheets import exercises
from mlp.worksheets.comparing import sentence_of_error

MEMORY = 2 * 2**30
"""How many bytes of memory a process may ask for."""
FILE_SIZE = 16 * 2**20
"""How many bytes a file may have that the process writes."""
# Python's audit events for starting or ending a process.
_REFUSED = (
    *("os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.exec", "os.system"),
    *("subprocess.Popen", "os.kill", "os.killpg"),
)


def main(channel: int, path: str, names: Sequence[str], seconds: float) -> None:
    """Run a file and the checks of some exercises; write records to channel."""
    token = sys.stdin.readline().strip()
    process = os.getpid()

    def record(**what: Any) -> None:
        if os.getpid() == process:  # not in a copy made by a fork
            line = json.dumps({"token": token, **what}) + "\n"
            os.write(channel, line.encode())

    before = dict(_library())
    _limit(seconds * (len(names) + 1))
    sys.addaudithook(_refuse)
    sys.argv = [path]
    record(event="ready")
    namespace = _run_file(path, record)
    if namespace is not None:
        _change(before, record)
        record(event="imported")
        for name in names:
            record(event="begin", exercise=name)
            for result in exercises.run(name, namespace, path):
                record(event="result", result=result)
            _change(before, record)
            record(event="end", exercise=name)
    record(event="done")
    _end()


def _run_file(path: str, record: Callable[..., None]) -> dict[str, Any] | None:
    """Return the names that the file defines, or None if it cannot be run."""
    module = types.ModuleType("submission")
    module.__file__ = path
    sys.modules["submission"] = module
    try:
        with open(path, "rb") as file:
            exec(compile(file.read(), path, "exec"), vars(module))
    except BaseException as error:  # a student's code may raise anything
        sentence = sentence_of_error(error, path)
        record(event="failed", sentence=f"the file cannot be run: {sentence}")
        return None
    return vars(module)


def _library() -> Iterator[tuple[str, Any]]:
    """Yield each function and class of mlp and numpy with its path."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] not in ("mlp", "numpy") or module is None:
            continue
        for key, value in list(vars(module).items()):
            if callable(value):
                yield f"{name}.{key}", value
                if isinstance(value, type) and value.__module__.startswith("mlp"):
                    for inner, method in list(vars(value).items()):
                        if callable(method):
                            yield f"{name}.{key}.{inner}", method


def _change(before: dict[str, Any], record: Callable[..., None]) -> None:
    """If the file has changed the library or NumPy, record this, and end."""
    now = dict(_library())
    for name, value in before.items():
        if now.get(name) is not value:
            sentence = f"the file changes {name}; leave mlp and numpy as they are"
            record(event="changed", sentence=sentence)
            _end()


def _end() -> None:
    """End at once, without waiting for threads or atexit functions."""
    signal.raise_signal(signal.SIGKILL)


def _limit(seconds: float) -> None:
    """Set the limits that the system allows; macOS refuses some of them."""
    import resource

    cpu = math.ceil(seconds) + 1
    limits = [
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, FILE_SIZE),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ]
    for kind, limit in limits:
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    """Raise if a submission starts or ends a process."""
    if event in _REFUSED:
        raise PermissionError(f"a submission must not start or end processes ({event})")
