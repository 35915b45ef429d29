"""load_model makes the net in a file anew, and nothing else."""

import functools
import json
import os
import tracemalloc

import library
import numpy as np
import pytest
from small import Softplus
from strangers import Residual

import mlp
from mlp import (
    SGD,
    BatchNorm1d,
    CheckpointError,
    Dropout,
    Identity,
    Layer,
    LayerNorm,
    LeakyReLU,
    Linear,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Standardizer,
    Tanh,
    fit,
    load,
    load_model,
    save,
    train_step,
)
from mlp.fitting import architecture, archive


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


class Scale(Softplus):
    """One whose argument is the attribute of its name, NumPy's number."""

    def __init__(self, factor, rng=None):
        self.factor = np.float64(factor)
        self.rng = np.random.default_rng(rng)

    def forward(self, x):
        return super().forward(self.factor * x)


class Block(Layer):
    """One that takes layers, and has one of them twice."""

    def __init__(self, first, rest):
        self.first, self.rest = first, rest

    def forward(self, x):
        return self.first.forward(x)

    def backward(self, grad_output):
        return self.first.backward(grad_output)


class Wide(Linear):
    """A subclass with an __init__ of its own, and settings of its own."""

    def __init__(self, n):
        super().__init__(n, 2 * n, rng=0)

    def settings(self):
        return {"n": self.in_features}


class TwoLayers(Sequential):
    def __init__(self, h=3):
        super().__init__(Linear(3, h, rng=0), ReLU(), Linear(h, 3, rng=1))
        self.h = h


OWN = {c.__name__: c for c in (Softplus, Scale, Block, Wide, Residual, TwoLayers)}


def whole():
    """Return a net of each of the library's layers, after a step of training."""
    rng = np.random.default_rng(0)
    f4 = np.float32
    model = Sequential(
        Linear(3, 4, rng=rng, dtype=f4),
        BatchNorm1d(4, eps=1e-3, momentum=0.3, dtype=f4),
        LeakyReLU(0.2),
        Sequential(Dropout(0.3, rng=rng), ReLU(), Dropout(0.1, rng=rng)),
        Sequential(Linear(4, 5, bias=False, rng=rng), LayerNorm(5, eps=1e-2)),
        Sequential(Sequential(Sequential(Tanh(), Sigmoid())), Identity()),
        Softmax(),
        Dropout(0.2, rng=7),
        Sequential(*(library.layer(name, 5, rng=rng) for name in library.LAYERS)),
    )
    optimizer = SGD(model.parameters(), lr=0.1)
    x = np.random.default_rng(1).normal(size=(6, 3)).astype(f4)
    train_step(model, MSELoss(), optimizer, x, np.ones((6, 5)))
    model[1].eval()
    model[5].eval()
    return model


def described(model):
    """Return all that a file keeps of a net."""
    return (
        architecture.text_of(model),
        repr(model),
        {n: (a.dtype, a.tobytes()) for n, a in model.state_dict().items()},
        {n: g.bit_generator.state for n, g in model.named_generators()},
        [layer.training for layer in model.modules()],
        [
            vars(layer).keys() - {*layer.forward_keeps, "training"}
            for layer in model.modules()
        ],
    )


def test_a_net_of_each_layer_comes_back_whole(path):
    model = whole()
    names = {type(layer).__name__ for layer in model.modules()}
    assert names == set(architecture.LIBRARY)
    save(path, model)
    again, extras = load_model(path)
    assert extras == {}
    assert described(again) == described(model)
    assert again[3][0].rng is again[3][2].rng is not again[7].rng
    x = np.random.default_rng(2).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_array_equal(again.predict(x), model.predict(x), strict=True)
    np.testing.assert_array_equal(again.forward(x), model.forward(x), strict=True)
    other = path.with_name("other.npz")
    save(path, model)
    save(other, again)
    assert path.read_bytes() == other.read_bytes()


def test_the_sizes_that_are_checked_are_those_of_all_layers_with_arrays():
    for name, kind in architecture.LIBRARY.items():
        settings = {
            size: i + 2 for i, size in enumerate(architecture.SIZES.get(name, ()))
        }
        layer = kind(**settings)
        shapes = {n: a.shape for n, a in layer.state_arrays().items()}
        assert shapes.get("weight", ()) == tuple(settings.values())
        largest = max((np.prod(shape) for shape in shapes.values()), default=0)
        assert largest <= np.prod(shapes.get("weight", (0,)))


@pytest.mark.parametrize(
    "model",
    [
        Sequential(Linear(2, 3, rng=0), Softplus(), Scale(0.5, rng=3)),
        Sequential(Wide(3), Sequential(Scale(2.0))),
        Sequential(Block(Linear(2, 2, rng=0), [ReLU(), Softplus()])),
        Sequential(TwoLayers(4), Residual(Linear(3, 3, rng=0), Tanh())),
        Residual(Linear(3, 3, rng=0), Residual()),
        TwoLayers(),
    ],
    ids=lambda model: f"{model!r:.20}",
)
def test_a_reader_s_layers_are_made_of_the_classes_that_are_given(path, model):
    save(path, model)
    again, _ = load_model(path, layers=OWN)
    assert described(again) == described(model)
    load(path, again)
    used = {type(layer).__name__ for layer in model.modules()} & set(OWN)
    sentence = "layers of other classes than mlp's; .* load_model\\(path, layers={"
    with pytest.raises(CheckpointError, match=sentence) as caught:
        load_model(path)
    assert any(f'"{name}": {name}' for name in used if name in str(caught.value))


def test_what_is_shared_stays_shared(path):
    one = Linear(2, 2, rng=0)
    model = Sequential(Block(one, one), Linear(2, 2), Linear(2, 2, bias=False))
    model[2].weight = model[1].weight
    save(path, model)
    again, _ = load_model(path, layers=OWN)
    assert described(again) == described(model)
    assert again[0].first is again[0].rest
    assert again[1].weight is again[2].weight is not again[0].first.weight


def test_a_reader_s_class_is_never_taken_for_the_library_s(path):
    class Linear(mlp.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    model = Sequential(Linear(2, 3, rng=0))
    save(path, model)
    with pytest.raises(CheckpointError, match='"Linear": Linear'):
        load_model(path)
    again, _ = load_model(path, layers={"Linear": Linear})
    assert type(again[0]) is Linear
    save(path, Sequential(mlp.Linear(2, 3)))
    assert type(load_model(path, layers={"Linear": Linear})[0][0]) is mlp.Linear


class Hidden(Softplus):
    def __init__(self, secret):
        self.kept = secret


class Any(Softplus):
    def __init__(self, *args):
        self.args = args


class WithArray(Softplus):
    def __init__(self, s):
        self.s = Parameter([s])


class Named(Softplus):
    def __init__(self, name):
        self.name = name


class Deeper(mlp.Linear):  # whose settings are those of Linear, and too few
    def __init__(self, n, factor=1.0):
        super().__init__(n, n)
        self.times = factor


@pytest.mark.parametrize(
    "layer",
    [Hidden(1), Any(1), WithArray(1.0), Deeper(2), Named("\ud800")],
    ids=lambda layer: type(layer).__name__,
)
def test_settings_that_are_not_known_are_a_sentence_at_load_model(path, layer):
    model = Sequential(Sequential(layer))
    save(path, model)
    load(path, model)
    kinds = {type(layer).__name__: type(layer)}
    with pytest.raises(
        CheckpointError, match="settings of layer 0.0, a .* settings\\("
    ):
        load_model(path, layers=kinds)


def test_a_method_that_was_set_on_a_layer_is_a_sentence(path):
    model = Sequential(ReLU(), Linear(2, 2))
    model.forward = lambda x: x
    save(path, model)
    load(path, model)
    with pytest.raises(
        CheckpointError, match="outermost layer, a Sequential, had a meth"
    ):
        load_model(path)


def test_what_was_hung_on_a_library_s_layer_is_a_sentence(path):
    model = Sequential(ReLU(), Linear(2, 2))
    model.head = Linear(2, 2)
    save(path, model)
    with pytest.raises(CheckpointError, match="layer head is not what its classes"):
        load_model(path)
    del model.head
    model[0].s = Parameter([1.0])
    save(path, model)
    with pytest.raises(CheckpointError, match="0.s besides"):
        load_model(path)


def test_extras_come_back(path):
    scaler = Standardizer().fit(np.random.default_rng(0).normal(size=(7, 3)) / 3)
    extras = {
        "scaler": scaler,
        "empty": Standardizer(),
        "columns": ("a", "ü\n"),
        "classes": ["yes", "no"],
        "sizes": [np.int64(3), np.float32(0.5), np.True_],
        "series": [np.float64(np.nan), np.float64(1.5)],
        "mean": np.arange(3.0),
    }
    save(path, Sequential(Linear(3, 1)), **extras)
    _, found = load_model(path)
    assert list(found) == list(extras)
    for name in ("mean", "std"):
        np.testing.assert_array_equal(
            getattr(found["scaler"], name), getattr(scaler, name), strict=True
        )
    assert type(found["empty"]) is Standardizer and found["empty"].mean is None
    assert found["columns"] == ["a", "ü\n"] and found["classes"] == ["yes", "no"]
    assert found["sizes"] == [3, 0.5, True]
    assert np.isnan(found["series"][0]) and found["series"][1:] == [1.5]
    assert found["mean"].tolist() == [0.0, 1.0, 2.0]


def test_the_names_of_columns_come_back(path):
    x = np.random.default_rng(0).normal(size=(6, 2))
    model = Sequential(Sequential(Linear(2, 1, rng=0)))
    model.feature_names_in_ = ("age", "größe")
    scaler = Standardizer().fit(x)
    scaler.feature_names_in_ = ("age", "größe")
    save(path, model, scaler=scaler)
    again, extras = load_model(path)
    assert again.feature_names_in_ == model.feature_names_in_
    assert extras["scaler"].feature_names_in_ == scaler.feature_names_in_
    assert again[0].feature_names_in_ is None
    save(path, again, **extras)
    assert described(load_model(path)[0]) == described(model)
    for columns in (["age", "age"], [1, 2], "age", {}, None, [["age"]]):
        text = entries(path)
        text[""]["columns"] = columns
        written(path, text)
        with pytest.raises(CheckpointError):
            load_model(path)
        with pytest.raises(CheckpointError):
            load(path, model)
        assert model.feature_names_in_ == ("age", "größe")
    save(path, model, scaler=scaler)
    scale = b'{"standardizer": {"mean": [1.0], "std": [1.0], "feature_names_in_": %s}}'
    for names in (b'["a", "b"]', b"[1]", b'"a"', b"null"):
        written(path, progress__scaler=np.array(scale % names))
        with pytest.raises(CheckpointError, match="in its progress"):
            load_model(path)


@pytest.mark.parametrize("names", [("age", "größe"), None])
def test_load_brings_the_names_of_columns_back_as_load_model_does(path, names):
    class Twice(Softplus):
        def __init__(self, inner):
            self.inner = self.same = inner

    def net():
        return Sequential(Twice(Sequential(Linear(2, 2, rng=0))))

    model, other = net(), net()
    model.feature_names_in_, model[0].inner.feature_names_in_ = names, ("p", "q")
    other.feature_names_in_ = "of", "before"
    save(path, model)
    load(path, other)
    for again in (other, load_model(path, layers={"Twice": Twice})[0]):
        assert again.feature_names_in_ == names
        assert again[0].same.feature_names_in_ == ("p", "q")


class Mine(Standardizer):
    """A reader's own, whose transform may be another."""


def test_other_extras_are_refused(path):
    model, wrong = Sequential(Linear(1, 1)), Standardizer().fit([[1.0]])
    wrong.std = np.array([np.inf])
    for value in (Mine(), (1, 2), ("a", 1), [Standardizer()], Standardizer, wrong):
        with pytest.raises((TypeError, ValueError), match="save: expected"):
            save(path, model, value=value)
    assert not path.exists()


def test_a_checkpoint_of_fit_is_a_model(path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(20, 1))
    model = Sequential(Linear(2, 3, rng=0), Tanh(), Dropout(0.2, rng=1), Linear(3, 1))
    optimizer = mlp.Adam(model.parameters(), lr=0.1)
    rows = {"validation": (x[:9], y[:9]), "patience": 2, "rng": 0}
    history = fit(model, MSELoss(), optimizer, x, y, epochs=30, checkpoint=path, **rows)
    best, progress = load_model(path, best=True)
    last, _ = load_model(path)
    assert described(best)[2] == described(model)[2] != described(last)[2]
    assert progress["validation_loss"] == history.validation_loss
    save(path, model)
    with pytest.raises(CheckpointError, match="one without best parameters"):
        load_model(path, best=True)


# ---------------------------------------------------------- files not to trust


def written(path, text=None, **members):
    """Write the file again with another architecture, and other members."""
    with np.load(path, allow_pickle=False) as found:
        arrays = dict(found)
    if text is not None:
        if not isinstance(text, bytes):
            text = json.dumps(text, ensure_ascii=False).encode()
        arrays["architecture"] = np.array(text)
    for name, array in members.items():
        arrays[name.replace("__", ".")] = array
    with open(path, "wb") as file:
        archive.write(file, {n: a for n, a in arrays.items() if a is not None})


def entries(path):
    with np.load(path, allow_pickle=False) as found:
        return json.loads(found["architecture"].item())


@pytest.fixture
def made(monkeypatch):
    """Return a list of the library's layers that are made, by their names."""
    made = []
    for kind in (Linear, Dropout, Sequential):

        @functools.wraps(kind.__init__)
        def new(self, *args, whole=kind.__init__, **settings):
            made.append(type(self).__name__)
            whole(self, *args, **settings)

        monkeypatch.setattr(kind, "__init__", new)
    return made


def small(path):
    model = Sequential(Linear(2, 1, rng=0), Sequential(Dropout(0.5, rng=0)), Softplus())
    save(path, model, scale=Standardizer().fit([[1.0], [2.0]]), names=["a"])


def test_each_byte_flipped_is_refused_before_anything_is_made(path, made):
    small(path)
    made.clear()
    raw, rng = path.read_bytes(), np.random.default_rng(0)
    with open(path, "r+b", buffering=0) as file:
        for i in range(0, len(raw), 3):
            os.pwrite(file.fileno(), bytes([raw[i] ^ int(rng.integers(1, 256))]), i)
            with pytest.raises(
                CheckpointError, match="load_model: expected .*model.npz"
            ):
                load_model(path, layers=OWN)
            os.pwrite(file.fileno(), raw[i : i + 1], i)
        for length in range(len(raw) - 1, 0, -7):
            os.truncate(path, length)
            with pytest.raises(CheckpointError):
                load_model(path, layers=OWN)
    assert made == []
    path.write_bytes(raw)
    load_model(path, layers=OWN)
    assert sorted(made) == ["Dropout", "Linear", "Sequential", "Sequential"]


@pytest.mark.parametrize(
    "change",
    [
        {"class": "os.system"},
        {"class": "system"},
        {"class": "Layer"},
        {"class": "CrossEntropyLoss"},
        {"class": "Linear\n"},
        {"class": ""},
        {"class": "__import__"},
        {"class": "os.system", "own": True},
        {"class": "ReLU"},
        {"class": 5},
        {"class": None},
        {"own": True},
        {"own": 1},
        {"settings": []},
        {"settings": {}},
        {"settings": None},
        {"settings": {"in_features": 2, "out_features": 1}},
        {"settings": {"in_features": 10**9, "out_features": 10**9}},
        {"in_features": 10**12},
        {"out_features": 3},
        {"out_features": True},
        {"out_features": 1.0},
        {"in_features": [2]},
        {"in_features": {"layer": "1"}},
        {"bias": False},
        {"bias": 1},
        {"dtype": "float32"},
        {"dtype": "float16"},
        {"dtype": "object"},
        {"init": "zeros"},
        {"rng": 0},
        {"in_features": {"layer": "0"}},
        {"in_features": {"layer": "nowhere"}},
        {"in_features": {"path": "1"}},
        {"code": "import os"},
        {"training": True},
        {"training": "no"},
        {"same_as": "0"},
        {"shared": {"weight": "0.bias"}},
        {"shared": {"weight": "nowhere.bias"}},
        {"shared": {"forward": "0.weight"}},
    ],
    ids=str,
)
def test_an_architecture_that_save_did_not_write_is_refused(path, change, monkeypatch):
    small(path)
    found = entries(path)
    settings = found["0"]["settings"]
    for key, value in change.items():
        is_setting = key in settings or key in ("init", "rng")
        (settings if is_setting else found["0"])[key] = value
    written(path, found)
    monkeypatch.setattr(os, "system", lambda *args: pytest.fail("it was run"))
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="load_model: expected .*model.npz"):
        load_model(path, layers=OWN | {"ReLU": ReLU, "Layer": Layer})
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b'{"": null}',
        b'{"": {}}',
        b"\xff",
        b"[" * 100_000,
        b'{"": {"class": "Sequential", "settings": {"a": %s}}}'
        % (b"[" * 900 + b"1" + b"]" * 900),
        b'{"": {"class": "Sequential", "settings": {}}, "0": 1}',
        b'{"0": {"class": "ReLU", "settings": {}}}',
        b'{"": {"class": "ReLU", "settings": {}}}',
        b'{"":{"class":"Sequential","settings":{}}}',
        b'{"": {"class": "Sequential", "settings": {}}, "": {"class": "ReLU"}}',
        b'{"": {"class": "Sequential", "settings": {}}, "1": {"class": "ReLU", '
        b'"settings": {}}}',
        b'{"": {"class": "Sequential", "settings": {"x": 1}}}',
        b"a" * (2**20 + 1),
    ],
    ids=lambda text: f"{text!r:.40}",
)
def test_a_text_that_is_no_architecture_is_refused(path, text):
    save(path, Sequential())
    load_model(path)
    written(path, text)
    with pytest.raises(CheckpointError, match="load_model: expected .*model.npz"):
        load_model(path)


def test_a_name_that_no_class_has_is_not_asked_for(path):
    save(path, Sequential(Softplus()))
    text = entries(path)
    text["0"]["class"] = "os.system"
    written(path, text)
    for layers in (None, {"os.system": Softplus}):
        with pytest.raises(
            CheckpointError, match="one of 'os.system', which is no lay"
        ):
            load_model(path, layers=layers)


def test_layers_inside_themselves_are_refused_at_once(path):
    save(path, Sequential(Block(ReLU(), ReLU())))
    text = entries(path)
    text["0"]["settings"] = {"first": {"layer": "0"}, "rest": {"layer": "0"}}
    written(path, text)
    with pytest.raises(CheckpointError, match="of no layers, or too many, at '0'"):
        load_model(path, layers=OWN)


def test_layers_that_are_too_deep_are_refused(path):
    save(path, Sequential())
    text = {"": {"class": "Sequential", "settings": {}}}
    for depth in range(1, 300):
        text[".".join("0" * depth)] = {"class": "Sequential", "settings": {}}
    written(path, text)
    with pytest.raises(CheckpointError, match="of no layers, or too many"):
        load_model(path)


@pytest.mark.parametrize(
    "members",
    [
        {"0__weight": None},
        {"0__bias": None},
        {"generators": None},
        {"format_version": None},
        {"progress__names": np.array(b"[1")},
        {"progress__scale": np.array(b'{"standardizer": {"mean": [1], "std": [1]}}')},
        {"progress__scale": np.array(b'{"standardizer": {"mean": [1.0]}}')},
        {
            "progress__scale": np.array(
                b'{"standardizer": {"mean": [1.0], "std": [2.0], "transform": 1}}'
            )
        },
        {
            "progress__scale": np.array(
                b'{"standardizer": {"mean": [NaN], "std": [1.0]}}'
            )
        },
        {"progress__scale": np.array(b'{"os.system": {}}')},
        {"0__weight": np.ones((1, 3))},
        {"0__weight": np.ones((2, 1))},
        {"0__weight": np.ones((1, 2), np.float32)},
        {"0__weight": np.array([[np.nan, 1.0]])},
        {"0__bias": np.ones(2)},
        {"0__more": np.ones(2)},
        {"more": np.ones(2)},
        {"3__weight": np.ones(2)},
    ],
    ids=str,
)
def test_a_file_with_other_members_is_refused(path, members):
    small(path)
    load_model(path, layers=OWN)
    written(path, **members)
    with pytest.raises(CheckpointError, match="load_model: expected .*model.npz"):
        load_model(path, layers=OWN)


def test_a_zip_bomb_is_refused_unread(path):
    small(path)
    with np.load(path, allow_pickle=False) as found:
        arrays = dict(found) | {"0.weight": np.zeros((1, 2**22))}
    with open(path, "wb") as file:
        np.savez_compressed(file, **arrays)
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="that save did not write"):
        load_model(path, layers=OWN)
    assert tracemalloc.get_traced_memory()[1] < 2**21
    tracemalloc.stop()


def test_a_file_of_an_older_version_is_for_load(path):
    model = Sequential(Linear(2, 1, rng=0), Softplus())
    save(path, model)
    for text in ({p: {"class": e["class"]} for p, e in entries(path).items()}, None):
        written(path, text, **({} if text else {"architecture": None}))
        with pytest.raises(CheckpointError, match="one of an older version, without"):
            load_model(path, layers=OWN)
        again = Sequential(Linear(2, 1), Softplus())
        assert load(path, again) == {}
        assert described(again) == described(model)


def test_load_asks_for_the_same_classes_whatever_their_settings(path):
    save(path, Sequential(Linear(2, 2, rng=0), LeakyReLU(0.1), Dropout(0.3)))
    load(path, Sequential(Linear(2, 2), LeakyReLU(0.2), Dropout(0.4)))
    with pytest.raises(
        CheckpointError, match="one of Sequential, Linear, LeakyReLU, D"
    ):
        load(path, Sequential(Linear(2, 2), LeakyReLU(0.2), ReLU()))


def test_wrong_arguments_are_refused(path, tmp_path):
    save(path, Sequential(Softplus()))
    for layers in (
        [Softplus],
        {"a": os.system},
        {1: Softplus},
        {"Softplus": Softplus()},
    ):
        with pytest.raises(
            TypeError, match="expected layers to be a dict of names and"
        ):
            load_model(path, layers=layers)
    with pytest.raises(CheckpointError, match=r"a Softplus, cannot be made .* as rng,"):
        load_model(path, layers={"Softplus": Layer})
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        load_model(tmp_path)


def test_a_pipe_is_read(path, tmp_path):
    save(path, Sequential(Linear(2, 1, rng=0)))
    ends = os.pipe()
    os.write(ends[1], path.read_bytes())
    os.close(ends[1])
    again, _ = load_model(f"/dev/fd/{ends[0]}")
    os.close(ends[0])
    assert described(again) == described(load_model(path)[0])


def test_settings_are_the_arguments_of_the_class():
    assert LeakyReLU(0.3).settings() == {"negative_slope": 0.3}
    assert Dropout(0.3).settings() == {"p": 0.3}
    assert Sequential(ReLU()).settings() == {}
    assert Scale(2.0).settings() == {"factor": 2.0}
    with pytest.raises(TypeError, match="Any.settings: expected arguments with names"):
        Any(1).settings()
    with pytest.raises(AttributeError, match="secret"):
        Hidden(1).settings()
