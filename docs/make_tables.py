"""Write docs/tables/: four nets, as derive derives them."""

from __future__ import annotations

from pathlib import Path

from mlp import (
    BatchNorm1d,
    BCELoss,
    CrossEntropyLoss,
    Identity,
    Linear,
    Loss,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
    derive,
)

NETS: dict[str, tuple[Sequential, Loss]] = {
    "regression": (
        Sequential(Linear(3, 4), ReLU(), Linear(4, 2), Identity()),
        MSELoss("sum"),
    ),
    "classification_mse": (
        Sequential(Linear(3, 4), Sigmoid(), Linear(4, 2), Sigmoid()),
        MSELoss("sum"),
    ),
    "classification_bce": (
        Sequential(Linear(3, 4), Sigmoid(), Linear(4, 2), Sigmoid()),
        BCELoss(),
    ),
    "classification_cross_entropy": (
        Sequential(Linear(3, 4), BatchNorm1d(4), Tanh(), Linear(4, 2)),
        CrossEntropyLoss(),
    ),
}


def made() -> dict[str, str]:
    """Return the text of each file by its name."""
    texts = {}
    for name, (model, criterion) in NETS.items():
        for layout in ("numerator", "denominator"):
            file = f"{name}.md" if layout == "numerator" else f"{name}_{layout}.md"
            texts[file] = derive(model, criterion, layout=layout).to_markdown()
    return texts


if __name__ == "__main__":
    folder = Path(__file__).parent / "tables"
    folder.mkdir(exist_ok=True)
    for name, text in made().items():
        (folder / name).write_text(text, encoding="utf-8")
