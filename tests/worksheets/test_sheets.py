"""worksheet: numbers that can be done on paper, the same for good, and right."""

import numpy as np
import pytest

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
    layers, loss = NETS[name]
    return worksheet(Sequential(*layers()), loss(), **how)


def gradients(sheet):
    """Return what the library's own forward and backward give."""
    sheet.criterion.forward(sheet.model.forward(sheet.x), sheet.y)
    sheet.model.backward(sheet.criterion.backward())
    found = {name: p.grad for name, p in sheet.model.named_parameters()}
    sheet.model.zero_grad()
    return found


def is_small(array):
    return bool(np.all(2 * array == np.round(2 * array)) and np.all(abs(array) <= 4))


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_numbers_are_small_and_none_is_degenerate(name, seed):
    sheet = made(name, seed=seed, questions="numbers")
    for array in (sheet.x, sheet.y, *sheet.model.state_dict().values()):
        assert is_small(array)
    assert np.all(sheet.x != 0)
    z = sheet.x
    for layer in sheet.model:
        z = layer.forward(z)
        if isinstance(layer, ReLU):
            assert np.all(np.any(z > 0, axis=0)) and np.all(np.any(z > 0, axis=1))
            assert np.any(z == 0) or name == "deep"
        if isinstance(layer, Sigmoid):
            assert np.all(z * (1 - z) > 0.04)
        if isinstance(layer, Tanh):
            assert np.all(1 - z**2 > 0.04)
        if isinstance(layer, Softmax):
            assert np.all((z > 0) & (z < 0.98))
    assert all(np.all(g != 0) for g in gradients(sheet).values())


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("layout", ["numerator", "denominator"])
def test_the_solution_is_what_the_library_computes(name, layout):
    sheet = made(name, layout=layout, questions="numbers", seed=5)
    letters = {q.letter: q.solution for q in sheet.asked.values()}
    prediction = sheet.model.forward(sheet.x)
    np.testing.assert_allclose(letters["Ŷ"], prediction, rtol=1e-12)
    assert letters["ℓ"] == pytest.approx(sheet.criterion.forward(prediction, sheet.y))
    names = {id(p): n for n, p in sheet.model.named_parameters()}
    computed = gradients(sheet)
    for letter, parameter in sheet.derivation.parameters:
        g = computed[names[id(parameter)]]
        laid = g.T if layout == "numerator" else g
        np.testing.assert_allclose(letters[f"∂ℓ/∂{letter}"], laid, rtol=1e-9)
        after = parameter.data - sheet.lr * g
        np.testing.assert_allclose(letters[f"{letter} after"], after, rtol=1e-9)


@pytest.mark.parametrize("name", NETS)
def test_the_solution_gets_every_mark(name):
    pytest.importorskip("lark")
    sheet = made(name, layout="denominator" if name == "homework" else "numerator")
    marks = sheet.grade(sheet.solution)
    assert [row for row in marks.rows if row.mark != row.maximum or row.text] == []
    assert marks.total == marks.maximum == len(sheet.questions)
    assert list(sheet.questions) == list(sheet.solution)


def test_the_same_seed_gives_the_same_sheet_for_good():
    sheet = made("homework", seed=7)
    assert sheet.version == 1  # with another version, these numbers may be others
    assert sheet.x.tolist() == X7
    assert sheet.model[0].weight.data.tolist() == W7
    assert str(sheet) == str(made("homework", seed=7))
    assert not np.array_equal(sheet.x, made("homework", seed=8).x)


X7 = [[-1.0, -2.0, -2.0], [1.5, -1.0, 0.5]]
W7 = [[-2.0, -1.5, 1.5], [-1.5, -0.5, 2.0], [-1.5, 0.5, -1.0], [1.0, 1.0, 1.5]]

# Worked out with a pencil: x₁ = (−1, 1), x₂ = (−½, 2), both y = −1,
# W⁽¹⁾ = [[−2, ½], [−1, −1½]], b⁽¹⁾ = (0, 1), W⁽²⁾ = [[1½, 1½]], b⁽²⁾ = ½, lr = 0.1.
BY_HAND = {
    "5.1": [[2.5, 0.5], [2, -1.5]],  # 2 + ½, 1 − 1½ + 1; 1 + 1, ½ − 3 + 1
    "5.2": [[2.5, 0.5], [2, 0]],
    "5.3": [[5], [3.5]],  # 3¾ + ¾ + ½; 3 + ½
    "5.4": 28.125,  # (6² + 4½²) / 2
    "5.5": [[6], [4.5]],  # 2/2 times 6 and 4½
    "5.6": [[24], [3]],  # 2½ · 6 + 2 · 4½, ½ · 6
    "5.7": [10.5],
    "5.8": [[9, 9], [6.75, 6.75]],
    "5.9": [[9, 9], [6.75, 0]],
    "5.10": [[-12.375, -9], [22.5, 9]],  # −9 − 3⅜, −9; 9 + 13½, 9
    "5.11": [15.75, 9],
    "5.12": [[-0.7625, -1.75], [-0.1, -2.4]],
    "5.13": [-1.575, 0.1],
    "5.14": [[-0.9, 1.2]],
    "5.15": [-0.55],
    "6.1": "rises",
    "6.2": 21,
    "6.3": [[9, 9], [6.75, 6.75]],
    "6.4": 2,
    "6.5": 1,
}


def test_a_sheet_solved_by_hand():
    net = Sequential(Linear(2, 2), ReLU(), Linear(2, 1))
    sheet = worksheet(net, MSELoss(), seed=1, questions=["numbers", "mistakes"])
    marks = sheet.grade(BY_HAND)
    assert [row for row in marks.rows if row.mark != 1 or row.text] == []
    assert list(BY_HAND) == list(sheet.questions)


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


def test_sections_keep_their_numbers():
    whole, some = made("homework"), made("homework", questions=["numbers", "steps"])
    assert set(some.questions) < set(whole.questions)
    assert list(some.questions)[0] == "1.1" and list(some.questions)[-1] == "5.17"
    assert made("homework", questions="steps").questions == {
        "1.1": whole.questions["1.1"]
    }


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
