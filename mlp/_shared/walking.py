"""What is inside a layer.

A layer keeps Parameters and layers as attributes, in containers, and by way
of bound methods, partials and closures. Each way has one class here, which
says what is inside such a value (`parts`, with names) and how to make it
anew of copied parts (`rebuilt`). Nothing here knows Parameter or Layer:
`members` is told which classes to look for, a Copy which class to copy by
attributes.

Every look at a dict or list is at a snapshot: a forward in another thread
may add to it meanwhile.
"""

from __future__ import annotations

import copy
import functools
import sys
import types
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
)
from typing import Any

import numpy as np

Parts = Iterable[tuple[object, Any]]
_NO_PARTS = (str, bytes, bytearray, range, memoryview, type, types.ModuleType)
_OPAQUE = sys.stdlib_module_names | {"numpy", "mlp"}  # whose objects are not opened


def members(owner: object, kinds: tuple[type, ...]) -> Iterator[tuple[str, Any]]:
    """Yield each instance of kinds among the attributes of owner, by name.

    What is inside such an instance is not looked at. owner itself, to which
    its bound methods and closures lead, is left out.

    Raises
    ------
    TypeError
        If one is in a set, where it has no name.
    """
    for name, value in attributes(owner).items():
        for path, member in _find(name, value, kinds, ()):
            if member is not owner:
                yield path, member


def attributes(owner: object) -> dict[str, Any]:
    """Return the attributes of an object, those in __slots__ first."""
    slots = _slots(type(owner))
    found = {name: getattr(owner, name) for name in slots if hasattr(owner, name)}
    return found | getattr(owner, "__dict__", {})


def _slots_of(kind: type) -> tuple[str, ...]:
    """Return the slots of a class and its bases, as Python spells private ones."""
    found = []
    for cls in reversed(kind.__mro__):
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            private = name.startswith("__") and not name.endswith("__")
            found.append(f"_{cls.__name__.lstrip('_')}{name}" if private else name)
    return tuple(name for name in found if name not in ("__dict__", "__weakref__"))


_slots: Callable[[type], tuple[str, ...]] = functools.lru_cache(256)(_slots_of)


def _find(
    name: str, value: Any, kinds: tuple[type, ...], above: tuple[Any, ...]
) -> Iterator[tuple[str, Any]]:
    """Yield the instances of kinds in value; above is what value is inside of."""
    if isinstance(value, kinds):
        yield name, value
        return
    sort = _sort(type(value))
    if sort is None or any(value is other for other in above):
        return
    if sort is _InObject and not _is_declared(value):
        # Of an object of any class only what it holds itself: it may lead anywhere.
        if any(_sort(type(other)) is _InObject for other in above):
            return
    for part, item in sort.parts(value):
        inside = f"{name}.{part}" if part != "" else name
        for path, member in _find(inside, item, kinds, (*above, value)):
            if sort is _InSet:
                raise TypeError(
                    f"Layer: expected layers and parameters in a list, tuple or dict, "
                    f"got {member!r} in the {type(value).__name__} {name!r}, which has "
                    f"no order to name it by; keep a list"
                )
            yield path, member


def _is_declared(value: Any) -> bool:
    """Return whether an object is made to hold things, and nothing else."""
    return hasattr(value, "__dataclass_fields__") or isinstance(
        value, types.SimpleNamespace
    )


class Copy:
    """One act of copying, in which each value is copied once.

    Parameters
    ----------
    kind : type
        Its instances are copied attribute by attribute, unless their class
        has a __copy__, or __deepcopy__, of its own.
    deep : bool
        Whether all else is copied too, or shared.
    memo : dict
        The copy of each value so far, by id.
    own : type
        Its instances are copied by copy.copy, also where all else is
        shared.
    """

    def __init__(self, kind: type, deep: bool, memo: dict[int, Any], own: type) -> None:
        self.kind, self.deep, self.memo, self.own = kind, deep, memo, own
        self.method = "__deepcopy__" if deep else "__copy__"

    def of(self, value: Any) -> Any:
        """Return the copy of a value."""
        if id(value) in self.memo:
            return self.memo[id(value)]
        if isinstance(value, self.kind):
            if getattr(type(value), self.method) is getattr(self.kind, self.method):
                return self.by_attributes(value, object.__new__(type(value)))
            return self.leaf(value) if self.deep else copy.copy(value)
        if isinstance(value, self.own) and not self.deep:
            return self.memo.setdefault(id(value), copy.copy(value))
        sort = _sort(type(value))
        return self.leaf(value) if sort is None else sort.rebuilt(value, self)

    def leaf(self, value: Any) -> Any:
        """Return what becomes of a value with nothing inside."""
        return copy.deepcopy(value, self.memo) if self.deep else value

    def by_attributes(self, value: Any, twin: Any) -> Any:
        """Return twin, a new object, with copies of value's attributes."""
        self.memo[id(value)] = twin
        for name, item in attributes(value).items():
            object.__setattr__(twin, name, self.of(item))
        return twin


class _Sort:
    """One way in which a value has others inside."""

    @staticmethod
    def parts(value: Any) -> Parts:
        """Return what is inside, with names."""
        raise NotImplementedError

    @staticmethod
    def rebuilt(value: Any, copied: Copy) -> Any:
        """Return the value made anew of copies of its parts."""
        raise NotImplementedError


class _InMapping(_Sort):
    @staticmethod
    def parts(value: Any) -> Parts:
        return list(value.items())

    @staticmethod
    def rebuilt(value: Any, copied: Copy) -> Any:
        if isinstance(value, types.MappingProxyType):
            return types.MappingProxyType({k: copied.of(v) for k, v in value.items()})
        if not isinstance(value, MutableMapping):
            return _InObject.rebuilt(value, copied)
        copied.memo[id(value)] = twin = copy.copy(value)
        items = list(twin.items())
        twin.clear()  # the keys may be layers, too
        for key, item in items:
            twin[copied.of(key)] = copied.of(item)
        return twin


class _InSequence(_Sort):
    @staticmethod
    def parts(value: Any) -> Parts:
        return enumerate(tuple(value))

    @staticmethod
    def rebuilt(value: Any, copied: Copy) -> Any:
        copied.memo[id(value)] = twin = copy.copy(value)
        for i, item in enumerate(tuple(twin)):
            twin[i] = copied.of(item)
        return twin


class _InTuple(_InSequence):
    @staticmethod
    def rebuilt(value: Any, copied: Copy) -> Any:
        items = [copied.of(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)


class _InSet(_InSequence):
    @staticmethod
    def rebuilt(value: Any, copied: Copy) -> Any:
        return type(value)([copied.of(item) for item in tuple(value)])


class _InArray(_Sort):
    @staticmethod
    def parts(value: Any) -> Parts:
        return enumerate(value.flat) if value.dtype == object else ()

    @staticmethod
    def rebuilt(value: Any, copied: Copy) -> Any:
        if value.dtype != object:
            return copied.leaf(value)
        copied.memo[id(value)] = twin = value.copy()
        for i, item in enumerate(value.flat):
            twin.flat[i] = copied.of(item)
        return twin


class _InMethod(_Sort):
    """A bound method, which has its object; of Python or of C, as list.append."""

    @staticmethod
    def parts(value: Any) -> Parts:
        owner = value.__self__
        return () if isinstance(owner, _NO_PARTS) else [("", owner)]

    @staticmethod
    def rebuilt(value: Any, copied: Copy) -> Any:
        if isinstance(value.__self__, _NO_PARTS):  # of a class, or a module's function
            return value
        owner = copied.of(value.__self__)
        if isinstance(value, types.MethodType):
            return types.MethodType(value.__func__, owner)
        return value if owner is value.__self__ else getattr(owner, value.__name__)


class _InPartial(_Sort):
    @staticmethod
    def parts(value: Any) -> Parts:
        return [("func", value.func), *enumerate(value.args), *value.keywords.items()]

    @staticmethod
    def rebuilt(value: Any, copied: Copy) -> Any:
        keywords = {name: copied.of(item) for name, item in value.keywords.items()}
        args = map(copied.of, value.args)
        return type(value)(copied.of(value.func), *args, **keywords)


class _InFunction(_Sort):
    """A function, which has the variables of its closure, and its defaults."""

    @staticmethod
    def parts(value: Any) -> Parts:
        found: list[tuple[object, Any]] = []
        for name, cell in zip(
            value.__code__.co_freevars, value.__closure__ or (), strict=True
        ):
            try:
                found.append((name, cell.cell_contents))
            except ValueError:  # a variable that has no value yet
                continue
        found += enumerate(value.__defaults__ or ())
        return [*found, *(value.__kwdefaults__ or {}).items()]

    @staticmethod
    def rebuilt(value: Any, copied: Copy) -> Any:
        if not any(_sort(type(item)) for _, item in _InFunction.parts(value)):
            return value
        cells = tuple(types.CellType() for _ in value.__closure__ or ())
        twin = types.FunctionType(
            value.__code__, value.__globals__, value.__name__, None, cells or None
        )
        copied.memo[id(value)] = functools.update_wrapper(twin, value)
        for cell, old in zip(cells, value.__closure__ or (), strict=True):
            try:
                cell.cell_contents = copied.of(old.cell_contents)
            except ValueError:
                continue
        twin.__defaults__ = copied.of(value.__defaults__)
        twin.__kwdefaults__ = copied.of(value.__kwdefaults__)
        return twin


class _InObject(_Sort):
    """An object of a reader's own class, a dataclass perhaps."""

    @staticmethod
    def parts(value: Any) -> Parts:
        return attributes(value).items()

    @staticmethod
    def rebuilt(value: Any, copied: Copy) -> Any:
        if not any(_find("", value, (copied.kind,), ())):
            return copied.leaf(value)
        return copied.by_attributes(value, copy.copy(value))


_SORTS: tuple[tuple[Any, type[_Sort]], ...] = (
    (Mapping, _InMapping),
    (tuple, _InTuple),
    (MutableSequence, _InSequence),
    ((set, frozenset), _InSet),
    (np.ndarray, _InArray),
    ((types.MethodType, types.BuiltinMethodType), _InMethod),
    (functools.partial, _InPartial),
    (types.FunctionType, _InFunction),
    (types.SimpleNamespace, _InObject),
)


def _sort_of(kind: type) -> type[_Sort] | None:
    """Return how the values of a class have others inside; None if they have none."""
    if issubclass(kind, _NO_PARTS):
        return None
    for kinds, sort in _SORTS:
        if issubclass(kind, kinds):
            return sort
    return None if kind.__module__.partition(".")[0] in _OPAQUE else _InObject


_sort: Callable[[type], type[_Sort] | None] = functools.lru_cache(1024)(_sort_of)
