"""Team: the processes that take each step together.

Every optimizer has a team. Here it is one process alone. mlp.parallel has a
team of MPI processes, each with a part of every batch. fit asks the team of
its optimizer for everything that must be the same in all processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from mlp.core.layer import Layer

T = TypeVar("T")


class Team:
    """One process alone, and the methods that a team of several must have.

    Attributes
    ----------
    rank, size : int
        The number of this process, from 0, and the number of processes.
    """

    rank: int = 0
    size: int = 1

    def of_first(self, function: Callable[[], T]) -> T:
        """Call a function in process 0 only; return there its value, to all."""
        return function()

    def gathered(self, value: T) -> list[T]:
        """Return the values of all processes, by rank."""
        return [value]

    def expect_alike(self, who: str, values: dict[str, Any]) -> None:
        """Raise in all processes unless all gave the same values."""

    def hand_out(self, model: Layer) -> None:
        """Give all process 0's buffers, and Generators of their own.

        They are drawn from those of process 0, one after another by rank,
        so that each process draws other masks.
        """

    @contextmanager
    def alike(self) -> Iterator[None]:
        """Raise in all processes what a with block raises in one."""
        yield

    def tell(self, error: BaseException) -> None:
        """Raise in all other processes what this one is about to raise."""


ALONE = Team()
