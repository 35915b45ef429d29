"""What the benchmarks measure is what they say: the same steps, in each way."""

import importlib
import math
import time
from types import SimpleNamespace

import bench_all
import bench_growth
import bench_pieces
import bench_steps
import bench_walk
import numpy as np
import pieces
import pytest
import turns
from contenders import CONTENDERS, DTYPES, NETS, Stopwatch, first_losses, made

SMALL = NETS[:-1]
OTHERS = [name for name in CONTENDERS if name not in ("mlp", "floor")]


def weights(contender):
    """Return the parameters of mlp or of the script by hand, by layer."""
    if hasattr(contender, "model"):
        return [p.data for p in contender.model.parameters()]
    pairs = zip(contender.w, contender.b, strict=True)
    return [array for pair in pairs for array in pair]


@pytest.mark.filterwarnings("default")  # of other libraries
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("net", (NETS[0], NETS[2], NETS[4]), ids=str)
@pytest.mark.parametrize("name", OTHERS)
def test_contenders_take_the_same_steps(name, net, dtype):
    if name == "torch.compile":
        pytest.skip("it compiles for a minute; bench_steps.py itself compares it")
    if name in turns.PACKAGES:
        pytest.importorskip(turns.PACKAGES[name])
    expected = first_losses(made("mlp", net, dtype))
    assert len(set(expected)) == len(expected)  # it learns
    tolerance = 1e-9 if dtype == "float64" else 1e-5
    assert first_losses(made(name, net, dtype)) == pytest.approx(expected, tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("task", pieces.TASKS, ids=str)
def test_contenders_take_the_same_steps_with_each_piece(task, dtype):
    if task.net != pieces.TASKS[0].net:
        pytest.skip("bench_pieces.py itself compares the wide nets")
    pytest.importorskip("torch")
    losses = {n: first_losses(pieces.made(n, task, dtype)) for n in pieces.CONTENDERS}
    tolerance = 1e-9 if dtype == "float64" else 1e-5
    assert losses["by hand"] == pytest.approx(losses["mlp"], tolerance)
    assert losses["PyTorch"] == pytest.approx(losses["mlp"], tolerance)
    usual = first_losses(pieces.made("mlp", pieces.TASKS[0], dtype))
    if task.piece in ("Adam", "Dropout"):  # nothing is dropped in the first steps
        assert losses["mlp"] == usual
    else:
        assert losses["mlp"] != usual


def test_each_contender_drops_when_it_is_timed():
    pytest.importorskip("torch")
    (task,) = (t for t in pieces.TASKS if str(t) == "64-128-10, Dropout")
    for name in pieces.CONTENDERS:
        whole, dropping = (pieces.made(name, task, "float64") for _ in range(2))
        assert whole.step() == dropping.step()
        dropping.drop(True)
        assert whole.step() != dropping.step()


@pytest.mark.parametrize("net", SMALL[:3], ids=str)
def test_epochs_of_mlp_and_by_hand_end_with_the_same_weights(net):
    ours, theirs = made("mlp", net, "float64"), made("by hand", net, "float64")
    before = [w.copy() for w in weights(ours)]
    ours.epoch()
    theirs.epoch()
    for w, v, old in zip(weights(ours), weights(theirs), before, strict=True):
        np.testing.assert_allclose(w, v, rtol=1e-9, atol=1e-12)
        assert not np.array_equal(w, old)


def test_the_floor_runs_each_product_of_a_step():
    net = NETS[2]
    floor = made("floor", net, "float64")
    floor.step()
    h, g, w = floor.h, floor.g, floor.w
    np.testing.assert_allclose(h[2], h[1] @ w[1].T, rtol=1e-9)
    np.testing.assert_allclose(floor.grads[1], g[2].T @ h[1], rtol=1e-9)
    np.testing.assert_allclose(g[1], g[2] @ w[1], rtol=1e-9)
    np.testing.assert_allclose(floor.grads[0], g[1].T @ h[0], rtol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("net", SMALL, ids=str)
def test_the_walk_is_a_step_to_the_last_bit(net, dtype):
    walked, stepped = made("mlp", net, dtype), made("mlp", net, dtype)
    walk = bench_walk.calls(net, walked.x.itemsize)
    run = bench_walk.compiled(walk, bench_walk.namespace(walked))
    for _ in range(3):
        t = run()
        stepped.step()
    assert len(t) == len(walk) + 1 and t == sorted(t)
    for a, b in zip(weights(walked), weights(stepped), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_walk_counts_the_products_of_a_step():
    net = NETS[2]  # 64-128-10, batch 64: all but the gradient of x
    products = [c.amount for c in bench_walk.calls(net, 8) if c.kind == "product"]
    first, second = 2 * 64 * 64 * 128, 2 * 64 * 128 * 10
    assert sum(products) == 2 * first + 3 * second


def test_a_process_answers_in_turn():
    with turns.processes(["mlp", "by hand"], NETS[0], "float32") as (started, failed):
        seconds = turns.in_turn(started, "step", 2)
    assert failed == {}
    assert {name: len(s) for name, s in seconds.items()} == {"mlp": 2, "by hand": 2}
    assert all(0 < s < 1 for series in seconds.values() for s in series)


def test_a_contender_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setitem(turns.PACKAGES, "by hand", "no_such_package")
    with turns.processes(["by hand"], NETS[0], "float32") as (started, failed):
        assert (started, failed) == ({}, {"by hand": "not installed"})


def test_a_contender_that_cannot_start_says_why():
    with turns.processes(["nobody"], NETS[0], "float32") as (started, failed):
        assert (started, failed) == ({}, {"nobody": "KeyError: 'nobody'"})


def test_another_net_is_refused():
    right, wrong = (SimpleNamespace(first_losses=[1.0, x]) for x in (0.5, 0.5001))
    turns.expect_the_same_steps({"mlp": right, "JAX": right, "floor": wrong}, "float32")
    with pytest.raises(RuntimeError, match="JAX: expected the losses"):
        turns.expect_the_same_steps({"mlp": right, "JAX": wrong}, "float32")


def test_ratios_are_taken_round_by_round():
    # 1/2, 10/20, 5/5: as the machine slowed tenfold in the second round
    assert turns.ratio([1.0, 10.0, 5.0], [2.0, 20.0, 5.0])[:2] == (0.5, 0.5)
    assert str(turns.ratio([3.0], [2.0])) == "1.50 (1.50–1.50)"


def test_a_stopwatch_measures():
    slow = Stopwatch(lambda: time.sleep(0.02), lambda: None)
    assert 0.02 <= slow.turn() < 1
    assert slow.calls == 1
    fast = Stopwatch(lambda: sum(range(100)), lambda: None)
    assert 0 < fast.turn() < 0.01
    assert fast.calls > 1


def test_a_power_law_has_its_exponent():
    sizes = [2, 4, 8, 16]
    assert math.isclose(bench_growth.exponent(sizes, [5 * n**1.5 for n in sizes]), 1.5)


def test_each_tool_is_given_more(monkeypatch):
    monkeypatch.setattr(bench_growth, "TIMES", (1, 2))
    head, _, *lines = bench_growth.growth_of_tools(1).splitlines()
    assert "1 × | 2 ×" in head
    tools = [line.split()[1].strip(",") for line in lines]
    assert tools == [
        *("fit", "print(History)", "read_csv", "save"),
        *("derive", "trace", "check_gradients"),
    ]
    page = bench_all.PAGE.read_text(encoding="utf-8")
    for line in lines:
        assert line.partition(":")[0] in page


def test_a_missed_ratio_is_bold():
    seconds = {"mlp": [1.2], "by hand": [1.0]}
    assert bench_steps.verdict("2-16-1", "by hand", seconds) == "**1.20 of 1.1**"
    assert bench_steps.verdict("2-16-1", "JAX", seconds) == "— of 0.5"
    seconds["mlp"] = [1.1]
    assert bench_steps.verdict("2-16-1", "by hand", seconds) == "1.10 of 1.1"


def test_a_missed_ratio_of_a_piece_is_bold():
    seconds = {"mlp": [1.2], "by hand": [1.0], "PyTorch": [1.2]}
    asked, other = bench_pieces.ASKED_OF, "64-128-10, Tanh"
    assert asked in map(str, pieces.TASKS)
    verdict = bench_pieces.verdict
    assert verdict(other, "by hand", seconds) == "**1.20 (1.20–1.20) of 1.15**"
    assert verdict(other, "PyTorch", seconds) == "1.00 (1.00–1.00)"
    assert verdict(asked, "PyTorch", seconds) == "**1.00 (1.00–1.00) of 0.8**"
    assert verdict(asked, "JAX", seconds) == "—"


def test_a_ratio_is_asked_of_each_net():
    assert list(bench_steps.ASKED) == [str(net) for net in NETS]


def test_the_page_has_each_section_measured():
    for section in bench_all.SECTIONS:
        page = bench_all.page_of(section).read_text(encoding="utf-8")
        _, _, after = page.partition(f"<!-- begin: {section} -->\n")
        text, _, _ = after.partition(f"<!-- end: {section} -->\n")
        measured = "Measured on " in text
        assert measured or f"bench_all.py {section}` writes the table" in text, section


def test_a_section_is_replaced_and_no_other():
    page = "a\n<!-- begin: x -->\nold\n<!-- end: x -->\nb\n"
    new = bench_all.replaced(page, "x", "new\n")
    assert new == "a\n<!-- begin: x -->\n\nnew\n\n<!-- end: x -->\nb\n"
    assert bench_all.replaced(new, "x", "new\n") == new
    with pytest.raises(SystemExit, match="marks of 'y' once"):
        bench_all.replaced(page, "y", "new")


@pytest.mark.parametrize("section", bench_all.SECTIONS)
def test_each_section_is_of_a_module_of_its_name(section):
    name = bench_all.SECTIONS[section].__module__
    assert f'Section "{section}"' in importlib.import_module(name).__doc__
