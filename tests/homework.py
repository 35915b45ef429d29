"""Sheets of homework for the tests of worksheets, and what marks say of an answer."""

from functools import cache

from mlp import (
    BatchNorm1d,
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Dropout,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from mlp.worksheets import worksheet

NETS = {
    "homework": (lambda: (Linear(3, 4), ReLU(), Linear(4, 2), Identity()), MSELoss),
    "sigmoids": (lambda: (Linear(2, 2), Sigmoid(), Linear(2, 2), Sigmoid()), BCELoss),
    "logits": (lambda: (Linear(2, 3), Tanh(), Linear(3, 1)), BCEWithLogitsLoss),
    "classes": (
        lambda: (Linear(2, 3), LayerNorm(3), ReLU(), Linear(3, 3)),
        CrossEntropyLoss,
    ),
    "softmax": (
        lambda: (Linear(2, 3), LeakyReLU(0.1), Linear(3, 3), Softmax()),
        MSELoss,
    ),
    "modes": (
        lambda: (Linear(2, 3), BatchNorm1d(3), Tanh(), Dropout(0.5), Linear(3, 2)),
        MSELoss,
    ),
    "deep": (
        lambda: (Linear(2, 3), ReLU(), Linear(3, 3), ReLU(), Linear(3, 2)),
        MSELoss,
    ),
    "no bias": (lambda: (Linear(2, 2, bias=False), ReLU(), Linear(2, 1)), MSELoss),
}


def made(name, **how):
    """Return a sheet on one of NETS."""
    layers, loss = NETS[name]
    return worksheet(Sequential(*layers()), loss(), **how)


def gradients(sheet):
    """Return what the library's own forward and backward give."""
    sheet.criterion.forward(sheet.model.forward(sheet.x), sheet.y)
    sheet.model.backward(sheet.criterion.backward())
    found = {name: p.grad for name, p in sheet.model.named_parameters()}
    sheet.model.zero_grad()
    return found


def sheet_of(*layers, loss=MSELoss, **how):
    """Return a sheet whose answers are numbers, unless questions says otherwise."""
    how.setdefault("questions", ["numbers", "mistakes"])
    return worksheet(Sequential(*layers), loss(), **how)


def key_of(sheet, letter):
    return next(k for k, q in sheet.asked.items() if q.letter == letter)


def row(sheet, letter, change, **how):
    """Grade the solution with one answer changed, and return its row."""
    key = key_of(sheet, letter)
    answers = sheet.solution
    answers[key] = change(answers[key])
    marks = sheet.grade(answers, **{"hints": "all"} | how)
    found = next(row for row in marks.rows if row.question == key)
    return found.mark, found.text, marks.verdicts[key]


FORMULAS = {
    "relu": (lambda: (Linear(3, 4), ReLU(), Linear(4, 2), Identity()), MSELoss()),
    "sum": (lambda: (Linear(3, 4), ReLU(), Linear(4, 2)), MSELoss("sum")),
    "bce": (lambda: (Linear(3, 4), Sigmoid(), Linear(4, 2), Sigmoid()), BCELoss()),
    "classes": (lambda: (Linear(3, 4), Tanh(), Linear(4, 2)), CrossEntropyLoss()),
    "columns": (lambda: (Linear(3, 4), ReLU(), Linear(4, 2)), MSELoss()),
    "softmax": (lambda: (Linear(2, 3), Softmax(), Linear(3, 1)), MSELoss()),
}


@cache
def paper(name):
    """Return a sheet on one of FORMULAS, whose answers are formulas."""
    layers, loss = FORMULAS[name]
    return worksheet(
        Sequential(*layers()),
        loss,
        questions=["forward", "gradients", "jacobians"],
        layout="denominator" if name == "columns" else "numerator",
    )


def lines(text):
    """Return the cells of a table, a row a line."""
    return [line.split(" | ") for line in text.strip().splitlines()]


def marked(sheet, key, answer, **how):
    """Grade one answer alone, and return its mark, verdict and text."""
    marks = sheet.grade({key: answer}, **{"hints": "all"} | how)
    row = next(row for row in marks.rows if row.question == key)
    return row.mark, marks.verdicts[key], row.text
