r"""read: the tree of a formula that a student wrote.

The formula is plain text, LaTeX or the notation of the sheet. The package
lark reads it by a grammar, and nothing is executed. evaluation.py computes
the value of a tree. A formula may have

    letters        x ŷ yhat \hat{y} z₁ z1 z_1 W⁽²⁾ W2 W_2 W^{(2)} W^[2]
    derivatives    ∂ℓ/∂ŷ dl/dyhat \frac{\partial l}{\partial \hat{y}}
    products       side by side, · * × \cdot @; entry by entry ⊙ ∘ \odot
    quotients      / \frac{…}{…} ½
    raised         ᵀ ^T ^\top .T ' ² ^2 ⁺ ^+ e^{-x}
    entries        xᵢ x_i (x)ᵢ x_{1,i} Σᵢ […] \sum_i δᵢⱼ
    cases          1 if i = j and x > 0, else 0; [x > 0]; 1(x > 0);
                   \mathbb{1}_{x > 0}; \begin{cases} … \end{cases}
    functions      σ sigmoid ReLU max(0, x) tanh softmax log exp diag sum
                   ‖x‖; the functions of the net; ' is the derivative: σ'(x)
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Any

LONGEST = 1500
LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉ᵢⱼₖ", "0123456789ijk")
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁺⁻ᵀ", "0123456789()+-T")
_LETTER = r"(?:x̂|[A-Za-zŷŶℓγβαδ])"
_RAISED = r"\^\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|[(\[]\s*\d+\s*[)\]]|-?\d+|[A-Za-z+*⊤'])"
_LOWER = r"_\s*(?:\{[^{}]*\}|\d+[ij]?|ij|ji|[A-Za-z+])"
_DECORATION = rf"(?:\d+|[₀-₉]+|⁽[⁰-⁹¹²³]+⁾|\s*{_RAISED}|\s*{_LOWER})"
OWNER = rf"(?:[Ll]oss|{_LETTER}{_DECORATION}*)"
DERIVATIVE = (
    rf"\\frac\s*\{{\s*[∂d]\s*(?:{OWNER})\s*\}}\s*\{{\s*[∂d]\s*(?:{OWNER})\s*\}}"
    rf"|[∂d]\s*(?:{OWNER})\s*/\s*[∂d]\s*(?:{OWNER})"
)
_WORDS = (
    "sigmoid|sigma|softmax|sqrt|LeakyReLU|leaky_relu|leakyrelu|ReLU|relu|identity|tanh"
    "|log|ln|exp|diag|sum|mean|max|norm|σ"
)
_GRAMMAR = rf"""
start: side ("=" side)*
?side: expr
     | expr _IF conj                                  -> cases
     | expr _IF conj _ELSE expr                       -> cases
     | expr _IF conj _OTHERWISE expr                  -> cases
     | expr _IF conj "," expr _OTHERWISE              -> cases
     | expr _IF conj "," expr _IF conj                -> both_cases
conj: comparison (_AND comparison)*
comparison: expr RELATION expr
          | expr "=" expr
?expr: term
     | "-" term                                       -> negative
     | "+" term
     | expr "+" term                                  -> add
     | expr "-" term                                  -> subtract
?term: product
     | summed
     | product summed                                 -> times
     | product _TIMES summed                          -> times
summed: SUM term
?product: factor
     | product factor                                 -> times
     | product _TIMES signed                          -> times
     | product _AT signed                             -> matmul
     | product _HADAMARD signed                       -> hadamard
     | product "/" signed                             -> divide
?signed: factor
     | "-" factor                                     -> negative
?factor: post
     | call
call: FUNCTION PRIME* post
    | FUNCTION summed
    | FUNCTION RAISED post                            -> powered
?post: atom
     | post (RAISED | LOWER | PRIME | TURNED)         -> postfix
?atom: NUMBER                                         -> number
     | NAME                                           -> name
     | DERIVATIVE                                     -> derivative
     | NORM                                           -> norm
     | "(" side ")"                                   -> group
     | "[" side "]"                                   -> group
     | "{{" side "}}"                                 -> group
     | "(" side ("," side)+ ")"                       -> several
     | "[" side ("," side)+ "]"                       -> several
     | "(" conj ")"                                   -> iverson
     | "[" conj "]"                                   -> iverson
     | _ONE_WHERE conj "}}"                           -> iverson
     | _FRAC "{{" side "}}" "{{" side "}}"            -> divide
     | FRAC_SHORT                                     -> short

DERIVATIVE.9: /{DERIVATIVE.replace("/", chr(92) + "/")}/
SUM.8: /[Σ∑](\s*([ᵢⱼₖ]|_\s*(\{{[^{{}}]*\}}|[a-z])))?(\s*\^\s*(\{{[^{{}}]*\}}|\w))?/
FUNCTION.7: /({_WORDS})(?![A-Za-z])|[fg](_?\{{?\d+\}}?|[₀-₉]+)?(?=\s*['′]?\s*\()/
_IF.6: /(,\s*)?(if|for|where|when)(?![A-Za-z])|(,\s*)?&(\s*(if|for|when)(?![A-Za-z]))?/
_ELSE.6: /[,;]?\s*else(?![A-Za-z])/
_OTHERWISE.7: /(,\s*)?(&?\s*(otherwise|elsewhere)\.?|&\s*else)(?![A-Za-z])/
_AND.6: /and(?![A-Za-z])|∧/
_ONE_WHERE.6: /1\s*_\s*\{{(?=[^{{}}]*[<>=≥≤≠])/
_FRAC.5: /\\frac(?=\s*\{{)/
FRAC_SHORT.5: /\\frac\s*(\d\s*\d|\d\s*[A-Za-z])/
NORM.5: /(‖[^‖]+‖)|(\|\|.+?\|\|)/
RAISED.4: /[⁺⁻⁽⁾⁰-⁹¹²³ᵀ]+|\s*{_RAISED}/
LOWER.4: /[₀-₉ᵢⱼₖ,]+(?<!,)|\s*{_LOWER}/
PRIME: /['′]/
TURNED: /⊤|\.T(?![A-Za-z])/
_TIMES: /[·*×∙⋅]/
_AT: "@"
_HADAMARD: /[⊙∘]|\.\*/
RELATION: />=|<=|==|!=|[<>≥≤≠]/
NUMBER: /(\d+(\.\d+)?|\.\d+)(e[-+]?\d+)?|½/
NAME: /{_LETTER}\d*/
%ignore /\s+/
"""
# Other spellings of a sign. The text keeps its length, so that a place in it is
# the same place in the student's text.
_FONT = (
    r"\\(?:mathbf|boldsymbol|bm|vec|mathcal)\s*\{\s*([^{}]*?)\s*\}",
    r" \1 ",
)
_SIGNS: tuple[tuple[str, str], ...] = (
    (r"[,.;]?\s*(?:\\\\)?(?=\s*\\end\s*\{)", ""),
    (r"\\begin\s*\{cases\}", "("),
    (r"\\end\s*\{cases\}", ")"),
    (r"\\(?:text|mathrm|operatorname\*?|mathsf|mathit|textrm)\s*\{([^{}]*)\}", r" \1 "),
    (r"[,;]?\s*\\\\", ","),
    (r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|limits|q?quad)(?![a-z])", ""),
    (r"\\[,;:! ()\[\]]|[$~\u2061\u2062]", ""),
    (r"\\(?:mathbb|mathds|mathbbm|mathbf)\s*\{\s*1\s*\}|𝟙", "1"),
    _FONT,  # \hat{\mathbf{y}}
    (r"\\(?:math(?:bf|sf|rm|it|cal)|bm|boldsymbol|rm|bf|sf)(?![A-Za-z{])", ""),
    (r"\\(?:wide)?hat\s*(?:\{\s*y\s*\}|y)|y_?hat|y_\{hat\}", "ŷ"),
    (r"\\(?:wide)?hat\s*(?:\{\s*x\s*\}|x)|xhat|x_hat", "x̂"),
    _FONT,  # \mathbf{\hat{y}}
    (r"\\partial(?![a-z])", "∂"),
    (r"\\ell(?![a-z])|(?<=[∂d])[Ll]oss", "ℓ"),
    (r"\\(sigma|gamma|beta|delta)(?![a-z])", r"\1"),
    (r"(?<![A-Za-z])sigma(?![A-Za-z])", "σ"),
    (r"(?<![A-Za-z])gamma(?![A-Za-z])", "γ"),
    (r"(?<![A-Za-z])beta(?![A-Za-z])", "β"),
    (r"(?<![A-Za-z])delta(?![A-Za-z])", "δ"),
    (r"\\odot(?![a-z])|\\circ(?![a-z])|\(\.\)", "⊙"),
    (r"\\(?:cdot|times|ast)(?![a-z])", "·"),
    (r"\^\s*(?:\{\s*)?\\prime(?:\s*\})?", "'"),
    (r"\\(?:top|intercal)(?![a-z])", "⊤"),
    (r"\\sum(?![a-z])", "Σ"),
    (r"\\geq?(?![a-z])", "≥"),
    (r"\\leq?(?![a-z])", "≤"),
    (r"\\neq?(?![a-z])", "≠"),
    (r"\\(?:wedge|land)(?![a-z])", "∧"),
    (r"\\[lr]?[vV]ert(?![a-z])|\\\|", "‖"),
    (r"\\[dt]frac", r"\\frac"),
    (r"\\(log|ln|exp|(?:arc)?(?:sin|cos|tan)h?|max|diag|softmax)(?![a-z])", r" \1"),
    (r"\\[{]|\\lbrack", "["),
    (r"\\[}]|\\rbrack", "]"),
    (r"[−–]", "-"),
    (r"\*\*", "^"),
    (r"(?<![A-Za-z])(?:np\.)?maximum(?=\s*\()", "max"),
    (r"(?<=.)[.,;]\s*\Z", ""),
)


class FormulaError(ValueError):
    """A formula cannot be read, or has no value; str() shows the place."""

    def __init__(self, sentence: str, text: str, start: int, stop: int = 0) -> None:
        line = text[:start].count("\n")
        column = start - (text.rfind("\n", 0, start) + 1)
        mark = "^" * max(1, stop - start)
        shown = text.splitlines()[line] if text.splitlines() else ""
        super().__init__(f"{sentence}\n    {shown}\n    {' ' * column}{mark}")
        self.sentence = sentence


class ShapeError(FormulaError):
    """A formula can be read, but its shapes do not fit."""


@functools.cache
def _parser(words: tuple[str, ...]) -> Any:
    try:
        import lark
    except ImportError as error:
        raise ImportError(
            "mlp.worksheets: formulas are read by lark, which is not installed; "
            "pip install '.[formulas]' in the clone"
        ) from error
    grammar = _GRAMMAR.replace(_WORDS, "|".join((*words, _WORDS)))
    return lark.Lark(grammar, parser="lalr", propagate_positions=True)


def signs(text: str) -> str:
    r"""Return a formula with one spelling for each sign, and the same length.

    Examples
    --------
    >>> from mlp.worksheets.formulas import signs
    >>> signs(r"2 \cdot \left( yhat − y \right)^\top").split()
    ['2', '·', '(', 'ŷ', '-', 'y', ')^⊤']
    """
    for pattern, sign in _SIGNS:

        def padded(match: re.Match[str], sign: str = sign) -> str:
            return match.expand(sign).ljust(len(match.group()))[: len(match.group())]

        text = re.sub(pattern, padded, text)
    return text


def normal(text: str) -> str:
    """Return a text in which each letter and its accent are one character."""
    return unicodedata.normalize("NFC", text)


def read(text: str, words: tuple[str, ...] = ()) -> Any:
    """Return the tree of a formula; words are the names of more functions.

    Raises
    ------
    FormulaError
        If it cannot be read; the message shows the place.
    ImportError
        If lark is not installed.

    Examples
    --------
    >>> from mlp.worksheets.formulas import read
    >>> tree = read("2(yhat - y)^T")  # doctest: +SKIP
    >>> read("2(yhat - y")  # doctest: +SKIP
    Traceback (most recent call last):
    mlp.worksheets.formulas.FormulaError: the formula ends too early
        2(yhat - y
                  ^
    """
    text = normal(text)
    if len(text) > LONGEST:
        raise FormulaError(f"it is longer than {LONGEST} characters", text[:40], 0)
    return _read(text, tuple(word for word in words if word not in _WORDS.split("|")))


@functools.lru_cache(maxsize=1024)  # it is evaluated at several points
def _read(text: str, words: tuple[str, ...]) -> Any:
    parser = _parser(words)
    import lark

    try:
        return parser.parse(signs(text))
    except lark.exceptions.UnexpectedInput as error:
        at = error.pos_in_stream
        if isinstance(error, lark.exceptions.UnexpectedToken):
            at = error.token.start_pos if error.token.type != "$END" else len(text)
        if at is None or at >= len(text):
            raise FormulaError("the formula ends too early", text, len(text)) from error
        raise FormulaError(f"{text[at]!r} cannot stand here", text, at) from error


def decoded(mark: Any) -> tuple[str, str]:
    """Return the meaning of a mark above or below a letter, and its content."""
    if mark.type in ("PRIME", "TURNED"):
        return "transpose", ""
    if mark.type == "LOWER":
        return "below", mark.translate(LOWERED).strip().lstrip("_").strip(" {}")
    text = mark.strip()
    content = text.removeprefix("^").strip()
    if not text.startswith("^"):
        content = text.translate(RAISED)
    if content.startswith("{"):
        content = content[1:-1].strip()
    content = content.replace("⊤", "T").replace("'", "T")
    if content == "T":
        return "transpose", ""
    if content == "+":
        return "positive", ""
    if re.fullmatch(r"[(\[]\s*\d+\s*[)\]]\s*T?|\d+T", content):
        return "layer", content
    if re.fullmatch(r"-?\d{1,9}", content):
        return "power", content
    return "expression", content
