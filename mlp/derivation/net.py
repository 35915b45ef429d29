"""Find the layers of a net, and check them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mlp._shared import numbers
from mlp._shared.arrays import holds_some, real_array
from mlp.core import Layer, Loss, Optimizer, Parameter
from mlp.derivation.expressions import Symbol
from mlp.derivation.kinds import LayerRule, LossRule
from mlp.derivation.places import PLACES, AffinePlace, NormalizedPlace, Place
from mlp.derivation.rules import rule_of
from mlp.derivation.tables import _K, Level, Width, _x, _ŷ
from mlp.sequential import Sequential


def places_of(caller: str, model: Any, numbered: list[tuple[str, Any]]) -> list[Any]:
    """Return a Place for each layer; check that their widths match."""
    for who, layer in numbered:
        numbers.instance(caller, who, layer, Layer)
        check_layer_rule(caller, who, layer)
    names, layers = [who for who, _ in numbered], [layer for _, layer in numbered]
    kinds = [PLACES[type(rule_of(layer))] for layer in layers]
    if AffinePlace not in kinds:
        raise ValueError(
            f"{caller}: expected at least one layer with weights, got none; the widths "
            f"of a net are theirs"
        )
    _check_used_once(caller, numbered)
    affine = kinds.count(AffinePlace)
    is_activation = [kind not in (AffinePlace, NormalizedPlace) for kind in kinds]
    activations = sum(is_activation) - is_activation[-1]
    width = Width(Symbol("n"), layers[kinds.index(AffinePlace)].weight.data.shape[1])
    level = Level(_x, Symbol("X"), Symbol("G", "0"), width)
    places: list[Place] = []
    for i, (layer, kind) in enumerate(zip(layers, kinds, strict=True), start=1):
        k, is_last = kinds[:i].count(kind), i == len(layers)
        if is_activation[i - 1]:
            index = sum(is_activation[:i])
            name = Symbol("f", str(index) if activations > 1 else "")
            name = Symbol("g") if is_last else name
        else:
            alike = [type(other) for other in layers[:i]].count(type(layer))
            name = Symbol(
                type(layer).__name__, str(alike if kind is not AffinePlace else k)
            )
            size = layer.weight.data.shape[-1]
            numbers.fits(caller, names[i - 1], size, names[i - 2], width.value)
        if kind is AffinePlace:
            letter = Symbol("h", str(k) if affine > 2 else "")
            width = Width(_K if k == affine else letter, layer.weight.data.shape[0])
        z, batch = Symbol("z", str(i)), Symbol("Z", str(i))
        if is_last:
            z, batch = _ŷ, Symbol("Ŷ")
        above = Level(z, batch, Symbol("G", str(i)), width)
        places.append(kind(layer, name, k, level, above))
        level = above
    return places


def _check_used_once(caller: str, numbered: list[tuple[str, Any]]) -> None:
    """Raise if two layers share a Parameter, which would have two names."""
    seen: dict[int, str] = {}
    for who, layer in numbered:
        for parameter in layer.parameters():
            first = seen.setdefault(id(parameter), who)
            if first is not who:
                raise NotImplementedError(
                    f"{caller}: expected each parameter to be used once, got one that "
                    f"{first} and {who} share; shared weights cannot be shown yet"
                )


def parameters_of(model: Any) -> list[Parameter]:
    """Return the parameters of a layer, or of a list of layers, in order."""
    if isinstance(model, Layer):
        return model.parameters()
    return Sequential(*model).parameters()


def loss_rule(caller: str, criterion: Any) -> LossRule:
    """Return the rule of a loss."""
    numbers.instance(caller, "criterion", criterion, Loss)
    rule = rule_of(criterion)
    if not isinstance(rule, LossRule):
        kind = type(criterion).__name__
        raise NotImplementedError(
            f"{caller}: expected a rule for the loss {kind}, got {_got(rule)}; add "
            f"one, mlp.derivation.RULES[{kind}] = LossRule(…)"
        )
    return rule


def check_layer_rule(caller: str, name: str, layer: Layer) -> None:
    """Raise unless RULES has an entry of the right kind for a layer."""
    rule, kind = rule_of(layer), type(layer).__name__
    if isinstance(rule, LayerRule):
        return
    entry = f"mlp.derivation.RULES[{kind}]"
    if isinstance(layer, Sequential):
        cure = (
            "its forward or backward is its own, so it is not its layers one after the "
            "other; such a net cannot be shown yet"
        )
    elif layer.parameters():
        cure = (
            f"if it computes W x + b and nothing else, write {entry} = Affine(); other "
            f"layers with parameters cannot be shown yet"
        )
    else:
        cure = (
            f"if it works element by element, write {entry} = Elementwise(lambda x: "
            f"Apply('f', f, x), lambda x, y: …); if it mixes the features of a sample, "
            f"{entry} = Vectorwise(…); one that mixes the rows cannot be shown yet"
        )
    raise NotImplementedError(
        f"{caller}: expected a rule for {name}, got {_got(rule)}; {cure}"
    )


def _got(rule: Any) -> str:
    return "none" if rule is None else f"a {type(rule).__name__}"


def check_column(
    who: str, name: str, value: npt.ArrayLike, length: int, of: str
) -> npt.NDArray[np.float64]:
    """Return one data point as a column of float64; check its length."""
    array = real_array(who, name, value, np.float64)
    if array.shape != (length,):
        raise ValueError(
            f"{who}: expected {name} of shape ({length},), one data point, as {of} has "
            f"it, got {array.shape}"
        )
    return array[:, np.newaxis]


def check_steps_some(caller: str, optimizer: Any, parameters: list[Parameter]) -> None:
    """Raise unless an optimizer is None or has some of the parameters."""
    if optimizer is not None:
        numbers.instance(caller, "optimizer", optimizer, Optimizer)
        holds_some(caller, optimizer, parameters)


def check_each_row_alone(caller: str, places: Sequence[Place]) -> None:
    """Raise if a layer couples the samples of a batch."""
    for place in places:
        if place.is_coupled:
            raise ValueError(
                f"{caller}: expected a net that treats each sample by itself, got a "
                f"{type(place.layer).__name__} in training mode, whose rows depend on "
                f"each other; write model.eval() before, or check, which runs a batch"
            )


def check_modes(caller: str, places: Sequence[Place]) -> None:
    """Raise if train() or eval() has changed a layer after derive."""
    for place in places:
        if (place.draws, place.is_coupled) != place.as_derived:
            now = "training" if place.layer.training else "evaluation"
            raise RuntimeError(
                f"{caller}: expected the {type(place.layer).__name__} in the mode in "
                f"which it was derived, got it in {now} mode; derive the net anew"
            )
