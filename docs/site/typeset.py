"""A line of Unicode mathematics as LaTeX: ∂ℓ/∂W⁽¹⁾ as a fraction with a superscript.

The pages have their formulas in plain Unicode, so that they can be read
anywhere; on the site they are typeset.
"""

from __future__ import annotations

import re
import unicodedata

LETTERS = {
    "ℓ": r"\ell ", "ŷ": r"\hat{y}", "Ŷ": r"\hat{Y}", "x̂": r"\hat{x}",
    "∂": r"\partial ", "∇": r"\nabla ", "Σ": r"\sum ", "√": r"\surd ", "‖": r"\Vert ",
    "·": r"\cdot ", "⊙": r"\odot ", "×": r"\times ", "−": "-", "±": r"\pm ",
    "←": r"\leftarrow ", "→": r"\to ", "≈": r"\approx ", "≤": r"\le ", "≥": r"\ge ",
    "⟨": r"\langle ", "⟩": r"\rangle ", "…": r"\dots ", "½": r"\tfrac{1}{2}",
    "{": r"\{", "}": r"\}", "%": r"\%",
}  # fmt: skip
GREEK = {
    sign: rf"\{name} "
    for sign, name in zip(
        "αβγδεηθλμνρσφω",
        "alpha beta gamma delta varepsilon eta theta lambda mu nu rho sigma phi "
        "omega".split(),
        strict=True,
    )
}
SUPERSCRIPTS, SUBSCRIPTS = "⁰¹²³⁴-⁹⁺⁻⁼⁽⁾ⁿᵀᵐᵗⁱᵏᶻ", "₀-₉₊₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ"
INDEX = re.compile(rf"[{SUPERSCRIPTS}]+|(?:_[A-Za-z])?[{SUBSCRIPTS}]+|_[A-Za-z]")
# A word has three letters or more, or is one of those that have fewer.
WORD = r"\b(?:[A-Za-z']{3,}|a|as|at|by|if|in|is|it|no|of|on|or|so|to)\b"
WORDS = re.compile(rf" *{WORD}(?: +{WORD})*[ ,]*")
FUNCTIONS = re.compile(r"\b(log|exp|max|min)\b ?")
ROOT = re.compile(r"√(?:\(([^()]*)\)|(\w))")
FRACTION = re.compile(r"(∂[^\s·/=]+)/(∂[^\s·=,)]+)")


def formulas(lines: list[str]) -> str:
    """Return lines, whose columns two spaces or more divide, as one block."""
    rows = [
        " & ".join(rf"\displaystyle {latex(cell)}" for cell in re.split(r" {2,}", line))
        for line in (line.strip() for line in lines)
    ]
    columns = max(row.count("&") for row in rows) + 1
    body = " \\\\\n".join(rows)
    return f"$$\n\\begin{{array}}{{{'l' * columns}}}\n{body}\n\\end{{array}}\n$$"


def latex(text: str) -> str:
    r"""Return a formula, or words, in LaTeX.

    >>> print(latex("∂ℓ/∂W⁽¹⁾ = x · g, say"))
    \frac{\partial \ell }{\partial W^{(1)}} = x \cdot  g,\text{ say}
    """
    text = FRACTION.sub(lambda m: f"\ue000{m[1]}\ue001{m[2]}\ue002", text)
    text = ROOT.sub(lambda m: f"\ue003{m[1] or m[2]}\ue002", text)
    made, at = "", 0
    while at < len(text):
        function, index = FUNCTIONS.match(text, at), INDEX.match(text, at)
        words = WORDS.match(text, at)
        if function:
            made += rf"\{function[1]} "
            at = function.end()
        elif words:
            made += rf"\text{{{words[0]}}}"
            at = words.end()
        elif index:
            made += _index(index[0])
            at = index.end()
        else:
            sign = text[at : at + 2] if text[at : at + 2] == "x̂" else text[at]
            made += _sign(sign)
            at += len(sign)
    return made


def _index(run: str) -> str:
    """Return a run of superscripts or subscripts."""
    letter, run = (run[1], run[2:]) if run[0] == "_" else ("", run)
    if not run:
        return f"_{{{letter}}}"
    kind = unicodedata.decomposition(run[0]).partition(" ")[0]
    inner = unicodedata.normalize("NFKD", run).replace("T", r"\top ").replace("−", "-")
    return f"{'^' if kind == '<super>' else '_'}{{{letter}{inner}}}"


def _sign(sign: str) -> str:
    marks = {"\ue000": r"\frac{", "\ue001": "}{", "\ue002": "}", "\ue003": r"\sqrt{"}
    return marks.get(sign) or LETTERS.get(sign) or GREEK.get(sign) or sign
