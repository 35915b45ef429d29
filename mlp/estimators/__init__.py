"""MLPClassifier and MLPRegressor: scikit-learn estimators.

They have the names, defaults and definitions of scikit-learn's own classes.
They work wherever an estimator does, in pipelines, searches and
cross-validation, and they train with mlp.fit. The attribute model_ is the
net, an ordinary Sequential: pass it to derive, diagnose or check_gradients.
docs/guide.md has a section on the estimators. Read penalty.py next: it has
the only new formula.
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
