"""Find the mistake that explains a wrong gradient.

Few mistakes are usual: a wrong factor, a wrong sign, a transposed matrix, a
missing sum, one variable in place of another. Each mistake gives its own
pattern when the gradient from backward (analytic) is compared with the
measured one (numerical). The first pattern that fits is reported.
normalizing.py has the patterns of normalisation layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from mlp._shared.arrays import Array
from mlp.checking.differences import SURE, Measured, off
from mlp.checking.normalizing import backwards, normalized

ROUGHLY = 1e-4  # a relative difference, small enough to tell 2 from 1.999
KNOWN = 0.1  # with larger relative errors of the slopes, any pattern may fit


class Verdict(NamedTuple):
    """The result for one gradient, in two words and in a sentence."""

    label: str
    sentence: str = ""


class Evidence(NamedTuple):
    """All that is known about one wrong gradient.

    Attributes
    ----------
    measured : Measured
        The gradient from backward and the measured one, at E entries.
    analytic : array
        The whole gradient from backward.
    at : array of the same shape
        The array that the gradient is for: a parameter, x or the
        prediction.
    grad_output, output : array
        The argument of backward, and the result of forward.
    parameters : list of array
        The data of all parameters.
    draws : bool
        Whether forward draws random numbers.
    is_loss, is_parameter : bool
        Whether this is a gradient of a loss, and whether it is one for a
        parameter.
    growth : callable
        Returns two dicts with the keys "N" and "K": the powers of N and K
        in the factor between analytic and numerical, and N and K.
    """

    measured: Measured
    analytic: Array
    at: Array
    grad_output: Array
    output: Array
    parameters: list[Array]
    draws: bool
    is_loss: bool
    is_parameter: bool
    growth: Callable[[], tuple[dict[str, int], dict[str, int]]]

    def of(self, array: Array) -> Array:
        """Return the measured entries of an array."""
        return np.array([array[place] for place in self.measured.places])

    def gives(self, candidate: Any) -> bool:
        """Return whether backward gives candidate at the measured entries."""
        m = self.measured
        return bool(np.all(off(m.analytic, candidate, m.error) <= 1))


def verdict(e: Evidence) -> Verdict:
    """Return the first pattern that fits a wrong gradient.

    Examples
    --------
    mlp.check_layer and mlp.check_gradients call it for each gradient that
    differs from the measured one:

    >>> import numpy as np
    >>> from mlp import Sigmoid, check_layer
    >>> class FromTheInput(Sigmoid):
    ...     def forward(self, x):
    ...         self.x = x
    ...         return super().forward(x)
    ...     def backward(self, grad_output, *, needs_input_grad=True):
    ...         return grad_output * self.x * (1 - self.x)
    >>> report = check_layer(FromTheInput(), np.array([[0.5, -1.0, 2.0]]))
    >>> report.rows[0].verdict
    'x for y'
    """
    m = e.measured
    tells = SURE * np.linalg.norm(m.error) < KNOWN * np.linalg.norm(m.numerical)
    for pattern in (_zero, *(_PATTERNS if tells else ())):
        for found in pattern(e):
            return found
    return _differs(e)


def _zero(e: Evidence) -> Iterator[Verdict]:
    if not e.analytic.any():
        yield Verdict("zero", "it is zero everywhere, and should not be")


_OF_A_LOSS = {
    "2": "there is a factor 2 too many, or forward has a ½ that backward lacks",
    "1/2": "the factor 2 is missing, from the derivative of a square",
    "N": "the mean over the batch is missing, which forward takes",
    "1/N": "backward takes a mean over the batch that forward does not take",
    "K": "the mean over the columns is missing, which forward takes",
    "1/K": "backward takes a mean over the columns that forward does not take",
    "N·K": "the mean over all entries is missing, which forward takes",
    "1/(N·K)": "backward takes a mean over all entries that forward does not take",
}
_OF_A_LAYER = {
    "2": "it is added twice in one backward, or there is a factor 2 too many",
    "1/2": "half of it is missing",
    "N": "backward multiplies by the number of rows",
    "1/N": "backward divides by the number of rows, as for a mean; but the loss has "
    "already taken the mean over the batch",
    "K": "backward multiplies by the number of columns of the output",
    "1/K": "backward divides by the number of columns of the output",
}


def _factor(e: Evidence) -> Iterator[Verdict]:
    """Find analytic = c · numerical, with one c for all entries."""
    a, n = e.measured.analytic, e.measured.numerical
    c = float(np.vdot(a, n) / np.vdot(n, n)) if n.any() else 0.0
    if c == 0 or np.any(off(a, c * n, abs(c) * e.measured.error) > 1):
        return
    causes = []
    if c < 0:
        side = "target − prediction for prediction − target, or " if e.is_loss else ""
        side += "a minus is missing, or one too many"
        causes.append(f"the sign is wrong: {side}")
    if abs(c + 1) < ROUGHLY:  # exactly the opposite sign
        yield Verdict("sign", causes[0])
        return
    powers, sizes = e.growth()
    rest = abs(c)
    for letter, power in powers.items():
        rest /= sizes[letter] ** power
    above, below = "", ""
    if abs(rest / 0.5 - 1) < ROUGHLY:
        below = "2"
    elif abs(rest - 1) > ROUGHLY or not any(powers.values()):
        above = _number(rest)
    if np.count_nonzero(n) < 2 and above not in ("", "2"):
        return  # each number is a multiple of one other number
    table = _OF_A_LOSS if e.is_loss else _OF_A_LAYER
    parts = _fraction(powers), _fraction({above: 1, below: -1})
    causes += [table[part] for part in parts if part in table]
    name = _fraction({above: 1} | powers | {below: -1})
    here = f" (here {abs(c):.4g})" if any(powers.values()) else ""
    if name == above and abs(rest - 1) < 1e-3:  # nearly right: how near can be told
        known = np.linalg.norm(e.measured.error) / np.linalg.norm(n)
        here = f", which the differences know to within {SURE * known:.0e}"
    yield Verdict(
        f"factor {'−' * (c < 0)}{name}",
        f"it is {name} times what it should be{here}{': ' * bool(causes)}"
        f"{'; and '.join(causes)}",
    )


def _number(c: float) -> str:
    """Return a factor with four digits, or more if it would look like 1."""
    digits = 2 - int(np.floor(np.log10(abs(c - 1)))) if 0 < abs(c - 1) < 1e-3 else 4
    return f"{c:.{digits}g}"


def _fraction(powers: dict[str, int]) -> str:
    """Return a product of powers, each 1, 0 or −1, as a formula."""
    above = "·".join(letter for letter, power in powers.items() if letter and power > 0)
    below = "·".join(letter for letter, power in powers.items() if letter and power < 0)
    if not below:
        return above
    return f"{above or 1}/{f'({below})' if '·' in below else below}"


def _lost_rows(e: Evidence) -> Iterator[Verdict]:
    """Find that the gradient of a parameter lacks some rows of the batch."""
    rows = e.measured.rows
    count = rows.shape[1]
    if not e.is_parameter or count < 2:
        return
    for k in range(count):
        if e.gives(rows[:, k]):
            yield Verdict(
                "not summed",
                f"it is not summed over the batch: of {count} rows, only row {k} is in "
                f"it; all of them share the parameter, so their gradients add up",
            )
        if e.gives(e.measured.numerical - rows[:, k]):
            yield Verdict(
                "term lost",
                f"a term is missing: row {k} of the batch is not in the sum over its "
                f"{count} rows",
            )
    g = e.grad_output
    if g.ndim == 2 and e.at.shape == g.shape[:1] and e.gives(e.of(g.sum(axis=1))):
        yield Verdict(
            "wrong axis",
            "it is grad_output summed over axis 1, the features; the batch is axis 0",
        )


def _transposed(e: Evidence) -> Iterator[Verdict]:
    """Find that axes are swapped, in the gradient or in a weight in it."""
    if e.at.ndim == 2:
        turned = e.analytic.T if len(set(e.at.shape)) == 1 else None
        laid_out = e.analytic.reshape(e.at.shape[::-1]).T
        for array in (turned, laid_out):
            if array is not None and _equal(e.of(array), e.measured):
                yield Verdict("transposed", "it is the transpose of what it should be")
    square = [w for w in e.parameters if w.shape[:1] * 2 == w.shape]
    for w in square:
        if not e.is_parameter and e.grad_output.shape[1:] == w.shape[:1]:
            if e.gives(e.of(e.grad_output @ w.T)):
                yield Verdict(
                    "transposed",
                    "a weight in it is transposed: it is grad_output Wᵀ, where "
                    "forward's x Wᵀ asks for grad_output W",
                )


def _equal(candidate: Array, m: Measured) -> bool:
    return bool(np.all(off(candidate, m.numerical, m.error) <= 1))


def _unreported(e: Evidence) -> Iterator[Verdict]:
    """Find that analytic − numerical is the gradient of a regularisation."""
    if not e.is_parameter or len(e.measured.places) < 2:
        return
    n, θ = e.measured.numerical, e.of(e.at)
    extra = e.measured.analytic - n
    for direction, what in ((θ, "θ"), (np.sign(θ), "sign(θ)")):
        if not direction.any():
            continue
        λ = float(np.vdot(extra, direction) / np.vdot(direction, direction))
        if e.gives(n + λ * direction):
            norm = f"{λ / 2:.4g} ‖θ‖²" if what == "θ" else f"{λ:.4g} Σ |θ|"
            yield Verdict(
                "unreported loss",
                f"it is that of a loss which forward does not report: analytic − "
                f"numerical is {λ:.4g} {what}, the gradient of {norm}; leave "
                f"regularisation to SGD's weight_decay, or add it to the loss too",
            )


def _left_out(e: Evidence) -> Iterator[Verdict]:
    """Find that a factor or a path of the chain rule is left out."""
    if e.is_loss:
        return
    if e.gives(e.measured.plain):
        yield Verdict(
            "grad_output left out",
            "it lacks grad_output: it is the gradient for a grad_output of ones",
        )
    if not e.is_parameter and e.at.shape == e.grad_output.shape:
        g = e.of(e.grad_output)
        if e.gives(g):
            yield Verdict(
                "slope left out",
                "it is grad_output itself, without the layer's own derivative",
            )
        if e.gives(e.measured.numerical - g):
            yield Verdict(
                "term lost",
                "a term is missing: grad_output itself, from the path on which x is "
                "added to y",
            )
    if not e.is_parameter and e.gives(e.measured.own):
        yield Verdict(
            "diagonal only",
            "only the diagonal of the Jacobian is in it, grad_output ⊙ ∂yᵢ/∂xᵢ; each "
            "entry of x moves other entries of y too, as in a softmax",
        )


_MISTAKEN: tuple[tuple[str, Callable[[Array, Array], Any], str], ...] = (
    (
        "x for y",
        lambda x, y: x * (1 - x),
        "it is grad_output ⊙ x (1 − x); σ' is y (1 − y), of the output y",
    ),
    (
        "x for y",
        lambda x, y: 1 - x**2,
        "it is grad_output ⊙ (1 − x²); tanh' is 1 − y², of the output y",
    ),
    (
        "σ twice",
        lambda x, y: 1 / (2 + 2 * np.cosh(y)),
        "it is grad_output ⊙ σ(y) (1 − σ(y)), as if y were an input; σ' is y (1 − y)",
    ),
    (
        "tanh twice",
        lambda x, y: 1 / np.cosh(y) ** 2,
        "it is grad_output ⊙ (1 − tanh²(y)), as if y were an input; tanh' is 1 − y²",
    ),
    (
        "another's slope",
        lambda x, y: y * (1 - y),
        "it is grad_output ⊙ y (1 − y), the derivative of a sigmoid",
    ),
    (
        "another's slope",
        lambda x, y: 1 - y**2,
        "it is grad_output ⊙ (1 − y²), the derivative of a tanh",
    ),
    (
        "another's slope",
        lambda x, y: x > 0,
        "it is grad_output ⊙ [x > 0], the derivative of a ReLU",
    ),
)


def _mistaken(e: Evidence) -> Iterator[Verdict]:
    """Find that it is the derivative of another function, or by another input."""
    if e.is_loss:
        ŷ = e.of(e.at)
        with np.errstate(all="ignore"):
            if e.gives(e.measured.numerical * ŷ * (1 - ŷ)):
                yield Verdict(
                    "σ' too early",
                    "it has σ' = ŷ (1 − ŷ) in it already, so it is the gradient by "
                    "what goes into the Sigmoid, whose backward multiplies by σ' again",
                )
    elif not e.is_parameter and e.at.shape == e.output.shape == e.grad_output.shape:
        x, y, g = map(e.of, (e.at, e.output, e.grad_output))
        for label, derivative, sentence in _MISTAKEN:
            with np.errstate(all="ignore"):
                if e.gives(g * derivative(x, y)):
                    yield Verdict(label, sentence)


def _turned_around(e: Evidence) -> Iterator[Verdict]:
    """Find that it is 0 exactly where the right gradient is not."""
    a, n = e.measured.analytic, e.measured.numerical
    if a.any() and n.any() and not np.any((a != 0) & (n != 0)):
        yield Verdict(
            "wrong side",
            "it is zero where it should not be, and only there: a condition such as "
            "x > 0 is the wrong way round",
        )


def _mask(e: Evidence) -> Iterator[Verdict]:
    """Find that forward and backward scale a dropout's mask differently."""
    m = e.measured
    if not e.draws or e.is_parameter or e.at.shape != e.grad_output.shape:
        return
    g, kept = e.of(e.grad_output), m.numerical != 0
    if e.gives(g * kept):
        yield Verdict(
            "mask not scaled",
            "it is grad_output ⊙ the mask; forward divides by 1 − p too, so backward "
            "must",
        )
    elif _equal(g * kept, m) and kept.any():
        c = float(np.vdot(m.analytic, m.numerical) / np.vdot(m.numerical, m.numerical))
        if c > 1 and e.gives(c * m.numerical):
            yield Verdict(
                "mask scaled in backward",
                f"it is divided by 1 − p = {1 / c:.4g}, which forward does not do",
            )


def normalization(e: Evidence) -> Iterator[Verdict]:
    """Find what the backward of a normalisation leaves out."""
    for n in normalized(e.at, e.output, e.parameters):
        for label, sentence, given, right in backwards(n, e.grad_output):
            if e.gives(e.of(given)) and _equal(e.of(right), e.measured):
                yield Verdict(label, sentence)


_PATTERNS: tuple[Callable[[Evidence], Iterator[Verdict]], ...] = (
    _lost_rows,
    _mask,
    normalization,
    _left_out,
    _factor,
    _transposed,
    _unreported,
    _mistaken,
    _turned_around,
)


def _differs(e: Evidence) -> Verdict:
    a, n = e.measured.analytic, e.measured.numerical
    apart = off(a, n, e.measured.error)
    worst = [
        f"at {_index(e.measured.places[i])} {a[i]:.5g}, numerically {n[i]:.5g}"
        f"{_known(n[i], e.measured.error[i])}"
        for i in np.argsort(-apart, kind="stable")[:3]
        if apart[i] > 1 or i == np.argmax(apart)
    ]
    where, wrong, at = "", apart > 1, e.of(e.at)
    for sign, side in (("<", at < 0), (">", at > 0)):
        if 0 < np.count_nonzero(wrong) < len(wrong) and np.array_equal(wrong, side):
            where = f" it differs only where this array is {sign} 0;"
    return Verdict("differs", f"no known pattern;{where} the worst: {'; '.join(worst)}")


def _known(value: float, error: float) -> str:
    """Return a note on the error of a slope, if the error is large."""
    return f" ± {SURE * error:.1g}" if SURE * error > 1e-3 * abs(value) else ""


def _index(place: Any) -> str:
    return f"[{', '.join(map(str, place))}]"
