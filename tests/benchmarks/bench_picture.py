"""The picture at the head of the page, drawn from the page's own tables.

Section "picture" of the page that bench_all.py writes: last, as it shows what the
sections "steps" and "fashion" have written.
"""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
COLORS = {
    "mlp": "#0072b2",
    "by hand": "#999999",
    "PyTorch": "#d55e00",
    "JAX": "#009e73",
    "scikit-learn": "#cc79a7",
}
NETS = ("2-16-1", "30-64-1", "64-128-10", "784-128-10", "784-512-512-10")


def rows_of(page: str, section: str, before: str) -> list[dict[str, str]]:
    """Return the rows of the first table of a section after these words."""
    _, _, text = page.partition(f"<!-- begin: {section} -->")
    text, _, _ = text.partition(f"<!-- end: {section} -->")
    _, _, text = text.partition(before)
    lines = text[text.find("|") :].partition("\n\n")[0].splitlines()
    head, _, *rows = [[cell.strip() for cell in x.split("|")[1:-1]] for x in lines]
    return [dict(zip(head, row, strict=True)) for row in rows]


def section(rounds: int) -> str:
    """Draw, and return the line of Markdown that shows the picture."""
    del rounds  # it measures nothing
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "mlp"})
    from matplotlib import pyplot as plt

    page = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    steps = {
        row["net"]: row
        for row in rows_of(page, "steps", "Microseconds of one step")
        if row["dtype"] == "float32"
    }
    clothes = rows_of(page, "fashion", "right")
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 4), width_ratios=(5, 3), layout="constrained"
    )
    width = 0.8 / len(COLORS)
    for i, (name, color) in enumerate(COLORS.items()):
        places = [n + i * width for n in range(len(NETS))]
        times = [float(steps[net][name].replace(",", "")) for net in NETS]
        left.bar(places, times, width, color=color, label=name)
    left.set_yscale("log")
    left.set_xticks([n + 0.4 - width / 2 for n in range(len(NETS))], NETS, fontsize=8)
    left.set_title("One training step, microseconds (log scale)", fontsize=10)
    left.legend(fontsize=8)
    left.grid(axis="y", alpha=0.3)
    names = [row[""] for row in clothes]
    seconds = [float(row["seconds"].split(" / ")[0]) for row in clothes]
    bars = right.barh(names, seconds, color=[COLORS[name] for name in names])
    right.bar_label(bars, fmt="%.1f s", padding=3, fontsize=9)
    right.invert_yaxis()
    right.set_xlim(right=1.2 * max(seconds))
    right.set_title("Fashion-MNIST to 0.88 right, seconds", fontsize=10)
    figure.savefig(DOCS / "benchmarks.svg", metadata={"Date": None})
    plt.close(figure)
    return (
        "![Left: bars of the time of one training step of five nets in five ways. "
        "Right: bars of the seconds to 0.88 on Fashion-MNIST in four libraries]"
        "(benchmarks.svg)\n"
    )
