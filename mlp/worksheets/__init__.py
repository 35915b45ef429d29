"""Homework on backpropagation: sheets, solutions, marks.

worksheet makes a sheet that asks for the formulas and numbers that derive
and trace show. Each seed gives a sheet with other numbers. grade says which
answers are right, and names the mistake in a wrong one. Read sheets.py
first, then questions.py and computed.py. formulas.py reads the formulas of
students; exercises.py and grading.py mark their code.
"""

from __future__ import annotations

from mlp.worksheets.marks import MarkRow, Marks
from mlp.worksheets.sheets import Worksheet, worksheet

__all__ = ["worksheet", "Worksheet", "Marks", "MarkRow"]
