"""linear, relu and sigmoid: which checks see a mistake, and what they say."""

import pytest
from submissions import assert_all_refuse, assert_costs

# exercise, what right.py has, what is there instead, points lost by check, said
WRONG = {
    "transposed": (
        "linear",
        "self.weight.grad += grad_output.T @ self.x",
        "self.weight.grad = self.x.T @ grad_output",
        {"gradient by weight": 2, "gradients add up": 1},
        "transposed: expected weight.grad of shape (4, 3), got ndarray (3, 4)",
    ),
    "mean for sum": (
        "linear",
        "grad_output.sum(axis=0)",
        "grad_output.mean(axis=0)",
        {"gradient by bias": 1, "gradients add up": 1},
        "bias: factor 1/N",
    ),
    "not summed": (
        "linear",
        "self.bias.grad += grad_output.sum(axis=0)",
        "self.bias.grad += grad_output[0]",
        {"gradient by bias": 1, "gradients add up": 1},
        "bias: ",
    ),
    "overwritten": (
        "linear",
        "self.weight.grad +=",
        "self.weight.grad =",
        {"gradients add up": 1},
        "the second backward overwrites weight.grad; expected it to add",
    ),
    "zeros": (
        "linear",
        "rng.uniform(-bound, bound, (out_features, in_features))",
        "np.zeros((out_features, in_features))",
        {"weight and bias": 1},
        "expected a weight whose entries are drawn, got equal ones",
    ),
    "twice down": (
        "linear",
        "return grad_output @ self.weight.data",
        "return 2 * grad_output @ self.weight.data",
        {"gradient by x": 1},
        "x: factor 2",
    ),
    "another in evaluation": (
        "linear",
        "    def backward(self, grad_output):\n        self.weight.grad",
        "    def eval(self):\n        self.bias.data = self.bias.data + 1\n\n"
        "    def backward(self, grad_output):\n        self.weight.grad",
        {"modes": 1},
        "forward after eval(): ",
    ),
    "x in place": (
        "linear",
        "        self.x = x\n",
        "        self.x = x.copy()\n        x -= 1\n        x = self.x\n",
        {"arguments unchanged": 1},
        "it writes into x, which belongs to the caller",
    ),
    "no bias": (
        "linear",
        "@ self.weight.data.T + self.bias.data",
        "@ self.weight.data.T",
        {"forward": 2, "gradient by bias": 1},
        "forward: 20 of 20 entries differ",
    ),
    "one more": (
        "relu",
        "self.on, x, ",
        "self.on, x + 1, ",
        {"forward": 2, "at 0": 1, "any shape": 1},
        "forward: ",
    ),
    "float64 of float32": (
        "relu",
        "x.dtype.type(0)",
        "np.float64(0)",
        {"dtype": 1},
        "forward: expected float32 of float32, got float64",
    ),
    "another in training": (
        "relu",
        "class ReLU:",
        "class ReLU:\n    def train(self):\n        self.forward = abs\n",
        {"modes": 1},
        "forward after train(): ",
    ),
    "in place": (
        "relu",
        "return grad_output * self.on",
        "grad_output[~self.on] = 0; return grad_output",
        {"arguments unchanged": 1},
        "it writes into grad_output, which belongs to the caller",
    ),
    "x for on": (
        "relu",
        "grad_output * self.on",
        "grad_output",
        {"gradient by x": 3, "at 0": 1, "any shape": 1},
        "x: ",
    ),
    "one too high": (
        "sigmoid",
        "return self.y\n",
        "return self.y + 1\n",
        {"forward": 2, "large numbers": 1, "any shape": 1},
        "forward: ",
    ),
    "drawn anew": (
        "sigmoid",
        "class Sigmoid:",
        "class Sigmoid:\n    def eval(self):\n        self.forward = np.sin\n",
        {"modes": 1},
        "forward after eval(): ",
    ),
    "output in place": (
        "sigmoid",
        "grad_output * self.y * (1 - self.y)",
        "grad_output * self.y.__imul__(1 - self.y)",
        {"arguments unchanged": 1},
        "it writes into its output, which belongs to the caller",
    ),
    "wrong at large": (
        "sigmoid",
        "1 / (1 + np.exp(-x))",
        "np.exp(x) / (1 + np.exp(x))",
        {"large numbers": 1},
        "forward of ±1000: expected finite numbers, got nan",
    ),
    "derivative of x": (
        "sigmoid",
        "self.y * (1 - self.y)",
        "(1 - self.y)",
        {"gradient by x": 3, "large numbers": 1, "any shape": 1},
        "x: ",
    ),
    "float64 alone": (
        "sigmoid",
        "self.y = 1",
        "x = x.astype(np.float64); self.y = 1",
        {"dtype": 1},
        "forward: expected float32 of float32, got float64",
    ),
    "cleared in place": (
        "linear",
        "return grad_output @ self.weight.data",
        "x = grad_output @ self.weight.data; grad_output[:] = 0; return x",
        {"arguments unchanged": 1},
        "it writes into grad_output, which belongs to the caller",
    ),
    "leaky": (
        "relu",
        "x.dtype.type(0)",
        "x.dtype.type(0.1) * x",
        {
            "forward": 2,
            "gradient by x": 3,
            "at 0": 1,
            "any shape": 1,
            "dtype": 1,
            "modes": 1,
            "arguments unchanged": 1,
        },
        "it counts when something else is right",
    ),
    "no return": (
        "sigmoid",
        "return grad_output * self.y * (1 - self.y)",
        "grad_output * self.y * (1 - self.y)",
        {"gradient by x": 3, "large numbers": 1, "any shape": 1, "dtype": 1},
        "expected ∂ℓ/∂x of shape (5, 3), got None",
    ),
    "complex": (
        "sigmoid",
        "return grad_output * self.y * (1 - self.y)",
        "return grad_output * self.y * (1 - self.y) + 1j",
        {"gradient by x": 3, "large numbers": 1, "any shape": 1, "dtype": 1},
        "backward of ±1000: expected numbers, got complex128",
    ),
    "negated in place": (
        "sigmoid",
        "np.exp(-x)",
        "np.exp(np.negative(x, out=x))",
        {"arguments unchanged": 1},
        "it writes into x, which belongs to the caller",
    ),
    "scaled in place": (
        "sigmoid",
        "return grad_output * self.y * (1 - self.y)",
        "grad_output *= self.y * (1 - self.y); return grad_output",
        {"arguments unchanged": 1},
        "it writes into grad_output, which belongs to the caller",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_mistake_costs_its_points_and_is_named(name):
    assert_costs(*WRONG[name])


def test_each_check_is_seen_to_refuse():
    assert_all_refuse(("linear", "relu", "sigmoid"), WRONG.values())
