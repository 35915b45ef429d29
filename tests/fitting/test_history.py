"""History: its line, its curves in text and as a picture, what makes two equal."""

import copy
import math
import pickle
import re
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlp import History

positive = st.floats(1e-300, 1e300)


def rows(history):
    """Return the canvas of the curve in text, top row first."""
    lines = str(history).splitlines()
    return [line[12:] for line in lines[1:13]]


def height(history, mark, column):
    """Return how far up a mark stands in a column, 0 at the bottom."""
    (row,) = [
        i for i, row in enumerate(reversed(rows(history))) if row[column:][:1] == mark
    ]
    return row


@given(st.lists(positive, min_size=2, max_size=60))
@example([1.0000000000000002e-300, 1e-300])
def test_the_curve_in_text_has_the_order_of_the_numbers(losses):
    history = History(loss=losses)
    heights = [height(history, "•", column) for column in range(len(losses))]
    if max(losses) > min(losses):
        assert heights[losses.index(max(losses))] == len(rows(history)) - 1
        assert heights[losses.index(min(losses))] == 0
    ordered = sorted(zip(losses, heights, strict=True))
    assert [up for _, up in ordered] == sorted(heights)


def test_equal_factors_are_equal_heights_and_below_0_equal_differences():
    falls = History(loss=[10.0**-k for k in range(12)])
    assert [height(falls, "•", k) for k in range(12)] == list(range(11, -1, -1))
    steady = History(loss=[5.0 - k for k in range(12)])
    assert [height(steady, "•", k) for k in range(12)] == list(range(11, -1, -1))


def test_a_long_run_fits_a_terminal_and_keeps_both_ends():
    history = History(loss=[1.0] + [0.5] * 998 + [0.1])
    lines = str(history).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1].split() == ["1", "to", "1000", "epochs"]
    assert rows(history)[0] == "•"
    assert rows(history)[-1] == " " * 59 + "•"


def test_two_curves_share_one_scale():
    history = History(loss=[4.0, 1.0], validation_loss=[2.0, 8.0])
    assert str(history).startswith("loss •   validation loss o\n")
    assert (height(history, "•", 1), height(history, "o", 1)) == (0, 11)
    assert height(history, "•", 0) > height(history, "o", 0)


def test_repr_and_an_empty_one():
    assert repr(History()) == str(History()) == "History(0 epochs)"
    assert repr(History(loss=[0.123456])) == "History(1 epoch, loss 0.1235 → 0.1235)"
    two = History(loss=[2.0, 1.0], validation_loss=[3.0, 2.5])
    assert repr(two) == (
        "History(2 epochs, loss 2 → 1, validation loss 3 → 2.5, best_epoch 1)"
    )
    three = History(
        loss=[3.0, 2.0, 1.0],
        validation_loss=[3.0, 2.5, 2.6],
        metrics={"accuracy": [0.5, math.nan, 0.9]},
        stopped="patience",
    )
    assert repr(three) == (
        "History(3 epochs, loss 3 → 1, validation loss 3 → 2.6, accuracy 0.5 → 0.9, "
        "best_epoch 1, stopped by patience)"
    )


def test_what_stands_below_the_curves():
    history = History(
        loss=[3.0, 2.0, 1.0],
        validation_loss=[3.0, 2.5, 2.6],
        metrics={"accuracy": [0.5, 0.6, 0.9], "R²": [-1.0, 0.25, 0.5]},
        stopped="patience",
    )
    assert str(history).splitlines()[14:] == [
        "            1 to 3 epochs",
        "accuracy 0.5 → 0.9",
        "R² -1 → 0.5",
        "lowest validation loss 2.5, after 2 epochs (best_epoch 1)",
        "stopped after 3 epochs: not lower in 1 epoch since",
    ]
    for stopped, why in (
        ("epochs", "all epochs were run"),
        ("divergence", "a number was no longer finite in the next one"),
    ):
        history = History(loss=[1.0], stopped=stopped)
        assert str(history).endswith(f"\nstopped after 1 epoch: {why}")


@pytest.mark.parametrize("name", ["loss", "validation_loss", "metrics"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_left_out_of_the_curves(name, value):
    numbers = {"loss": [3.0, 2.0, 1.0], "validation_loss": [3.0, 2.0, 1.5]}
    column = [3.0, value, 1.0]
    numbers |= {name: {"a": column} if name == "metrics" else column}
    history = History(**numbers)
    assert len(rows(history)) == 12
    assert [row for row in rows(history) if row[1:2] in ("•", "o")] != []
    height(history, "o", 2)
    assert isinstance(repr(history), str)
    assert str(History(loss=[math.nan])) == "History(1 epoch, loss nan → nan)"


@given(st.lists(st.floats(-10, 10) | st.just(math.nan), max_size=8))
def test_the_best_epoch_is_the_first_of_the_lowest(losses):
    best = History(validation_loss=losses).best_epoch
    numbers = [loss for loss in losses if loss == loss]
    if not numbers:
        assert best is None
        return
    assert losses[best] == min(numbers)
    assert min(numbers) not in losses[:best]


def test_equal_is_all_but_the_seconds():
    numbers = {"loss": [1.0], "validation_loss": [2.0], "lr": [0.1]}
    history = History(**numbers, metrics={"a": [1.0]}, seconds=[1.0])
    assert history == History(**numbers, metrics={"a": [1.0]}, seconds=[2.0])
    assert history != History(**numbers, metrics={"a": [2.0]}, seconds=[1.0])
    for name in numbers:
        changed = History(**numbers | {name: [9.0]}, metrics={"a": [1.0]})
        assert history != changed
    for again in (copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        assert again == history
        assert again.seconds == [1.0]


def test_two_histories_share_nothing():
    one, other = History(), History()
    one.loss.append(1.0)
    one.metrics["a"] = []
    assert other == History()


@pytest.mark.parametrize("path", [True, False])
def test_the_picture_shows_the_numbers(path, tmp_path):
    pytest.importorskip("matplotlib")
    history = History(loss=[3.0, 1.0, 0.5], validation_loss=[4.0, 2.0, math.pi])
    file = tmp_path / "curve.png"
    figure = history.plot(file) if path else history.plot()
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == ["loss", "validation loss"]
    for line, values in zip(
        axes.lines, (history.loss, history.validation_loss), strict=True
    ):
        assert list(line.get_xdata()) == [1, 2, 3]
        assert list(line.get_ydata()) == values
    assert axes.get_yscale() == "log"
    assert file.exists() == path
    if path:
        assert file.read_bytes()[:4] == b"\x89PNG"
    assert History(loss=[1.0, -1.0]).plot(file).axes[0].get_yscale() == "linear"


def test_the_picture_names_its_axes_and_marks_the_best_epoch():
    pytest.importorskip("matplotlib")
    metrics = {"accuracy": [0.1, 0.2, math.nan], "R²": [-1.0, 0.0, 0.5]}
    losses = {"loss": [3.0, 1.0, 0.5], "validation_loss": [4.0, 2.0, 3.0]}
    figure = History(**losses, metrics=metrics).plot()
    above, below = figure.axes
    assert (above.get_ylabel(), below.get_ylabel()) == ("loss", "metric")
    assert below.get_xlabel() == "epochs"
    assert below.get_yscale() == "linear"
    for line, (name, values) in zip(below.lines, metrics.items(), strict=True):
        assert line.get_label() == name
        assert list(line.get_xdata()) == [1, 2, 3]
        assert list(line.get_ydata()) == pytest.approx(values, nan_ok=True)
    for axes in figure.axes:
        (mark,) = axes.collections
        assert {x for x, _ in mark.get_segments()[0]} == {2}
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        assert "lowest validation loss, after 2 epochs" in labels
    assert not History(loss=[1.0, 2.0]).plot().axes[0].collections


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 40, 1000])
def test_the_epochs_on_the_axis_are_whole(epochs):
    pytest.importorskip("matplotlib")
    figure = History(loss=[1.0 + epoch for epoch in range(epochs)]).plot()
    (axes,) = figure.axes
    left, right = axes.get_xlim()
    ticks = [tick for tick in axes.get_xticks() if left <= tick <= right]
    assert ticks and all(tick == round(tick) for tick in ticks)


def test_a_notebook_shows_the_picture_once():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    before = pyplot.get_fignums()
    figure = History(loss=[2.0, 1.0]).plot()
    assert pyplot.get_fignums() == before  # a notebook shows all of these, unasked
    assert figure._repr_png_()[:4] == b"\x89PNG"  # and this, the cell's last line
    again = pickle.loads(pickle.dumps(figure))
    assert again._repr_png_() == figure._repr_png_()


def test_without_matplotlib(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    history = History(loss=[2.0, 1.0])
    assert history.plot() is None
    out = capsys.readouterr().out
    assert out.startswith(str(history))
    assert "pip install '.[plot]'" in out
    with pytest.raises(ImportError, match=r"pip install '\.\[plot\]'"):
        history.plot(tmp_path / "curve.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "losses", [[1.7e308, 1.0, -1.7e308], [1.7e308, 1.7e-308], [5e-324, 1e-323]]
)
def test_losses_of_any_size_have_a_curve(losses):
    history = History(loss=losses)
    assert str(history).count("•") == 1 + len(losses)
    picture = history._repr_html_()
    assert "nan" not in picture and "inf" not in picture
    (points,) = re.findall(r'points="(.*?)"', picture)
    assert len({point.split(",")[1] for point in points.split()}) == len(losses)
    assert f">{max(losses):.3g}</text>" in picture


@pytest.mark.parametrize("name", ["_f1", r"$\foo$"])
def test_a_metric_of_any_name_stands_in_the_legend(name):
    pytest.importorskip("matplotlib")
    figure = History(loss=[2.0, 1.0], metrics={name: [0.0, 1.0]}).plot()
    figure.draw_without_rendering()
    (text,) = figure.axes[1].get_legend().get_texts()
    assert text.get_text().strip().replace("\\$", "$") == name
