"""What an exhibit is."""

import ast
import contextlib
import inspect
import io
import re
import textwrap


class Exhibit:
    """A title.

    The symptom, as a learner sees it, and where the mistake is from. An
    exhibit has the wrong lines, Wrong or wrong; the right ones, Right or
    right; and look(It), which shows what is wrong with either.

    says : words that look prints of the wrong lines; "x:" if a verdict follows
    clean : what look prints of the right lines
    instead : where the library says nothing, what to look at
    """

    says = ""
    clean = ""
    instead = ""


def exhibits(module):
    """Return the exhibits of a module, in order."""
    found = [value for value in vars(module).values() if inspect.isclass(value)]
    return [c for c in found if issubclass(c, Exhibit) and c is not Exhibit]


def text_of(exhibit):
    """Return the title and the paragraphs below it."""
    title, _, rest = inspect.getdoc(exhibit).partition("\n\n")
    return title.rstrip("."), " ".join(rest.split())


def of(exhibit, side):
    """Return the wrong or right class or function, by "wrong" or "right"."""
    return getattr(exhibit, side, None) or getattr(exhibit, side.capitalize())


def printed(exhibit, side):
    """Return what look prints of the wrong or of the right lines."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exhibit.look(of(exhibit, side))
    return output.getvalue()


def source(exhibit, side):
    """Return the lines of one side, and below them those of look."""
    it = of(exhibit, side)
    look = textwrap.dedent(inspect.getsource(exhibit.look)).partition("\n")[2]
    lines = re.sub(r"\bIt\b", it.__name__, textwrap.dedent(look))
    return f"{textwrap.dedent(inspect.getsource(it))}\n\n{lines}"


def names_from_mlp(*modules):
    """Return the names that the modules import from mlp."""
    trees = [ast.parse(inspect.getsource(module)) for module in modules]
    statements = [node for tree in trees for node in tree.body]
    return {
        alias.name
        for node in statements
        if isinstance(node, ast.ImportFrom) and node.module == "mlp"
        for alias in node.names
    }
