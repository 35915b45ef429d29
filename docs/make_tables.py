"""Write docs/tables/: three nets, as derive derives them."""

from __future__ import annotations

from pathlib import Path

from mlp import (
    BCELoss,
    Identity,
    Layer,
    Linear,
    Loss,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    derive,
)

NETS: dict[str, tuple[type[Layer], type[Layer], Loss]] = {
    "regression": (ReLU, Identity, MSELoss("sum")),
    "classification_mse": (Sigmoid, Sigmoid, MSELoss("sum")),
    "classification_bce": (Sigmoid, Sigmoid, BCELoss()),
}


def made() -> dict[str, str]:
    """Return the text of each file by its name."""
    texts = {}
    for name, (f, g, criterion) in NETS.items():
        model = Sequential(Linear(3, 4), f(), Linear(4, 2), g())
        for layout in ("numerator", "denominator"):
            file = f"{name}.md" if layout == "numerator" else f"{name}_{layout}.md"
            texts[file] = derive(model, criterion, layout=layout).to_markdown()
    return texts


if __name__ == "__main__":
    folder = Path(__file__).parent / "tables"
    folder.mkdir(exist_ok=True)
    for name, text in made().items():
        (folder / name).write_text(text, encoding="utf-8")
