"""Two sheets of numbers, on a net of straight pieces and on a curved one."""

import pytest
from homework import sheet_of

from mlp import BCELoss, Linear, ReLU, Sigmoid


@pytest.fixture(scope="module")
def sheet():
    return sheet_of(Linear(3, 4), ReLU(), Linear(4, 3), seed=1)


@pytest.fixture(scope="module")
def curved():
    return sheet_of(
        Linear(2, 3), Sigmoid(), Linear(3, 3), Sigmoid(), loss=BCELoss, seed=1
    )
