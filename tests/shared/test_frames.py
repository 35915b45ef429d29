"""pandas's DataFrames and Series in the place of arrays."""

import copy
import pickle
import re

import numpy as np
import pytest

from mlp import (
    SGD,
    BCEWithLogitsLoss,
    CheckpointError,
    CrossEntropyLoss,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Standardizer,
    diagnose,
    fit,
    minibatches,
    one_hot,
    train_step,
    train_test_split,
)
from mlp._shared import frames
from mlp.metrics import accuracy, confusion_matrix, r2

pd = pytest.importorskip("pandas")
N = 12


def table():
    """Return a DataFrame of several sorts of numbers, with an index of its own."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": rng.normal(size=N),
            "rooms": pd.array(rng.integers(1, 9, N), dtype="Int64"),
            "garden": rng.integers(0, 2, N).astype(bool),
            "sold": pd.array(rng.integers(0, 2, N).astype(bool), dtype="boolean"),
            "area": pd.array(rng.normal(size=N), dtype="Float64"),
        },
        index=rng.permutation(N) + 100,
    )


def numbers(frame):
    return np.column_stack([np.asarray(frame[name], float) for name in frame])


X, Y = table(), table()[["size"]] * 2 + 1


def net(k=1):
    rng = np.random.default_rng(0)
    return Sequential(Linear(5, 4, rng=rng), ReLU(), Linear(4, k, rng=rng))


def trained(x, y, criterion=None, k=1, **settings):
    model = net(k)
    optimizer = SGD(model.parameters(), lr=0.05)
    history = fit(
        model, criterion or MSELoss(), optimizer, x, y, epochs=3, rng=0, **settings
    )
    return model, history


def test_a_table_goes_in_wherever_its_numbers_do():
    x, y, w = numbers(X), numbers(Y), np.arange(1.0, N + 1)
    weights = pd.Series(w, index=X.index)
    scaled, expected = Standardizer().fit(X), Standardizer().fit(x)
    assert np.array_equal(scaled.mean, expected.mean)
    assert np.array_equal(scaled.transform(X), expected.transform(x))
    assert np.array_equal(scaled.inverse_transform(X), expected.inverse_transform(x))
    for split in zip(
        train_test_split(X, Y, rng=0), train_test_split(x, y, rng=0), strict=True
    ):
        assert np.array_equal(*split)
    batches = zip(minibatches(X, Y, 5, rng=0), minibatches(x, y, 5, rng=0), strict=True)
    for ours, theirs in batches:
        assert all(map(np.array_equal, ours, theirs))
    model, history = trained(X, Y, sample_weight=weights, validation=(X, Y, weights))
    by_hand, its_history = trained(x, y, sample_weight=w, validation=(x, y, w))
    assert history == its_history
    assert np.array_equal(model.predict(X), by_hand.predict(x))
    assert np.array_equal(model.forward(X), by_hand.forward(x))
    assert MSELoss()(Y, Y + 1, weights) == 1
    assert r2(Y, Y) == 1
    optimizers = [SGD(m.parameters(), lr=0.1) for m in (model, by_hand)]
    losses = [
        train_step(model, MSELoss(), optimizers[0], X, Y),
        train_step(by_hand, MSELoss(), optimizers[1], x, y),
    ]
    assert losses[0] == losses[1]
    assert diagnose(model, MSELoss(), X, Y).ok == diagnose(by_hand, MSELoss(), x, y).ok


@pytest.mark.parametrize(
    "dtype",
    ["int64", "Int64", "bool", "boolean", "Float64", "category", "str", "object"],
)
def test_labels_may_be_a_series(dtype):
    labels = np.random.default_rng(1).integers(0, 2, N)
    values = labels.astype(str) if dtype in ("str", "object") else labels
    series = pd.Series(values, index=X.index).astype(dtype)
    hot = one_hot(series)
    assert np.array_equal(hot, np.eye(2)[labels])
    if dtype in ("str", "object"):
        assert np.array_equal(one_hot(series, pd.Index(["1", "0"])), hot[:, ::-1])
        return
    assert accuracy(hot, series) == 1
    assert np.trace(confusion_matrix(hot, series)) == N
    logits = np.random.default_rng(2).normal(size=(N, 2))
    loss = CrossEntropyLoss()
    assert loss(logits, series) == loss(logits, labels)
    model, _ = trained(X, series, loss, k=2)
    assert np.array_equal(model.predict(X), trained(X, labels, loss, k=2)[0].predict(X))
    column = series.to_frame()
    assert BCEWithLogitsLoss()(logits[:, :1], column) > 0


@pytest.mark.parametrize(
    ("column", "error", "words"),
    [
        (["a"] * N, TypeError, "column 'new' of x to hold real numbers, got dtype"),
        (pd.date_range("2001", periods=N), TypeError, "column 'new' of x to hold real"),
        (pd.Categorical(["a"] * N), TypeError, "column 'new' of x to hold real"),
        (pd.array([1, None] * (N // 2), dtype="Int64"), ValueError,
         "column 'new' of x without missing values, got 6 of 12, the first in row 1"),
        (pd.array([None, True] * (N // 2), dtype="boolean"), ValueError,
         "column 'new' of x without missing values, got 6 of 12, the first in row 0"),
        ([1.0, np.nan] * (N // 2), ValueError, "to be finite, got 6 of 72 entries"),
    ],
)  # fmt: skip
def test_a_column_that_is_no_numbers_is_named(column, error, words):
    wrong = X.assign(new=column)
    with pytest.raises(error, match=words):
        Standardizer().fit(wrong)
    with pytest.raises(error, match=words):
        trained(wrong, Y)
    with pytest.raises(error, match=words):
        net().predict(wrong)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("dtype", ["object", "string", "Int64"])
def test_a_missing_label_is_counted_and_placed(missing, dtype):
    values = [1, missing, 1] if dtype == "Int64" else ["a", missing, "b"]
    series = pd.Series(values, index=[5, 6, 7], dtype=dtype)
    with pytest.raises(ValueError, match="expected labels (without|to be fin)"):
        one_hot(series)


def test_the_cure_for_a_series_is_one_that_it_has():
    """What is advised is done, word by word."""
    target, weight = Y["size"], pd.DataFrame({"w": np.ones(N)})
    x = target.astype("Float64")
    for call, name, value in (
        (lambda target: trained(X, target), "target", target),
        (lambda target: r2(Y, target), "target", target),
        (lambda x: Linear(1, 1, rng=0)(x), "x", x),
        (lambda x: Standardizer().fit(x), "x", x),
        (lambda w: MSELoss()(Y, Y + 1, w), "weight", weight),
    ):
        with pytest.raises(ValueError, match="Series|ravel") as caught:
            call(value)
        cure = re.search(r"(?<=of a Series )\S+|np\.ravel.*", str(caught.value))[0]
        call(eval(cure, {"np": np, name: value}))


# ------------------------------------------------------------------------- names


def test_a_resumed_fit_has_the_names_of_its_own_call(tmp_path):
    path, model = tmp_path / "run.npz", net()

    def fit_on(x, epochs):
        optimizer = SGD(model.parameters(), lr=0.05)
        fit(
            *(model, MSELoss(), optimizer, x, Y),
            epochs=epochs,
            rng=0,
            checkpoint=path,
        )
        return model.feature_names_in_

    assert fit_on(X, 1) == tuple(X)
    assert fit_on(numbers(X), 2) is None
    assert fit_on(X, 3) == tuple(X)
    model.feature_names_in_ = "of", "before"
    path.write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError):
        fit_on(X, 4)
    assert model.feature_names_in_ == ("of", "before")


def test_what_was_fitted_by_name_expects_these_names():
    scaler, (model, _) = Standardizer().fit(X), trained(X, Y, validation=(X, Y))
    assert scaler.feature_names_in_ == model.feature_names_in_ == tuple(X.columns)
    others = [
        (X[[*X.columns[::-1]]], "got the same in another order"),
        (
            X.rename(columns={"size": "length"}),
            r"lacks \['size'\] and has \['length'\]",
        ),
        (X.drop(columns="size"), r"lacks \['size'\] and has \[\] besides"),
        (X.assign(more=1), r"lacks \[\] and has \['more'\] besides"),
    ]
    for use, owner in [
        (scaler.transform, "scaler"),
        (scaler.inverse_transform, "scaler"),
        (model.predict, "model"),
        (copy.deepcopy(model).predict, "model"),
        (pickle.loads(pickle.dumps(model)).predict, "model"),
    ]:
        use(X)
        use(X.set_axis(range(N), axis=0))
        use(numbers(X))
        use(X.set_axis(range(5), axis=1))  # which have no names
        for other, words in others:
            cure = rf"write x\[list\({owner}.feature_names_in_\)\]"
            with pytest.raises(ValueError, match=f"were fitted, .*{words}.*{cure}"):
                use(other)
    with pytest.raises(ValueError, match="fit: expected validation x with the columns"):
        trained(X, Y, validation=(X[[*X.columns[::-1]]], Y))


def test_a_fit_without_names_forgets_them():
    scaler = Standardizer().fit(X).fit(numbers(X))
    assert scaler.feature_names_in_ is None
    scaler.transform(X[[*X.columns[::-1]]])
    model, _ = trained(X, Y)
    optimizer = SGD(model.parameters(), lr=0.05)
    fit(model, MSELoss(), optimizer, numbers(X), Y, epochs=1)
    assert model.feature_names_in_ is None
    model.predict(X[[*X.columns[::-1]]])


def test_many_names_are_shown_in_short():
    wide = pd.DataFrame(np.zeros((1, 30)), columns=[f"c{i}" for i in range(30)])
    scaler = Standardizer().fit(wide)
    with pytest.raises(ValueError, match=r"'c9', … \(30\)\], got") as caught:
        scaler.transform(wide.rename(columns=str.upper))
    assert len(str(caught.value)) < 600


def test_only_texts_are_names():
    assert frames.names_of(X) == tuple(X.columns)
    for nameless in (numbers(X), [[1.0]], X["size"], X.set_axis(range(5), axis=1)):
        assert frames.names_of(nameless) is None


class Frame:
    """A table of another library, of which NumPy knows how to make an array."""

    columns = ("a", "b")
    ndim = 2

    def __init__(self, rows):
        self.rows = np.array(rows)

    def __array__(self, dtype=None, copy=None):
        return self.rows.astype(dtype or self.rows.dtype)


def test_another_library_s_table_is_what_numpy_makes_of_it():
    scaler = Standardizer().fit(Frame([[1, 2], [3, 4]]))
    assert (scaler.feature_names_in_, scaler.mean.tolist()) == (("a", "b"), [2, 3])
    with pytest.raises(TypeError, match="hold real numbers, got Frame"):
        scaler.transform(Frame([[1, None], [3, 4]]))


def test_columns_of_a_table_are_numbers_if_each_is():
    frame = pd.DataFrame(
        {
            "a": [1.5, 2.5, 3.5],
            "b": [True, False, True],
            "c": pd.array([1, 2, 3], dtype="Int64"),
            "d": pd.array([False, False, True], dtype="boolean"),
        }
    )
    assert ReLU().forward(frame).tolist() == [
        [1.5, 1, 1, 0],
        [2.5, 0, 2, 0],
        [3.5, 1, 3, 1],
    ]
    assert ReLU().forward(frame["d"]).tolist() == [0, 0, 1]
    frame["text"] = ["x", "y", "z"]
    frame["when"] = pd.to_datetime(["2020", "2021", "2022"])
    frame["gaps"] = pd.array([True, None, True], dtype="boolean")
    with pytest.raises(TypeError, match=r"column 'text' of x .*mlp\.one_hot"):
        ReLU().forward(frame)
    with pytest.raises(TypeError, match=r"column 'when' of x to hold real numbers"):
        ReLU().forward(frame[["b", "when"]])
    with pytest.raises(ValueError, match=r"column 'gaps' of x .*got 1 of 3.*row 1;"):
        ReLU().forward(frame[["c", "gaps"]])
