"""summary: a net as a table of its layers."""

import numpy as np
from small import small_net

from mlp import Identity, Layer, Linear, Parameter, ReLU, Sequential, Sigmoid
from mlp.summary import summary


class Scaled(Sequential):
    """A net with a parameter beside its layers."""

    def __init__(self, *layers):
        super().__init__(*layers)
        self.scale = Parameter([1.0, 2.0])


def test_summary_of_a_net_by_hand():
    class Flip(Layer):
        def forward(self, x):
            return x[:, ::-1]

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output[:, ::-1]

    class Skip(Sequential):
        def forward(self, x):
            return np.hstack([x, super().forward(x)])

    def f32(n, m):
        return Linear(n, m, dtype=np.float32)

    shared = Linear(4, 1000)
    shared.weight = f32(4, 1000).weight
    inner = Sequential(Sigmoid(), Sequential(shared, Identity()))
    net = Scaled(ReLU(), f32(3, 4), inner, Flip(), ReLU(), Skip(f32(9, 2)), f32(11, 1))
    lines = [line.split("  ") for line in net.summary().splitlines()]
    found = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert found[3:] == [
        ["0 ReLU", "?", "0", "0"],
        ["1 Linear", "(N, 4)", "16", "64"],
        ["2.0 Sigmoid", "(N, 4)", "0", "0"],
        ["2.1.0 Linear", "(N, 1000)", "5,000", "24,000"],
        ["2.1.1 Identity", "(N, 1000)", "0", "0"],
        ["3 Flip", "?", "0", "0"],
        ["4 ReLU", "?", "0", "0"],
        ["5 Skip", "?", "20", "80"],
        ["6 Linear", "(N, 1)", "12", "48"],
        ["scale Parameter", "2", "16"],
        ["total", "5,050", "24,208"],
    ]


def test_summary_counts_a_shared_parameter_once_and_may_be_empty():
    first, second = Linear(2, 2, bias=False), Linear(2, 2, bias=False)
    second.weight = first.weight
    lines = Sequential(first, second).summary().splitlines()
    assert [line.split()[-2:] for line in lines[3:]] == [["4", "32"]] * 3
    assert Sequential().summary().splitlines()[-1].split() == ["total", "0", "0"]


def test_summary_leaves_a_pending_backward_alone():
    model = small_net()
    model.forward(np.ones((2, 3)))
    model.summary()
    assert model.backward(np.ones((2, 2))).shape == (2, 3)


def test_a_summary_is_its_table_in_a_terminal():
    model = small_net()
    table = model.summary()
    assert repr(table) == str(table)
    assert isinstance(table, str)
    text = table._repr_html_()
    for cell in ("0 Linear", "(N, 4)", "total", "26"):
        assert cell in text
    assert model._repr_html_() == text


def test_a_layer_is_shown_whole_or_by_what_is_in_it():
    inner = Sequential(Linear(3, 4), Sigmoid())
    net = Sequential(inner, ReLU())
    closed = summary(net, lambda layer: False).rows
    assert [row[:2] for row in closed] == [
        ["0 Sequential", "?"],
        ["1 ReLU", "?"],
        ["total", ""],
    ]
    opened = summary(net, lambda layer: layer is inner).rows
    assert [row[:2] for row in opened] == [
        ["0.0 Linear", "(N, 4)"],
        ["0.1 Sigmoid", "(N, 4)"],
        ["1 ReLU", "(N, 4)"],
        ["total", ""],
    ]
    assert closed[-1] == opened[-1]


def test_a_parameter_of_a_net_inside_does_not_change_the_width():
    inner = Scaled(Linear(3, 4), ReLU())
    rows = Sequential(inner, Sigmoid()).summary().rows
    assert [row[:2] for row in rows[2:4]] == [
        ["0.scale Parameter", ""],
        ["1 Sigmoid", "(N, 4)"],
    ]


def test_numbers_stand_in_line_at_their_last_digits():
    net = Sequential(Linear(1000, 1000), Linear(1000, 1))
    lines = net.summary().splitlines()[3:]
    assert lines[0].endswith("  1,001,000  8,008,000")
    assert lines[1].endswith("      1,001      8,008")


def test_a_name_is_text_in_a_notebook():
    odd = type("<b>", (Identity,), {})
    assert "0 &lt;b&gt;" in Sequential(odd()).summary()._repr_html_()
