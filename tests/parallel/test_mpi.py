"""Processes of mpiexec: the same steps as one, and they end together."""

import pytest
from processes import PROGRAM, ROOT, start
from teams import net

from mlp import Adam, load

pytestmark = pytest.mark.usefixtures("mpi")
EXAMPLE = ROOT / "examples" / "parallel.py"


def test_processes_do_what_one_does_and_go_on_from_each_other(tmp_path):
    for what, size in (("alike", 3), ("resumed", 2)):
        done = start(size, PROGRAM, what, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        whole = sorted(tmp_path.glob("whole*"))
        assert [path.name for path in whole] == [f"whole{r}" for r in range(size)]
        for path in whole:
            path.unlink()


def test_one_that_is_killed_ends_all_and_leaves_a_whole_checkpoint(tmp_path):
    done = start(2, PROGRAM, "killed", tmp_path)
    assert done.returncode != 0
    assert (
        "signal 9" in done.stderr or "KILLED BY SIGNAL: 9" in done.stdout + done.stderr
    )
    model = net()
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
