"""The members of a checkpoint's file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from mlp._shared.arrays import RealArray
from mlp.core.layer import Layer
from mlp.core.optimizer import Optimizer
from mlp.fitting import architecture, archive, generators, values

VERSION = 1
_STATES = 8  # how many copies of the parameters an optimizer may keep as its state


def may_be_infinite(model: Layer) -> set[str]:
    """Return the members that may hold infinity, as a running minimum."""
    names = {name for name, _ in model.named_buffers()}
    return names | {f"progress.best.{name}" for name in names}


def of_optimizer(model: Layer, optimizer: Optimizer) -> list[tuple[str, RealArray]]:
    """Return the members that keep an optimizer."""
    kept = [("optimizer.class", np.array(_class_of(optimizer)))]
    room = values.Room(model, _STATES)
    for name, value in optimizer.state_dict().items():
        key = f"optimizer.{name}"
        if isinstance(value, str):
            array = np.array(_json(value))
        else:
            array = values.numbers(key, np.asarray(value))
        if not room.takes(array.dtype, array.nbytes):
            raise ValueError(
                f"save: expected the optimizer's state of at most {_STATES} times "
                f"the parameters' size, and {values.MOST_ARRAYS >> 20} MiB, got more "
                f"with {name}; keep less in state"
            )
        kept.append((key, array))
    return kept


class Contents:
    """What a file holds for a model and an optimizer, all of it checked."""

    def __init__(
        self,
        model: Layer,
        optimizer: Optimizer | None,
        members: dict[str, RealArray],
        best: bool,
    ) -> None:
        self._model, self._optimizer = model, optimizer
        self._targets = model.state_arrays()
        optional = {"architecture", "generators"} | set(self._targets)
        self.progress = values.decoded(
            {
                name: array
                for name, array in members.items()
                if name.startswith("progress.") and name not in optional
            }
        )
        self._arrays = {name: members[name] for name in self._targets}
        if best:
            self._arrays = _best(self.progress, self._targets)
        self._columns: dict[str, tuple[str, ...]] = {}
        if "architecture" in members:  # older files have none
            text = members["architecture"].tobytes()
            self._columns = architecture.columns(architecture.entries(text))
        self._generators = None
        if "generators" in members:
            text = members["generators"].tobytes()
            self._generators = generators.Loaded(text, model)
        self._state = {
            name.removeprefix("optimizer."): _plain(array)
            for name, array in members.items()
            if name.startswith("optimizer.") and name != "optimizer.class"
        }

    def take_over(self, settings: dict[str, Any]) -> None:
        """Write it into the model and the optimizer, which checks it."""
        if self._optimizer is not None:
            try:
                self._optimizer.load_state_dict(self._state | settings)
            except (ValueError, TypeError) as error:
                raise archive.Damaged(
                    f"another state of the optimizer: {error}"
                ) from None
        for name, target in self._targets.items():
            target[...] = self._arrays[name]
        architecture.set_columns(self._model, self._columns)
        if self._generators is not None:
            self._generators.take_over()


def read(
    file: BinaryIO, model: Layer, optimizer: Optimizer | None, best: bool
) -> Contents:
    """Return the contents of a file, each of them checked before it is read."""
    expected: dict[str, RealArray] = {
        "format_version": np.array(VERSION),
        **model.state_arrays(),
    }
    texts = {"architecture": architecture.text_of(model)}
    form = None
    if optimizer is not None:
        texts["optimizer.class"] = _class_of(optimizer)
        form = _OptimizerForm(model, optimizer)
    free, room = may_be_infinite(model), values.Room(model)
    reader, members, seen = archive.Reader(file), dict[str, RealArray](), set[str]()
    for head in reader:
        name = head.name
        passed_over = False
        if name in expected:
            _expect(head, expected[name])
        elif name in texts or name == "generators":
            most = max(values.MOST_TEXT, len(texts.get(name, b"")))
            _expect_text(head, most)
        elif name.startswith("optimizer."):
            if form is None:
                room.takes_from_a_file(head.dtype, 0)
                passed_over = True
            else:
                form.expect(head)
        elif name.startswith("progress."):
            room.takes_from_a_file(head.dtype, head.nbytes)
            if head.dtype.kind == "S" and (head.shape or name.count(".") > 1):
                raise archive.Damaged(f"one with a text in {name}")
        else:
            raise _besides(name)
        if name in seen:
            raise archive.Damaged(f"one with {name} twice")
        seen.add(name)
        if passed_over:
            reader.skip(head)
            continue
        array = members[name] = reader.read(head)
        is_free = name in free or values.may_be_infinite(name, array.dtype)
        if not (is_free or np.isfinite(array).all()):
            raise archive.Damaged(f"one with NaN or infinity in {name}")
        if name == "format_version" and array != VERSION:
            raise archive.Damaged(
                f"one of format {array}, where this version of mlp reads {VERSION}"
            )
    needed = [*expected, *(form.needed if form else ())]
    missing = [name for name in needed if name not in members]
    if missing:
        of = "optimizer" if missing[0].startswith("optimizer.") else "net"
        raise archive.Damaged(f"one that lacks {missing}; is it another {of}'s?")
    _expect_classes(members, texts)
    return Contents(model, optimizer, members, best)


class _OptimizerForm:
    """What the members of an optimizer look like: its settings and its state."""

    def __init__(self, model: Layer, optimizer: Optimizer) -> None:
        self._optimizer, self._room = optimizer, values.Room(model, _STATES)
        # A name with a dot, velocity.0, is of the state, which a file may lack.
        state = optimizer.state_dict().items()
        self._settings = {
            f"optimizer.{name}": value for name, value in state if "." not in name
        }
        self.needed = list(self._settings)

    def expect(self, head: archive.Head) -> None:
        """Raise unless it is a member of the optimizer."""
        name = head.name
        if name in self._settings:
            like = self._settings[name]
            if isinstance(like, str):
                _expect_text(head, values.MOST_TEXT)
            elif not _is_like(head, np.asarray(like)):
                raise _differs(head, np.asarray(like))
            return
        slot, _, place = name.removeprefix("optimizer.").rpartition(".")
        held, slots = self._optimizer.parameters, self._optimizer.slots
        if not (slot and place.isdecimal() and int(place) < len(held)):
            raise _besides(name)
        if slot in self._optimizer.counts:
            _expect(head, np.array(0))
        elif slots is None:
            self._room.takes_from_a_file(head.dtype, head.nbytes)
            if not archive.is_number(head.dtype):
                raise archive.Damaged(f"one with a text in {name}")
        elif slot in slots:
            _expect(head, held[int(place)].data)
        else:
            raise _besides(name)


def _is_like(head: archive.Head, like: RealArray) -> bool:
    """Return whether a setting is a flag for a flag, else numbers for numbers."""
    is_flag = head.dtype.kind == "b"
    return (
        head.shape == like.shape
        and archive.is_number(head.dtype)
        and is_flag == (like.dtype.kind == "b")
    )


def _expect(head: archive.Head, like: RealArray) -> None:
    if (head.dtype, head.shape) != (like.dtype, like.shape):
        raise _differs(head, like)


def _expect_text(head: archive.Head, most: int) -> None:
    if head.dtype.kind != "S" or head.shape or head.nbytes > most:
        raise archive.Damaged(f"one without a text in {head.name}")


def _differs(head: archive.Head, like: RealArray) -> archive.Damaged:
    return archive.Damaged(
        f"{head.name} of shape {head.shape} in {head.dtype} where {like.shape} in "
        f"{like.dtype} is needed; is it another net's?"
    )


def _besides(name: str) -> archive.Damaged:
    return archive.Damaged(f"{name} besides; is it another net's?")


def _plain(array: RealArray) -> Any:
    """Return an array as it is, and the text in one of a text."""
    if array.dtype.kind != "S":
        return array
    try:
        text = json.loads(array.tobytes())
    except (RecursionError, ValueError):
        text = None
    if isinstance(text, str) and _json(text) == array.tobytes():
        return text
    raise archive.Damaged(f"one with {array.tobytes()!r:.50} for the optimizer")


def _best(
    progress: Mapping[str, Any], targets: Mapping[str, RealArray]
) -> dict[str, RealArray]:
    """Return the best parameters and buffers that fit has put into progress."""
    best = progress.get("best")
    if isinstance(best, dict) and best.keys() == targets.keys():
        like = [(a.shape, a.dtype) for a in targets.values()]
        if [(best[name].shape, best[name].dtype) for name in targets] == like:
            return best
    raise archive.Damaged(
        "one without best parameters, which fit writes with patience; leave best out"
    )


def _class_of(optimizer: Optimizer) -> bytes:
    return _json({"class": type(optimizer.inner).__name__})


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _expect_classes(members: dict[str, RealArray], texts: Mapping[str, bytes]) -> None:
    """Raise unless the texts in a file, which older ones lack, are those of texts."""
    for name, own in texts.items():
        text = members[name].tobytes() if name in members else own
        if text != own and not _have_the_same_classes(text, own):
            raise archive.Damaged(
                f"one of {_listed(text)} where this is of {_listed(own)}; is it the "
                f"file of another net?"
            )


def _have_the_same_classes(one: bytes, other: bytes) -> bool:
    """Return whether two architectures differ in nothing but settings."""
    try:
        return _classes(one) == _classes(other)
    except archive.Damaged:
        return False


def _classes(text: bytes) -> list[tuple[str, str]]:
    return [(path, e["class"]) for path, e in architecture.entries(text).items()]


def survey(file: BinaryIO) -> tuple[bytes, dict[str, tuple[int, ...]]]:
    """Return the architecture in a file, and the shapes of its arrays.

    All of the file is read, but only the former is kept, so that no array
    has to be made on the word of the file.
    """
    reader, shapes, text = archive.Reader(file), dict[str, tuple[int, ...]](), b""
    for head in reader:
        if head.name == "architecture":
            _expect_text(head, values.MOST_TEXT)
            text = reader.read(head).tobytes()
        else:
            reader.skip(head)
        if head.name in shapes:
            raise archive.Damaged(f"one with {head.name} twice")
        shapes[head.name] = head.shape
    if not text:
        raise archive.Damaged(architecture.OLDER)
    return text, shapes


def _listed(text: bytes) -> str:
    """Return the names of the classes in a text."""
    names = re.findall(r'"class": "([^"]*)"', text.decode(errors="replace"))
    return f"{', '.join(names):.300}"
