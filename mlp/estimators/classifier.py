"""MLPClassifier: a net that predicts classes."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from mlp._shared.arrays import Array, RealArray
from mlp.core.loss import Loss
from mlp.estimators.base import NetEstimator
from mlp.layers.activations import Softmax
from mlp.losses.binary import BCEWithLogitsLoss
from mlp.losses.categorical import CrossEntropyLoss


class MLPClassifier(ClassifierMixin, NetEstimator):  # type: ignore[misc]  # no types
    """p = softmax(net(x)) over the classes; for two, p₂ = σ(net(x)).

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        The width of each hidden layer; () is a logistic regression.
    activation : "identity", "logistic", "tanh" or "relu"
        The activation of the hidden layers; "logistic" is Sigmoid.
    solver : "sgd" or "adam"
        SGD uses momentum and nesterovs_momentum; Adam uses beta_1, beta_2
        and epsilon.
    alpha : float
        α; each batch of n rows adds α/(2n) Σ ‖W‖² to its loss, see
        help(mlp.estimators.penalty).
    batch_size : int or "auto"
        "auto" is 200, or all rows if there are fewer.
    learning_rate_init : float
        The learning rate, before the schedule multiplies it.
    schedule : function of the epoch, or None
        As in fit; mlp.schedules has the usual ones.
    max_iter : int
        The largest number of epochs.
    shuffle : bool
        Whether each epoch takes the rows in a new order.
    random_state : int, RandomState or None
        Draws the weights, the order of the rows, the masks of Dropout and
        the held-out rows.
    tol : float
        An epoch is an improvement if the loss, or the score, is better by
        more than tol.
    verbose : bool or int
        Whether fit shows its progress on standard error. A number above 0
        counts as True.
    warm_start : bool
        Whether fit continues to train the net of the last fit.
    momentum, nesterovs_momentum : float, bool
        The settings of solver="sgd".
    early_stopping : bool
        Whether to hold out rows and to stop by their score, not by the
        training loss. The net then gets the parameters of the best epoch.
    validation_fraction : float
        The share of rows of each class that early_stopping holds out.
    beta_1, beta_2, epsilon : float
        The settings of solver="adam".
    n_iter_no_change : int, or infinity
        Training stops after more than this number of epochs in a row
        without an improvement.
    dropout : float
        The p of a Dropout after each hidden layer; 0 means no Dropout.
    normalisation : None, "batch" or "layer"
        Puts a BatchNorm1d or LayerNorm before each activation.
    dtype : None, "float64" or "float32"
        The dtype of the net. None takes that of X if it is one of these
        two, and float64 otherwise.
    checkpoint : str, path or None
        A file that fit writes after each epoch. If it exists, fit continues
        from it. Use another path for each fit.

    Attributes
    ----------
    model_ : Sequential
        The net. Its outputs are logits: one for two classes, otherwise one
        for each class.
    classes_ : array of shape (n_classes,)
        The classes, in the order of the columns of predict_proba.
    history_ : History
        From the last fit or partial_fit; history_.plot() draws it.
    n_iter_ : int
        The number of epochs of that fit.
    loss_, best_loss_, loss_curve_ : float, float, list of float
        The loss of the last epoch, the lowest loss, and the losses of all
        epochs of this net. They include the penalty. best_loss_ is None
        with early_stopping.
    validation_scores_, best_validation_score_ : list of float, float
        The score of the held-out rows after each epoch of this fit, and the
        best score; None without early_stopping.
    n_features_in_, feature_names_in_ : int, array of str
        The number and the names of X's columns; the names only if X has
        names.
    n_outputs_ : int
        The number of logits.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from mlp.estimators import MLPClassifier
    >>> x, y = load_iris(return_X_y=True)
    >>> settings = {"learning_rate_init": 0.02, "tol": 1e-3}
    >>> net = MLPClassifier((16,), random_state=0, **settings)
    >>> scores = cross_val_score(make_pipeline(StandardScaler(), net), x, y)
    >>> bool(scores.mean() > 0.94)
    True

    References
    ----------
    sklearn.neural_network.MLPClassifier has the same names.
    """

    _validation_of_y: ClassVar[dict[str, Any]] = {}
    _is_stratified = True

    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> Self:
        """Run one epoch on these rows; the first call makes the net.

        Parameters
        ----------
        X, y, sample_weight
            As in fit.
        classes : array_like, or None
            All classes that this and later calls may have. The first call
            needs them.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the first call has no classes, or a later call has others;
            if y has a class that is not among them; otherwise as in fit.
        """
        if hasattr(self, "classes_"):
            self._expect_classes(classes)
        elif classes is None:
            raise ValueError(
                "MLPClassifier: classes must be passed on the first call to "
                "partial_fit, as y need not have all of them; give classes=np.unique(y)"
            )
        self._first_classes = classes
        try:
            return self._train(X, y, sample_weight, is_part=True)
        finally:
            del self._first_classes

    def _expect_classes(self, classes: Any) -> None:
        """Raise unless classes is None, or the classes of the net."""
        if classes is not None and not np.array_equal(
            np.unique(classes), self.classes_
        ):
            raise ValueError(
                f"MLPClassifier: expected the classes of the first call, "
                f"{list(self.classes_)}, got {list(classes)}; leave them out"
            )

    def _targets(self, y: Any, goes_on: bool) -> tuple[RealArray, int]:
        """Return the labels and the number of logits.

        The labels have shape (N,), or (N, 1) for two classes.
        """
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if not goes_on:
            classes = getattr(self, "_first_classes", None)
            self._encoder = LabelEncoder().fit(y if classes is None else classes)
            self.classes_ = self._encoder.classes_
        k = len(self.classes_)
        if k < 2:
            raise ValueError(
                f"MLPClassifier: expected at least 2 classes in y, got one class, "
                f"{self.classes_[0]!r}; there is nothing to tell apart"
            )
        labels = self._encoder.transform(y)
        return (labels[:, np.newaxis], 1) if k == 2 else (labels, k)

    def _loss(self) -> tuple[Loss, float]:
        """Return the cross-entropy for one logit, or for several."""
        return (
            BCEWithLogitsLoss() if self.n_outputs_ == 1 else CrossEntropyLoss()
        ), 1.0

    def _score_of(
        self, prediction: Array, target: RealArray, weight: Array | None
    ) -> float:
        """Return the share of rows whose predicted class is right."""
        right = _logits(prediction).argmax(axis=1) == target.ravel()
        return float(np.average(right, weights=weight))

    def predict(self, X: Any) -> Any:
        """Return the most probable class of each row, shape (N,)."""
        best = _logits(self._outputs(X)).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, shape (N, n_classes)."""
        return Softmax().forward(_logits(self._outputs(X)))

    def predict_log_proba(self, X: Any) -> Array:
        """Return log p, which is finite even if p rounds to 0."""
        z = _logits(self._outputs(X))
        z = z - z.max(axis=1, keepdims=True)
        with np.errstate(under="ignore"):
            return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))


def _logits(z: Array) -> Array:
    """Return a logit for each class; for two, 0 and z: σ(z) = softmax(0, z)₂."""
    return np.hstack([np.zeros_like(z), z]) if z.shape[1] == 1 else z
