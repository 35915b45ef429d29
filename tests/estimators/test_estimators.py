"""MLPClassifier and MLPRegressor: scikit-learn's checks, its numbers, its tools."""

import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from unittest import SkipTest

import numpy as np
import pytest

pytest.importorskip("sklearn")

from estimating import assert_like_theirs, quiet, rows
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlp import CrossEntropyLoss, Sequential, check_gradients, derive, diagnose
from mlp.estimators import MLPClassifier, MLPRegressor
from mlp.schedules import exponential

CHECKS = parametrize_with_checks([MLPClassifier(), MLPRegressor()])


@pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), **CHECKS.kwargs)
@pytest.mark.filterwarnings("ignore")  # theirs are of many kinds
def test_scikit_learns_checks(estimator, check, monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # or the check of it is skipped
    try:
        check(estimator)
    except SkipTest as error:
        pytest.fail(f"skipped: {error}")


SOLVERS = [
    ({"solver": "sgd", "learning_rate_init": 0.05}, 1e-9),
    ({"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5}, 1e-9),
    ({"solver": "sgd", "momentum": 0.0}, 1e-9),
    ({"learning_rate_init": 0.01, "beta_1": 0.8, "beta_2": 0.9}, 1e-5),  # ε
]


@pytest.mark.parametrize(("settings", "rtol"), SOLVERS)
@pytest.mark.parametrize("classes", [2, 3, 0])
@pytest.mark.parametrize("alpha", [0.0, 2.0])
def test_each_step_is_scikit_learns(settings, rtol, classes, alpha):
    x, y = rows(classes=classes or 2)
    kind = MLPClassifier if classes else MLPRegressor
    y = y if classes else np.sin(3 * x[:, 0])
    fixed = {"alpha": alpha, "shuffle": False, "batch_size": 7, "max_iter": 5}
    net = kind((4, 3), "tanh", random_state=0, **fixed, **settings)
    other = assert_like_theirs(net, x, y, rtol)
    if classes:
        np.testing.assert_allclose(net.predict_proba(x), other.predict_proba(x), 1e-4)
    assert net.score(x, y) == pytest.approx(other.score(x, y))


def test_the_net_goes_into_the_tools():
    x, y = rows(classes=3)
    net = quiet(MLPClassifier((4,), "tanh", max_iter=3, random_state=0), x, y)
    assert type(net.model_) is Sequential
    check_gradients(net.model_, CrossEntropyLoss(), x, y).raise_if_wrong()
    assert "layer 0" in str(diagnose(net.model_, CrossEntropyLoss(), x, y))
    assert derive(net.model_, CrossEntropyLoss()).check(x[0], [0, 0, 1]) < 1e-10


def test_it_says_what_is_missing():
    code = "import sys; sys.modules['sklearn'] = None\nimport mlp, mlp.fitting.fit\n"
    for line in ("import mlp.estimators", "mlp.estimators"):
        done = subprocess.run(
            [sys.executable, "-c", code + line], capture_output=True, text=True
        )
        assert done.stderr.splitlines()[-1] == (
            "ImportError: mlp.estimators: expected scikit-learn, got none; pip "
            "install '.[sklearn]' in the clone"
        )


def test_the_guides_blocks_run_and_print_what_stands_beside(capsys):
    guide = Path(__file__).parents[2] / "docs" / "guide.md"
    section = guide.read_text(encoding="utf-8").partition("# A net as a scikit")[2]
    section = section.partition("\n## ")[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    exec(compile("\n".join(lines), "guide.md", "exec"), {})
    shown = [line.partition("  # ")[2] for line in lines if "  # " in line]
    assert len(shown) == 4
    for printed, expected in zip(capsys.readouterr().out.split(), shown, strict=True):
        if "." in expected:
            assert float(printed) == pytest.approx(float(expected), abs=0.02)
        else:
            assert printed == expected


# ------------------------------------------------------- scikit-learn's tools

FAST = {"max_iter": 30, "learning_rate_init": 0.05, "random_state": 0}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestTools:
    def test_pipeline_and_cross_validation(self):
        x, y = load_iris(return_X_y=True)
        pipeline = make_pipeline(StandardScaler(), MLPClassifier((16,), **FAST))
        assert cross_val_score(pipeline, x, y, cv=3).mean() > 0.9
        x, y = load_diabetes(return_X_y=True)
        net = make_pipeline(StandardScaler(), MLPRegressor((16,), alpha=1.0, **FAST))
        assert cross_val_score(net, x, (y - 150) / 80, cv=3).mean() > 0.3

    def test_grid_search_in_two_processes(self):
        x, y = rows(60)
        grid = {"hidden_layer_sizes": [(), (4,)], "alpha": [0.0, 1e-2]}
        search = GridSearchCV(MLPClassifier(**FAST), grid, cv=2, n_jobs=2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib's, of where processes begin
            search.fit(x, y)
        assert search.best_score_ > 0.8
        assert search.best_estimator_.predict(x).shape == (60,)

    def test_a_data_frame_with_text(self):
        pandas = pytest.importorskip("pandas")
        x, y = rows(60)
        frame = pandas.DataFrame(x, columns=["a", "b", "c"])
        frame["colour"] = np.where(y == 1, "red", "blue")
        columns = ColumnTransformer(
            [
                ("n", StandardScaler(), ["b", "c"]),
                ("t", OneHotEncoder(sparse_output=False), ["colour"]),
            ]
        )
        net = make_pipeline(columns, MLPClassifier((4,), **FAST))
        answers = pandas.Series(np.where(y == 1, "warm", "cold"))
        assert net.fit(frame, answers).score(frame, answers) > 0.95
        plain = MLPRegressor((4,), **FAST).fit(frame[["a", "b"]], y)
        assert plain.feature_names_in_.tolist() == ["a", "b"]
        with pytest.raises(ValueError, match="feature names should match"):
            plain.predict(frame[["b", "a"]])
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            plain.predict(x[:, :2])

    def test_calibration_and_importance(self):
        x, y = rows(80)
        net = CalibratedClassifierCV(MLPClassifier((4,), **FAST), cv=2).fit(x, y)
        assert np.allclose(net.predict_proba(x).sum(axis=1), 1)
        plain = MLPClassifier((4,), **FAST).fit(x, y)
        found = permutation_importance(plain, x, y, n_repeats=3, random_state=0)
        assert found.importances_mean.argmax() == 0

    def test_a_pickle_and_a_clone(self):
        x, y = make_classification(random_state=0)
        net = MLPClassifier((4,), schedule=exponential(0.9), **FAST).fit(x, y)
        other = pickle.loads(pickle.dumps(net))
        assert np.array_equal(other.predict_proba(x), net.predict_proba(x))
        twin = clone(net)
        assert not hasattr(twin, "model_")
        assert twin.get_params()["alpha"] == net.alpha
