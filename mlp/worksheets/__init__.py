"""Homework on backpropagation: set, solved and marked.

worksheet turns derive and trace round: the sheet asks for what they show,
with other numbers for each seed, and grade says what of the answers is
right and which slip a wrong one is. Read sheets.py first, then questions.py
and computed.py; formulas.py reads what students write. exercises.py and
grading.py mark what they write in code.
"""

from __future__ import annotations

from mlp.worksheets.marks import MarkRow, Marks
from mlp.worksheets.sheets import Worksheet, worksheet

__all__ = ["worksheet", "Worksheet", "Marks", "MarkRow"]
