"""A published training step, worked by hand, checked to the last digit.

The net, the numbers and the figures are those of Mazur, "A Step by Step
Backpropagation Example", 2015: two inputs, two hidden sigmoids, two output
sigmoids, and one step that leaves the biases as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import common
import numpy as np

from mlp import SGD, Linear, MSELoss, Sequential, Sigmoid, trace

PUBLISHED = {
    "hidden outputs": ["0.593269992", "0.596884378"],
    "outputs": ["0.75136507", "0.772928465"],
    "loss": ["0.298371109"],
    "W⁽²⁾ after the step": ["0.35891648", "0.408666186", "0.511301270", "0.561370121"],
    "W⁽¹⁾ after the step": ["0.149780716", "0.19956143", "0.24975114", "0.29950229"],
    "loss after the step": ["0.29103"],
}


@common.script
def main(argv: Sequence[str] | None = None) -> None:
    """Print the step with its numbers, then the published figures beside them."""
    common.Parser(__doc__).parse_args(argv)
    model = Sequential(Linear(2, 2), Sigmoid(), Linear(2, 2), Sigmoid())
    values: tuple[Any, ...] = (
        [[0.15, 0.20], [0.25, 0.30]],
        [0.35, 0.35],
        [[0.40, 0.45], [0.50, 0.55]],
        [0.60, 0.60],
    )
    for parameter, value in zip(model.parameters(), values, strict=True):
        parameter.data[...] = value
    x, y = [[0.05, 0.10]], [[0.01, 0.99]]
    weights = [p for p in model.parameters() if p.data.ndim == 2]
    optimizer = SGD(weights, lr=0.5)  # the two weights only
    criterion = MSELoss()  # ½ Σ (y − ŷ)² is the mean for two outputs

    step = trace(model, criterion, optimizer, x, y)
    print(step)
    ours: dict[str, Any] = {
        "hidden outputs": model[:2].predict(x),
        "outputs": model.predict(x),
        "loss": step.loss,
        "W⁽²⁾ after the step": step.after["2.weight"],
        "W⁽¹⁾ after the step": step.after["0.weight"],
        "loss after the step": step.loss_after,
    }
    print("\nas published, and as computed here to as many digits")
    for name, published in PUBLISHED.items():
        for figure, value in zip(published, np.ravel(ours[name]), strict=True):
            places = len(figure.partition(".")[2])
            print(f"{name:<22}{figure:>12}{value:>14.{places}f}")
            name = ""


if __name__ == "__main__":
    main()
