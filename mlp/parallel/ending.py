"""How all processes end when one of them does.

One that is killed takes the others with it: mpiexec sees to that. One that
an exception ends, or that ends before the others, would leave them waiting
in MPI for good; here it says so first.
"""

from __future__ import annotations

import atexit
import os
import sys
from types import TracebackType
from typing import Any

_awake: list[Any] = []  # the meetings to say goodbye in, the last used at the end
_usual = sys.excepthook
_process = os.getpid()  # a fork of it, say by multiprocessing, has no part in MPI
_aborts = False


def end_all(
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType | None,
) -> None:
    """Show an exception that nothing catches, and let it end all processes.

    mpi4py calls MPI_Abort when this process exits, as under python -m
    mpi4py, so that what is to be closed or written at exit still is.
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
    """Take note of a meeting: goodbye is said in it, and not in older ones.

    A program that trains one net after another is through with the older
    ones. One that trains several in turn uses them again: used.
    """
    _awake[:] = [meeting]


def used(meeting: Any) -> None:
    """Take note that a meeting was used last."""
    if not (_awake and _awake[-1] is meeting):
        _awake[:] = [other for other in _awake if other is not meeting] + [meeting]


def say_goodbye() -> None:
    """Tell the other processes, at exit, that this one takes no more steps."""
    mpi: Any = sys.modules.get("mpi4py.MPI")
    is_over = mpi is not None and mpi.Is_finalized()
    if not (_aborts or is_over or os.getpid() != _process):
        for meeting in [*_awake]:  # the next to be used is the one used longest ago
            meeting.finish()


sys.excepthook = end_all
atexit.register(say_goodbye)
