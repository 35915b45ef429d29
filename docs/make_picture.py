"""Write docs/forming.png: a decision boundary while it forms, the README's picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mlp import Adam, CrossEntropyLoss, Linear, ReLU, Sequential, fit
from mlp.datasets import make_spirals
from mlp.plotting import decision_boundary

SHOWN = (1, 5, 20, 80)  # epochs


def main() -> None:
    """Train a net of 100 ReLUs on three spirals, and draw it four times."""
    rng = np.random.default_rng(0)
    data = make_spirals(300, noise=0.05, rng=rng)
    model = Sequential(Linear(2, 100, rng=rng), ReLU(), Linear(100, 3, rng=rng))
    criterion, optimizer = CrossEntropyLoss(), Adam(model.parameters(), lr=0.02)
    figure = Figure(figsize=(12, 3.2), layout="constrained")
    panels = dict(zip(SHOWN, figure.subplots(1, len(SHOWN)), strict=True))

    def draw(history, model):
        epoch = len(history.loss)
        if epoch in SHOWN:
            ax = decision_boundary(model, data.x, data.y, ax=panels[epoch])
            ax.get_legend().remove()
            ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
            ax.set_title(f"epoch {epoch}: loss {history.loss[-1]:.2f}")

    fit(
        *(model, criterion, optimizer, data.x, data.y),
        epochs=max(SHOWN),
        rng=rng,
        on_epoch=draw,
    )
    figure.savefig(Path(__file__).with_name("forming.png"), dpi=90)


if __name__ == "__main__":
    main()
