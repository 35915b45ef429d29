"""Ctrl-C, delayed until the current step is complete."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any


class HeldCtrlC:
    """The first Ctrl-C waits for deliver(); a second one acts at once.

    It does nothing in other threads than the main one, which receive no
    signals, and nothing in a program that ignores Ctrl-C.
    """

    def __init__(self) -> None:
        self.pending: tuple[int, FrameType | None] | None = None
        self._usual: Any = signal.getsignal(signal.SIGINT)

    def __enter__(self) -> HeldCtrlC:
        """Take the place of the program's own handler."""
        try:
            if callable(self._usual):
                signal.signal(signal.SIGINT, self._hold)
        except ValueError:  # not the main thread
            self._usual = None
        return self

    def _hold(self, number: int, frame: FrameType | None) -> None:
        if self.pending:
            self._usual(number, frame)
        self.pending = number, frame

    def deliver(self) -> None:
        """Call the program's own handler, which raises KeyboardInterrupt."""
        if self.pending:
            held, self.pending = self.pending, None
            self._usual(*held)

    def __exit__(self, *error: object) -> None:
        """Put the program's own handler back."""
        if callable(self._usual):
            signal.signal(signal.SIGINT, self._usual)
        self.deliver()
