"""A run of fit: the loop over epochs and batches."""

from __future__ import annotations

import copy
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from mlp._shared import arrays, numbers
from mlp._shared.arrays import Array, RealArray
from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.core.parameter import Parameter
from mlp.data.batches import batches
from mlp.fitting.history import History
from mlp.fitting.interrupt import HeldCtrlC
from mlp.fitting.rewind import STEPS_APART, Moment
from mlp.losses.binary import BCELoss
from mlp.losses.squared import MSELoss
from mlp.optim.sgd import SGD
from mlp.schedules import Schedule
from mlp.sequential import Sequential
from mlp.training import train_step

Metric: TypeAlias = Callable[[Array, RealArray], float | None]
_ROWS = 1024  # that an evaluation sends through the net at a time


class DivergenceError(ArithmeticError):
    """A loss or a prediction in fit is NaN or infinite.

    The parameters, and the optimizer's velocities, are those with which the
    step began that found it, or that made a parameter infinite; or, if no
    step did, those of the end of the epoch. All of them are finite, and
    there are no gradients.

    Attributes
    ----------
    history : History
        Of the epochs before.
    epoch, batch : int
        Which step it was, both counted from 0; batch is None if it was no
        step but a prediction at the end of the epoch.
    lr : float
        What the step was to be taken with.

    Examples
    --------
    >>> from mlp import SGD, DivergenceError, Linear, MSELoss, fit
    >>> model = Linear(1, 1, rng=0)
    >>> optimizer = SGD(model.parameters(), lr=1e200)
    >>> try:
    ...     fit(model, MSELoss(), optimizer, [[2.0]], [[3.0]], epochs=5)
    ... except DivergenceError as error:
    ...     print(error.epoch, error.batch, error.lr)
    1 0 1e+200
    """

    def __init__(
        self,
        message: str,
        history: History,
        epoch: int,
        batch: int | None,
        lr: float,
    ) -> None:
        super().__init__(message, history, epoch, batch, lr)  # for pickle
        self.history, self.epoch, self.batch, self.lr = history, epoch, batch, lr

    def __str__(self) -> str:
        """Return the message."""
        return str(self.args[0])


class Run:
    """A run of fit between two epochs, and what takes it to the next."""

    def __init__(
        self,
        model: Layer,
        criterion: Loss,
        optimizer: SGD,
        parameters: list[Parameter],
        x: RealArray,
        y: RealArray,
        batch_size: int,
        rng: np.random.Generator,
        held_out: tuple[RealArray, RealArray] | None,
        patience: int | None,
        schedule: Schedule | None,
        metrics: dict[str, Metric],
    ) -> None:
        self.model, self.criterion, self.optimizer = model, criterion, optimizer
        self.parameters = parameters
        self.x, self.y, self.batch_size, self.rng = x, y, batch_size, rng
        self.held_out, self.patience = held_out, patience
        self.schedule, self.metrics = schedule, metrics
        self.net = model if isinstance(model, Sequential) else Sequential(model)
        self.lr = optimizer.lr  # without the schedule
        self.history = History(metrics={name: [] for name in metrics})
        self.best: list[Array] | None = None  # the parameters, by patience's measure
        self.lowest, self.waited = math.inf, 0  # their loss, and for how many epochs
        self.sums = getattr(criterion, "reduction", None) == "sum"
        self.steps_per_epoch = -(-len(x) // batch_size)
        self.start = Moment(self)

    def one_epoch(self, ctrl_c: HeldCtrlC, shown: Callable[[], Any] | None) -> None:
        """Train for an epoch, evaluate, and write both down."""
        begun = time.perf_counter()
        history, lr = self.history, self.lr
        if self.schedule is not None:
            epoch = len(history.loss)
            factor = self.schedule(epoch)
            lr *= numbers.number("fit", f"schedule({epoch})", factor, least=0)
            self.expect_lr(self.lr)
        self.remember()
        self.optimizer._lr = lr  # which may be 0 here, as no user's may
        with np.errstate(all="ignore"):
            loss = self.train(lr, ctrl_c, shown)
            validation_loss, prediction = self.evaluate(lr)
        self.expect_lr(lr)
        self.optimizer._lr = self.lr
        values = self.measure(prediction)
        self.expect_lr(self.lr)
        if self.patience is not None:
            self.waited += 1
            if validation_loss < self.lowest:
                self.lowest, self.waited = validation_loss, 0
                self.best = [p.data.copy() for p in self.parameters]
        history.loss.append(loss)
        history.lr.append(lr)
        if self.held_out is not None:
            history.validation_loss.append(validation_loss)
        for name, value in values.items():
            history.metrics[name].append(value)
        history.seconds.append(time.perf_counter() - begun)

    def expect_lr(self, lr: float) -> None:
        """Raise if a metric, say, has set another lr than fit."""
        if self.optimizer.lr != lr:
            raise RuntimeError(
                f"fit: expected optimizer.lr to be left alone while it runs, got "
                f"{self.optimizer.lr} for {lr} in epoch {len(self.history.loss)}, "
                f"counted from 0; give fit a schedule, whose result multiplies lr"
            )

    def remember(self) -> None:
        """Keep the state at the start of this epoch, for rewind to begin with.

        Not of each one, since the copies would show where an epoch is a few steps;
        but a metric or schedule may do to the net what rewind could not repeat.
        """
        steps = (len(self.history.loss) - self.start.epoch) * self.steps_per_epoch
        if steps >= STEPS_APART or self.metrics or self.schedule:
            self.start = Moment(self)

    def minibatches(self) -> Iterator[tuple[RealArray, RealArray]]:
        """Return mlp.minibatches of the training rows, which have been checked."""
        order = self.rng.permutation(len(self.x))
        return batches(self.x, self.y, self.batch_size, order)

    def train(
        self, lr: float, ctrl_c: HeldCtrlC, shown: Callable[[], Any] | None
    ) -> float:
        """Run the steps of an epoch; return the loss, the mean over its rows."""
        model, criterion, optimizer = self.model, self.criterion, self.optimizer
        # With these two, a prediction that is not finite never has a finite loss.
        loss_tells = type(criterion) in (MSELoss, BCELoss)
        sums, n, parts = self.sums, len(self.x), list[float]()
        for batch, (x_batch, y_batch) in enumerate(self.minibatches()):
            prediction = model.forward(x_batch)  # 1. forward
            try:
                loss = criterion.forward(prediction, y_batch)  # 2. loss
            except ValueError as error:  # BCELoss's of NaN, or of a wrong target
                if np.isfinite(prediction).all():
                    raise
                raise self.diverged("prediction", batch, lr) from error
            if type(loss) is not float:
                loss = numbers.real_number("fit", "the loss", loss)
            if not math.isfinite(loss):
                raise self.diverged("loss", batch, lr)
            if not (loss_tells or np.isfinite(prediction).all()):
                raise self.diverged("prediction", batch, lr)
            optimizer.zero_grad()  # 3. zero the gradients
            model.backward(criterion.backward(), needs_input_grad=False)  # 4. backward
            optimizer.step()  # 5. step
            parts.append(loss * ((1 if sums else len(x_batch)) / n))
            if ctrl_c.pending:
                ctrl_c.deliver()
            if shown is not None:
                shown()
        if not self.is_finite():
            raise self.diverged("parameter", batch + 1, lr)
        return math.fsum(parts)

    def evaluate(self, lr: float) -> tuple[float, Array]:
        """Return the validation loss, and the predictions if a metric wants them.

        Without validation the loss is 0, and the predictions are of the
        training rows.
        """
        if self.held_out is None and not self.metrics:
            return 0.0, self.x[:0]
        x, y = self.held_out or (self.x, self.y)
        parts, predictions = list[float](), []
        for first in range(0, len(x), _ROWS):
            rows = slice(first, first + _ROWS)
            prediction = self.net.predict(x[rows])
            if not np.isfinite(prediction).all():
                raise self.diverged("prediction", None, lr)
            if self.held_out is not None:
                loss = copy.copy(self.criterion).forward(prediction, y[rows])
                loss = numbers.real_number("fit", "the loss", loss)
                if not math.isfinite(loss):
                    raise self.diverged("loss", None, lr)
                parts.append(loss * ((1 if self.sums else len(prediction)) / len(x)))
            if self.metrics:
                predictions.append(prediction)
        return math.fsum(parts), np.concatenate(predictions or [x[:0]])

    def measure(self, prediction: Array) -> dict[str, float]:
        """Return each metric of the predictions."""
        _, y = self.held_out or (self.x, self.y)
        return {
            name: _measured(f"metrics[{name!r}]", metric, prediction, y)
            for name, metric in self.metrics.items()
        }

    def is_finite(self) -> bool:
        """Return whether each parameter is."""
        return arrays.all_finite([p.data for p in self.parameters])

    def is_out_of_patience(self) -> bool:
        """Return whether the validation loss has not fallen for that long."""
        return self.patience is not None and self.waited >= self.patience

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that the next epoch depends on, and what fit is to return."""
        from mlp.fitting.checkpoint import save  # which go_on_from has loaded

        history = self.history
        by_epoch = zip(*history.metrics.values(), strict=True)
        state: dict[str, Any] = {
            "epoch": len(history.loss),
            "criterion": type(self.criterion).__name__,
            "generator": self.rng,
            "loss": history.loss,
            "validation_loss": history.validation_loss,
            "lr": history.lr,
            "seconds": history.seconds,
            "metric_names": list(history.metrics),
            "metric_values": [value for values in by_epoch for value in values],
        }
        if self.best is not None:
            best = dict(zip(map(id, self.parameters), self.best, strict=True))
            named = self.net.named_parameters()
            state["best"] = {name: best[id(p)] for name, p in named}
        save(path, self.net, self.optimizer, **state)

    def go_on_from(self, path: str | os.PathLike[str]) -> None:
        """Take over what save wrote, if there is a file; all of it or nothing."""
        from mlp.fitting.checkpoint import (  # not by train_step's import
            CheckpointError,
            load,
        )

        if not os.path.isfile(path):  # nor is there a run in a device or a pipe
            return
        names = ("lr", "momentum", "weight_decay", "nesterov")
        settings = {name: getattr(self.optimizer, name) for name in names}
        progress = load(path, self.net, self.optimizer)
        try:
            self.take_over(os.fspath(path), progress)
        except CheckpointError:
            self.start.put_back(self)
            raise
        self.optimizer.load_state_dict(self.optimizer.state_dict() | settings)
        self.start = Moment(self)

    def take_over(self, path: str, state: dict[str, Any]) -> None:
        """Take history, generator and best parameters from what save wrote."""
        from mlp.fitting.checkpoint import CheckpointError

        best, epochs = state.pop("best", {}), state.get("epoch", 0)
        own_criterion = type(self.criterion).__name__
        criterion = state.pop("criterion", own_criterion)  # older files have none
        series = ("loss", "lr", "seconds", "validation_loss", "metric_values")
        kinds: dict[str, type] = dict.fromkeys((*series, "metric_names"), list)
        kinds |= {"epoch": int, "generator": np.random.Generator}
        if {name: type(value) for name, value in state.items()} != kinds or {
            type(number) for name in series for number in state[name]
        } != {float}:
            raise CheckpointError(
                f"fit: expected {path} to be a checkpoint that fit wrote, got one with "
                f"the progress {list(state)}; give a path of its own"
            )
        names, bits = state["metric_names"], state["generator"].bit_generator
        lengths = (1, 1, 1, int(self.held_out is not None), len(self.metrics))
        named = [] if self.patience is None else self.net.named_parameters()
        parameters = {name: p.data for name, p in named}
        is_like_this = (
            [len(state[name]) for name in series] == [epochs * n for n in lengths]
            and sorted(map(str, names)) == sorted(self.metrics)
            and _shapes(best) == _shapes(parameters)
            and criterion == own_criterion
            and type(bits) is type(self.rng.bit_generator)
        )
        if not is_like_this:
            raise CheckpointError(
                f"fit: expected {path} to be of a run with this call's criterion, "
                f"{own_criterion}, validation, patience, metrics and kind of "
                f"generator, got one of {criterion} "
                f"{_with(state['validation_loss'])} validation, {_with(best)} "
                f"patience, with the metrics {names} and {type(bits).__name__}; give "
                f"a path of its own"
            )
        self.rng.bit_generator.state = bits.state
        history, values = self.history, state["metric_values"]
        history.loss, history.validation_loss = state["loss"], state["validation_loss"]
        history.lr, history.seconds = state["lr"], state["seconds"]
        for i, name in enumerate(names):
            history.metrics[name] = values[i :: len(names)]
        if self.patience is not None:
            of_id = {id(p): name for name, p in self.net.named_parameters()}
            self.best = [best[of_id[id(p)]] for p in self.parameters]
            best_epoch = history.best_epoch or 0
            self.lowest = history.validation_loss[best_epoch]
            self.waited = epochs - 1 - best_epoch

    def put_back_the_best(self) -> None:
        """Write the best parameters into the model, if patience kept them."""
        if self.best is not None:
            for p, data in zip(self.parameters, self.best, strict=True):
                p.data[...] = data

    def diverged(self, what: str, batch: int | None, lr: float) -> DivergenceError:
        """Return the error, the parameters being those that it promises."""
        epoch = len(self.history.loss)
        if batch is not None and not self.is_finite():
            what, batch = "parameter", self.rewind(batch, lr)
        self.optimizer.zero_grad()
        self.history.stopped = "divergence"
        where = "at the end" if batch is None else f"in batch {batch}"
        return DivergenceError(
            f"fit: expected finite numbers, got a {what} that is not, {where} of "
            f"epoch {epoch}, counted from 0, at lr={lr:.3g}; try "
            f"SGD(lr={self.lr / 10:.3g}), and x scaled by a Standardizer, in a "
            f"regression y too",
            self.history,
            epoch,
            batch,
            lr,
        )

    def rewind(self, steps: int, lr: float) -> int:
        """Return to the step that made a parameter infinite, and say which it was.

        To look at all parameters after every step would cost more than fit may;
        so the steps since start are run again. An epoch ends with such a look, so
        it was a step of this one.
        """
        self.start.put_back(self)
        self.optimizer._lr = lr
        step = partial(train_step, self.model, self.criterion, self.optimizer)
        for _ in range(self.start.epoch, len(self.history.loss)):
            for rows in self.minibatches():
                step(*rows)
        for batch, rows in zip(range(steps), self.minibatches(), strict=False):
            before = Moment(self)
            step(*rows)
            if not self.is_finite():
                before.put_back(self)
                return batch
        return steps  # a layer with a randomness of its own took another way


def _measured(what: str, metric: Metric, prediction: Array, target: RealArray) -> float:
    """Return what a metric says; NaN, with a warning, where it has no value."""
    try:
        value = metric(prediction, target)
    except (ArithmeticError, ValueError) as error:
        warnings.warn(
            f"fit: expected {what} to have a value, got {type(error).__name__}: "
            f"{error}; the history has NaN for it",
            UserWarning,
            stacklevel=numbers.stacklevel_outside(),
        )
        value = None
    return math.nan if value is None else numbers.real_number("fit", what, value)


def _shapes(arrays: Mapping[str, Array]) -> dict[str, tuple[Any, ...]]:
    return {name: (a.shape, a.dtype) for name, a in arrays.items()}


def _with(something: object) -> str:
    return "with" if something else "without"
