"""What layers and losses have in common."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Self

from mlp._shared import walking
from mlp.core.parameter import Buffer


def takes_keyword(method: Callable[..., Any], name: str) -> bool:
    """Return whether a method has an argument of this name, or takes any."""
    try:
        parameters = inspect.signature(method).parameters
    except ValueError:  # of a function in C, which knows no such keyword
        return False
    return name in parameters or any(
        p.kind is p.VAR_KEYWORD for p in parameters.values()
    )


class _Forward:
    """What has a forward, which keeps what its backward needs; and its copies."""

    forward_keeps: tuple[str, ...] = ()

    def __copy__(self) -> Self:
        """Return one with the same Parameters, and Buffers of its own."""
        twin: Self = walking.Copy(_Forward, False, {}, Buffer).of(self)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return one that shares nothing, with its own pending backward."""
        twin: Self = walking.Copy(_Forward, True, memo, Buffer).of(self)
        return twin

    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a pickle carries: all but what forward keeps."""
        own = vars(self)
        state: tuple[dict[str, Any], dict[str, Any]] = {}, {}
        for name, value in walking.attributes(self).items():
            if name not in self.forward_keeps:
                state[name not in own][name] = value
        return state

    def __repr__(self) -> str:
        """Return the name of the class."""
        return f"{type(self).__name__}()"
