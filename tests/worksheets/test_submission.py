"""The process of a submission: its records, its limits, and what it refuses."""

import json
import os
import signal
import subprocess
import sys

import pytest
from processes import ROOT
from submissions import RIGHT, classes

from mlp.worksheets import exercises, submission

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits are POSIX")
START = (
    "import sys; from mlp.worksheets.submission import main; main(*eval(sys.argv[1]))"
)


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a file; it gives its records and what it printed."""

    def run(source, names=("relu",), seconds=10):
        file, channel = tmp_path / "ada.py", tmp_path / "records"
        file.write_text(source, encoding="utf-8")
        with channel.open("wb") as sink:
            told = sink.fileno(), str(file), list(names), seconds
            done = subprocess.run(
                [sys.executable, "-c", START, repr(told)],
                cwd=tmp_path,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                input="a token\n",
                pass_fds=[sink.fileno()],
                capture_output=True,
                text=True,
                timeout=60,
            )
        assert done.returncode == -signal.SIGKILL, done.stderr
        records = [json.loads(line) for line in channel.read_text("utf-8").splitlines()]
        assert {record.pop("token") for record in records} == {"a token"}
        return records, done.stdout

    return run


def events(records):
    return [record["event"] for record in records]


# Makes a copy of its process, a thread and a function that would delay the end.
LEAVES = """
import atexit, ctypes, json, resource, sys, threading, time
copy = ctypes.CDLL(None).fork()
atexit.register(time.sleep, 90)
threading.Thread(target=time.sleep, args=[90]).start()
limits = [resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]
          for name in ("CPU", "AS", "FSIZE", "CORE")]
seen = __name__, __file__ == sys.argv[0], sys.argv[1:], "submission" in sys.modules
if copy:
    print(json.dumps([limits, *seen]), flush=True)
"""


def test_each_thing_that_is_done_is_a_record(run):
    names = ["relu", "loop"]
    records, printed = run(LEAVES + RIGHT.replace("self.on, x", "self.on, -x"), names)
    expected = [{"event": "ready"}, {"event": "imported"}]
    wrong = classes(RIGHT.replace("self.on, x", "self.on, -x"))
    for name in names:
        found = [list(result) for result in exercises.run(name, wrong)]
        expected += [
            {"event": "begin", "exercise": name},
            *({"event": "result", "result": result} for result in found),
            {"event": "end", "exercise": name},
        ]
    assert records == [*expected, {"event": "done"}]  # none twice, of the copy
    limits, *seen = json.loads(printed)
    assert seen == ["submission", True, [], True]
    if sys.platform == "linux":
        assert limits == [31, submission.MEMORY, submission.FILE_SIZE, 0]


# Each way to start or to end a process; what is not refused is printed.
TRIES = """
import os, subprocess
for name, way in {
    "os.fork": os.fork,
    "os.forkpty": os.forkpty,
    "os.system": lambda: os.system("true"),
    "os.posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "os.exec": lambda: os.execv("/bin/true", ["true"]),
    "subprocess.Popen": lambda: subprocess.run(["true"]),
    "os.kill": lambda: os.kill(os.getpid(), 0),
    "os.killpg": lambda: os.killpg(os.getpgid(os.getppid()), 0),
}.items():
    try:
        print(name, way(), flush=True)
    except PermissionError as error:
        if f"must not start or end processes ({name})" not in str(error):
            print(name, error, flush=True)
raise SystemExit(0)
"""


def test_processes_are_neither_started_nor_ended(run):
    records, printed = run(TRIES)
    assert printed == ""
    assert records[1]["sentence"] == "the file cannot be run: line 18: SystemExit: 0"


def test_a_file_that_cannot_be_run_has_no_results(run):
    records, _ = run("def f(:")
    assert events(records) == ["ready", "failed", "done"]
    said = "the file cannot be run: line 1: SyntaxError: invalid syntax"
    assert records[1]["sentence"].startswith(said)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (
            "import mlp\nmlp.Linear.forward = print\n",
            "mlp.layers.linear.Linear.forward",
        ),
        ("import numpy as np\ndel np.dot\n", "numpy.dot"),
    ],
)
def test_a_file_that_changes_the_library_ends_at_once(run, change, name):
    records, _ = run(change + RIGHT)
    assert events(records) == ["ready", "changed"]
    assert name in records[1]["sentence"]
    assert records[1]["sentence"].endswith("; leave mlp and numpy as they are")


def test_a_method_that_changes_the_library_is_found_after_its_exercise(run):
    source = RIGHT.replace("self.on = x > 0", "self.on = x > 0; np.exp = np.tanh")
    records, _ = run(source, ["relu", "sigmoid"])
    count = len(exercises.EXERCISES["relu"].checks)
    assert events(records) == [
        "ready",
        "imported",
        "begin",
        *["result"] * count,
        "changed",
    ]
    assert "the file changes numpy.exp" in records[-1]["sentence"]
