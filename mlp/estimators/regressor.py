"""MLPRegressor: a net that predicts numbers."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d

from mlp._shared.arrays import Array, RealArray
from mlp.core.loss import Loss
from mlp.estimators.base import NetEstimator
from mlp.losses.squared import MSELoss


class MLPRegressor(MultiOutputMixin, RegressorMixin, NetEstimator):  # type: ignore[misc]  # no types
    """ŷ = net(x), trained with ½ (ŷ − y)², summed over the outputs.

    If the numbers in y are large, scale y too, with
    sklearn.compose.TransformedTargetRegressor.

    Parameters
    ----------
    hidden_layer_sizes, …, checkpoint
        As in MLPClassifier; () is a linear regression.

    Attributes
    ----------
    model_ : Sequential
        The net; its outputs are ŷ.
    history_, n_iter_, loss_, …
        As in MLPClassifier. The score is R².

    Notes
    -----
    With several outputs, the loss is the sum over the outputs, and the
    gradient is the derivative of this sum. scikit-learn has the same
    gradient, but reports the mean over the outputs as the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp.estimators import MLPRegressor
    >>> x = np.linspace(-2, 2, 200).reshape(-1, 1)
    >>> y = np.column_stack([np.sin(x), np.cos(x)])
    >>> settings = {"batch_size": 20, "learning_rate_init": 0.02}
    >>> net = MLPRegressor((32,), "tanh", **settings, random_state=0)
    >>> bool(net.fit(x, y).score(x, y) > 0.99)
    True
    >>> net.predict(x).shape
    (200, 2)

    References
    ----------
    sklearn.neural_network.MLPRegressor has the same names.
    """

    _validation_of_y: ClassVar[dict[str, Any]] = {
        "multi_output": True,
        "y_numeric": True,
    }
    _is_stratified = False

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Run one epoch on these rows; the first call makes the net.

        The arguments and the errors are the same as in fit.
        """
        return self._train(X, y, sample_weight, is_part=True)

    def _targets(self, y: Any, goes_on: bool) -> tuple[RealArray, int]:
        """Return y as (N, n_outputs)."""
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = y.reshape(len(y), -1)
        return y, y.shape[1]

    def _loss(self) -> tuple[Loss, float]:
        """Return the squared error, and the factor ½."""
        return MSELoss("batchmean"), 0.5

    def _score_of(
        self, prediction: Array, target: RealArray, weight: Array | None
    ) -> float:
        """Return R², the mean over the outputs."""
        return float(r2_score(target, prediction, sample_weight=weight))

    def predict(self, X: Any) -> Array:
        """Return ŷ, shape (N,), or (N, n_outputs) for several outputs."""
        ŷ = self._outputs(X)
        return ŷ[:, 0] if self.n_outputs_ == 1 else np.asarray(ŷ)
