"""AllReduce among threads, which stand in for processes: the same steps as one."""

import copy
import pickle
import sys

import numpy as np
import pytest
from processes import run
from small import Signs
from teams import HELD, OPTIMIZERS, RNG, W, X, Y, every, far, net, refused

from mlp import (
    SGD,
    Adam,
    BatchNorm1d,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Dropout,
    MSELoss,
    Parameter,
    Sequential,
    StaleGradientWarning,
    clip_grad_norm,
    derive,
    diagnose,
    fit,
    load,
    metrics,
    minibatches,
    schedules,
    trace,
    train_step,
)
from mlp.parallel import AllReduce


def looped(make, criterion, comm=None, epochs=25, weight=None, y=Y):
    """Run 100 steps of batches with 7, 7, 7 and 2 rows, of each a part."""
    model = net(comm.rank if comm else 0)
    optimizer = make(model.parameters())
    shard = (0, 1)
    if comm is not None:
        optimizer = AllReduce(optimizer, comm, reduction=criterion.reduction)
        shard = optimizer.team.rank, optimizer.team.size
    rows, criterion = np.arange(23), copy.copy(criterion)
    order = np.random.default_rng(5)
    for _ in range(epochs):
        for x, i in minibatches(X, rows, 7, rng=order, shard=shard):
            given = () if weight is None else (weight[i],)
            train_step(model, criterion, optimizer, x, y[i], *given)
    return model


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_processes_take_the_steps_of_one(make, reduction, size):
    criterion = MSELoss(reduction)
    alone = looped(make, criterion)
    for model in every(run(size, lambda comm: looped(make, criterion, comm))):
        assert far(model, alone) < 1e-12
    assert far(looped(make, criterion, epochs=24), alone) > 1e-6


@pytest.mark.parametrize(
    ("criterion", "y"),
    [
        (CrossEntropyLoss(), RNG.integers(2, size=23)),
        (BCEWithLogitsLoss("batchmean"), RNG.uniform(size=(23, 2))),
        (MSELoss("sum"), Y),
    ],
)
def test_a_part_counts_by_the_weights_of_its_rows(criterion, y):
    make = OPTIMIZERS["momentum"]
    alone = looped(make, criterion, epochs=5, weight=W, y=y)
    models = run(3, lambda comm: looped(make, criterion, comm, 5, W, y))
    assert max(far(model, alone) for model in every(models)) < 1e-12


def test_one_step_by_hand():
    """∂ℓ/∂θ = (1 · g₀ + 3 · g₁) / 4, and without rows (g₀ + g₁) / 2."""

    def job(comm):
        steps = []
        for rows in (1 + 2 * comm.rank, None):
            p, q = Parameter([1.0, 1.0]), Parameter(np.ones(3, np.float32))
            idle = Parameter([7.0])
            optimizer = AllReduce(SGD([p, q, idle], lr=1.0), comm)
            p.grad = [4.0, 8.0] if comm.rank == 0 else [-4.0, 0.0]
            if comm.rank == 1:
                q.grad = np.float32([1.0, 2.0, 3.0])
            optimizer.step(rows)
            steps.append((p.data.tolist(), q.data.tolist(), q.data.dtype, idle.grad))
        return steps

    for by_rows, equal in every(run(2, job)):
        assert by_rows == ([3.0, -1.0], [0.25, -0.5, -1.25], np.float32, None)
        assert equal == ([1.0, -3.0], [0.5, 0.0, -0.5], np.float32, None)


def test_there_is_one_call_on_one_buffer_a_step():
    def job(comm):
        model = net()
        optimizer = AllReduce(SGD(model.parameters(), lr=0.1), comm)
        train_step(model, MSELoss(), optimizer, X, Y)
        comm.calls.clear()
        train_step(model, MSELoss(), optimizer, X, Y)
        return comm.calls

    assert every(run(2, job)) == [["Allreduce"]] * 2


def test_float32_stays_float32():
    def job(comm):
        model = net(dtype=np.float32)
        optimizer = AllReduce(Adam(model.parameters()), comm)
        train_step(model, MSELoss(), optimizer, np.float32(X), Y)
        kept = optimizer.state_dict()["exp_avg.0"].dtype
        return {p.grad.dtype for p in model.parameters()} | {kept}

    assert every(run(2, job)) == [{np.dtype(np.float32)}] * 2


def test_all_begin_with_the_state_of_process_0():
    def job(comm):
        model = net(comm.rank)
        inner = SGD(model.parameters(), lr=0.1 * (1 + comm.rank), momentum=0.9)
        train_step(model, MSELoss(), inner, X + comm.rank, Y)
        before = [p.data for p in model.parameters()]
        optimizer = AllReduce(inner, comm)
        same = [p.data is b for p, b in zip(model.parameters(), before, strict=True)]
        return model, optimizer.state_dict(), all(same)

    (model, state, _), (other, theirs, same) = every(run(2, job))
    assert far(model, other) == 0 and same
    assert theirs["lr"] == 0.1
    assert (theirs["velocity.0"] == state["velocity.0"]).all()


@pytest.mark.parametrize(
    "kwargs",
    [
        {"epochs": 6},
        {"epochs": 6, "max_grad_norm": 0.1},
        {"epochs": 9, "patience": 2, "validation": HELD},
        {"epochs": 6, "schedule": schedules.exponential(0.5), "sample_weight": W},
        {"epochs": 3, "metrics": {"r2": metrics.r2}, "validation": HELD},
    ],
)
@pytest.mark.parametrize("criterion", [MSELoss(), MSELoss("sum")])
def test_fit_is_that_of_one_process(kwargs, criterion):
    def job(comm=None):
        model = net(comm.rank if comm else 0)
        optimizer = SGD(model.parameters(), lr=0.02, momentum=0.9)
        rng = np.random.default_rng(3 + comm.rank if comm else 3)
        if comm is not None:
            optimizer = AllReduce(optimizer, comm, criterion.reduction)
        return model, fit(
            model,
            copy.copy(criterion),
            optimizer,
            X,
            Y,
            batch_size=7,
            rng=rng,
            **kwargs,
        )

    alone, history = job()
    results = every(run(3, job))
    for model, theirs in results:
        assert far(model, alone) < 1e-12
        assert theirs == results[0][1]
        assert theirs.stopped == history.stopped
        assert theirs.lr == history.lr
        for name in ("loss", "validation_loss"):
            assert getattr(theirs, name) == pytest.approx(
                getattr(history, name), rel=1e-12
            )
        assert theirs.metrics.keys() == history.metrics.keys()


def test_a_run_goes_on_with_another_number_of_processes(tmp_path):
    def job(comm=None, epochs=6, path=None):
        model = net(comm.rank if comm else 0, np.float64, Dropout(0.0, rng=1))
        optimizer = Adam(model.parameters(), lr=0.01)
        if comm is not None:
            optimizer = AllReduce(optimizer, comm)
        history = fit(
            model,
            MSELoss(),
            optimizer,
            X,
            Y,
            epochs=epochs,
            batch_size=7,
            rng=3 if comm is None or comm.rank == 0 else None,
            validation=HELD,
            patience=5,
            checkpoint=path if comm is None or comm.rank == 0 else "/no/such/folder/x",
        )
        return model, history

    path = tmp_path / "run.npz"
    alone, history = job()
    every(run(3, lambda comm: job(comm, 2, path)))
    every(run(2, lambda comm: job(comm, 4, path)))
    model, theirs = job(None, 6, path)
    assert far(model, alone) < 1e-12
    assert theirs.loss == pytest.approx(history.loss, rel=1e-12)
    again = net(9, np.float64, Dropout(0.0, rng=1))
    load(path, again, Adam(again.parameters()))  # of the inner optimizer's class


def test_only_process_0_shows_and_calls(capsys, tmp_path):
    called = []

    def job(comm):
        model = net()
        optimizer = AllReduce(SGD(model.parameters(), lr=0.01), comm)
        fit(
            *(model, MSELoss(), optimizer, X, Y),
            epochs=2,
            rng=0,
            progress=True,
            on_epoch=lambda history, model: called.append(comm.rank),
            metrics={"none": lambda prediction, target: called.append("metric")},
            checkpoint=tmp_path / f"{comm.rank}.npz",
        )

    every(run(3, job))
    assert called == ["metric", 0, "metric", 0]
    assert capsys.readouterr().err.count("epoch 1/2") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["0.npz"]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda rank: SGD([Parameter(np.ones(2 + rank))], lr=0.1), "of shape (3,)"),
        (lambda rank: SGD(net().parameters()[: 3 + rank], lr=0.1), "4 parameters"),
        (lambda rank: (SGD, Adam)[rank](net().parameters(), lr=0.1), "Adam of 4"),
        (
            lambda rank: SGD([Parameter(np.ones(2, ("f4", "f8")[rank]))], lr=0.1),
            "float64",
        ),
    ],
)
def test_different_nets_are_told(make, says):
    refused(lambda comm: AllReduce(make(comm.rank), comm), ValueError, says)


@pytest.mark.parametrize(
    ("nets", "says"),
    [
        ((net(), net(0, np.float64, Dropout(0.5))), "Linear in process 0 and layer 3"),
        ((net(0, np.float64, Dropout(0.5)), net()), "Dropout in process 0 and layer 3"),
        ((net(), Sequential(net()[0], Dropout(0.5), net()[2])), "2 Tanh in process 0"),
    ],
)
def test_nets_that_differ_in_what_has_no_parameters_are_told(nets, says):
    def job(comm):
        model = nets[comm.rank]
        optimizer = AllReduce(SGD(model.parameters(), lr=0.1), comm)
        train_step(model, MSELoss(), optimizer, X, Y)

    refused(job, ValueError, says)


def test_wrong_arguments():
    def job(comm):
        inner = SGD(net().parameters(), lr=0.1)
        with pytest.raises(ValueError, match="reduction to be one of 'mean'"):
            AllReduce(inner, comm, reduction="average")
        for wrong in (net(), SGD, None, AllReduce(inner, comm)):
            with pytest.raises(TypeError, match=r"write AllReduce\(SGD\("):
                AllReduce(wrong, comm)
        with pytest.raises(TypeError, match="expected comm to be a communicator"):
            AllReduce(inner, 4)
        optimizer, model = AllReduce(inner, comm), net()
        with pytest.raises(ValueError, match="reduction=criterion.reduction"):
            train_step(model, MSELoss("sum"), optimizer, X, Y)
        with pytest.raises(ValueError, match="rows"):
            optimizer.step(-1)
        with pytest.raises(RuntimeError, match="expected a parameter with a gradient"):
            optimizer.step(3)
        with pytest.raises(RuntimeError, match="expected a parameter with a gradient"):
            optimizer.step(0)  # all parts are empty
        inner.parameters[0].grad = np.ones((5, 3))
        with pytest.raises(RuntimeError, match="got none from process 1 and 5 from"):
            optimizer.step((5, None)[comm.rank])

    every(run(2, job))


def test_without_mpi_one_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r"pip install '\.\[mpi\]'"):
        AllReduce(SGD(net().parameters(), lr=0.1))


def test_one_process_is_its_inner_optimizer():
    (optimizer,) = run(1, lambda comm: AllReduce(SGD(net().parameters(), lr=0.1), comm))
    assert repr(optimizer) == f"AllReduce({optimizer.inner!r}, process 0 of 1)"
    alone = looped(OPTIMIZERS["adam"], MSELoss(), epochs=2)
    (model,) = every(
        run(1, lambda comm: looped(OPTIMIZERS["adam"], MSELoss(), comm, epochs=2))
    )
    assert far(model, alone) == 0


def test_all_else_is_the_inner_optimizers():
    def job(comm):
        model = net()
        inner = SGD(model.parameters(), lr=0.1, momentum=0.9)
        optimizer = AllReduce(inner, comm)
        optimizer.lr = 0.2
        assert (inner.lr, optimizer.lr, optimizer.momentum) == (0.2, 0.2, 0.9)
        assert not hasattr(optimizer, "betas")
        with optimizer.at_lr(0.0):
            assert inner.lr == 0.0
        train_step(model, MSELoss(), optimizer, X, Y)
        assert optimizer.state_dict().keys() == inner.state_dict().keys()
        optimizer.load_state_dict(inner.state_dict() | {"lr": 0.3})
        p = model.parameters()[0]
        assert optimizer.holds(p) and optimizer.state_of(p).keys() == {"velocity"}
        assert (optimizer.lr, optimizer.settings()) == (0.3, inner.settings())
        optimizer.zero_grad()
        assert p.grad is None
        comm.calls.clear()
        for twin in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
            assert type(twin) is SGD and twin.parameters[0] is not p
        derived = derive(model, MSELoss(), optimizer=optimizer)
        assert str(derived) == str(derive(model, MSELoss(), optimizer=inner))
        assert derived.check(X[0], Y[0]) < 1e-10
        texts = [
            str(trace(model, MSELoss(), o, X[:2], Y[:2])) for o in (optimizer, inner)
        ]
        assert texts[0] == texts[1] and "v(" in texts[0]
        assert str(diagnose(model, MSELoss(), X, Y, optimizer=optimizer)) == str(
            diagnose(model, MSELoss(), X, Y, optimizer=inner)
        )
        assert comm.calls == []  # they run in this process alone

    every(run(2, job))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_part_without_rows_adds_nothing_of_the_batch_before(reduction):
    """Whose loop by hand leaves out all but the step."""

    def job(comm):
        p = Parameter([1.0])
        p.add_grad([3.0] if comm.rank else [2.0])
        optimizer = AllReduce(SGD([p], lr=0.1), comm, reduction=reduction)
        optimizer.step(rows=1 - comm.rank)
        return p.data.item()

    assert every(run(2, job)) == [0.8, 0.8]


def test_a_loop_by_hand_clips_the_gradient_of_all():
    def job(comm):
        p = Parameter([1.0])
        p.add_grad([6.0] if comm.rank else [2.0])
        optimizer = AllReduce(SGD([p], lr=0.1), comm)
        optimizer.combine(rows=1)
        norm = clip_grad_norm(optimizer.parameters, 1.0)
        optimizer.inner.step()
        return norm, p.data.item()

    for norm, parameter in every(run(2, job)):
        assert norm == 4.0 and parameter == pytest.approx(0.9, abs=1e-6)


def test_a_stale_gradient_is_seen():
    p = Parameter([1.0])

    def job(comm):
        own = p if comm.rank == 0 else Parameter([1.0])
        optimizer = AllReduce(SGD([own], lr=0.1), comm)
        own.add_grad([2.0])
        optimizer.step()

    every(run(2, job))
    with pytest.warns(StaleGradientWarning, match="zero_grad"):
        p.add_grad([1.0])


def test_fit_leaves_all_with_the_buffers_of_process_0(tmp_path):
    """A run cut in two is one that was not, masks and statistics included."""

    def job(comm, cut, path):
        model = net(0, np.float64, Dropout(0.5, rng=0), BatchNorm1d(5))
        optimizer = AllReduce(Adam(model.parameters()), comm)
        given = {"batch_size": 8, "rng": np.random.default_rng(1), "validation": HELD}
        for epochs in (2, 4) if cut else (4,):
            history = fit(
                *(model, MSELoss(), optimizer, X[:22], Y[:22]),
                epochs=epochs,
                checkpoint=path if cut else None,
                **given,
            )
        return model.state_dict(), history

    def both(comm):
        return job(comm, False, None), job(comm, True, tmp_path / "run.npz")

    def same(state, other):
        return all(np.array_equal(state[name], other[name]) for name in state)

    results = every(run(2, both))
    (first, history), _ = results[0]
    for (whole, theirs), (cut, again) in results:
        assert same(whole, first) and same(cut, first)
        assert theirs == again == history


def test_a_batch_norm_needs_two_rows_of_each_batch():
    def job(comm):
        model = net(0, np.float64, BatchNorm1d(5))
        optimizer = AllReduce(Adam(model.parameters()), comm)
        fit(model, MSELoss(), optimizer, X, Y, epochs=1, batch_size=10)

    refused(job, ValueError, "got 1 in the last one of 23 rows", size=3)


def test_a_readers_optimizer_is_one_too():
    def job(comm):
        p = Parameter([1.0])
        optimizer = AllReduce(Signs([p], lr=0.5), comm)
        p.grad = [(-1.0, 3.0)[comm.rank]]
        optimizer.step()
        return p.data.item()

    assert every(run(2, job)) == [0.5, 0.5]
