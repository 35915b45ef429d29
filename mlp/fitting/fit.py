"""fit: epochs of train_step; read mlp.fitting.run next."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping

import numpy.typing as npt

from mlp._shared import frames, numbers
from mlp._shared.numbers import Rng
from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.core.optimizer import Optimizer
from mlp.fitting import progress as progress_display
from mlp.fitting.arguments import (
    as_patience,
    check_optimizer,
    enough_rows,
    functions,
    held_out_rows,
    place_for_a_file,
    to_be_trained,
    training_rows,
    with_weights,
)
from mlp.fitting.evaluation import Evaluation, Metric, Rows
from mlp.fitting.history import History
from mlp.fitting.interrupt import HeldCtrlC
from mlp.fitting.patience import Patience, Waiting
from mlp.fitting.run import Run
from mlp.schedules import Schedule
from mlp.sequential import Sequential


def fit(
    model: Layer,
    criterion: Loss,
    optimizer: Optimizer,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    epochs: int,
    batch_size: int = 32,
    rng: Rng = None,
    shuffle: bool = True,
    validation: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    patience: int | Patience | None = None,
    schedule: Schedule | None = None,
    metrics: Mapping[str, Metric] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    max_grad_norm: float | None = None,
    on_epoch: Callable[[History, Layer], object] | None = None,
    sample_weight: npt.ArrayLike | None = None,
) -> History:
    """Run train_step on shuffled minibatches for epochs; return the History.

    fit gives the same result, to the last bit, as this loop. It adds what a
    long run needs: validation, early stopping, schedules and checkpoints.

        for epoch in range(epochs):
            for x_batch, y_batch in minibatches(x, y, batch_size, rng=rng):
                train_step(model, criterion, optimizer, x_batch, y_batch)

    Parameters
    ----------
    model : Layer
        Usually a Sequential. It is trained in training mode and evaluated
        in evaluation mode; at the end each layer has the mode that it had
        before.
    criterion : Loss
        Its reduction says how to average the losses of batches. A loss of
        your own without a reduction counts as a mean over rows.
    optimizer : Optimizer
        Made with the model's parameters(), or some of them. With an
        AllReduce (mlp.parallel) several processes make the same call of
        fit, and each trains on its part of every batch. Only process 0
        evaluates, calls metrics, schedule and on_epoch, shows progress, and
        writes the checkpoint.
    x, y : array_like
        The training rows, and their targets for the loss. Floats are
        converted to the parameters' dtype once, before the start. Integers,
        and labels for a loss that takes them, are not converted. If x is a
        DataFrame, model.predict expects the same columns, by name.
    epochs : int
        How many epochs to run in all, including those in the checkpoint.
    batch_size : int
        Rows in a step; the last step of an epoch has the rows that are
        left.
    rng : int, np.random.Generator or None
        Draws the order of the rows, again in each epoch.
    shuffle : bool
        False keeps the order of the rows.
    validation : (x, y), or (x, y, weight), or None
        Rows that are not used for training. At the end of each epoch they
        give validation_loss and the metrics; metrics take no weights. The
        net predicts 1024 rows at a time.
    patience : int, Patience or None
        Stop after so many epochs without a lower validation loss. At the
        end, the model has the parameters and buffers with the lowest
        validation loss, also if all epochs were run. A checkpoint has those
        of the last epoch, from which a run continues, and the best ones:
        load(…, best=True). mlp.fitting.patience.Patience can watch other
        values.
    schedule : function of the epoch, or None
        In each epoch lr is multiplied by schedule(epoch), epoch = 0, 1, …;
        it may be 0. mlp.schedules has the usual ones. At the end, and after
        an error, optimizer.lr has its old value. Setting optimizer.lr while
        fit runs, for example in a metric, is an error: use a schedule.
    metrics : dict of str to function, or None
        Functions of prediction and target, called at the end of each epoch
        with all validation rows, or with all training rows if there is no
        validation. If a metric returns NaN or None, the history has NaN. If
        it raises a ValueError or ArithmeticError, fit also warns, and
        continues.
    checkpoint : str, path or None
        A file that is written after each epoch. If it exists at the start,
        the run continues from it, and its result is the same as without an
        interruption. Parameters, buffers, the optimizer's state, history,
        generators and the best parameters come from the file. lr and the
        optimizer's other settings are those of this call. A Generator given
        as rng is set to the state in the file, and so are the Generators of
        layers. If the run in the file is finished, no epoch is run, and a
        warning says so.
    progress : bool or None
        True shows epoch, losses and the remaining time on standard error.
        None does this only if standard error is a terminal. In a terminal
        this is a bar (in the clone, pip install '.[progress]'), elsewhere a
        line for each tenth of the run.
    max_grad_norm : float or None
        Before each step, clip_grad_norm scales the gradients of the
        optimizer's parameters to at most this norm.
    on_epoch : function of the History and the model, or None
        Called at the end of each epoch, after the checkpoint is written. In
        the last epoch history.stopped says why the run stops. Use
        mlp.plotting.live to watch a run, and History.keep to keep the
        parameters of each epoch.
    sample_weight : array_like of shape (N,), or None
        The weight of each training row in the loss of its batch and in that
        of the epoch. A row counts as if it were there so many times.
        help(mlp.losses) has the formula. Rows of weight 0 are left out.

    Returns
    -------
    History

    Raises
    ------
    DivergenceError
        If a loss or prediction is NaN or infinite. Try a smaller lr. fit
        switches off NumPy's own warnings about this.
    CheckpointError
        If the file at checkpoint is damaged; if its net, loss or optimizer
        has other classes, or its run had other metrics; if only one of the
        two runs has validation, or patience.
    ValueError, TypeError
        If an argument is wrong; if x or y has NaN or infinity; if the last
        batch has too few rows for a layer; if a layer or the loss raises it
        for a batch.
    RuntimeError
        If optimizer.lr is set while fit runs.
    KeyboardInterrupt
        After Ctrl-C. fit finishes the current step first, or the end of the
        epoch with its checkpoint. A second Ctrl-C does not wait.

    Warns
    -----
    UserWarning
        If a metric raised an error, or the run in the file is finished.

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
    check_optimizer(who, optimizer)
    team = optimizer.team
    if team.rank > 0:  # process 0 alone writes, shows and calls the caller's functions
        checkpoint, progress, on_epoch = None, False, None
    parameters = model.parameters()
    to_be_trained(who, optimizer, parameters)
    dtypes = parameters[0].data.dtype, parameters[-1].data.dtype
    names = frames.names_of(x)
    rows: Rows = training_rows(who, criterion, x, y, dtypes)
    held_out = None
    if validation is not None:
        held_out = held_out_rows(who, criterion, validation, rows, dtypes)
        frames.same_names(who, "validation x", validation[0], names, "x_train")
    epochs = numbers.positive_int(who, "epochs", epochs)
    batch_size = numbers.positive_int(who, "batch_size", batch_size)
    if sample_weight is not None:
        rows = with_weights(
            who, "sample_weight", criterion, sample_weight, rows, dtypes[1]
        )
    enough_rows(who, model, len(rows[0]), batch_size, team.size)
    if schedule is not None:
        numbers.function(who, "schedule", schedule)
    if metrics is not None:
        functions(who, "metrics", metrics)
    if patience is not None:
        patience = as_patience(who, patience, validation is not None, metrics or {})
    if max_grad_norm is not None:
        max_grad_norm = numbers.number(who, "max_grad_norm", max_grad_norm, above=0)
    with team.alike():  # since only process 0 has these
        if on_epoch is not None:
            numbers.function(who, "on_epoch", on_epoch)
        if checkpoint is not None:
            place_for_a_file(who, "checkpoint", checkpoint)
        if progress is not None:
            progress = numbers.flag(who, "progress", progress)
    run = Run(
        model=model,
        criterion=criterion,
        optimizer=optimizer,
        rows=rows,
        batch_size=batch_size,
        rng=numbers.generator(who, rng),
        shuffle=numbers.flag(who, "shuffle", shuffle),
        evaluation=Evaluation(rows, held_out, dict(metrics or {})),
        patience=None if patience is None else Waiting(patience, model),
        schedule=schedule,
        max_grad_norm=max_grad_norm,
        is_watched=on_epoch is not None,
    )
    history = run.history
    if team.size > 1:
        team.expect_alike(who, run.to_be_alike(epochs))
    try:
        with optimizer.at_lr(run.lr), HeldCtrlC() as ctrl_c, team.alike():
            if checkpoint is not None:
                from mlp.fitting import resume  # here, as it is slow to load

                resume.go_on(checkpoint, run)
            if team.size > 1:
                run.hand_out()
            if isinstance(model, Sequential):
                model.feature_names_in_ = names
            begun_at, steps = len(history.loss), run.steps_per_epoch
            with progress_display.display(progress, epochs, history, steps) as display:
                while (stopped := run.reason_to_stop(epochs)) is None:
                    run.one_epoch(ctrl_c, display.step)
                    if checkpoint is not None:
                        resume.write(checkpoint, run)
                    display.epoch(history)
                    if on_epoch is not None:
                        history.stopped = run.reason_to_stop(epochs)
                        on_epoch(history, model)
                        run.expect_lr()
                    ctrl_c.deliver()
            run.end()
    finally:
        run.put_back_modes()
    history.stopped = stopped
    if checkpoint is not None and len(history.loss) == begun_at:
        warnings.warn(
            f"fit: expected {os.fspath(checkpoint)} to leave an epoch to run, got a "
            f"run that has stopped by {history.stopped} after {begun_at} epochs; give "
            f"a path of its own to another run, more {history.stopped} to this one",
            UserWarning,
            stacklevel=numbers.stacklevel_outside(),
        )
    return history
