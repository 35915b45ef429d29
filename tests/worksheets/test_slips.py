"""Which slip a wrong answer is."""

import numpy as np
import pytest
from homework import row


def test_one_unit_of_the_last_digit_is_allowed_for(curved):
    for letter in ("Z₁", "ℓ", "∂ℓ/∂W⁽¹⁾", "b⁽²⁾ after"):
        assert row(curved, letter, lambda a: np.round(a, curved.digits))[0] == 1
        unit = 10.0**-curved.digits
        assert row(curved, letter, lambda a, unit=unit: a + unit)[0] == 1
        near = row(curved, letter, lambda a, u=unit: np.round(a, curved.digits) - u)
        assert near[0] == 1
        for off in (1.7, -2.5):
            mark, _, verdict = row(
                curved, letter, lambda a, off=off: a + off * 10.0**-curved.digits
            )
            assert (mark, verdict) == (0, "rounding")


@pytest.mark.parametrize(
    ("letter", "change", "verdict"),
    [
        ("∂ℓ/∂W⁽²⁾", lambda a: 7 * a, "factor 7"),
        ("∂ℓ/∂W⁽¹⁾", lambda a: 2 * a, "factor 2 (1/N lost)"),
        ("G₃", lambda a: 3 * a, "factor 3 (1/K lost)"),
        ("G₃", lambda a: 6 * a, "factor 6 (1/(N·K) lost)"),
        ("G₃", lambda a: a / 3, "factor 0.3333 (1/K taken twice)"),
        ("ℓ", lambda a: 2 * a, "factor 2 (1/N lost)"),
        ("G₂", lambda a: -a, "sign"),
        ("Z₁", lambda a: -a, "sign"),
        ("Z₁", lambda a: a.T, "transposed"),
        ("b⁽¹⁾ after", lambda a: 0 * a, "zero"),
        ("G₁", lambda a: np.roll(a, 1), "differs"),
    ],
)
def test_a_slip_is_named(sheet, letter, change, verdict):
    mark, text, found = row(sheet, letter, change)
    assert (mark, found) == (0, verdict)
    assert verdict.split(" (")[0] in text
