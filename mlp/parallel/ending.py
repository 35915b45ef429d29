"""How all processes end when one of them does.

If a process is killed, mpiexec ends the others. But if an exception ends a
process, or it ends before the others, they would wait in MPI forever. This
module makes such a process tell the others before it ends.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from types import TracebackType
from typing import Any

_awake: list[Any] = []  # the meetings in which to say goodbye, in order of use
_last: dict[int, Any] = {}  # the latest meeting, by the id of its comm
_usual = sys.excepthook
_process = os.getpid()  # a fork of this process takes no part in MPI
_aborts = False
_GONE = 20011  # the tag of an empty message; MPI allows at least 32767


def end_all(
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType | None,
) -> None:
    """Print an exception that nothing catches, and make it end all processes.

    mpi4py calls MPI_Abort only when this process exits, as with python -m
    mpi4py. So files are still closed and exit functions still run.
    """
    global _aborts
    _usual(kind, error, traceback)
    mpi: Any = sys.modules.get("mpi4py.MPI")
    if mpi is None or not mpi.Is_initialized() or mpi.Is_finalized():
        return
    world = mpi.COMM_WORLD
    if world.Get_size() > 1:
        from mpi4py.run import set_abort_status

        print(
            f"mlp.parallel: process {world.Get_rank()} of {world.Get_size()} ended by "
            f"{kind.__name__}; all processes end with it",
            file=sys.stderr,
            flush=True,
        )
        set_abort_status(error)
        _aborts = True


def is_new(meeting: Any) -> None:
    """Remember a new meeting as the only one in which to say goodbye at exit.

    A program that trains one net after another does not use the older
    meetings again. One that takes turns between nets does: then used()
    remembers them again.
    """
    _awake[:] = [meeting]
    _last[id(meeting.comm)] = meeting


def before(comm: Any) -> None:
    """Check that all processes of a communicator start a new meeting.

    A new meeting makes other MPI calls than a step. If one process took
    another step with the old net, it and the others would wait forever, in
    different calls.
    """
    if id(comm) in _last:
        _last[id(comm)].expect_next()
        return
    mpi: Any = sys.modules.get("mpi4py.MPI")
    if mpi is not None and isinstance(comm, mpi.Intracomm):
        _wait_for_all(comm, mpi)


def _wait_for_all(comm: Any, mpi: Any) -> None:
    """Wait until all processes call this; raise if one of them has ended."""
    world, size = mpi.COMM_WORLD, comm.Get_size()
    own = comm.Get_group(), [*range(size)], world.Get_group()
    ranks, request = mpi.Group.Translate_ranks(*own), comm.Ibarrier()
    while not request.Test():
        for rank in ranks:
            if rank >= 0 and world.Iprobe(rank, _GONE):
                raise RuntimeError(
                    f"AllReduce: expected all processes to make one, got process "
                    f"{rank} that has finished before; make it in each"
                )
        time.sleep(0.001)


def used(meeting: Any) -> None:
    """Remember that this meeting was used last."""
    _last[id(meeting.comm)] = meeting
    if not (_awake and _awake[-1] is meeting):
        _awake[:] = [other for other in _awake if other is not meeting] + [meeting]


def say_goodbye() -> None:
    """Tell the other processes at exit that this one takes no more steps."""
    mpi: Any = sys.modules.get("mpi4py.MPI")
    is_over = mpi is not None and mpi.Is_finalized()
    if not (_aborts or is_over or os.getpid() != _process):
        if mpi is not None and mpi.Is_initialized() and not _last:
            _tell_it_has_gone(mpi.COMM_WORLD)
        for meeting in [*_awake]:  # the one used longest ago first, as it is the next
            meeting.finish()


def _tell_it_has_gone(world: Any) -> None:
    """Send a message to processes that wait for this one's first AllReduce."""
    for rank in range(world.Get_size()):
        if rank != world.Get_rank():
            world.Isend(bytearray(), rank, _GONE)


sys.excepthook = end_all
atexit.register(say_goodbye)
