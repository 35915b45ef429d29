"""Processes of mpiexec: the same steps as one, and they end together."""

from pathlib import Path

import pytest
from processes import ROOT, start, why_not

from mlp import Adam, Linear, Sequential, Tanh, load

EXAMPLE = ROOT / "examples" / "parallel.py"
PROGRAM = Path(__file__).with_name("under_mpi.py")


@pytest.fixture(autouse=True, scope="module")
def mpi():
    if why_not():
        pytest.skip(why_not())


def test_processes_do_what_one_does_and_go_on_from_each_other(tmp_path):
    for what, size in (("alike", 3), ("resumed", 2)):
        done = start(size, PROGRAM, what, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        whole = sorted(tmp_path.glob("whole*"))
        assert [path.name for path in whole] == [f"whole{r}" for r in range(size)]
        for path in whole:
            path.unlink()


@pytest.mark.parametrize(
    ("what", "size", "sentence"),
    [
        ("raised", 3, "process 1 of 3 ended by ValueError; all processes end with it"),
        ("early", 2, "process 1 of 2 ended by ValueError; all processes end with it"),
        ("left", 2, "to make one, got process 1 that has finished before"),
        ("longer", 2, "process 0 that has finished after 3 steps and process 1 that"),
    ],
)
def test_one_that_ends_ends_all_with_a_sentence(what, size, sentence, tmp_path):
    done = start(size, PROGRAM, what, tmp_path)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_one_that_is_killed_ends_all_and_leaves_a_whole_checkpoint(tmp_path):
    done = start(2, PROGRAM, "killed", tmp_path)
    assert done.returncode != 0
    assert (
        "signal 9" in done.stderr or "KILLED BY SIGNAL: 9" in done.stdout + done.stderr
    )
    model = Sequential(Linear(3, 5), Tanh(), Linear(5, 2))
    kept = load(tmp_path / "run.npz", model, Adam(model.parameters()))
    assert kept["epoch"] == 3  # the fourth had begun


def test_the_example_finds_the_same_net_with_two_processes_as_with_one():
    """Its loss is printed to ten places."""
    texts = [start(size, EXAMPLE, "--epochs", 2).stdout for size in (1, 2)]
    alone, together = (
        dict(line.split()[1:] for line in text.splitlines()[1:3]) for text in texts
    )
    assert texts[1].split()[:2] == ["processes", "2"]
    assert alone == together and float(alone["loss"]) < 2.3
