"""Meeting: how processes exchange numbers.

Processes that wait for each other in different MPI calls wait forever. So
all exchanges begin with the same call, an Allreduce of one buffer, which
adds up the buffers of all processes:

    [ kind, steps, rows of each process | which gradients | gradients ]

The first part has three numbers for each process. Each process writes its
own three, and 0 for the others, so the sum has the numbers of all of them.
From kind, every process sees what each of the others is going to do. If
they differ, or if one of them has an error or has ended, all processes see
it in the same call, and all raise an error.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import numpy as np

from mlp._shared.arrays import Array
from mlp.core.layer import Layer
from mlp.core.team import Team
from mlp.parallel import ending

T = TypeVar("T")

STEP, BEGUN, OF_FIRST, GATHERED, ERROR, NEXT, FINISHED = range(1, 8)
_DOES = {
    STEP: "takes step {}",
    BEGUN: "begins with a net after {} steps",
    OF_FIRST: "waits for process 0 after {} steps",
    GATHERED: "gathers after {} steps",
    ERROR: "raises after {} steps",
    NEXT: "makes another AllReduce after {} steps",
    FINISHED: "has finished after {} steps",
}
_MOST_STEPS = 1 << 20  # then counting starts at 0 again; exact in float32
ALL_EQUAL = -1.0  # in place of rows, if none are given


class Meeting(Team):
    """The processes of a communicator, and the buffer that they exchange.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Its methods Allreduce, allgather and bcast are called.
    length : int
        The length of the buffer without its head, the first part.
    dtype : dtype
        The dtype of the buffer.
    """

    def __init__(self, comm: Any, length: int, dtype: np.dtype[Any]) -> None:
        self.comm, self.rank, self.size = comm, comm.Get_rank(), comm.Get_size()
        self._head, self._dtype = 3 * self.size, dtype
        self._length = self._head + length
        self._steps = 0
        self._over: str | None = None  # why the processes no longer meet
        self._error: BaseException | None = None  # the error to send to the others
        self._told: BaseException | None = None  # the error that all have raised
        if self.size > 1:
            ending.is_new(self)

    def blank(self) -> tuple[Array, Array]:
        """Return a buffer of zeros, and a view of it without the head."""
        buffer = np.zeros(self._length, self._dtype)
        return buffer, buffer[self._head :]

    def add_up(self, buffer: Array, rows: float) -> tuple[Array, Array]:
        """Return the rows of each process, and the sum of all buffers.

        Raises
        ------
        RuntimeError
            In all processes, if one of them does not take this step.
        """
        summed = self._meet(STEP, buffer, rows)
        self._steps += 1
        return summed[2 : self._head : 3], summed[self._head :]

    def of_first(self, function: Callable[[], T]) -> T:
        """Call a function in process 0 only; return its value in all."""
        value = function() if self.rank == 0 else None
        self._meet(OF_FIRST)
        answer: T = self.comm.bcast(value, root=0)
        return answer

    def gathered(self, value: T, kind: int = GATHERED) -> list[T]:
        """Return the values of all processes, by rank."""
        self._meet(kind)
        answers: list[T] = self.comm.allgather(value)
        return answers

    def expect_alike(self, who: str, values: dict[str, Any]) -> None:
        """Raise in all processes unless all of them give the same values."""
        first, *others = self.gathered(values)
        for rank, other in enumerate(others, start=1):
            for name, value in first.items():
                if other[name] != value:
                    raise ValueError(
                        f"{who}: expected {name} to be the same in all processes, got "
                        f"{value} in process 0 and {other[name]} in process {rank}; "
                        f"call it alike in each, with all rows: it takes its part"
                    )

    def hand_out(self, model: Layer) -> None:
        """Copy the buffers of process 0; give each process other Generators."""
        buffers = [buffer.data for _, buffer in model.named_buffers()]
        bits = [generator.bit_generator for _, generator in model.named_generators()]
        if not (buffers or bits):
            return
        first = self.of_first(lambda: (buffers, [one.state for one in bits]))
        if self.rank > 0:
            for array, value in zip(buffers, first[0], strict=True):
                array[...] = value
            for one, state in zip(bits, first[1], strict=True):
                one.state = state
                seed = np.random.Generator(one).integers(1 << 32, size=4).tolist()
                own: Any = type(one)
                one.state = own(np.random.SeedSequence([*seed, self.rank])).state

    @contextmanager
    def alike(self) -> Iterator[None]:
        """Raise in all processes the error that a with block raises in one."""
        try:
            yield
        except BaseException as error:
            self.tell(error)
            raise

    def tell(self, error: BaseException) -> None:
        """Raise in the other processes the error that this one will raise."""
        if self._over is None and error is not self._told:
            self._error = _sent(error, self.rank, self.size)
            with suppress(RuntimeError):  # if another has ended, only this one raises
                self._meet(ERROR)
            self._error, self._told = None, error

    def expect_next(self) -> None:
        """Raise in all processes unless all make another AllReduce."""
        if self._over is None:
            self._meet(NEXT)

    def finish(self) -> None:
        """Tell the others that this process has taken its last step."""
        if self._over is None:
            with suppress(Exception):  # the others raise it too, and this process ends
                self._meet(FINISHED)
            self._over = "AllReduce: expected no step at exit, got one"

    def _meet(self, kind: int, buffer: Array | None = None, rows: float = 0.0) -> Array:
        """Add up the buffers; raise unless all processes have the same kind."""
        if self._over is not None:
            raise RuntimeError(self._over)
        ending.used(self)
        if buffer is None:
            buffer = self.blank()[0]
        buffer[3 * self.rank : 3 * self.rank + 3] = (
            kind,
            self._steps % _MOST_STEPS,
            rows,
        )
        summed = np.empty_like(buffer)
        self.comm.Allreduce(buffer, summed)
        came_for = summed[: self._head].reshape(self.size, 3)[:, :2].astype(int)
        if (came_for != came_for[0]).any() or kind == ERROR:
            self._part(came_for)
        return summed

    def _part(self, came_for: Any) -> None:
        """Raise in all processes an error that says how they differ."""
        kinds = came_for[:, 0].tolist()
        if ERROR in kinds and FINISHED not in kinds:
            errors = self.comm.allgather(self._error)
            if self._error is None:
                self._told = next(error for error in errors if error is not None)
                raise self._told
            return
        other = next(r for r, row in enumerate(came_for) if (row != came_for[0]).any())
        does = [
            _DOES[kind].format(steps + (kind == STEP))
            for kind, steps in came_for[[0, other]].tolist()
        ]
        self._over = (
            f"AllReduce: expected all processes to take the same steps, got process 0 "
            f"that {does[0]} and process {other} that {does[1]}; give each the same "
            f"number of batches, by minibatches(…, shard=(rank, size)), and call "
            f"fit alike in each"
        )
        raise RuntimeError(self._over)


def _sent(error: BaseException, rank: int, size: int) -> BaseException:
    """Return a copy of an error for the other processes, with its origin."""
    try:
        copy: BaseException = pickle.loads(pickle.dumps(error))
    except Exception:  # its class cannot be pickled
        copy = RuntimeError(f"{type(error).__name__}: {error}")
    lines = "".join(traceback.format_exception(error))
    copy.add_note(f"It was raised in process {rank} of {size}:\n{lines}")
    return copy
