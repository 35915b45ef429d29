"""worksheet: a sheet on a net, which stays as it is, or why there can be none."""

import numpy as np
import pytest
from homework import NETS, made

from mlp import (
    BatchNorm1d,
    BCELoss,
    Dropout,
    LayerNorm,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Softmax,
)
from mlp.worksheets import worksheet


@pytest.mark.parametrize("name", NETS)
def test_the_solution_gets_every_mark(name):
    pytest.importorskip("lark")
    sheet = made(name, layout="denominator" if name == "homework" else "numerator")
    marks = sheet.grade(sheet.solution)
    assert [row for row in marks.rows if row.mark != row.maximum or row.text] == []
    assert marks.total == marks.maximum == len(sheet.questions)
    assert list(sheet.questions) == list(sheet.solution)


def test_the_net_that_is_given_stays_as_it_is():
    net = Sequential(Linear(2, 3), BatchNorm1d(3), Dropout(0.5, rng=0), Linear(3, 1))
    before = net.state_dict()
    sheet = worksheet(net, MSELoss())
    assert all(np.array_equal(before[k], a) for k, a in net.state_dict().items())
    assert net.training and not sheet.model.training
    assert all(p.grad is None for p in net.parameters())
    single = Sequential(Linear(2, 1, dtype=np.float32))
    assert worksheet(single, MSELoss()).model[0].weight.data.dtype == np.float64
    assert single[0].weight.data.dtype == np.float32


def test_a_sheet_says_what_mode_it_is_in_only_where_that_matters():
    assert "evaluation mode" in str(made("modes"))
    assert "running_var = " in str(made("modes"))
    assert "evaluation mode" not in str(made("homework"))


@pytest.mark.parametrize(
    ("net", "loss", "how", "sentence"),
    [
        (lambda: Sequential(Linear(2, 1), Softmax()), MSELoss, {}, "degenerate"),
        (lambda: Sequential(Linear(2, 2)), MSELoss, {"questions": "all of it"}, "all"),
        (lambda: Sequential(Linear(2, 2)), MSELoss, {"questions": []}, "got none"),
        (lambda: Sequential(Linear(2, 2)), MSELoss, {"layout": "rows"}, "layout"),
        (lambda: Sequential(Linear(50, 50)), MSELoss, {}, "at most 1000 parameters"),
        (lambda: Sequential(ReLU()), MSELoss, {}, "at least one layer with weights"),
        (lambda: Sequential(Linear(2, 2), Linear(3, 1)), MSELoss, {}, "worksheet"),
        (lambda: Sequential(Linear(3, 3), LayerNorm(3)), BCELoss, {}, "the loss ref"),
    ],
)
def test_what_no_sheet_can_be_made_of(net, loss, how, sentence):
    with pytest.raises(ValueError, match=sentence):
        worksheet(net(), loss(), **how)


def test_what_is_no_net():
    with pytest.raises(TypeError, match="model"):
        worksheet([Linear(2, 1)], MSELoss())
    with pytest.raises(TypeError, match="criterion"):
        worksheet(Linear(2, 1), "mse")
    with pytest.raises(ValueError, match="seed"):
        worksheet(Linear(2, 1), MSELoss(), seed=0.5)
    one, other = (worksheet(Linear(2, 1), MSELoss(), seed=2**60 + k) for k in (0, 1))
    assert str(one) != str(other)
