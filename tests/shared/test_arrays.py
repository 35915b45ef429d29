"""Arrays that are taken, and the sentence for each that is not."""

from collections import deque

import numpy as np
import pytest

from mlp import ReLU


def test_masks_in_lists_are_not_lost():
    masked = np.ma.masked_array([1.0, 2.0], mask=[True, False])
    for x in ([masked], [[masked]], (masked, [1.0, 2.0]), [1.0, np.ma.masked]):
        with pytest.raises(TypeError, match="without a mask, got .* in a list"):
            ReLU().forward(x)
    with pytest.raises(TypeError, match="without a mask"):
        ReLU().forward(deque([masked]))
