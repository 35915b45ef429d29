"""How progress is kept in arrays and texts.

encoded and decoded are each other's inverse. What save would not write is
refused, so that a file has one form only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mlp._shared.arrays import RealArray
from mlp.core.layer import Layer
from mlp.data.scaling import Standardizer
from mlp.fitting import archive

_PLAIN = (type(None), bool, int, float, str)
_BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
_POSITIONS = {"MT19937": 624, "Philox": 4}  # the length of the buffer read from
_OF_A_SCALER = ("mean", "std")
MOST_TEXT = 1 << 20  # bytes
MOST_ARRAYS = 1 << 24  # bytes beside the parameters
_A_MEMBER = 1 << 10  # what one costs beside its data, generously


class Room:
    """What values may still take, in a file and in memory.

    times says how many copies of the model's arrays there may be.
    """

    def __init__(self, model: Layer, times: int = 1) -> None:
        sizes = [a.nbytes + _A_MEMBER for a in model.state_arrays().values()]
        self._text, self._arrays = MOST_TEXT, MOST_ARRAYS + times * sum(sizes)

    def takes(self, dtype: np.dtype[Any], nbytes: int) -> bool:
        """Return whether there is room for one member more, and take it."""
        self._text -= nbytes if dtype.kind == "S" else 0
        self._arrays -= nbytes + _A_MEMBER
        return self._text >= 0 and self._arrays >= 0

    def takes_from_a_file(self, dtype: np.dtype[Any], nbytes: int) -> None:
        """Raise unless there is room."""
        if not self.takes(dtype, nbytes):
            raise archive.Damaged("one with more progress than save allows")


def encoded(name: str, value: Any) -> Iterator[tuple[str, RealArray]]:
    """Yield the members that keep one value of progress."""
    if not name.isidentifier():
        raise ValueError(f"save: expected progress by plain names, got {name!r}")
    key = f"progress.{name}"
    value = _in_python(value)
    if isinstance(value, np.ndarray):
        yield key, numbers(name, value)
    elif isinstance(value, Mapping) and value:
        for entry, array in value.items():
            if not isinstance(entry, str):
                raise TypeError(f"save: expected names in {name}, got {entry!r}")
            yield f"{key}.{entry}", numbers(f"{name}[{entry!r}]", array)
    elif _is_series(value):
        yield f"{key}[]", np.array(value)
    else:
        yield key, np.array(text_of(name, value))


def _in_python(value: Any) -> Any:
    """Return Python's numbers for NumPy's, and a list for a tuple of texts."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) is list:
        return [v.item() if isinstance(v, np.generic) else v for v in value]
    if type(value) is tuple and all(isinstance(text, str) for text in value):
        return list(map(str, value))
    return value


def numbers(name: str, value: Any) -> RealArray:
    """Return the numbers of an array, or raise a TypeError."""
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


def may_be_infinite(name: str, dtype: np.dtype[Any]) -> bool:
    """Return whether a member is a list of floats, or not of floats."""
    rest = name.removeprefix("progress.")
    series = rest != name and rest.endswith("[]") and "." not in rest
    return series or dtype.kind != "f"


def text_of(name: str, value: Any) -> bytes:
    """Return the JSON of a plain value, a list of them, or an object's state."""
    if isinstance(value, Mapping):
        return b"{}"  # one that is not empty is no text
    items = value if type(value) is list else [value]
    if type(value) is Standardizer:
        value = {"standardizer": _with_lists(vars(_standardizer(vars(value))))}
    elif not all(type(item) in _PLAIN for item in items):
        value = {"generator": state_of(name, value)}
    elif not all(math.isfinite(item) for item in items if type(item) is float):
        raise ValueError(
            f"save: expected {name} to be finite, got {value}; only a list of floats "
            f"may hold NaN and infinity"
        )
    return json.dumps(value).encode()


def state_of(name: str, value: Any) -> Any:
    """Return the state of a generator, with lists for arrays."""
    if type(value) is np.random.Generator:
        state: Any = value.bit_generator.state
        if state["bit_generator"] in _BIT_GENERATORS:
            return _with_lists(state)
    raise TypeError(
        f"save: expected {name} to be a number, a text, None, a list of these, an "
        f"array, a mapping of names to arrays, a Standardizer or a "
        f"np.random.Generator, got {value!r}"
    )


def _with_lists(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _with_lists(value) for key, value in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state


def decoded(members: Mapping[str, RealArray]) -> dict[str, Any]:
    """Return progress as it was given, from what encoded yielded."""
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
    """Return what a text says, if it says it in the words of text_of."""
    try:
        value = json.loads(text)
        if isinstance(value, dict) and value:
            kind, state = value.popitem()
            value = {"generator": generator, "standardizer": _standardizer}[kind](state)
        if text_of("", value) == text:
            return value
    except (LookupError, OverflowError, RecursionError, TypeError, ValueError):
        pass
    raise archive.Damaged(f"one with {text!r:.50} in its progress")


def _standardizer(state: Mapping[str, Any]) -> Standardizer:
    """Return a scaler of a state, {} if it is not fitted, or raise an error."""
    scaler = Standardizer()
    if state:
        scaler.mean, scaler.std = (np.array(state[key], float) for key in _OF_A_SCALER)
        names = state.get("feature_names_in_")
        if names is not None:
            scaler.feature_names_in_ = tuple(names)
        is_one = scaler.mean.ndim == 1 and scaler.mean.shape == scaler.std.shape
        are_names = names is None or (
            all(isinstance(name, str) for name in names)
            and len(names) == len({*names}) == len(scaler.mean)
        )
        is_finite = is_one and np.isfinite([scaler.mean, scaler.std]).all()
        if not (is_finite and are_names):
            raise ValueError(
                f"save: expected a fitted Standardizer, got {state!r:.200}"
            )
    return scaler


def generator(state: Any) -> np.random.Generator:
    """Return a generator of a state, or raise one error or another."""
    kind = _BIT_GENERATORS[_BIT_GENERATORS.index(state["bit_generator"])]
    bits = getattr(np.random, kind)()
    bits.state = state
    if kind in _POSITIONS:  # NumPy reads from there unchecked
        position = state.get("buffer_pos", state["state"].get("pos"))
        if not 0 <= position <= _POSITIONS[kind]:
            raise ValueError(position)
    return np.random.Generator(bits)
