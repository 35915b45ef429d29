"""Sequential: layers in a row, and the chain rule.

Backpropagation is the chain rule, computed from the loss backwards. So for
one sample each step is a row times a matrix, and never a matrix times a
matrix. The code is two loops, one in forward and one in backward. Read
mlp.optim next.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, TypeGuard, cast, overload

import numpy as np
import numpy.typing as npt

from mlp._shared import arrays, frames, numbers
from mlp._shared.arrays import Array, RealArray
from mlp.core.layer import Layer
from mlp.core.parameter import Buffer, Parameter
from mlp.layers.linear import Linear
from mlp.summary import Summary, summary

_LARGE = 1 << 16  # entries of x that take longer to look through than to notice


class Sequential(Layer):
    """y = f_L(… f₂(f₁(x))): each layer's output is the next one's input.

    Parameters
    ----------
    *layers : Layer
        In the order in which x goes through them. len, indexing, slicing
        and iteration work as for a tuple; a slice is a Sequential with the
        same layers and the same parameters.

    Raises
    ------
    TypeError
        If one of them is not a Layer.
    ValueError
        If a layer is in it twice: its second forward would overwrite what
        the backward of the first one needs. Or if forward is called and
        there are no layers.

    Shapes
    ------
    x, grad_input : as for the first layer
    y, grad_output : as for the last layer

    Derivation
    ----------
    Let z₀ = x, zₖ = fₖ(zₖ₋₁) and ℓ be a function of y = z_L. The chain
    rule, in numerator layout, is a product of Jacobians from the loss down:

        ∂ℓ/∂x  = ∂ℓ/∂z_L · ∂z_L/∂z_L₋₁ · … · ∂z₂/∂z₁ · ∂z₁/∂x
        ∂ℓ/∂θₖ = ∂ℓ/∂z_L · ∂z_L/∂z_L₋₁ · … · ∂zₖ₊₁/∂zₖ · ∂zₖ/∂θₖ

    All these products begin with the same factors. Let gₖ = ∂ℓ/∂zₖ, so that
    these are multiplied only once:

        g_L    = ∂ℓ/∂z_L             what the loss's backward returns
        gₖ₋₁   = gₖ · ∂zₖ/∂zₖ₋₁      what layer k's backward returns
        ∂ℓ/∂θₖ = gₖ · ∂zₖ/∂θₖ        what layer k's backward adds to .grad

    For one sample, from left to right each product is a row times a matrix,
    which takes n² multiplications for layers of width n. From right to left
    each product would be a matrix times a matrix, which takes n³. The row
    is short because ℓ is only one number.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp import Linear, MSELoss, ReLU, Sequential
    >>> rng = np.random.default_rng(0)
    >>> first, last = Linear(2, 3, rng=rng), Linear(3, 1, rng=rng)
    >>> model = Sequential(first, ReLU(), last)
    >>> model
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
      (2): Linear(in_features=3, out_features=1, bias=True)
    )

    backward does the same as the chain rule written by hand:

    >>> x, y = [[1.0, -2.0]], [[1.0]]
    >>> loss = MSELoss()
    >>> z1 = model[0].forward(x)
    >>> prediction = model[2].forward(model[1].forward(z1))
    >>> _ = loss.forward(prediction, y)
    >>> J2 = np.diag((z1[0] > 0).astype(float))             # ∂z₂/∂z₁
    >>> g1 = loss.backward() @ model[2].weight.data @ J2    # ∂ℓ/∂z₁
    >>> _ = loss.forward(model.forward(x), y)
    >>> grad_input = model.backward(loss.backward())
    >>> np.allclose(grad_input, g1 @ model[0].weight.data, rtol=1e-12)
    True
    >>> np.allclose(model[0].weight.grad, g1.T @ x, rtol=1e-12)
    True

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.5.
    Griewank and Walther, Evaluating Derivatives, 2008, chapter 3, on why
    backwards.
    """

    forward_keeps = ("_has_forward",)
    # Whether there is a whole forward that no backward has used up; None where only
    # the layers know, as when they were run one by one.
    _has_forward: bool | None = None
    # The columns of the DataFrame that fit was given, which predict then expects.
    feature_names_in_: frames.Names = None

    def __init__(self, *layers: Layer) -> None:
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise TypeError(
                    f"Sequential: expected layer {i} to be a Layer, got {layer!r}; "
                    f"give the layers one by one, Sequential(Linear(2, 1), ReLU())"
                )
        self._layers = layers
        seen: dict[int, int] = {}
        for i, layer in enumerate(layers):
            for inside in layer.modules():
                if seen.setdefault(id(inside), i) != i:
                    raise ValueError(
                        f"Sequential: expected each layer once, got the {inside!r} of "
                        f"layer {seen[id(inside)]} again in layer {i}; make a second "
                        f"one, as each keeps what its own backward needs"
                    )

    def forward(self, x: npt.ArrayLike) -> Array:
        """Return f_L(… f₂(f₁(x))); each layer keeps what its backward needs."""
        if not self._layers:
            raise _no_layer("forward")
        z: Any = arrays.array("Sequential.forward", "x", x)
        self._has_forward = False
        for layer in self._layers:
            z = layer.forward(z)
        self._has_forward = True
        y: Array = z
        return y

    def backward(
        self, grad_output: npt.ArrayLike, *, needs_input_grad: bool = True
    ) -> Array | None:
        """Return ∂ℓ/∂x, given ∂ℓ/∂y, and add ∂ℓ/∂θ to each θ.grad.

        With needs_input_grad=False it returns None, and the first layer
        computes one matrix product less.
        """
        if not self._layers:
            raise _no_layer("backward")
        g: Any = arrays.array("Sequential.backward", "grad_output", grad_output)
        if self._has_forward is False:
            raise arrays.no_forward(self, "prediction = model.forward(x) (step 1)")
        for layer in self._layers[:0:-1]:  # the last to the second
            g = layer.backward(g)
        g = self._layers[0].backward(g, needs_input_grad=needs_input_grad)
        if self._has_forward:
            self._has_forward = False
        return g if needs_input_grad else None

    def predict(self, x: npt.ArrayLike, batch_size: int | None = None) -> Array:
        """Return forward(x), in evaluation mode, without effects on the net.

        You can call it between forward and backward. It runs a copy of each
        layer that has the same parameters, so no activations are kept.

        Parameters
        ----------
        x : array_like
            As for forward.
        batch_size : int or None
            How many rows to compute at a time, so that only the activations
            of such a batch are in memory. None: all rows at once.

        Returns
        -------
        array
            As forward returns it.

        Raises
        ------
        ValueError, TypeError
            As forward; if x has NaN or infinity (the error counts them and
            names the first); if batch_size is not an int of at least 1; if
            x is a DataFrame and its columns are not those of fit, in the
            same order.

        Examples
        --------
        >>> import numpy as np
        >>> from mlp import Identity, Linear, Sequential
        >>> model = Sequential(Linear(3, 2), Identity())
        >>> x = np.arange(15.0).reshape(5, 3)
        >>> np.allclose(model.predict(x, batch_size=2), model.forward(x))
        True
        """
        who = "Sequential.predict"
        if not self._layers:
            raise _no_layer("predict")
        if self.feature_names_in_ is not None:
            frames.same_names(who, "x", x, self.feature_names_in_, "model")
        x = arrays.real_array(who, "x", x)
        first = self._layers[0]
        # A wide product has NaN wherever x has NaN or infinity, and is smaller than x.
        tells = is_plain(self) and type(first) is Linear and first.out_features > 1
        if not tells or x.size < _LARGE:
            arrays.finite(who, "x", x)
            tells = False
        if batch_size is None:
            return self._predict(x, x if tells else None)
        step = numbers.positive_int(who, "batch_size", batch_size)
        if x.ndim == 0:
            raise ValueError(
                f"{who}: expected x with rows to take batch_size of at a time, got "
                f"shape (); leave batch_size out"
            )
        result = None
        for start in range(0, max(len(x), 1), step):
            batch = x[start : start + step]
            part = self._predict(batch, x if tells else None)
            if np.shape(part)[:1] != (len(batch),):
                raise ValueError(
                    f"{who}: expected {len(batch)} rows of output from a batch of "
                    f"{len(batch)}, got shape {np.shape(part)}; leave batch_size out, "
                    f"as a layer does not keep rows apart"
                )
            if result is None:
                result = np.empty((len(x), *part.shape[1:]), part.dtype)
            result[start : start + step] = part
        return cast(Array, result)

    def _predict(self, x: RealArray, unchecked: RealArray | None) -> Array:
        """Return forward(x); look for NaN in all of x if the first output has some."""
        if not is_plain(self):
            return copy.copy(self).eval().forward(x)
        z, layers = x, self._layers
        if unchecked is not None:
            with np.errstate(all="ignore"):
                first = copy.copy(layers[0]).eval().forward(x)
            if arrays.all_finite([first]):
                z, layers = first, layers[1:]
            else:
                arrays.finite("Sequential.predict", "x", unchecked)
        for layer in layers:
            z = copy.copy(layer).eval().forward(z)
        return z

    def summary(self) -> Summary:
        """Return a table of the layers: output, parameters and their bytes.

        Returns
        -------
        str
            A line for each layer, also for those in inner Sequentials. No
            layer runs. The shape of an output comes from out_features, or
            with keeps_shape from the layer before; after other layers it is
            "?". A parameter that two layers share counts once in the total.

        Examples
        --------
        >>> from mlp import Linear, ReLU, Sequential
        >>> model = Sequential(Linear(784, 256), ReLU(), Linear(256, 10))
        >>> print(model.summary())
        ────────  ────────  ──────────  ─────────
        layer     output    parameters  bytes
        ────────  ────────  ──────────  ─────────
        0 Linear  (N, 256)     200,960  1,607,680
        1 ReLU    (N, 256)           0          0
        2 Linear  (N, 10)        2,570     20,560
        total                  203,530  1,628,240
        """
        return summary(self, is_plain)

    def settings(self) -> dict[str, Any]:
        """Return no settings: it is its layers, which members() yields."""
        return {}

    def members(self) -> Iterator[tuple[str, Parameter | Buffer | Layer]]:
        """Yield the layers, each with its index for a name."""
        for i, layer in enumerate(self._layers):
            yield str(i), layer
        for name, member in super().members():  # those of a subclass
            if not name.startswith("_layers."):
                yield name, member

    def _is_made_of(self, layer: Layer) -> bool:
        """Return whether a layer is in it, or in a Sequential in it."""
        return any(one is layer or one._is_made_of(layer) for one in self._layers)

    def __len__(self) -> int:
        """Return the number of layers."""
        return len(self._layers)

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Layer | Sequential:
        """Return one layer, or a Sequential of a slice of them."""
        if isinstance(index, slice):
            return Sequential(*self._layers[index])
        return self._layers[index]

    def __iter__(self) -> Iterator[Layer]:
        """Iterate over the layers in order."""
        return iter(self._layers)

    def __repr__(self) -> str:
        """Return one indented line a layer, as PyTorch does."""
        lines = [f"({name}): {layer!r}" for name, layer in self.members()]
        body = "".join("\n  " + line.replace("\n", "\n  ") for line in lines)
        return f"Sequential({body}\n)" if lines else "Sequential()"

    def _repr_html_(self) -> str:
        """Return the layers, their settings and sizes, for a notebook."""
        return self.summary()._repr_html_()


def _no_layer(method: str) -> ValueError:
    """Return the error of a net that has nothing to run."""
    return ValueError(
        f"Sequential.{method}: expected at least one layer, got none; "
        f"give them when you make it, Sequential(Linear(2, 1))"
    )


def is_plain(model: object) -> TypeGuard[Sequential]:
    """Return whether a model is its layers, one after the other, and no more.

    A subclass of Sequential with a forward, backward or __call__ of its own
    computes something else than its layers say. Every tool that opens a
    model asks here first, and takes what is not plain as one layer.

    Examples
    --------
    >>> from mlp import ReLU, Sequential
    >>> from mlp.sequential import is_plain
    >>> class Residual(Sequential):
    ...     def forward(self, x):
    ...         return x + super().forward(x)
    >>> is_plain(Sequential(ReLU())), is_plain(Residual(ReLU()))
    (True, False)
    """
    return isinstance(model, Sequential) and all(
        getattr(type(model), name) is getattr(Sequential, name)
        and name not in vars(model)
        for name in ("forward", "backward", "__call__", "__iter__", "__getitem__")
    )


def numbered_layers(model: Any, path: str = "") -> list[tuple[str, Any]]:
    """Return the layers of a net, each with what to call it in an error.

    Parameters
    ----------
    model : Sequential, or one layer
        Inner Sequentials are opened if they are plain. Lists and tuples are
        too; what is in them is not checked.
    path : str
        The index of the model itself, where it is inside another.

    Examples
    --------
    >>> from mlp import Linear, ReLU, Sequential
    >>> from mlp.sequential import numbered_layers
    >>> numbered_layers(Sequential(ReLU(), Sequential(ReLU())))
    [('layer 0 (ReLU)', ReLU()), ('layer 1.0 (ReLU)', ReLU())]
    """
    if not (is_plain(model) or isinstance(model, list | tuple)):
        return [(f"layer {path or 0} ({type(model).__name__})", model)]
    numbered = []
    for i, layer in enumerate(model):
        numbered += numbered_layers(layer, f"{path}.{i}" if path else str(i))
    return numbered
