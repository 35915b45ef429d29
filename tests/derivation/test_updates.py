"""The lines of an optimizer's step, entry by entry."""

from derivations import assert_reads_back
from small import Signs

from mlp import Linear, MSELoss, trace


def test_an_optimizer_of_ones_own_is_traced_by_its_changes():
    model = Linear(2, 1, rng=0)
    t = trace(model, MSELoss(), Signs(model.parameters(), 0.1), [[1, 2]], [[3]])
    assert "5. step of Signs, as a change" in str(t)
    assert_reads_back(t)
