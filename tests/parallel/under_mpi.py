"""What processes of mpiexec run for tests: python under_mpi.py WHAT FOLDER."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
from teams import HELD, OPTIMIZERS, Odd, X, Y, far, net, raising

from mlp import SGD, Adam, DivergenceError, MSELoss, fit, minibatches, train_step
from mlp.parallel import AllReduce


def loop(make, reduction, is_alone):
    """Run 100 steps, whose last batches of two rows leave the third of three none."""
    from mpi4py import MPI

    model, criterion, shard = net(MPI.COMM_WORLD.rank), MSELoss(reduction), (0, 1)
    if is_alone:
        model = net()
    optimizer = make(model.parameters())
    if not is_alone:
        optimizer = AllReduce(optimizer, reduction=reduction)
        shard = optimizer.team.rank, optimizer.team.size
    order = np.random.default_rng(5)
    for _ in range(25):
        for batch in minibatches(X, Y, 7, rng=order, shard=shard):
            train_step(model, criterion, optimizer, *batch)
    return model


def fitted(epochs, path=None, is_alone=False, criterion=None, seed=0):
    model = net(seed)
    optimizer = Adam(model.parameters(), lr=0.01)
    history = fit(
        *(
            model,
            criterion or MSELoss(),
            optimizer if is_alone else AllReduce(optimizer),
        ),
        *(X, Y),
        epochs=epochs,
        batch_size=7,
        rng=3,
        validation=HELD,
        patience=9,
        max_grad_norm=0.5,
        checkpoint=path,
    )
    return model, history


def stop_here(loss):
    os.kill(os.getpid(), signal.SIGINT)
    return loss


def alike(folder, rank):
    """All that processes do together, and go on from."""
    for make in OPTIMIZERS.values():
        for reduction in ("mean", "sum", "batchmean"):
            models = [loop(make, reduction, is_alone) for is_alone in (True, False)]
            assert far(*models) < 1e-12, (reduction, far(*models))
    alone, history = fitted(6, is_alone=True)
    model, theirs = fitted(6, seed=rank)
    assert far(model, alone) < 1e-12
    assert np.allclose(theirs.loss, history.loss, rtol=1e-12, atol=0)
    assert np.allclose(
        theirs.validation_loss, history.validation_loss, rtol=1e-12, atol=0
    )
    for does, error in (
        (raising(ValueError("odd")), ValueError),
        (stop_here, KeyboardInterrupt),
    ):
        try:
            fitted(6, criterion=Odd(does, 7) if rank == 1 else None)
        except error as told:
            assert type(told) is error
        else:
            raise AssertionError(f"expected {error} in process {rank}")
    nan = np.full_like(Y, 1e200)
    model = net()
    try:
        fit(
            model,
            MSELoss(),
            AllReduce(SGD(model.parameters(), lr=1.0)),
            X,
            nan,
            epochs=9,
        )
    except DivergenceError as error:
        assert all(np.isfinite(p.data).all() for p in model.parameters()), error
    else:
        raise AssertionError("expected a divergence")
    fitted(3, folder / "run.npz")
    (folder / f"whole{rank}").touch()


def resumed(folder, rank):
    model, history = fitted(6, folder / "run.npz", seed=rank)
    alone, whole = fitted(6, is_alone=True)
    assert far(model, alone) < 1e-12
    assert len(history.seconds) == 6
    assert np.allclose(history.loss, whole.loss, rtol=1e-12, atol=0)
    (folder / f"whole{rank}").touch()


def killed(folder, rank):
    def does(loss):
        os.kill(os.getpid(), signal.SIGKILL)

    fitted(9, folder / "run.npz", criterion=Odd(does, 14) if rank == 1 else None)


def raised(folder, rank):
    """In the loop by hand, where nobody tells the others."""
    model = net()
    optimizer = AllReduce(SGD(model.parameters(), lr=0.1))
    for _ in range(3):
        train_step(model, MSELoss(), optimizer, X, Y)
    if rank == 1:
        raise ValueError("odd")
    train_step(model, MSELoss(), optimizer, X, Y)


def early(folder, rank):
    """Before there is an AllReduce in process 1; process 0 waits for it there."""
    from mpi4py import MPI

    if MPI.COMM_WORLD.rank == 1:
        raise ValueError("odd")
    raised(folder, rank)


def left(folder, rank):
    """As early; but no exception is shown by what ends process 1."""
    if rank == 1:
        sys.exit(3)
    raised(folder, rank)


def longer(folder, rank):
    model = net()
    optimizer = AllReduce(SGD(model.parameters(), lr=0.1))
    for _ in range(3 + rank):
        train_step(model, MSELoss(), optimizer, X, Y)


if __name__ == "__main__":
    from mpi4py import MPI

    globals()[sys.argv[1]](Path(sys.argv[2]), MPI.COMM_WORLD.rank)
