"""What fit shows while it runs: to whom, how often, and what is in it."""

import io
import re
import sys
import types

import numpy as np
import pytest

from mlp import SGD, History, Linear, MSELoss, fit
from mlp.fitting.progress import display


class Terminal(io.StringIO):
    def isatty(self):
        return True


class FakeTqdm:
    """tqdm as fit calls it; what it was told is kept."""

    made: list["FakeTqdm"] = []

    def __init__(self, **settings):
        self.settings, self.n, self.texts = settings, settings["initial"], []
        self.open = True
        FakeTqdm.made.append(self)

    def update(self):
        self.n += 1

    def set_description_str(self, text, refresh):
        self.texts.append(text)

    def close(self):
        self.open = False


# these are called in a test, not fixtures, as pytest sets sys.stderr after those


def a_terminal(monkeypatch):
    """Return a standard error that is a terminal, without tqdm."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    return terminal


def bars_made(monkeypatch):
    """Return the list of bars that will be made, on a terminal with tqdm."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=FakeTqdm))
    FakeTqdm.made = []
    return FakeTqdm.made


def run(epochs, progress=None, **settings):
    model = Linear(2, 1, rng=0)
    x = np.arange(14.0).reshape(7, 2) / 14
    optimizer = SGD(model.parameters(), lr=0.01)
    return fit(
        model,
        MSELoss(),
        optimizer,
        x,
        x[:, :1],
        epochs=epochs,
        batch_size=3,
        rng=0,
        progress=progress,
        **settings,
    )


def test_lines_are_one_for_each_tenth(monkeypatch):
    stderr = a_terminal(monkeypatch)
    x = np.ones((2, 2))
    history = run(25, validation=(x, x[:, :1]))
    lines = stderr.getvalue().splitlines()
    epochs = [int(re.match(r"epoch +(\d+)/25 ", line).group(1)) for line in lines]
    assert epochs == [3, 5, 8, 10, 13, 15, 18, 20, 23, 25]
    for line, epoch in zip(lines, epochs, strict=True):
        loss, held_out = history.loss[epoch - 1], history.validation_loss[epoch - 1]
        assert f"   loss {loss:.4g}   validation loss {held_out:.4g}   " in line
        assert re.search(r"   \d\d:\d\d left$", line)


def test_a_short_run_has_a_line_for_each_epoch(monkeypatch):
    stderr = a_terminal(monkeypatch)
    run(4)
    assert len(stderr.getvalue().splitlines()) == 4
    assert "validation" not in stderr.getvalue()


@pytest.mark.parametrize(
    ("seconds", "left"), [(1.0, "00:15"), (20.0, "05:00"), (1000.0, "4:10:00")]
)
def test_the_time_left_is_that_of_the_epochs_of_this_call(monkeypatch, seconds, left):
    stderr = a_terminal(monkeypatch)
    history = History(loss=[1.0] * 5, seconds=[1e9] * 5)  # from a checkpoint
    with display(None, 25, history, 3) as shown:
        for _ in range(5):
            history.loss.append(1.0)
            history.seconds.append(seconds)
            shown.epoch(history)
    assert stderr.getvalue().splitlines()[-1].endswith(f"   {left} left")


@pytest.mark.parametrize("progress", [None, True, False])
@pytest.mark.parametrize("terminal", [True, False])
def test_who_sees_something(progress, terminal, monkeypatch, capsys):
    bars = bars_made(monkeypatch)
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    run(2, progress)
    shown = progress or (progress is None and terminal)
    assert len(bars) == (shown and terminal)
    assert bool(stream.getvalue()) == (shown and not terminal)
    assert capsys.readouterr().out == ""


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


def raising(error):
    def fail(*arguments):
        raise error

    return fail


def stand_in(**methods):
    """Return a stream that has these methods and no others."""
    return types.SimpleNamespace(**methods)


def nothing(*arguments):
    """Do what a stream does that throws away what it gets."""


STREAMS = {
    "none, as in a program without a console": lambda: None,
    "closed": closed,
    "without isatty": lambda: stand_in(write=nothing, flush=nothing),
    "of write only": lambda: stand_in(write=nothing),
    "isatty is no function": lambda: stand_in(write=nothing, isatty=False),
    "isatty raises": lambda: stand_in(isatty=raising(OSError), write=nothing),
    "nobody reads": lambda: stand_in(
        isatty=lambda: False, write=raising(BrokenPipeError), flush=nothing
    ),
    "a terminal that hung up": lambda: stand_in(
        isatty=lambda: True, write=raising(OSError(5, "EIO")), flush=nothing
    ),
    "a terminal nobody reads": lambda: stand_in(
        isatty=lambda: True, write=raising(BrokenPipeError), flush=nothing
    ),
    "a terminal without write": lambda: stand_in(isatty=lambda: True),
    "ascii": lambda: io.TextIOWrapper(io.BytesIO(), encoding="ascii"),
}


@pytest.mark.parametrize("tqdm", [True, False])
@pytest.mark.parametrize("progress", [None, True, False])
@pytest.mark.parametrize("stream", list(STREAMS))
def test_no_stream_ends_a_run(stream, progress, tqdm, monkeypatch, capsys):
    if tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys, "stderr", STREAMS[stream]())
    assert len(run(20, progress).loss) == 20
    assert capsys.readouterr().out == ""


def test_a_stand_in_gets_the_lines(monkeypatch):
    written = []
    monkeypatch.setattr(sys, "stderr", stand_in(write=written.append))
    run(2, progress=True)
    assert "".join(written).count("epoch") == 2


def test_a_bar_whose_terminal_goes_ends_no_run(monkeypatch):
    bars = bars_made(monkeypatch)

    def fail(*arguments):
        raise BrokenPipeError

    monkeypatch.setattr(FakeTqdm, "update", fail)
    monkeypatch.setattr(FakeTqdm, "close", fail)
    assert len(run(3).loss) == 3
    assert len(bars) == 1


def test_a_bar_counts_steps_and_says_the_losses(monkeypatch):
    bars = bars_made(monkeypatch)
    history = run(4)
    (bar,) = bars
    assert bar.settings["total"] == bar.n == 4 * 3
    assert bar.settings["initial"] == 0
    assert bar.settings["file"] is sys.stderr
    assert "{remaining}" in bar.settings["bar_format"]
    assert bar.settings["desc"] == "epoch 0/4"
    losses = enumerate(history.loss, start=1)
    assert bar.texts == [f"epoch {i}/4   loss {loss:.4g}" for i, loss in losses]
    assert not bar.open


def test_a_bar_goes_on_from_the_checkpoint_and_closes_after_an_error(
    monkeypatch, tmp_path
):
    bars = bars_made(monkeypatch)

    def fail_in_the_fifth(epoch):
        if epoch == 4:
            raise KeyError
        return 1

    path = tmp_path / "run"
    run(3, checkpoint=path)
    with pytest.raises(KeyError):
        run(6, checkpoint=path, schedule=fail_in_the_fifth)
    assert bars[1].settings["initial"] == 9
    assert (bars[1].settings["total"], bars[1].n, bars[1].open) == (18, 12, False)
    with pytest.warns(UserWarning, match="leave an epoch to run"):
        run(3, checkpoint=path)  # nothing to do, nothing to show
    assert len(bars) == 2


def test_the_real_bar(monkeypatch):
    pytest.importorskip("tqdm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    history = run(3)
    last = terminal.getvalue().rstrip().split("\r")[-1]
    assert last.startswith(f"epoch 3/3   loss {history.loss[-1]:.4g} |")
    assert last.endswith("00:00 left")
