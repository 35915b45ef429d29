"""Stubs: they run, are worth nothing, and give nothing away."""

from submissions import results

from mlp.worksheets import exercises
from mlp.worksheets.stubs import stub


def test_a_stub_runs_and_is_worth_nothing():
    names = ",".join(exercises.EXERCISES)
    for exercise, e in exercises.EXERCISES.items():
        found = results(exercise, stub(names))
        assert sum(r.score for r in found) == 0
        assert any(r.sentence == "it is not written yet" for r in found)
        assert e.target in stub(exercise)


def test_a_stub_gives_no_answer_away():
    text = stub(",".join(exercises.EXERCISES))
    for answer in ("Derivation", ">>>", "grad_outputᵀ", "p − y", "y ⊙", "1. forward"):
        assert answer not in text
    assert "y = x Wᵀ + b" in text and "(N, in_features)" in text
