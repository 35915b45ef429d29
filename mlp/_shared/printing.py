"""Text for people, in ASCII where needed."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Sequence
from itertools import groupby, zip_longest
from typing import Any

WIDTH = 100  # columns of a terminal
# A box is drawn, and a curve marked, by one character for each.
_BOXES = dict.fromkeys("─━═", "-") | dict.fromkeys("│┃║", "|")
_BOXES |= dict.fromkeys("┌┐└┘├┤┬┴┼", "+") | {"•": "*", "█": "#"}
# Superscripts, subscripts, Greek letters and accents are not here: Unicode's
# own tables say what they are made of.
_SIGNS = _BOXES | {
    "ŷ": "yhat", "Ŷ": "Yhat", "Σ": "sum", "∑": "sum", "∏": "prod", "√": "sqrt",
    "∂": "d", "∇": "grad", "∞": "inf", "·": "*", "∙": "*", "⋅": "*", "⊙": "(.)",
    "∘": "(.)", "∧": "and", "⊤": "T", "⋮": ":", "×": "x", "−": "-", "±": "+-",
    "⁄": "/", "←": "<-", "→": "->", "≈": "~", "≤": "<=", "≥": ">=",
    "≠": "!=", "∈": "in", "‖": "||", "⟨": "<", "⟩": ">", "⌈": "ceil(", "⌉": ")",
    "⌊": "floor(", "⌋": ")", "′": "'", "‘": "'", "’": "'", "“": '"', "”": '"',
    "–": "-", "—": "-", "✓": "ok", "✗": "x", "\u0302": "hat",
}  # fmt: skip


def printable(text: str, stream: Any = None) -> str:
    """Return the text, with ASCII for the signs that the stream cannot write.

    W⁽¹⁾ becomes W^(1), z₁ z_1 and ∂ℓ/∂ŷ dl/dyhat. The stream is sys.stdout
    unless given; one without an encoding, such as StringIO, takes any sign.
    """
    stream = sys.stdout if stream is None else stream
    encoding = getattr(stream, "encoding", None)
    if not isinstance(encoding, str) or _is_encodable(text, encoding):
        return text
    spelled, is_word = "", False
    for index, group in groupby(text, _index_of):
        for piece in ["".join(group)] if index else group:
            same = _is_encodable(piece, encoding)
            sign = piece if same else index + _in_ascii(piece, index)
            if is_word and sign[:1].isalnum():  # theta x, not thetax
                spelled += " "
            spelled += sign
            is_word = not same and (index != "" or len(sign) > 1 and sign.isalpha())
    return spelled.encode(encoding, "backslashreplace").decode(encoding)


def _is_encodable(text: str, encoding: str) -> bool:
    """Return whether the encoding has each sign of the text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    except LookupError:  # the stream is no file, and its encoding no codec
        return True
    return True


def _index_of(sign: str) -> str:
    """Return "^" for a superscript, "_" for a subscript, "" for another sign."""
    if sign.isascii():
        return ""
    import unicodedata  # here, since a stream with all the signs needs no tables

    kind = unicodedata.decomposition(sign).partition(" ")[0]
    return {"<super>": "^", "<sub>": "_"}.get(kind, "")


def _in_ascii(text: str, index: str) -> str:
    """Return a sign, or an index of several, in ASCII where that can be said."""
    import unicodedata

    if index:  # in parentheses, if it is more than one number or word
        inner = "".join(_in_ascii(s, "") for s in unicodedata.normalize("NFKD", text))
        parts = re.findall(r"\(.*?\)|[^(]+", inner)
        return index.join(p if p.isalnum() or p[0] == "(" else f"({p})" for p in parts)
    if text.isascii():
        return text
    if text in _SIGNS:
        return _SIGNS[text]
    greek = re.fullmatch(r"GREEK (\w+) LETTER (\w+)", unicodedata.name(text, ""))
    if greek:
        size, name = greek.groups()
        name = name.replace("LAMDA", "LAMBDA")
        return name.capitalize() if size == "CAPITAL" else name.lower()
    made_of = unicodedata.normalize("NFKD", text)
    if made_of != text:  # é of an e and an accent, … of three full stops
        signs = (s for s in made_of if not unicodedata.combining(s))
        return "".join(_in_ascii(sign, "") for sign in signs)
    return text


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table within WIDTH columns, its head between two lines."""
    cells = [list(map(printable, row)) for row in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    while sum(widths) + 2 * (len(widths) - 1) > WIDTH:
        widths[widths.index(max(widths))] -= 1
    rule = [printable("─") * width for width in widths]
    lines = []
    for row in (rule, cells[0], rule, *cells[1:]):
        wrapped = [textwrap.wrap(c, w) for c, w in zip(row, widths, strict=True)]
        for parts in zip_longest(*wrapped, fillvalue=""):
            padded = (p.ljust(w) for p, w in zip(parts, widths, strict=True))
            lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def paragraph(text: str) -> str:
    """Return the text in lines of at most WIDTH columns."""
    return textwrap.fill(printable(text), WIDTH)
