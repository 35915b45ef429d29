"""A run of fit: epochs and batches, each one train_step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np

from mlp._shared import arrays, numbers
from mlp.core.layer import Layer
from mlp.core.loss import Loss
from mlp.core.optimizer import Optimizer
from mlp.data.batches import batches
from mlp.fitting.divergence import DivergenceError, NotFinite, divergence
from mlp.fitting.evaluation import Evaluation, Rows, mean_over_rows, size_of
from mlp.fitting.history import History
from mlp.fitting.interrupt import HeldCtrlC
from mlp.fitting.patience import Waiting
from mlp.fitting.rewind import STEPS_APART, State
from mlp.fitting.watching import Clipped, Watched
from mlp.schedules import Schedule
from mlp.sequential import Sequential
from mlp.training import train_step


@dataclass(kw_only=True)
class Run:
    """A run of fit between two epochs, and what takes it to the next."""

    model: Layer
    criterion: Loss
    optimizer: Optimizer
    rows: Rows
    batch_size: int
    rng: np.random.Generator
    shuffle: bool
    evaluation: Evaluation
    patience: Waiting | None
    schedule: Schedule | None
    max_grad_norm: float | None
    is_watched: bool  # by a function that may do to the net what it likes

    def __post_init__(self) -> None:
        """Put together what the loop needs."""
        model, optimizer = self.model, self.optimizer
        self.net = model if isinstance(model, Sequential) else Sequential(model)
        self.lr = optimizer.lr  # without the schedule
        self.history = History(metrics={name: [] for name in self.evaluation.metrics})
        self.steps_per_epoch = -(-len(self.rows[0]) // self.batch_size)
        if self.max_grad_norm is not None:
            optimizer = cast(Optimizer, Clipped(optimizer, self.max_grad_norm))
        self._step = partial(train_step, model, Watched(self.criterion), optimizer)
        self._again = partial(train_step, model, self.criterion, optimizer)
        self._parameters = [p.data for p in model.parameters()]
        self._modes = [(layer, layer.training) for layer in model.modules()]
        self.begin_here()

    def to_be_alike(self, epochs: int) -> dict[str, Any]:
        """Return what must be the same in all processes of a team, by name."""
        from zlib import crc32  # here, since a process alone has no use for it

        rows = [crc32(array.tobytes()) for array in self.rows]
        return {
            "epochs": epochs,
            "batch_size": self.batch_size,
            "the training rows": f"{len(self.rows[0])} rows of checksums {rows}",
            "validation": self.evaluation.has_validation,
            "patience": self.patience and self.patience.patience,
            "shuffle": self.shuffle,
            "metrics": list(self.evaluation.metrics),
            "max_grad_norm": self.max_grad_norm,
            "the optimizer's settings": self.optimizer.settings(),
        }

    def hand_out(self) -> None:
        """Take over the state and history of process 0, if in a team."""
        history, patience = self.history, self.patience
        kept, so_far, best = self.optimizer.team.of_first(
            lambda: (
                self._state.kept(self.lr),
                vars(history),
                patience and patience.kept(),
            )
        )
        if self.optimizer.team.rank > 0:
            self._state.put_back(kept)
            vars(history).update(so_far)
            if patience and best:
                patience.take_over(best)
            self.begin_here()

    def begin_here(self) -> None:
        """Let rewind begin with the present state, as a run that goes on does."""
        self._state = State(self.model, self.optimizer, self.rng)
        self._start = self._state.kept(self.lr), len(self.history.loss)

    def one_epoch(self, ctrl_c: HeldCtrlC, shown: Callable[[], Any] | None) -> None:
        """Train for an epoch, evaluate, and write both down."""
        begun = time.perf_counter()
        history, team = self.history, self.optimizer.team
        lr, is_kept = team.of_first(self._plan)
        if is_kept:
            self._start = self._state.kept(self.lr), len(history.loss)
        with self.optimizer.at_lr(lr), np.errstate(all="ignore"):
            loss = self._train(lr, ctrl_c, shown)
            try:
                validation_loss = team.of_first(
                    lambda: self.evaluation.run(self.net, self.criterion)
                )
            except NotFinite as error:
                team.tell(error)
                raise self._diverged(error.what, None, lr) from None
            self.expect_lr(lr)
        values = team.of_first(self.evaluation.measure)
        self.expect_lr()
        history.loss.append(loss)
        history.lr.append(lr)
        if self.evaluation.has_validation:
            history.validation_loss.append(validation_loss)
        for name, value in values.items():
            history.metrics[name].append(value)
        if self.patience is not None:
            self.patience.see(history)
        history.seconds.append(time.perf_counter() - begun)

    def _train(
        self, lr: float, ctrl_c: HeldCtrlC, shown: Callable[[], Any] | None
    ) -> float:
        """Run the steps of an epoch; return the loss, the mean over its rows."""
        for layer, _ in self._modes:  # a metric may have left another
            layer.training = True
        step, losses, sizes = self._step, list[float](), list[float]()
        for batch, rows in enumerate(self._minibatches()):
            try:
                losses.append(step(*rows))
            except NotFinite as error:
                self.optimizer.team.tell(error)
                raise self._diverged(error.what, batch, lr) from error.__cause__
            sizes.append(size_of(rows))
            if ctrl_c.pending:
                ctrl_c.deliver()
            if shown is not None:
                shown()
        if not arrays.all_finite(self._parameters):
            raise self._diverged("parameter", batch + 1, lr)
        parts = self.optimizer.team.gathered((losses, sizes))
        losses, sizes = ([n for part in parts for n in part[i]] for i in (0, 1))
        return mean_over_rows(self.criterion, losses, sizes)

    def _minibatches(self) -> Iterator[Rows]:
        """Return mlp.minibatches of the training rows, which have been checked."""
        team, n = self.optimizer.team, len(self.rows[0])
        team.hand_out(self.model)
        order = self.rng.permutation(n) if self.shuffle else np.arange(n)
        return batches(self.rows, self.batch_size, order, (team.rank, team.size))

    def expect_lr(self, lr: float | None = None) -> None:
        """Raise if a metric, say, has set another lr than fit."""
        lr = self.lr if lr is None else lr
        if self.optimizer.lr != lr:
            raise RuntimeError(
                f"fit: expected optimizer.lr to be left alone while it runs, got "
                f"{self.optimizer.lr} for {lr} in epoch {len(self.history.loss)}, "
                f"counted from 0; give fit a schedule, whose result multiplies lr"
            )

    def reason_to_stop(self, epochs: int) -> str | None:
        """Return why no epoch is to come, in History's words; None if one is."""
        if len(self.history.loss) >= epochs:
            return "epochs"
        is_over = self.patience is not None and self.patience.is_over()
        return "patience" if is_over else None

    def end(self) -> None:
        """Leave the best state in the model, if patience kept it."""
        if self.patience is not None:
            self.patience.put_back_the_best()
        self.optimizer.team.hand_out(self.model)

    def put_back_modes(self) -> None:
        """Leave each layer in the mode in which it was."""
        for layer, mode in self._modes:
            layer.training = mode

    def _plan(self) -> tuple[float, bool]:
        """Return lr of this epoch, and whether to keep the state at its start.

        rewind begins with that. It is not kept of each epoch, since the
        copies would show where an epoch is a few steps; but a metric or
        schedule may do to the net what rewind could not repeat.
        """
        epoch, lr = len(self.history.loss), self.lr
        if self.schedule is not None:
            factor = self.schedule(epoch)
            lr *= numbers.number("fit", f"schedule({epoch})", factor, least=0)
            self.expect_lr()
        steps = (epoch - self._start[1]) * self.steps_per_epoch
        is_left_alone = not (
            self.evaluation.metrics or self.schedule or self.is_watched
        )
        return lr, steps >= STEPS_APART or not is_left_alone

    def _diverged(self, what: str, batch: int | None, lr: float) -> DivergenceError:
        """Return the error, and make the state the one that it promises."""
        if batch is not None:
            is_finite = arrays.all_finite(self._parameters)
            if not is_finite or self._state.is_changed_by_forward:
                batch = self._rewind(batch, lr)
            what = what if is_finite else "parameter"
        self.optimizer.zero_grad()
        self.history.stopped = "divergence"
        smaller = f"{type(self.optimizer.inner).__name__}(lr={self.lr / 10:.3g})"
        return divergence(what, self.history, batch, lr, smaller)

    def _rewind(self, steps: int, lr: float) -> int:
        """Return to before the step that failed, and say which one it was.

        It is the first of this epoch's steps that made a parameter
        infinite; or, if none did, the one after so many. To look at all
        parameters after every step would cost more than fit may; so the
        steps since the last Moment are run again. An epoch ends with such a
        look, so it was a step of this one.
        """
        moment, epoch = self._start
        self._state.put_back(moment)
        with self.optimizer.at_lr(lr):
            for _ in range(epoch, len(self.history.loss)):
                for rows in self._minibatches():
                    self._again(*rows)
            for batch, rows in zip(range(steps), self._minibatches(), strict=False):
                before = self._state.kept(self.lr)
                self._again(*rows)
                if not arrays.all_finite(self._parameters):
                    self._state.put_back(before)
                    return batch
        return steps
