"""fit: epochs of train_step."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping

import numpy.typing as npt

from mlp._shared import numbers
from mlp._shared.numbers import Rng
from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.fitting import progress as progress_display
from mlp.fitting.arguments import (
    check_patience,
    functions,
    held_out_rows,
    place_for_a_file,
    to_be_trained,
    training_rows,
)
from mlp.fitting.history import History
from mlp.fitting.interrupt import HeldCtrlC
from mlp.fitting.run import Metric, Run
from mlp.optim.sgd import SGD
from mlp.schedules import Schedule


def fit(
    model: Layer,
    criterion: Loss,
    optimizer: SGD,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    epochs: int,
    batch_size: int = 32,
    rng: Rng = None,
    validation: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    patience: int | None = None,
    schedule: Schedule | None = None,
    metrics: Mapping[str, Metric] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> History:
    """Run train_step on shuffled minibatches for epochs; return the History.

    To the last bit this loop, and what an overnight run wants around it:

        for epoch in range(epochs):
            for x_batch, y_batch in minibatches(x, y, batch_size, rng=rng):
                train_step(model, criterion, optimizer, x_batch, y_batch)

    Parameters
    ----------
    model : Layer
        A Sequential, as a rule.
    criterion : Loss
        One of your own counts as a mean over rows, or, if it has an
        attribute reduction that is "sum", as a sum.
    optimizer : SGD
        Made of the model's parameters(), or some of them.
    x, y : array_like
        The training rows, and their targets, as the loss takes them. Floats
        are converted to the parameters' dtype once, before the start;
        integers, which may be labels, reach layers and loss as they are.
    epochs : int
        How many there are to be in all, those in the checkpoint included.
    batch_size : int
        Rows in a step; the last of an epoch has what is left.
    rng : int, np.random.Generator or None
        What the order of the rows is drawn from, anew in each epoch.
    validation : pair (x, y) or None
        Rows that are not trained on, for validation_loss and the metrics.
        At the end of each epoch 1024 of them at a time go through the net.
    patience : int or None
        Stop after so many epochs without a lower validation loss. When the
        run has ended, by patience or not, the model holds the parameters of
        the lowest; a checkpoint holds those of the last epoch, to go on
        from, and beside them the best: load(…, best=True).
    schedule : function of the epoch, or None
        lr is multiplied by schedule(epoch), epoch = 0, 1, …, for that
        epoch; 0 is allowed. mlp.schedules has the usual ones. At the end,
        and after an error, optimizer.lr is what it was. To set it while fit
        runs, in a metric say, is an error: let the schedule do it.
    metrics : dict of str to function, or None
        Functions of prediction and target, called at the end of each epoch
        with all validation rows; without validation with all training rows,
        which are predicted for it. One that has no value, since it returns
        NaN or None, or raises a ValueError or ArithmeticError, which is
        warned of, has NaN in the history, and the run goes on.
    checkpoint : str, path or None
        A file that is written after each epoch. If it is there at the
        start, the run goes on from it, and ends as one that was never cut:
        parameters, velocities, history, generator and the best parameters
        are those of the file; lr and the other settings those of this call.
        A Generator given as rng is set to the file's state. A file whose
        run is over is warned of, as no epoch is run.
    progress : bool or None
        True shows epoch, losses and time left on standard error; None does
        if that is a terminal. A terminal gets a bar (in the clone, pip
        install '.[progress]'), else there is a line for each tenth.

    Returns
    -------
    History

    Raises
    ------
    DivergenceError
        If a loss or prediction is NaN or infinite. Try a smaller lr. While
        fit runs, NumPy's own warnings of it are off.
    CheckpointError
        If the file at checkpoint is damaged, or of a net, loss or optimizer
        of other classes, or of a run with other metrics, or one with
        validation or patience and the other without.
    ValueError, TypeError
        If an argument is wrong; x or y with NaN or infinity among them. If
        the layers or the loss raise it for a batch.
    RuntimeError
        If optimizer.lr is set while fit runs.
    KeyboardInterrupt
        After Ctrl-C, once the step in hand, or the end of the epoch with
        its checkpoint, is done. A second Ctrl-C does not wait.

    Warns
    -----
    UserWarning
        If a metric has no value, or the run in the checkpoint is over.

    Examples
    --------
    ŷ = w x with w = 1, x = 2, y = 3: ℓ = (2w − 3)² and ∂ℓ/∂w = 4 (2w − 3),
    so w goes to 1.4 and to 1.48:

    >>> from mlp import SGD, Linear, MSELoss, fit
    >>> model = Linear(1, 1, bias=False)
    >>> model.weight.data[...] = 1.0
    >>> optimizer = SGD(model.parameters(), lr=0.1)
    >>> x, y = [[2.0]], [[3.0]]
    >>> fit(model, MSELoss(), optimizer, x, y, epochs=2)
    History(2 epochs, loss 1 → 0.04)
    >>> model.weight.data
    array([[1.48]])

    References
    ----------
    Prechelt, Early stopping, but when?, 1998, for patience.
    """
    who = "fit"
    numbers.instance(who, "model", model, Layer)
    numbers.instance(who, "criterion", criterion, Loss)
    numbers.instance(who, "optimizer", optimizer, SGD)
    parameters = model.parameters()
    to_be_trained(who, optimizer, parameters)
    dtypes = parameters[0].data.dtype, parameters[-1].data.dtype
    x, y = training_rows(who, x, y, *dtypes)
    held_out = None
    if validation is not None:
        held_out = held_out_rows(who, validation, x, y, *dtypes)
    epochs = numbers.positive_int(who, "epochs", epochs)
    batch_size = numbers.positive_int(who, "batch_size", batch_size)
    if patience is not None:
        patience = check_patience(who, patience, validation is not None)
    if schedule is not None:
        numbers.function(who, "schedule", schedule)
    if metrics is not None:
        functions(who, "metrics", metrics)
    if checkpoint is not None:
        place_for_a_file(who, "checkpoint", checkpoint)
    if progress is not None:
        progress = numbers.flag(who, "progress", progress)
    run = Run(
        model,
        criterion,
        optimizer,
        parameters,
        x,
        y,
        batch_size,
        numbers.generator(who, rng),
        held_out,
        patience,
        schedule,
        dict(metrics or {}),
    )
    history = run.history
    try:
        with HeldCtrlC() as ctrl_c:
            if checkpoint is not None:
                run.go_on_from(checkpoint)
            begun_at, steps = len(history.loss), run.steps_per_epoch
            with progress_display.display(progress, epochs, history, steps) as display:
                while len(history.loss) < epochs and not run.is_out_of_patience():
                    run.one_epoch(ctrl_c, display.step)
                    if checkpoint is not None:
                        run.save(checkpoint)
                    display.epoch(history)
                    ctrl_c.deliver()
            run.put_back_the_best()
    finally:
        optimizer._lr = run.lr
    history.stopped = "epochs" if len(history.loss) >= epochs else "patience"
    if checkpoint is not None and len(history.loss) == begun_at:
        warnings.warn(
            f"fit: expected {os.fspath(checkpoint)} to leave an epoch to run, got a "
            f"run that has stopped by {history.stopped} after {begun_at} epochs; give "
            f"a path of its own to another run, more {history.stopped} to this one",
            UserWarning,
            stacklevel=numbers.stacklevel_outside(),
        )
    return history
