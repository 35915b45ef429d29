"""MLPClassifier and MLPRegressor: scikit-learn estimators.

They have the names, defaults and definitions of scikit-learn's own, work
wherever an estimator does (pipelines, searches, cross-validation), and
train by mlp.fit. The net is an ordinary Sequential, in model_, which
derive, diagnose and check_gradients take. docs/guide.md has a section on
them; read mlp.estimators.penalty next, for the one formula that is new.
"""

try:
    from mlp.estimators.classifier import MLPClassifier
    from mlp.estimators.regressor import MLPRegressor
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "sklearn":
        raise
    raise ImportError(
        "mlp.estimators: expected scikit-learn, got none; pip install '.[sklearn]' in "
        "the clone",
        name="sklearn",
    ) from None

__all__ = ["MLPClassifier", "MLPRegressor"]
