"""The base class of the two estimators."""

from __future__ import annotations

import math
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import (
    check_array,
    check_consistent_length,
    check_random_state,
    validation,
)

from mlp._shared import frames, numbers
from mlp._shared.arrays import Array, RealArray
from mlp.core.loss import Loss
from mlp.core.optimizer import Optimizer
from mlp.estimators import nets
from mlp.estimators.penalty import Penalized
from mlp.fitting.fit import fit
from mlp.fitting.history import History
from mlp.fitting.patience import Patience
from mlp.layers.linear import Linear
from mlp.schedules import Schedule

# The settings of the net; they must not change while it is trained further.
OF_THE_NET = ("hidden_layer_sizes", "activation", "dropout", "normalisation", "dtype")


class NetEstimator(BaseEstimator, ABC):  # type: ignore[misc]  # it has no types
    """The settings, which MLPClassifier explains, and fit."""

    _optimizer: Optimizer | None
    _validation_of_y: ClassVar[dict[str, Any]]
    _is_stratified: ClassVar[bool]

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.001,
        schedule: Schedule | None = None,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        dropout: float = 0.0,
        normalisation: str | None = None,
        dtype: npt.DTypeLike | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.schedule = schedule
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.dropout = dropout
        self.normalisation = normalisation
        self.dtype = dtype
        self.checkpoint = checkpoint

    @abstractmethod
    def _targets(self, y: Any, goes_on: bool) -> tuple[RealArray, int]:
        """Return the targets for the loss, and the number of outputs."""

    @abstractmethod
    def _loss(self) -> tuple[Loss, float]:
        """Return the criterion and the factor of Penalized."""

    @abstractmethod
    def _score_of(
        self, prediction: Array, target: RealArray, weight: Array | None
    ) -> float:
        """Return the score of the net's outputs for some rows."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a new net, or, with warm_start, the net of the last fit.

        Parameters
        ----------
        X : array_like or DataFrame of shape (N, n_features)
            The rows.
        y : array_like or Series
            Their classes, shape (N,), or numbers, shape (N,) or
            (N, n_outputs).
        sample_weight : array_like of shape (N,), or None
            How much each row counts, at least 0.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a setting, X, y or sample_weight is wrong.
        DivergenceError
            If a number becomes infinite or NaN: scale X, or take a
            smaller learning_rate_init.

        Warns
        -----
        ConvergenceWarning
            If training stopped only because of max_iter.
        """
        return self._train(X, y, sample_weight, is_part=False)

    def _train(self, X: Any, y: Any, sample_weight: Any, is_part: bool) -> Self:
        """Run fit, or the one epoch of partial_fit."""
        who = type(self).__name__
        if is_part and self.early_stopping:
            raise ValueError(
                f"{who}: expected early_stopping=False for partial_fit, which runs one "
                f"epoch, got True; use fit, or set_params(early_stopping=False)"
            )
        is_warm = numbers.flag(who, "warm_start", self.warm_start)
        goes_on = hasattr(self, "model_") and (is_part or is_warm)
        dtype = self._dtype if goes_on else self._wanted_dtype()
        X, y = self._validated(
            X, y, dtype=dtype, reset=not goes_on, **self._validation_of_y
        )
        weight = _weights(who, sample_weight, X)
        target, n_outputs = self._targets(y, goes_on)
        if goes_on:
            self._expect_the_same_net(n_outputs)
        else:
            self._make_net(X.shape[1], n_outputs, X.dtype)
        if not is_part or self._optimizer is None:
            self._optimizer = nets.optimizer(who, self, self.model_)
        self._optimizer.lr = self.learning_rate_init
        history = self._run(self._optimizer, X, target, weight, is_part)
        self._optimizer.zero_grad()  # a pickle does not need the gradients
        self._keep(history, is_part)
        if not is_part and history.stopped == "epochs":
            warnings.warn(
                f"{who}: stopped after all of max_iter={self.max_iter} epochs, before "
                f"the loss or score was constant up to tol={self.tol}; take a larger "
                f"max_iter, or scale X",
                ConvergenceWarning,
                stacklevel=numbers.stacklevel_outside(),
            )
        return self

    def _wanted_dtype(self) -> Any:
        """Return the dtype to convert X to, or the two that X may have."""
        if self.dtype is None:
            return [np.float64, np.float32]  # the first, if X has neither
        return numbers.float_dtype(type(self).__name__, self.dtype)

    def _make_net(self, n_features: int, n_outputs: int, dtype: np.dtype[Any]) -> None:
        """Make model_, and forget the attributes of an older model."""
        who = type(self).__name__
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=4)
        self._rng = np.random.default_rng(seeds)
        sizes = nets.hidden_sizes(who, self.hidden_layer_sizes)
        widths = [n_features, *sizes, n_outputs]
        self.model_ = nets.net(
            who,
            widths,
            self.activation,
            self.dropout,
            self.normalisation,
            dtype,
            self._rng,
        )
        self._made_with = {name: getattr(self, name) for name in OF_THE_NET}
        self._dtype, self.n_outputs_ = dtype, n_outputs
        self.loss_curve_: list[float] = []
        self._optimizer = None

    def _expect_the_same_net(self, n_outputs: int) -> None:
        """Raise if the settings of a net that trains further were changed."""
        now = {name: getattr(self, name) for name in OF_THE_NET}
        pairs = {"n_outputs": (self.n_outputs_, n_outputs)}
        pairs |= {name: (self._made_with[name], now[name]) for name in OF_THE_NET}
        for name, (before, after) in pairs.items():
            if not np.array_equal(before, after):
                raise ValueError(
                    f"{type(self).__name__}: expected {name}={before!r}, with which "
                    f"the net was made that is to go on, got {after!r}; fit with "
                    f"warm_start=False makes another"
                )

    def _run(
        self,
        optimizer: Optimizer,
        X: Array,
        target: RealArray,
        weight: Array | None,
        is_part: bool,
    ) -> History:
        """Run mlp.fit."""
        who = type(self).__name__
        number, flag = numbers.number, numbers.flag
        stop, more = self._patience(who), dict[str, Any]()
        if not isinstance(self.verbose, bool):  # scikit-learn takes numbers too
            numbers.whole_number(who, "verbose", self.verbose)
        epochs_before = len(self.loss_curve_) if is_part else 0
        if weight is not None:
            kept = weight > 0  # first, so that no batch counts rows of weight 0
            X, target, weight = X[kept], target[kept], weight[kept]
        if flag(who, "early_stopping", self.early_stopping):
            X, target, weight, more = self._held_out(who, X, target, weight)
        batch_size = self.batch_size
        if isinstance(batch_size, str):
            numbers.one_of(who, "batch_size", batch_size, ("auto",))
            batch_size = min(200, len(X))
        criterion, factor = self._loss()
        alpha = number(who, "alpha", self.alpha, least=0)
        weights = [layer.weight for layer in self.model_ if isinstance(layer, Linear)]
        if weight is not None:
            more["sample_weight"] = weight
        if self.schedule is not None:
            numbers.function(who, "schedule", self.schedule)
            more["schedule"] = Later(self.schedule, epochs_before)
        return fit(
            self.model_,
            Penalized(criterion, weights, alpha, factor),
            optimizer,
            X,
            target,
            epochs=1
            if is_part
            else numbers.positive_int(who, "max_iter", self.max_iter),
            batch_size=numbers.positive_int(who, "batch_size", batch_size),
            rng=self._rng,
            shuffle=flag(who, "shuffle", self.shuffle),
            patience=stop,
            checkpoint=None if is_part else self.checkpoint,
            progress=bool(self.verbose),
            **more,
        )

    def _patience(self, who: str) -> Patience | None:
        """Return scikit-learn's rule: one epoch more than it documents."""
        least = numbers.number(who, "tol", self.tol, least=0)
        if self.n_iter_no_change == math.inf:
            return None
        epochs = numbers.positive_int(who, "n_iter_no_change", self.n_iter_no_change)
        if self.early_stopping:
            return Patience(epochs + 1, "score", least)
        return Patience(epochs + 1, "loss", least, keeps_best=False)

    def _held_out(
        self, who: str, X: Array, target: RealArray, weight: Array | None
    ) -> tuple[Array, RealArray, Array | None, dict[str, Any]]:
        """Return the training rows, and fit's arguments for the held-out rows."""
        share = numbers.number(
            who, "validation_fraction", self.validation_fraction, above=0, below=1
        )
        rows = np.arange(len(X))
        train, held = train_test_split(
            rows,
            test_size=share,
            random_state=int(self._rng.integers(2**31)),
            stratify=target if self._is_stratified else None,
        )
        if len(held) < 2:
            raise ValueError(
                f"{who}: expected at least 2 rows to hold out for early_stopping, got "
                f"validation_fraction={share:g} of {len(X)} rows; take a larger "
                f"validation_fraction, more rows, or early_stopping=False"
            )
        held_weight = None if weight is None else weight[held]
        held_rows = [a[held] for a in (X, target, weight) if a is not None]

        def score(prediction: Array, its_target: RealArray) -> float:
            return self._score_of(prediction, its_target, held_weight)

        return (
            X[train],
            target[train],
            None if weight is None else weight[train],
            {"validation": tuple(held_rows), "metrics": {"score": score}},
        )

    def _keep(self, history: History, is_part: bool) -> None:
        """Set the attributes that scikit-learn's nets have after fit."""
        self.history_ = history
        self.n_iter_ = len(history.loss)
        self.loss_curve_ = self.loss_curve_ + history.loss
        self.loss_ = self.loss_curve_[-1]
        scores = history.metrics.get("score")
        self.best_loss_ = min(self.loss_curve_) if scores is None else None
        self.validation_scores_ = scores
        self.best_validation_score_ = None if scores is None else max(scores)

    def _outputs(self, X: Any) -> Array:
        """Return the net's outputs; X must have the columns of fit's X."""
        validation.check_is_fitted(self)
        return self.model_.predict(self._validated(X, dtype=self._dtype, reset=False))

    def _validated(self, X: Any, *y: Any, **checks: Any) -> Any:
        """Return X, or X and y, checked and converted by scikit-learn.

        It also sets n_features_in_ and feature_names_in_, or compares X
        with them. Before scikit-learn 1.6 a method of the estimator does
        this.
        """
        try:
            if hasattr(validation, "validate_data"):
                return validation.validate_data(self, X, *y, **checks)
            return self._validate_data(X, *y, **checks)
        except ValueError as error:
            if "could not convert" in str(
                error
            ):  # it names neither X or y nor the column
                for name, value in zip("Xy", (X, *y), strict=False):
                    try:
                        np.asarray(value, dtype=float)
                    except (TypeError, ValueError):
                        array = np.asarray(value)
                        frames.numbers_of(type(self).__name__, name, value, array)
            raise


class Later:
    """A schedule that starts at a later epoch, for calls of partial_fit."""

    def __init__(self, schedule: Schedule, epochs: int) -> None:
        self.schedule, self.epochs = schedule, epochs

    def __call__(self, epoch: int) -> float:
        """Return the schedule's factor."""
        return self.schedule(epoch + self.epochs)


def _weights(who: str, sample_weight: Any, X: Array) -> Array | None:
    """Return one weight for each row, at least 0 and not all 0; or None."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(len(X), sample_weight)
    weight: Array = check_array(
        sample_weight, ensure_2d=False, dtype=X.dtype, input_name="sample_weight"
    )
    if weight.ndim != 1:
        raise ValueError(
            f"{who}: expected sample_weight of shape ({len(X)},), got {weight.shape}"
        )
    check_consistent_length(X, weight)
    if weight.min() < 0:
        raise ValueError(
            f"{who}: expected each sample_weight to be at least 0, got "
            f"{weight.min():g}; 0 leaves a row out"
        )
    if weight.max() == 0:
        raise ValueError(
            f"{who}: expected a sample_weight above zero at least once, got only "
            f"zeros; there is no row to learn from"
        )
    return weight
