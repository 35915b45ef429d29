"""A training step takes no more memory than its mathematics asks for."""

import bench_memory
import pieces
import pytest
from contenders import NETS

import mlp


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("net", NETS, ids=str)
def test_the_peak_of_a_step_is_bounded(net, dtype, momentum):
    memory = bench_memory.step_memory(net, dtype, momentum)
    assert sum(memory.of.values()) == memory.allowed
    assert memory.of["gradients"] <= memory.peak <= memory.allowed


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("task", pieces.TASKS, ids=str)
def test_the_peak_of_a_step_with_a_piece_is_bounded(task, dtype):
    memory = bench_memory.piece_memory(task, dtype)
    assert sum(memory.of.values()) == memory.allowed
    assert memory.of["gradients"] <= memory.peak <= memory.allowed


def test_an_update_in_one_piece_would_take_more(monkeypatch):
    monkeypatch.setattr(mlp.optim.pieces, "_LEAST", 1 << 40)
    memory = bench_memory.step_memory(NETS[3], "float64")
    assert memory.peak > memory.allowed


def test_a_layer_that_keeps_more_than_backward_needs_is_seen(monkeypatch):
    forward = mlp.Linear.forward

    def hoarding(self, x):
        y = forward(self, x)
        self.kept = [y.copy() for _ in range(8)]
        return y

    monkeypatch.setattr(mlp.Linear, "forward", hoarding)
    memory = bench_memory.step_memory(NETS[4], "float64")
    assert memory.peak > memory.allowed


def test_a_piece_that_keeps_more_than_it_must_is_seen(monkeypatch):
    forward = mlp.BatchNorm1d.forward

    def hoarding(self, x):
        y = forward(self, x)
        self.kept = [y.copy() for _ in range(8)]
        return y

    monkeypatch.setattr(mlp.BatchNorm1d, "forward", hoarding)
    (task,) = (t for t in pieces.TASKS if str(t) == "64-128-10, BatchNorm1d")
    memory = bench_memory.piece_memory(task, "float64")
    assert memory.peak > memory.allowed
