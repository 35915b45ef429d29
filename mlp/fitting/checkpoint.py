"""save and load: a net and its progress.

A newcomer should learn that a run which cannot be killed has not been
trusted yet. What a step depends on is all in three places, the parameters,
the optimizer's velocities and the generator that shuffles the rows; who
keeps them whole goes on where the run was cut, bit for bit.

fit(..., checkpoint=path) is made of these two functions: load once before
the first epoch, if there is a file, and after each epoch save with the
number of epochs done, the generator, the history and the best parameters.

The file
--------
One .npz of plain arrays, which np.load(path, allow_pickle=False) reads:

    format_version      1
    architecture        a text, JSON: by the path of each layer, its class
    0.weight, …         the parameters, by the names of state_dict()
    optimizer.class     a text, JSON: the name of its class
    optimizer.lr, …     the optimizer's state_dict()
    progress.epoch      a text, JSON, of a number, text, None or generator
    progress.loss[]     a list of floats
    progress.mean       an array
    progress.best.…     a mapping of names to arrays, one member each
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from mlp._shared import arrays, numbers
from mlp._shared.arrays import RealArray
from mlp.core.layer import Layer
from mlp.fitting import archive, files
from mlp.optim.sgd import SGD
from mlp.sequential import Sequential

_VERSION = 1
_PLAIN = (type(None), bool, int, float, str)
_BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
_POSITIONS = {"MT19937": 624, "Philox": 4}  # the length of the buffer read from
_TEXT = 1 << 20
_ROOM = 1 << 24
_A_MEMBER = 1 << 10  # what one costs beside its data, generously


class CheckpointError(ValueError):
    """A file is no checkpoint of this net: another's, cut, or altered.

    Nothing has been changed, neither the net nor the file.

    Examples
    --------
    >>> import os, tempfile
    >>> from mlp import CheckpointError, Linear, Sequential, load, save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "run.npz")
    ...     save(path, Sequential(Linear(2, 1)))
    ...     try:
    ...         load(path, Sequential(Linear(3, 1)))
    ...     except CheckpointError as error:
    ...         print(str(error).partition(", got ")[2].partition(";")[0])
    0.weight of shape (1, 2) in float64 where (1, 3) in float64 is needed
    """


def save(
    path: str | os.PathLike[str],
    model: Sequential,
    optimizer: SGD | None = None,
    **progress: Any,
) -> None:
    """Write the parameters, the optimizer's state and progress to one file.

    It is written beside path, flushed to the disk and renamed: after a kill
    at any moment, or on a full disk, path holds the whole old file or the
    whole new one. Mode, owner and permissions are those that
    open(path, "wb") would leave.

    Parameters
    ----------
    path : str or path
        As it stands: no .npz is added.
    model : Sequential
        All its parameters are written.
    optimizer : SGD or None
        Its settings and velocities are written too.
    **progress
        What else goes on with the run: numbers, texts, None, or a list of
        these; a list of floats, the only place where NaN and infinity may
        be, as a metric may have no value in an epoch; arrays; mappings of
        names to arrays; np.random.Generators. Together at most 16 MiB more
        than the parameters, of which 1 MiB is text.

    Raises
    ------
    ValueError
        If a value is not finite, or too large, or a name is no identifier.
    TypeError
        If something is of another type.
    OSError
        If the file cannot be written. After any error the old one stays.

    Notes
    -----
    A kill may leave .mlp-<16 letters>.tmp beside path; nothing reads it.
    A device or a pipe is written straight into. So is, from a whole copy
    beside it, a file with other names (hard links) or another user's: a
    kill in that moment leaves the copy.

    Examples
    --------
    >>> import os, tempfile
    >>> from mlp import SGD, Linear, Sequential, load, save
    >>> model = Sequential(Linear(2, 1, rng=0))
    >>> optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "run.npz")
    ...     save(path, model, optimizer, epoch=3, loss=[0.5, 0.25, 0.125])
    ...     again = Sequential(Linear(2, 1))
    ...     load(path, again)
    {'epoch': 3, 'loss': [0.5, 0.25, 0.125]}
    >>> (again[0].weight.data == model[0].weight.data).all()
    np.True_
    """
    numbers.instance("save", "model", model, Sequential)
    kept: list[tuple[str, RealArray]] = [
        ("format_version", np.array(_VERSION, np.int64)),
        ("architecture", np.array(_architecture(model))),
        *model.state_arrays().items(),
    ]
    if optimizer is not None:
        numbers.instance("save", "optimizer", optimizer, SGD)
        kept.append(("optimizer.class", np.array(_class_of(optimizer))))
        state = optimizer.state_dict().items()
        kept += [(f"optimizer.{name}", np.asarray(value)) for name, value in state]
    room = _Room(model)
    for name, value in progress.items():
        for key, array in _encoded(name, value):
            if not room.takes(array.dtype, array.nbytes):
                raise ValueError(
                    f"save: expected progress of at most {_TEXT >> 20} MiB of text, "
                    f"and {_ROOM >> 20} MiB of arrays more than the parameters, got "
                    f"more with {name}; keep it in a file of its own"
                )
            kept.append((key, array))
    members = dict(kept)
    if len(members) < len(kept):
        raise ValueError(
            "save: expected names of parameters that do not begin with format_version, "
            "architecture, optimizer or progress, got one; rename that attribute of "
            "the model"
        )
    for name, array in kept:
        if not _may_be_infinite(name, array.dtype):
            cure = "a checkpoint holds a state to go on from"
            arrays.finite("save", name, array, cure)
    with files.replacing(path) as file:
        archive.write(file, members)


def load(
    path: str | os.PathLike[str],
    model: Sequential,
    optimizer: SGD | None = None,
    *,
    best: bool = False,
) -> dict[str, Any]:
    """Read what save wrote into the model and the optimizer.

    All of it is checked before any of it is taken over, so after an error
    model and optimizer are as they were. Nothing in the file is run, and
    no more memory is used than model and optimizer need, and the room
    that save allows for progress.

    Parameters
    ----------
    path : str or path
        A file written by save.
    model : Sequential
        Of layers of the same classes, and parameters of the same names,
        shapes and dtypes; none of its arrays read-only.
    optimizer : SGD or None
        Of the same class. Without it, what the file holds of one is passed
        over.
    best : bool
        A checkpoint of fit holds the parameters of the last epoch, to go on
        from, and, with patience, those of the lowest validation loss beside
        them; True gives the model the latter. The optimizer's state is that
        of the last epoch.

    Returns
    -------
    dict
        The progress, by name, as it was given to save.

    Raises
    ------
    CheckpointError
        If the file is not whole, or not of this model and optimizer, or if
        best is True and it holds none.
    OSError
        If it cannot be read, as a file that is not there.
    TypeError
        If model or optimizer is of another type.
    ValueError
        If a parameter is read-only.

    Examples
    --------
    The scale of the columns travels with the net that was trained on it:

    >>> import os, tempfile
    >>> import numpy as np
    >>> from mlp import Linear, Sequential, load, save
    >>> model, again = Sequential(Linear(2, 1)), Sequential(Linear(2, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "cars.npz")
    ...     save(path, model, mean=np.array([5.0, 0.5]))
    ...     load(path, again)["mean"]
    array([5. , 0.5])
    """
    numbers.instance("load", "model", model, Sequential)
    best = numbers.flag("load", "best", best)
    parameters = model.state_arrays()
    arrays.writable("load", parameters.values())
    expected: dict[str, RealArray] = {
        "format_version": np.array(_VERSION),
        **parameters,
    }
    optional: dict[str, RealArray] = {}
    texts = {"architecture": _architecture(model)}
    if optimizer is not None:
        numbers.instance("load", "optimizer", optimizer, SGD)
        texts["optimizer.class"] = _class_of(optimizer)
        for name, value in optimizer.state_dict().items():
            if not isinstance(value, np.ndarray):
                expected[f"optimizer.{name}"] = np.asarray(value)
        for i, p in enumerate(optimizer.parameters):
            optional[f"optimizer.velocity.{i}"] = p.data
    try:
        with open(path, "rb") as file:
            room, passed_over = _Room(model), optimizer is None
            members = _read(file, expected, optional, texts, passed_over, room)
        _expect_classes(members, texts)
        progress = _decoded(
            {n: a for n, a in members.items() if n not in expected | optional | texts}
        )
        if best:
            members |= _best(progress, parameters)
        if optimizer is not None:
            _take_over(optimizer, members, [*expected, *optional])
    except archive.Damaged as error:
        raise CheckpointError(
            f"load: expected {os.fspath(path)} to be a checkpoint of this model, got "
            f"{error}"
        ) from None
    for name, data in parameters.items():
        data[...] = members[name]
    return progress


def _read(
    file: BinaryIO,
    expected: Mapping[str, RealArray],
    optional: Mapping[str, RealArray],
    texts: Mapping[str, bytes],
    without_optimizer: bool,
    room: _Room,
) -> dict[str, RealArray]:
    """Return the arrays of a file, each of them checked before it is read."""
    reader, members, seen = archive.Reader(file), {}, set()
    for head in reader:
        name = head.name
        like = expected.get(name, optional.get(name))
        if like is not None:
            if (head.dtype, head.shape) != (like.dtype, like.shape):
                raise archive.Damaged(
                    f"{name} of shape {head.shape} in {head.dtype} where {like.shape} "
                    f"in {like.dtype} is needed; is it another net's?"
                )
        elif name in texts:
            most = max(_TEXT, len(texts[name]))
            if head.dtype.kind != "S" or head.shape or head.nbytes > most:
                raise archive.Damaged(f"one without a text in {name}")
        elif without_optimizer and name.startswith("optimizer."):
            room.takes_from_a_file(head.dtype, 0)
        elif name.startswith("progress."):
            room.takes_from_a_file(head.dtype, head.nbytes)
            if head.dtype.kind == "S" and (head.shape or name.count(".") > 1):
                raise archive.Damaged(f"one with a text in {name}")
        else:
            raise archive.Damaged(f"{name} besides; is it another net's?")
        if name in seen:
            raise archive.Damaged(f"one with {name} twice")
        seen.add(name)
        if like is None and name not in texts and name.startswith("optimizer."):
            reader.skip(head)
            continue
        array = members[name] = reader.read(head)
        if not _may_be_infinite(name, array.dtype) and not np.isfinite(array).all():
            raise archive.Damaged(f"one with NaN or infinity in {name}")
        if name == "format_version" and array != _VERSION:
            raise archive.Damaged(
                f"one of format {array}, where this version of mlp reads {_VERSION}"
            )
    missing = [name for name in expected if name not in members]
    if missing:
        of = "optimizer" if missing[0].startswith("optimizer.") else "net"
        raise archive.Damaged(f"one that lacks {missing}; is it another {of}'s?")
    return members


def _best(
    progress: Mapping[str, Any], parameters: Mapping[str, RealArray]
) -> dict[str, RealArray]:
    """Return the best parameters that fit has put into progress."""
    best = progress.get("best")
    if isinstance(best, dict) and best.keys() == parameters.keys():
        like = [(a.shape, a.dtype) for a in parameters.values()]
        if [(best[name].shape, best[name].dtype) for name in parameters] == like:
            return best
    raise archive.Damaged(
        "one without best parameters, which fit writes with patience; leave best out"
    )


def _take_over(optimizer: SGD, members: dict[str, RealArray], names: list[str]) -> None:
    """Give the optimizer its state, which checks it once more."""
    prefix = "optimizer."
    state = {
        name.removeprefix(prefix): members[name]
        for name in names
        if name.startswith(prefix) and name in members
    }
    try:
        optimizer.load_state_dict(state)
    except (ValueError, TypeError) as error:
        raise archive.Damaged(f"another state of the optimizer: {error}") from None


def _architecture(model: Layer) -> bytes:
    """Return a text of the class of each layer, by the path of names to it."""
    return _json({path: {"class": name} for path, name in _classes("", model)})


def _classes(path: str, layer: Layer) -> Iterator[tuple[str, str]]:
    yield path, type(layer).__name__
    for name, member in layer.members():
        if isinstance(member, Layer):
            yield from _classes(f"{path}.{name}" if path else name, member)


def _class_of(optimizer: SGD) -> bytes:
    return _json({"class": type(optimizer).__name__})


def _json(value: Any) -> bytes:
    import json  # here, since it is slow to load

    return json.dumps(value, ensure_ascii=False).encode()


def _expect_classes(members: dict[str, RealArray], texts: Mapping[str, bytes]) -> None:
    """Raise unless the texts in a file, which older ones lack, are those of texts."""
    for name, own in texts.items():
        text = members[name].tobytes() if name in members else own
        if text != own:
            raise archive.Damaged(
                f"one of {_listed(text)} where this is of {_listed(own)}; is it "
                f"another's?"
            )


def _listed(text: bytes) -> str:
    """Return the names of the classes in a text."""
    names = re.findall(r'"class": "([^"]*)"', text.decode(errors="replace"))
    return f"{', '.join(names):.300}"


class _Room:
    """What progress may still take, in a file and in memory."""

    def __init__(self, model: Sequential) -> None:
        sizes = [p.data.nbytes + _A_MEMBER for p in model.parameters()]
        self._text, self._arrays = _TEXT, _ROOM + sum(sizes)

    def takes(self, dtype: np.dtype[Any], nbytes: int) -> bool:
        """Return whether there is room for one member more, and take it."""
        self._text -= nbytes if dtype.kind == "S" else 0
        self._arrays -= nbytes + _A_MEMBER
        return self._text >= 0 and self._arrays >= 0

    def takes_from_a_file(self, dtype: np.dtype[Any], nbytes: int) -> None:
        """Raise unless there is room."""
        if not self.takes(dtype, nbytes):
            raise archive.Damaged("one with more progress than save allows")


def _encoded(name: str, value: Any) -> Iterator[tuple[str, RealArray]]:
    """Yield the members that keep one value of progress."""
    if not name.isidentifier():
        raise ValueError(f"save: expected progress by plain names, got {name!r}")
    key = f"progress.{name}"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        yield key, _numbers(name, value)
    elif isinstance(value, Mapping) and value:
        for entry, array in value.items():
            if not isinstance(entry, str):
                raise TypeError(f"save: expected names in {name}, got {entry!r}")
            yield f"{key}.{entry}", _numbers(f"{name}[{entry!r}]", array)
    elif _is_series(value):
        yield f"{key}[]", np.array(value)
    else:
        yield key, np.array(_text(name, value))


def _numbers(name: str, value: Any) -> RealArray:
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"save: expected {name} without a mask, got a masked array; fill its "
            f"masked entries, or give .data and .mask as two arrays"
        )
    if isinstance(value, np.ndarray) and archive.is_number(value.dtype):
        return np.asarray(value)  # of a subclass the numbers
    got = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else repr(value)
    raise TypeError(
        f"save: expected {name} to be an array of numbers, of at most 64 bits each, "
        f"got {got}"
    )


def _is_series(value: Any) -> bool:
    """Return whether value is a list of floats, at least one."""
    return type(value) is list and value != [] and {type(v) for v in value} == {float}


def _may_be_infinite(name: str, dtype: np.dtype[Any]) -> bool:
    """Return whether a member is a list of floats, or not of floats."""
    rest = name.removeprefix("progress.")
    series = rest != name and rest.endswith("[]") and "." not in rest
    return series or dtype.kind != "f"


def _text(name: str, value: Any) -> bytes:
    """Return the JSON of a plain value, a list of them, or a generator."""
    import json

    if isinstance(value, Mapping):
        return b"{}"  # one that is not empty is no text
    items = value if type(value) is list else [value]
    if not all(type(item) in _PLAIN for item in items):
        value = {"generator": _state_of(name, value)}
    elif not all(math.isfinite(item) for item in items if type(item) is float):
        raise ValueError(
            f"save: expected {name} to be finite, got {value}; only a list of floats "
            f"may hold NaN and infinity"
        )
    return json.dumps(value).encode()


def _state_of(name: str, value: Any) -> Any:
    """Return the state of a generator, with lists for arrays."""
    if type(value) is np.random.Generator:
        state: Any = value.bit_generator.state
        if state["bit_generator"] in _BIT_GENERATORS:
            return _with_lists(state)
    raise TypeError(
        f"save: expected {name} to be a number, a text, None, a list of these, an "
        f"array, a mapping of names to arrays or a np.random.Generator, got {value!r}"
    )


def _with_lists(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _with_lists(value) for key, value in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state


def _decoded(members: Mapping[str, RealArray]) -> dict[str, Any]:
    """Return progress as it was given, from what _encoded yielded."""
    progress: dict[str, Any] = {}
    mappings: dict[str, dict[str, RealArray]] = {}
    for member, array in members.items():
        name, dot, entry = member.removeprefix("progress.").partition(".")
        if dot:
            if name not in mappings:
                _set(progress, name, mappings.setdefault(name, {}))
            mappings[name][entry] = array
        elif array.dtype.kind == "S":
            _set(progress, name, _value(array.tobytes()))
        elif name.endswith("[]") and array.ndim == 1 and array.dtype == np.float64:
            _set(progress, name.removesuffix("[]"), array.tolist())
        else:
            _set(progress, name, array)
    return progress


def _set(progress: dict[str, Any], name: str, value: Any) -> None:
    """Set one value of progress, unless the name is taken or no name."""
    if name in progress or not name.isidentifier():
        raise archive.Damaged(f"one with progress by the name {name!r}")
    progress[name] = value


def _value(text: bytes) -> Any:
    """Return what a text says, if it says it in the words of _text."""
    import json

    try:
        value = json.loads(text)
        if isinstance(value, dict) and value:
            value = _generator(value["generator"])
        if _text("", value) == text:
            return value
    except (LookupError, OverflowError, RecursionError, TypeError, ValueError):
        pass
    raise archive.Damaged(f"one with {text!r:.50} in its progress")


def _generator(state: Any) -> np.random.Generator:
    """Return a generator of a state, or raise one error or another."""
    kind = _BIT_GENERATORS[_BIT_GENERATORS.index(state["bit_generator"])]
    bits = getattr(np.random, kind)()
    bits.state = state
    if kind in _POSITIONS:  # NumPy reads from there unchecked
        position = state.get("buffer_pos", state["state"].get("pos"))
        if not 0 <= position <= _POSITIONS[kind]:
            raise ValueError(position)
    return np.random.Generator(bits)
