"""Why a deep net wants ReLU: the gradient's way down through 2 to 20 layers.

Each sigmoid multiplies the gradient by at most 1/4, so what reaches the first
layer of a deep net is next to nothing; a ReLU that is on multiplies it by 1.
Both nets have the same weights, He's, U(±√(6/in)), and biases of 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import common
import numpy as np

from mlp import SGD, BCELoss, Layer, Linear, ReLU, Sequential, Sigmoid, minibatches
from mlp._shared.printing import printable
from mlp.datasets import load_digits

DEPTHS = range(2, 21)
TRAINED_DEPTH = 10


def deep_net(depth: int, width: int, activation: type[Layer], seed: int) -> Sequential:
    """Return depth linear layers with an activation after each but the last."""
    rng = np.random.default_rng(seed)
    widths = [64, *[width] * (depth - 1), 10]
    layers: list[Layer] = []
    for n, m in zip(widths, widths[1:], strict=False):
        linear = Linear(n, m, rng=rng)
        bound = math.sqrt(6 / n)
        linear.weight.data[...] = rng.uniform(-bound, bound, (m, n))
        if linear.bias is not None:
            linear.bias.data[...] = 0
        layers += [linear, activation()]
    return Sequential(*layers[:-1], Sigmoid())


def gradient_norms(model: Sequential, x: common.Array, y: common.Array) -> list[float]:
    """Return ‖∂ℓ/∂z‖ for the output z of each Linear, the first layer first."""
    criterion = BCELoss()
    criterion.forward(model.forward(x), y)
    g: Any = criterion.backward()
    norms: list[float] = []
    for layer in reversed(list(model)):
        if isinstance(layer, Linear):
            norms.insert(0, float(np.linalg.norm(g)))
        g = layer.backward(g)
    return norms


def bound_of(model: Sequential, slope: float) -> float:
    """Return ∏ ‖W⁽ᵏ⁾‖₂ · slope from the second linear layer on."""
    linears = [layer for layer in model if isinstance(layer, Linear)]
    return math.prod(
        slope * float(np.linalg.norm(w.weight.data, 2)) for w in linears[1:]
    )


def trained_loss(
    model: Sequential, x: common.Array, y: common.Array, args: Any
) -> tuple[float, float]:
    """Train the model in place; return the loss before and after."""
    criterion, rng = BCELoss(), np.random.default_rng(args.seed)
    optimizer = SGD(model.parameters(), lr=args.lr, momentum=0.9)
    before = criterion.forward(model.predict(x), y)
    for _ in range(args.epochs):
        for x_batch, y_batch in minibatches(x, y, args.batch_size, rng=rng):
            prediction = model.forward(x_batch)  # 1. forward
            criterion.forward(prediction, y_batch)  # 2. loss
            optimizer.zero_grad()  # 3. zero the gradients
            model.backward(criterion.backward())  # 4. backward
            optimizer.step()  # 5. step
    return before, criterion.forward(model.predict(x), y)


def powers_below_one(norm: float) -> float:
    """Return −log₁₀ of a norm: infinity where all ReLUs are off, and nothing passes."""
    return -math.log10(norm) if norm > 0 else math.inf


def draw(norms: dict[str, list[float]], path: Path) -> bool:
    """Save a picture of the deepest nets' norms; return False without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for name, values in norms.items():
        axes.semilogy(range(1, len(values) + 1), values, "o-", label=name)
    axes.set_xlabel("layer, the first one left")
    axes.set_ylabel("norm of the gradient by its output")
    axes.set_title(f"Depth {len(values)}: what comes down to each layer")
    axes.set_xticks(range(1, len(values) + 1))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
    return True


@common.script
def main(argv: Sequence[str] | None = None) -> None:
    """Measure the gradients for each depth, draw them, train two nets."""
    parser = common.make_parser(
        __doc__, epochs=20, lr=0.1, batch_size=32, hidden=64, most_hidden=1000
    )
    parser.add_argument(
        "--picture",
        metavar="FILE",
        type=common.picture,
        default=Path("vanishing_gradients.png"),
        help="where the picture goes, as .png, .pdf or .svg (default: %(default)s)",
    )
    parser.add_argument(
        "--bars", action="store_true", help="bars of characters in place of the picture"
    )
    args = parser.parse_args(argv)
    data = load_digits()
    x, y = data.x / 16, data.y
    kinds: dict[str, tuple[type[Layer], float]] = {
        "sigmoid": (Sigmoid, 0.25),
        "ReLU": (ReLU, 1.0),
    }
    print("‖∂ℓ/∂z‖ at the first linear layer's output over that at the last one's; the")
    print(
        "bound on it, ∏ ‖W‖₂ / 4 for sigmoid, ∏ ‖W‖₂ for ReLU; the share of σ' in it\n"
    )
    columns = ("sigmoid", "bound", "its 4¹⁻ᴸ", "ReLU", "bound")
    print(f"{'depth':>5}" + "".join(f"{printable(name):>12}" for name in columns))
    deepest: dict[str, list[float]] = {}
    lines: dict[str, list[str]] = {name: [] for name in kinds}
    for depth in DEPTHS:
        cells = []
        for name, (activation, slope) in kinds.items():
            model = deep_net(depth, args.hidden, activation, args.seed)
            norms = deepest[name] = gradient_norms(model, x, y)
            cells += [norms[0] / norms[-1], bound_of(model, slope)]
            powers = "".join(f"{powers_below_one(norm):5.1f}" for norm in norms)
            lines[name].append(f"{depth:>5}{powers}")
        cells.insert(2, 0.25 ** (depth - 1))
        print(f"{depth:>5}" + "".join(f"{cell:>12.2e}" for cell in cells))

    print("\n−log₁₀ ‖∂ℓ/∂z‖ at each layer, the first one left: powers of ten below 1")
    for name, rows in lines.items():
        print(f"\n{name}, by depth", *rows, sep="\n")
    print(f"\n‖∂ℓ/∂z‖ at each layer of depth {depth}\n")
    print(f"{'layer':>5}" + "".join(f"{name:>12}" for name in deepest))
    for k, pair in enumerate(zip(*deepest.values(), strict=True), start=1):
        print(f"{k:>5}" + "".join(f"{norm:>12.2e}" for norm in pair))
    try:
        drawn = not args.bars and draw(deepest, args.picture)
    except OSError as error:
        parser.error(f"the picture cannot be saved: {error}")
    if drawn:
        print(f"\nthe same as a picture: {args.picture}")
    else:
        print("\nthe same in bars, one # for each power of ten above 1e-20 (a picture:")
        print("pip install '.[plot]' in the clone, and without --bars)\n")
        for name, norms in deepest.items():
            for k, norm in enumerate(norms, start=1):
                length = round(20 - min(powers_below_one(norm), 20))
                print(f"{name:>8}{k:>4} {'#' * length}")

    print(f"\ntrained for {args.epochs} epochs at depth {TRAINED_DEPTH}, cross-entropy")
    for name, (activation, _) in kinds.items():
        model = deep_net(TRAINED_DEPTH, args.hidden, activation, args.seed)
        with common.errors_as_sentences(parser):
            before, after = trained_loss(model, x, y, args)
        print(f"{name:>8}{before:>12.4f}  →{after:>8.4f}")
    always = y.mean(axis=0)
    share = BCELoss().forward(np.broadcast_to(always, y.shape), y)
    print(f"each digit's share of the data as the answer to everything: {share:.4f}")


if __name__ == "__main__":
    main()
