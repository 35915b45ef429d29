"""What the gallery needs to know of the examples: arguments, and where pictures are."""

from __future__ import annotations

import json
from pathlib import Path

from sphinx_gallery.scrapers import figure_rst

# Of scripts that have a picture to draw, or take long: what they are run with.
ARGUMENTS = {"compare": ["--picture", "compare.png", "--seeds", "1"]}

# What a notebook of a script begins with, so that it runs wherever it is.
OPENING = """# What the examples share; and no options, as a notebook takes none.
import sys
from pathlib import Path

Path("common.py").write_text(r'''{common}''', encoding="utf-8")
sys.path.insert(0, "")
sys.argv = sys.argv[:1]
"""


def complete(notebook, common):
    """Put common.py into a notebook that imports it, as its first code."""
    cells = notebook["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    opening = OPENING.format(common=common)
    if opening not in sources and any("\nimport common" in code for code in sources):
        settings = {"execution_count": None, "metadata": {}, "outputs": []}
        cells.insert(1, {"cell_type": "code", "source": [opening], **settings})


def complete_all(app):
    """Complete each notebook of the gallery, before it is copied to be downloaded."""
    source = Path(app.srcdir)
    common = (source / "examples" / "common.py").read_text("utf-8")
    for file in source.glob("gallery/*.ipynb"):
        notebook = json.loads(file.read_text("utf-8"))
        complete(notebook, common)
        file.write_text(json.dumps(notebook, indent=1), encoding="utf-8")


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
