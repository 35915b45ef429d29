"""The generators of layers, in a checkpoint.

Each is kept by the path to it; one that several layers share is kept once,
and the other paths hold the first one's name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from mlp._shared import walking
from mlp.core.layer import Layer
from mlp.fitting import archive, values


class Place(NamedTuple):
    """An attribute of a layer, or what is inside one, that holds a generator."""

    layer: Layer
    name: str
    generator: np.random.Generator


def places(model: Layer) -> dict[str, Place]:
    """Return the place of each generator, by each path to it."""
    found = {}
    for path, layer in layers("", model):
        for name, value in walking.members(layer, (np.random.Generator, Layer)):
            if isinstance(value, np.random.Generator):
                full = f"{path}.{name}".removeprefix(".")
                found[full] = Place(layer, name, value)
    return found


def layers(path: str, layer: Layer) -> Iterator[tuple[str, Layer]]:
    """Yield the layer and those inside it, each with the path of names to it."""
    yield path, layer
    for name, member in layer.members():
        if isinstance(member, Layer):
            yield from layers(f"{path}.{name}" if path else name, member)


def encoded(model: Layer) -> bytes | None:
    """Return a text of the generators' states; None if no layer draws."""
    first: dict[int, str] = {}
    kept: dict[str, Any] = {}
    for path, place in places(model).items():
        owner = first.setdefault(id(place.generator), path)
        kept[path] = owner
        if owner == path:
            kept[path] = values.state_of(path, place.generator)
    return json.dumps(kept, ensure_ascii=False).encode() if kept else None


class Loaded:
    """The generators in a text, for a model; checked when it is made.

    Raises
    ------
    archive.Damaged
        If the text is not one of encoded, or of a model with other layers
        that draw.
    """

    def __init__(self, text: bytes, model: Layer) -> None:
        self._places = places(model)
        try:
            kept = json.loads(text)
            states = {p: s for p, s in kept.items() if not isinstance(s, str)}
            made = {path: values.generator(state) for path, state in states.items()}
            again = {p: values.state_of(p, g) for p, g in made.items()}
            owners = {p: s if isinstance(s, str) else p for p, s in kept.items()}
            is_whole = set(owners.values()) <= set(made) and (
                json.dumps(kept | again, ensure_ascii=False).encode() == text
            )
        except (
            AttributeError,
            LookupError,
            OverflowError,
            RecursionError,
            TypeError,
            ValueError,
        ):
            is_whole = False
        if not is_whole:
            raise archive.Damaged(f"one with {text!r:.50} for its generators")
        if owners.keys() != self._places.keys():
            raise archive.Damaged(
                f"one whose layers draw from {list(owners)} where this net's draw from "
                f"{list(self._places)}; is it another net's?"
            )
        self._chosen = self._choose(made, owners)

    def _choose(
        self, made: dict[str, np.random.Generator], owners: dict[str, str]
    ) -> dict[str, tuple[np.random.Generator, np.random.Generator]]:
        """Return for each path the generator to be there, and one in its new state.

        It is the model's own, unless the model shares it with a layer that
        has one of its own in the file, or it is of another kind.
        """
        taken: dict[int, str] = {}
        chosen = {}
        for path, new in made.items():
            own = self._places[path].generator
            is_free = taken.setdefault(id(own), path) == path
            same_kind = type(own.bit_generator) is type(new.bit_generator)
            chosen[path] = (own if is_free and same_kind else new), new
        found = {path: chosen[owner] for path, owner in owners.items()}
        for path, (generator, _) in found.items():
            layer, name, own = self._places[path]
            if generator is not own and walking.attributes(layer).get(name) is not own:
                raise archive.Damaged(
                    f"one whose layers share their generators otherwise, at {path}; "
                    f"give the layers of the model the same rng as then"
                )
        return found

    def take_over(self) -> None:
        """Set the states, and put one generator where layers shared one."""
        for path, (generator, new) in self._chosen.items():
            layer, name, own = self._places[path]
            if generator is not own:
                setattr(layer, name, generator)
            if generator is not new:
                generator.bit_generator.state = new.bit_generator.state
