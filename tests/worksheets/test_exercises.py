"""Submissions in which one thing is wrong: which checks see it, and what they say."""

from pathlib import Path

import numpy as np
import pytest

import mlp
from mlp.worksheets import exercises
from mlp.worksheets.stubs import stub

FOLDER = Path(__file__).parent / "submissions"
RIGHT = (FOLDER / "right.py").read_text("utf-8")
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
    "two rows at least": (
        "softmax_cross_entropy",
        "/ len(s))",
        "/ max(len(s), 2))",
        {"loss of one row": 1},
        "ℓ: factor 0.5: it is 0.5 times what is right",
    ),
    "logits in place": (
        "softmax_cross_entropy",
        "s = prediction -",
        "prediction -= 1\n        s = prediction -",
        {"arguments unchanged": 1},
        "it writes into prediction, which belongs to the caller",
    ),
    "scaled gradients": (
        "sgd",
        "p.data = p.data - self.lr * p.grad",
        "p.grad *= self.lr; p.data = p.data - p.grad",
        {"gradients unchanged": 1},
        "it writes into grad, which belongs to the caller",
    ),
    "targets in place": (
        "loop",
        "    optimizer.zero_grad()\n",
        "    optimizer.zero_grad()\n    y *= 2\n",
        {"arguments unchanged": 1},
        "it writes into y, which belongs to the caller",
    ),
    "no bias": (
        "linear",
        "@ self.weight.data.T + self.bias.data",
        "@ self.weight.data.T",
        {"forward": 2, "gradient by bias": 1},
        "forward: 20 of 20 entries differ",
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
    "sum for mean": (
        "softmax_cross_entropy",
        "/ len(s))",
        ")",
        {
            "loss of labels": 2,
            "loss of one-hot rows": 1,
            "gradient by the logits": 3,
            "large logits": 2,
        },
        "factor N: ℓ is the sum over the rows; expected their mean",
    ),
    "gradient of the sum": (
        "softmax_cross_entropy",
        "(self.p - self.y) / len(self.y)",
        "self.p - self.y",
        {"gradient by the logits": 3, "large logits": 2},
        "prediction: factor N",
    ),
    "overflow": (
        "softmax_cross_entropy",
        "prediction - prediction.max(axis=1, keepdims=True)",
        "prediction",
        {"large logits": 2},
        "ℓ of large logits: expected finite numbers, got nan",
    ),
    "uphill": (
        "sgd",
        "p.data - self.lr",
        "p.data + self.lr",
        {
            "one step": 3,
            "several steps": 2,
            "a parameter without gradient": 1,
            "momentum and weight decay, if any": 1,
        },
        "sign: it adds lr ∇; θ is to go against the gradient",
    ),
    "keeps grads": (
        "sgd",
        "p.grad = None",
        "pass",
        {"zero_grad": 2},
        "zero_grad leaves a gradient; set each to None or 0",
    ),
    "no zero_grad": (
        "loop",
        "    optimizer.zero_grad()\n",
        "",
        {"the five calls": 1, "three steps": 3},
        "expected zero_grad to be called once, got 0 times",
    ),
    "zero_grad late": (
        "loop",
        "    optimizer.step()\n    return",
        "    optimizer.zero_grad()\n    optimizer.step()\n    return",
        {"returns the loss": 2, "the five calls": 1, "one step": 3, "three steps": 3},
        "RuntimeError: ",
    ),
    "no loss": (
        "loop",
        "    return loss",
        "    return None",
        {"returns the loss": 2},
        "it returns None; expected ℓ",
    ),
}


def results(exercise, source, file="submission.py"):
    namespace = {}
    exec(compile(source, file, "exec"), namespace)
    return list(exercises.run(exercise, namespace, file))


@pytest.mark.parametrize("name", WRONG)
def test_each_mistake_costs_its_points_and_is_named(name):
    exercise, old, new, lost, said = WRONG[name]
    assert RIGHT.count(old) >= 1
    found = results(exercise, RIGHT.replace(old, new))
    missing = {r.check: r.maximum - r.score for r in found if r.sentence}
    assert missing.keys() >= lost.keys()
    if name != "zero_grad late":
        assert missing == lost, found
    assert any(said in r.sentence for r in found), [r.sentence for r in found]


def test_each_check_is_seen_to_refuse():
    lost = {(w[0], check) for w in WRONG.values() for check in w[3]}
    all_checks = {(n, c.name) for n, e in exercises.EXERCISES.items() for c in e.checks}
    assert lost == all_checks


@pytest.mark.parametrize("exercise", exercises.EXERCISES)
def test_what_is_right_has_ten_points(exercise):
    ours = {e.target: getattr(mlp, e.target) for e in exercises.EXERCISES.values()}
    for found in (
        results(exercise, RIGHT),
        results(exercise, (FOLDER / "right_with_mlp.py").read_text("utf-8")),
        list(exercises.run(exercise, ours)),
    ):
        assert [r.sentence for r in found if r.sentence] == []
        assert sum(r.score for r in found) == sum(r.maximum for r in found) == 10


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


@pytest.mark.parametrize(
    "source, said",
    [
        ("", "there is no ReLU in the file"),
        ("def ReLU(x): return x", "expected a class, got a function"),
        ("class ReLU: pass", "expected a method forward, got none"),
        ("class ReLU:\n def __init__(self, n): pass", "TypeError: "),
        (
            "class ReLU:\n def forward(s, x):\n  return 1/0\n def backward(s, g): 0",
            "line 3: ZeroDivisionError: division by zero",
        ),
        (
            "class ReLU:\n def forward(s, x): raise SystemExit(0)\n"
            " def backward(s, g): 0",
            "line 2: SystemExit: 0",
        ),
        (
            "class ReLU:\n def forward(s, x): return 'y'\n def backward(s, g): 0",
            "forward: expected numbers, got str",
        ),
        (
            "class ReLU:\n def forward(s, x): return x.T\n def backward(s, g): 0",
            "expected shape (5, 3), got (3, 5)",
        ),
    ],
)
def test_what_is_no_layer_is_a_sentence(source, said):
    found = results("relu", source)
    assert sum(r.score for r in found) == 0
    assert said in found[0].sentence


def test_parameters_that_are_arrays_are_a_sentence():
    source = RIGHT.replace(
        "Parameter(np.zeros(out_features))", "np.zeros(out_features)"
    )
    found = results("linear", source)
    assert found[0].sentence == (
        "expected self.bias with .data and .grad, got ndarray; "
        "write self.bias = Parameter(…)"
    )


def test_momentum_is_checked_where_it_is_offered():
    wrong = RIGHT.replace("parameters, lr):", "parameters, lr, momentum=0):")
    found = {r.check: r for r in results("sgd", wrong)}
    check = found.pop("momentum and weight decay, if any")
    assert check.sentence.startswith("momentum: θ after step 2")
    assert not any(r.sentence for r in found.values())


@pytest.mark.parametrize("names", ["", "linear,conv", "relu,relu", ["tanh"]])
def test_unknown_exercises_are_refused(names):
    with pytest.raises(ValueError, match="expected names out of linear, relu"):
        exercises.names_of(names)


def test_numpy_says_nothing_while_a_student_is_marked():
    with np.errstate(all="raise"):
        assert not any(r.sentence for r in results("sigmoid", RIGHT))
