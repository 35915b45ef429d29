"""The architecture of a net, as data.

A text of JSON, in one form only, so that it can be compared: by the path
of each layer, an entry that has

    class       the name; alone in files of older versions
    own         true, if it is a class of the reader's
    settings    what Layer.settings says, where it is plain data; a layer in
                it is {"layer": its path}
    same_as     the first path to it, if this is another one
    shared      the Parameters that another layer has too: where it has them
    training    false, in evaluation mode
    columns     the names that a Sequential's columns had in fit

Nothing in it is code. Plan looks at all of it, and at the shapes of the
arrays beside it, before Plan.made makes the first layer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from mlp import layers as library
from mlp.core.layer import Layer
from mlp.core.parameter import Buffer, Parameter
from mlp.fitting import archive, generators
from mlp.sequential import Sequential

LIBRARY: dict[str, type[Layer]] = {
    name: getattr(library, name) for name in library.__all__
} | {"Sequential": Sequential}
# The settings that are the shape of weight, the largest array. They are compared with
# it before a layer is made, so that a layer takes no more memory than its file.
SIZES = {
    "Linear": ("out_features", "in_features"),
    "BatchNorm1d": ("num_features",),
    "LayerNorm": ("normalized_shape",),
}
_OWN_METHODS = {"forward", "backward", "__call__"}
_PLAIN = (type(None), bool, int, float, str)
_DTYPES: tuple[Any, ...] = (np.float64, np.float32)
OLDER = (
    "one of an older version, without the settings of its layers; make the net "
    "yourself, and load(path, net)"
)
_KINDS = {
    "class": str,
    "own": bool,
    "settings": dict,
    "same_as": str,
    "shared": dict,
    "training": bool,
    "columns": list,
}
_DEEPEST = 100  # layers inside one another

Entry = dict[str, Any]


def text_of(model: Layer) -> bytes:
    """Return the text of a net's architecture."""
    first: dict[int, str] = {}  # the path to each layer and array, by id
    inside = list(generators.layers("", model))
    for path, layer in inside:
        first.setdefault(id(layer), path)
    return _json({path: _entry(path, layer, first) for path, layer in inside})


def _entry(path: str, layer: Layer, first: dict[int, str]) -> Entry:
    """Return what the text says of the layer at a path."""
    entry: Entry = {"class": type(layer).__name__}
    if LIBRARY.get(entry["class"]) is not type(layer):
        entry["own"] = True
    if first[id(layer)] != path:
        return entry | {"same_as": first[id(layer)]}
    settings = _settings(layer, first)
    if settings is not None:
        entry["settings"] = settings
    shared = {}
    for name, member in layer.members():
        if isinstance(member, Parameter | Buffer):
            full = _joined(path, name)
            if first.setdefault(id(member), full) != full:
                shared[name] = first[id(member)]
    if shared:
        entry["shared"] = shared
    if not layer.training:
        entry["training"] = False
    if isinstance(layer, Sequential) and layer.feature_names_in_ is not None:
        entry["columns"] = list(layer.feature_names_in_)
    return entry


def _settings(layer: Layer, first: dict[int, str]) -> dict[str, Any] | None:
    """Return the settings of a layer as plain data, None if not known.

    A class that has an __init__ of its own, and inherits settings from a
    class above, is asked by the arguments of its __init__.
    """
    kind = type(layer)
    if _OWN_METHODS & vars(layer).keys():
        return None  # it is not what its class says
    maker = next(c for c in kind.__mro__ if "__init__" in vars(c))
    says = next(c for c in kind.__mro__ if "settings" in vars(c))
    ask: Callable[[Layer], Any] = Layer.settings
    if issubclass(says, maker):
        ask = says.settings  # type: ignore[attr-defined]  # it is in vars(says)
    try:
        return {name: _plain(value, first) for name, value in ask(layer).items()}
    except (AttributeError, LookupError, TypeError, ValueError):
        return None


def _plain(value: Any, first: dict[int, str]) -> Any:
    """Return a setting as JSON has it, or raise a TypeError."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Layer):
        return {"layer": first[id(value)]}
    if isinstance(value, list | tuple):
        return [_plain(item, first) for item in value]
    if isinstance(value, np.dtype) or value in _DTYPES:
        return np.dtype(value).name
    if type(value) in _PLAIN:
        str(value).encode()  # raises if it has half a character
        return value
    raise TypeError(value)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def entries(text: bytes) -> dict[str, Entry]:
    """Return the entries of a text, by path.

    Raises
    ------
    archive.Damaged
        If it is not one that text_of returns.
    """
    try:
        found = json.loads(text)
        if _json(found) == text and _are_entries(found):
            return dict(found)
    except (RecursionError, ValueError):
        pass
    raise archive.Damaged(f"one with {text!r:.50} for its architecture")


def _are_entries(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and next(iter(found), None) == ""
        and all(
            isinstance(entry, dict) and "class" in entry for entry in found.values()
        )
        and all(
            type(value) is _KINDS.get(key)
            for entry in found.values()
            for key, value in entry.items()
        )
    )


class Plan:
    """A net that a text describes, looked at before any of it is made.

    Parameters
    ----------
    text : bytes
        The architecture in a file.
    shapes : mapping of str to tuple
        The shapes of the arrays in that file.
    own : mapping of str to type
        The reader's classes.

    Raises
    ------
    archive.Damaged
        If it is no such text, has a class that is not known, or promises
        arrays of other shapes than the file has.
    """

    def __init__(
        self,
        text: bytes,
        shapes: Mapping[str, tuple[int, ...]],
        own: Mapping[str, type[Layer]],
    ) -> None:
        self._entries, self._shapes, self._own = entries(text), shapes, own
        if not any(
            entry.keys() & {"settings", "own"} for entry in self._entries.values()
        ):
            raise archive.Damaged(OLDER)
        # The class of each layer that is to be made, and the paths to those in it. A
        # layer of the reader's makes those inside itself.
        self._kinds: dict[str, type[Layer]] = {}
        self._inside: dict[str, list[str]] = {}
        strangers: dict[str, None] = {}
        self._look_at("", strangers, ())
        if strangers:
            given = ", ".join(f'"{name}": {name}' for name in strangers)
            raise archive.Damaged(
                f"one with layers of other classes than mlp's; if you know them, give "
                f"them, load_model(path, layers={{{given}}})"
            )

    def _look_at(
        self, path: str, strangers: dict[str, None], above: tuple[str, ...]
    ) -> None:
        """Raise if the layer at a path cannot be made, or note a class to ask for."""
        entry = self._entries.get(path)
        if entry is None or path in above or len(above) > _DEEPEST:
            raise archive.Damaged(f"one of no layers, or too many, at {path!r:.50}")
        name, is_own = entry["class"], entry.get("own", False)
        kind = (self._own if is_own else LIBRARY).get(name)
        if not name.isidentifier() or not (kind or is_own):
            raise archive.Damaged(f"one of {name!r:.50}, which is no layer of mlp's")
        if kind is None:
            strangers[name] = None
            return
        if "settings" not in entry:
            raise archive.Damaged(_unknown(path, entry))
        if not is_own:
            self._check_sizes(path, entry)
        self._kinds[path], self._inside[path] = kind, []
        if kind.__init__ is Sequential.__init__:
            inside = self._inside[path]
            while (below := _joined(path, str(len(inside)))) in self._entries:
                inside.append(below)
        above = (*above, path)
        for below in (*self._inside[path], *_layers_in(entry["settings"])):
            if below not in self._kinds or below in above:
                self._look_at(below, strangers, above)

    def _check_sizes(self, path: str, entry: Entry) -> None:
        """Raise unless the arrays of a library's layer are as its settings say."""
        sizes, name = SIZES.get(entry["class"], ()), _joined(path, "weight")
        promised = tuple(entry["settings"].get(size) for size in sizes)
        if sizes and self._shapes.get(name) != promised:
            raise archive.Damaged(
                f"one with {name} of shape {self._shapes.get(name)} where its "
                f"architecture says {promised}"
            )

    def made(self) -> Sequential:
        """Return the net, with parameters that are not those of the file yet."""
        model = self._make("", {})
        found = dict(generators.layers("", model))
        for path, entry in self._entries.items():
            if path in found and "same_as" not in entry:
                found[path].training = entry.get("training", True)
                for name, owner in entry.get("shared", {}).items():
                    _share(found, path, name, str(owner))
        set_columns(model, columns(self._entries))
        again = entries(text_of(model))
        for path in (*self._entries, *again):
            if _json(again.get(path)) != _json(self._entries.get(path)):
                raise archive.Damaged(
                    f"one in which {_where(path)} is not what its classes and settings "
                    f"make; make the net yourself, and load(path, net)"
                )
        if not isinstance(model, Sequential):
            raise archive.Damaged(f"one of a {type(model).__name__}")
        return model

    def _make(self, path: str, made: dict[str, Layer]) -> Layer:
        """Return the layer at a path; each is made once."""
        if path in made:
            return made[path]
        name, kind = self._entries[path]["class"], self._kinds[path]
        settings = {
            setting: self._setting(value, made)
            for setting, value in self._entries[path]["settings"].items()
        }
        inside = [self._make(below, made) for below in self._inside[path]]
        try:
            made[path] = kind(*inside, **settings)
        except (TypeError, ValueError) as error:
            raise archive.Damaged(
                f"one in which {_where(path)}, a {name}, cannot be made of its "
                f"settings: {error}; give arguments that are not saved, as rng, a "
                f"value to begin with"
            ) from None
        return made[path]

    def _setting(self, value: Any, made: dict[str, Layer]) -> Any:
        """Return a setting as it was, with layers for their paths."""
        if isinstance(value, list):
            return [self._setting(item, made) for item in value]
        return self._make(value["layer"], made) if isinstance(value, dict) else value


def _layers_in(settings: Any) -> Iterator[str]:
    """Yield the paths of layers in settings."""
    if isinstance(settings, dict) and settings.keys() == {"layer"}:
        yield str(settings["layer"])
    elif isinstance(settings, dict | list):
        for item in settings.values() if isinstance(settings, dict) else settings:
            yield from _layers_in(item)


def columns(found: Mapping[str, Entry]) -> dict[str, tuple[str, ...]]:
    """Return the names of columns that entries have, by path.

    Raises
    ------
    archive.Damaged
        If they are no texts, or two are alike.
    """
    names = {path: e["columns"] for path, e in found.items() if "columns" in e}
    for path, listed in names.items():
        if not all(isinstance(n, str) for n in listed) or len({*listed}) < len(listed):
            raise archive.Damaged(
                f"one in which {listed!r:.50} are the columns of {_where(path)}"
            )
    return {path: tuple(listed) for path, listed in names.items()}


def set_columns(model: Layer, names: Mapping[str, tuple[str, ...]]) -> None:
    """Give each Sequential in a net its names of columns, or None."""
    first: dict[int, str] = {}  # the path to each, as text_of has it
    for path, layer in generators.layers("", model):
        if isinstance(layer, Sequential):
            own = names.get(first.setdefault(id(layer), path))
            if layer.feature_names_in_ != own:
                layer.feature_names_in_ = own


def _share(found: Mapping[str, Layer], path: str, name: str, owner: str) -> None:
    """Give a layer the Parameter that another one has too, if they are alike."""
    above, _, its_name = owner.rpartition(".")
    if above in found and name.isidentifier():
        own = dict(found[path].members()).get(name)
        theirs = dict(found[above].members()).get(its_name)
        if isinstance(own, Parameter | Buffer) and isinstance(theirs, type(own)):
            if own.data.shape == theirs.data.shape:
                setattr(found[path], name, theirs)


def _unknown(path: str, entry: Entry) -> str:
    """Return what is wrong with a layer whose settings are not in the file."""
    if not entry.get("own"):
        return (
            f"one in which {_where(path)}, a {entry['class']}, had a method set on it, "
            f"which no file keeps; write a class of your own"
        )
    return (
        f"one in which the settings of {_where(path)}, a {entry['class']}, are not "
        f"known; keep each argument of its __init__, plain data, in an attribute of "
        f"its name, or write settings(self) that returns them, and save it anew"
    )


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _where(path: str) -> str:
    return f"layer {path:.50}" if path else "the outermost layer"
