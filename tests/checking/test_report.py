"""A report in a notebook: what is wrong stands out, and nothing else does."""

import re

import numpy as np

from mlp import Identity, Linear, MSELoss, Sequential, check_gradients, check_layer


class Threefold(Identity):
    """An identity whose gradient is three times what it should be."""

    def backward(self, grad_output, *, needs_input_grad=True):
        return 3 * super().backward(grad_output)


def test_only_the_wrong_rows_stand_out():
    rng = np.random.default_rng(0)
    model = Sequential(Linear(3, 4, rng=0), Threefold(), Linear(4, 2, rng=0))
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
    report = check_gradients(model, MSELoss(), x, y)
    page = report._repr_html_()
    marked = re.findall(r'<tr class="mlp-wrong"><td>(.*?)</td>', page)
    assert marked == ["1.x", "all of these"]
    assert page.count("<tr><td>") == len(report.rows) - 2
    assert re.findall(r"<p>(.*?)</p>", page) == ["1.x: it is 3 times what it should be"]
    assert "2 of 9 gradients wrong" in page
    assert "<td>0.67</td><td>factor 3</td>" in page  # 1 − 1/3
    assert page.count("&lt; 1e-9</td><td>right</td>") == 7


def test_a_note_says_that_not_all_entries_were_measured():
    exactly, more = (check_layer(Identity(), np.ones((n, 10))) for n in (10, 11))
    assert exactly.notes == []
    assert "Of an array of more than 100 entries" in more.notes[0]
