"""What each kind of layer writes into the tables."""

import pytest

from mlp import (
    SGD,
    BatchNorm1d,
    Dropout,
    Linear,
    MSELoss,
    Sequential,
    Softmax,
    Tanh,
    derive,
    trace,
)


def test_the_jacobian_of_a_softmax_and_its_batch_line():
    d = derive(Sequential(Linear(2, 3), Softmax()), MSELoss())
    assert str(d.jacobians[0].elements) == "ŷᵢ(1 if i = j, else 0) − ŷᵢŷⱼ"
    assert str(d.batch[1].formula) == "Ŷ ⊙ (G₂ − the row sums of G₂ ⊙ Ŷ)"


def test_a_mask_is_a_letter_and_its_numbers_are_shown():
    model = Sequential(Linear(2, 3, rng=0), Dropout(0.5, rng=3), Linear(3, 1, rng=1))
    d = derive(model, MSELoss())
    assert str(d.forward[1].output) == "m⁽¹⁾ ⊙ (W⁽¹⁾x + b⁽¹⁾)/(1 − 0.5)"
    assert str(derive(model.eval(), MSELoss()).forward[1].output) == "the same"
    model.train()
    t = trace(model, MSELoss(), SGD(model.parameters(), 0.1), [[1, 2]], [[1]])
    assert "(m⁽¹⁾)₁ = " in str(t)
    assert d.evaluate([1, 2], [1]).forward[-1].output == pytest.approx(t.loss)


def test_batch_norm_in_training_is_shown_in_its_batch_form():
    model = Sequential(Linear(2, 3, rng=0), BatchNorm1d(3), Linear(3, 1, rng=1))
    d = derive(model, MSELoss())
    assert "none of one sample" in str(d.gradients[0].gradient)
    assert str(d.gradients[4].gradient) == "z₂ · ∂ℓ/∂ŷ"
    assert "depends on all of Z₁" in str(d.jacobians[0].elements)
    assert str(d.forward[1].output) == "γ⁽¹⁾ ⊙ x̂⁽¹⁾ + β⁽¹⁾"
    with pytest.raises(ValueError, match=r"derive.evaluate: .*write model.eval\(\)"):
        d.evaluate([1, 2], [3])
    model = Sequential(*model[:2], Tanh(), model[2])
    d = derive(model, MSELoss())
    assert d.check([1, 2], [3]) <= 1e-10
    wrong = [row for row in d.batch if "∂C" in str(row.quantity)][0]
    d.batch[d.batch.index(wrong)] = wrong._replace(formula=2 * wrong.formula)
    assert d.check([1, 2], [3]) > 1e-3
