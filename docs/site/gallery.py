"""What the gallery needs to know of the examples: arguments, and where pictures are."""

from __future__ import annotations

from pathlib import Path

from sphinx_gallery.scrapers import figure_rst

# Of scripts that have a picture to draw, or take long: what they are run with.
ARGUMENTS = {"compare": ["--picture", "compare.png", "--seeds", "1"]}


def arguments(gallery_conf, script_vars):
    """Return the arguments of an example."""
    return ARGUMENTS.get(Path(script_vars["src_file"]).stem, [])


def pictures(block, block_vars, gallery_conf):
    """Save the pictures of a block: what has a _repr_png_, and files written."""
    shown = block_vars.setdefault("shown", [])
    paths = []
    for thing in list(block_vars["example_globals"].values()):
        png = getattr(thing, "_repr_png_", None)
        if png is not None and not any(thing is other for other in shown):
            shown.append(thing)
            path = next(block_vars["image_path_iterator"])
            Path(path).write_bytes(png())
            paths.append(path)
    for made in sorted(Path(block_vars["src_file"]).parent.glob("*.png")):
        path = next(block_vars["image_path_iterator"])
        made.rename(path)
        paths.append(path)
    return figure_rst(paths, gallery_conf["src_dir"])
