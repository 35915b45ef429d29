"""A file of another net, optimizer or version is refused, and changes nothing."""

import numpy as np
import pytest
from checkpoints import arrays_of, bits, forged, net, refused
from strangers import Residual

from mlp import (
    SGD,
    CheckpointError,
    Identity,
    Linear,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    load,
    save,
)
from mlp.fitting import archive as _archive
from mlp.fitting import contents


def test_too_many_or_too_large_members_are_refused(path):
    model, _ = net()
    save(path, model)
    forged(path, progress__text=np.array(b'"' + b"a" * 2**20 + b'"'))
    refused(path, model, match="more progress than save allows")
    save(path, model)
    forged(path, progress__x=np.zeros(2**21 + 10_000))
    refused(path, model, match="more progress than save allows")
    for prefix in ("progress.x", "optimizer.velocity."):
        save(path, model)
        forged(path, **{f"{prefix}{i}": np.zeros(0) for i in range(17_000)})
        refused(path, model, match="more progress than save allows")


# ------------------------------------------------- a whole file of another


def test_a_file_of_another_net_is_refused(path):
    model, optimizer = net()
    for widths in ((3, 3, 1), (2, 4, 1), (2, 3, 2)):
        save(path, *net(widths=widths))
        refused(path, model, optimizer, "is it another net's")
    save(path, *net(dtype=np.float32))
    refused(path, model, optimizer, r"in float32 where \(3, 2\) in float64 is needed")
    save(path, Sequential(*model, ReLU(), Linear(1, 1)))
    refused(path, model, match="got 4.weight besides")
    save(path, model[:1])
    refused(path, model, match=r"lacks \['2.weight', '2.bias'\]")


def test_a_file_of_another_optimizer_is_refused(path):
    model, optimizer = net()
    save(path, model)
    refused(path, model, optimizer, r"lacks \['optimizer.lr', .*another optimizer's")
    save(path, model, optimizer)
    some = SGD(model.parameters()[:2], lr=0.1)
    refused(path, model, some, "got optimizer.velocity.2 besides")
    some = SGD(model.parameters()[::-1], lr=0.1)
    refused(path, model, some, "optimizer.velocity.0 of shape")
    forged(path, optimizer__lr=np.array(-1.0))
    refused(path, model, optimizer, "expected lr above 0")
    forged(path, optimizer__lr=np.array(0.1), optimizer__nesterov=np.array(1.0))
    refused(path, model, optimizer, "optimizer.nesterov of shape")


class Block(ReLU):
    def __init__(self, inside):
        self.inside = inside


@pytest.mark.parametrize(
    ("saved", "loaded", "sentence"),
    [
        (Sequential(ReLU()), Sequential(Sigmoid()), "ReLU where .* Sigmoid"),
        (Sequential(ReLU()), Sequential(), "Sequential, ReLU where .* Sequential;"),
        (
            Sequential(),
            Sequential(ReLU()),
            "Linear, Sequential where .* Sequential, ReLU",
        ),
        (Residual(ReLU()), Sequential(ReLU()), "Linear, Residual, ReLU where"),
        (Sequential(ReLU()), Residual(ReLU()), "where this is of .*Residual"),
        (Block(ReLU()), Block(Sigmoid()), "Block, ReLU where .* Block, Sigmoid"),
        (
            Sequential(ReLU(), Identity()),
            Sequential(Identity(), ReLU()),
            "ReLU, Identity where .* Identity, ReLU",
        ),
    ],
)
def test_a_file_of_layers_of_other_classes_is_refused(path, saved, loaded, sentence):
    save(path, Sequential(Linear(2, 2), saved))
    refused(path, Sequential(Linear(2, 2), loaded), match=sentence)
    load(path, Sequential(Linear(2, 2), saved))


def test_a_file_of_an_optimizer_of_another_class_is_refused(path):
    class Own(SGD):
        """An optimizer of a reader's own."""

    model, optimizer = net()
    own = Own(model.parameters(), lr=0.1)
    save(path, model, own)
    refused(path, model, optimizer, "one of Own where this is of SGD")
    load(path, model, own)
    load(path, model)
    save(path, model, optimizer)
    refused(path, model, own, "one of SGD where this is of Own")


def test_a_file_from_before_classes_were_written_is_read(path):
    model, optimizer = net()
    save(path, model, optimizer, epoch=3)
    forged(path, architecture=None, optimizer__class=None)
    again, its_optimizer = net(1)
    assert load(path, again, its_optimizer) == {"epoch": 3}
    assert bits(again, its_optimizer) == bits(model, optimizer)


@pytest.mark.parametrize("name", ["architecture", "optimizer.class"])
@pytest.mark.parametrize(
    "forgery",
    [
        np.array(b"{"),
        np.array(b"[" * 100_000),
        np.array(b"null"),
        np.array(b'{"class": "SGD" }'),
        np.array(b"\xff\n"),
        np.array([b"{}"]),
        np.array(1.0),
        np.array(b"a" * (2**20 + 1)),
    ],
    ids=lambda array: f"{array!r:.20}",
)
def test_a_text_of_classes_that_save_does_not_write_is_refused(path, name, forgery):
    model, optimizer = net()
    save(path, model, optimizer)
    arrays = arrays_of(path)
    with open(path, "wb") as file:
        _archive.write(file, arrays | {name: forgery})
    is_read = forgery.dtype.kind == "S" and not forgery.ndim and forgery.nbytes < 2**20
    sentence = "one of .* where this is of" if is_read else f"without a text in {name}"
    refused(path, model, optimizer, match=sentence)


# ------------------------------------------------------- the best parameters


@pytest.mark.parametrize(
    "progress",
    [
        {},
        {"best": 0.5},
        {"best": {"0.weight": np.zeros((3, 2))}},
        {"best": np.zeros(3)},
    ],
    ids=str,
)
def test_a_file_without_the_best_says_so(path, progress):
    model, optimizer = net()
    save(path, *net(1), **progress)
    before = bits(model, optimizer)
    sentence = "got one without best parameters, which fit writes with patience"
    with pytest.raises(CheckpointError, match=f"^load: expected .*{sentence}"):
        load(path, model, optimizer, best=True)
    assert bits(model, optimizer) == before
    with pytest.raises(TypeError, match="load: expected best to be True or False"):
        load(path, model, best=1)


@pytest.mark.parametrize(
    "change", [lambda a: a.astype(np.float32), lambda a: a[..., np.newaxis]]
)
def test_best_parameters_of_another_net_are_refused(path, change):
    model, optimizer = net()
    best = {name: change(array) for name, array in model.state_dict().items()}
    save(path, model, best=best)
    before = bits(model)
    with pytest.raises(CheckpointError, match="without best parameters"):
        load(path, model, best=True)
    assert bits(model) == before


def test_another_version_of_the_format_is_refused(path, monkeypatch):
    model, _ = net()
    monkeypatch.setattr(contents, "VERSION", 2)
    save(path, model)
    monkeypatch.undo()
    refused(path, model, match="one of format 2, where this version of mlp reads 1")
    forged(path, format_version=None)
    refused(path, model, match="lacks")


@pytest.mark.parametrize("name", ["0.weight", "optimizer.velocity.0"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_file_with_numbers_that_are_not_finite_is_refused(path, name, value):
    model, optimizer = net()
    save(path, model, optimizer)
    array = arrays_of(path)[name]
    array[1, 0] = value
    forged(path, **{name: array})
    refused(path, model, optimizer, f"NaN or infinity in {name}")


def test_a_parameter_by_a_name_of_the_file_is_refused(path):
    class Net(Sequential):
        def __init__(self):
            super().__init__(Linear(1, 1))
            self.format_version = Parameter([1.0])

    with pytest.raises(ValueError, match="rename that attribute of the model"):
        save(path, Net())
