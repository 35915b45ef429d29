"""What fit shows while it runs: a bar, or lines."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

from mlp.fitting.history import History

# What a stream raises that is closed, whose reader has gone, or that is a stand-in
# with half of a stream's methods; no run ends for that.
_CANNOT_WRITE = (AttributeError, OSError, TypeError, ValueError)


class Silent:
    """Shows nothing."""

    step: Callable[[], Any] | None = None  # to be called after each step

    def epoch(self, history: History) -> None:
        """Show where the run is, an epoch having ended."""

    def __enter__(self) -> Silent:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the terminal in order."""


class Lines(Silent):
    """One line for each tenth of the run."""

    def __init__(self, epochs: int, done: int) -> None:
        self._epochs, self._begun_at = epochs, done
        self._tenths = {-(-epochs * tenth // 10) for tenth in range(1, 11)}

    def epoch(self, history: History) -> None:
        """Print a line if a tenth of the run has ended."""
        done = len(history.loss)
        if done in self._tenths:
            seconds = history.seconds[self._begun_at :]
            left = sum(seconds) / len(seconds) * (self._epochs - done)
            line = f"{_where(history, self._epochs)}   {_clock(left)} left"
            with suppress(*_CANNOT_WRITE):
                print(line, file=sys.stderr, flush=True)


class Bar(Silent):
    """A bar of tqdm's that counts steps."""

    def __init__(self, bar: Any, epochs: int) -> None:
        self._bar, self._epochs = bar, epochs
        self.step = self._step

    def _step(self) -> None:
        try:
            self._bar.update()
        except _CANNOT_WRITE:
            pass

    def epoch(self, history: History) -> None:
        """Write the losses of the epoch beside the bar."""
        self._bar.set_description_str(_where(history, self._epochs), refresh=False)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the bar's line."""
        with suppress(*_CANNOT_WRITE):
            self._bar.close()


def display(progress: bool | None, epochs: int, history: History, steps: int) -> Silent:
    """Return what shows a run of epochs, of so many steps each.

    None shows it on a terminal; True elsewhere too, in lines, which a log
    file can take.
    """
    done = len(history.loss)
    if progress is False or done >= epochs or sys.stderr is None:
        return Silent()
    terminal = _is_terminal(sys.stderr)
    if not (progress or terminal):
        return Silent()
    if terminal:
        try:
            from tqdm import tqdm
        except ImportError:
            return Lines(epochs, done)
        import shutil  # here, since with its compressors it is slow to load

        with suppress(*_CANNOT_WRITE):
            bar = tqdm(
                desc=_where(history, epochs),
                total=epochs * steps,
                initial=done * steps,
                file=sys.stderr,
                ncols=shutil.get_terminal_size().columns,  # 80 if it is said to be 0
                bar_format="{desc} |{bar}| {remaining} left",
            )
            return Bar(bar, epochs)
    return Lines(epochs, done)


def _is_terminal(stream: Any) -> bool:
    """Return whether a stream, which may be an editor's stand-in, is one."""
    try:
        return bool(stream.isatty())
    except _CANNOT_WRITE:
        return False


def _where(history: History, epochs: int) -> str:
    """Return the epochs done, and the last one's losses."""
    done = len(history.loss)
    text = f"epoch {done:>{len(str(epochs))}}/{epochs}"
    if done:
        text += f"   loss {history.loss[-1]:.4g}"
    if history.validation_loss:
        text += f"   validation loss {history.validation_loss[-1]:.4g}"
    return text


def _clock(seconds: float) -> str:
    """Return a length of time as h:mm:ss, without the h below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
