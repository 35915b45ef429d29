"""Cross-entropy, sgd and loop: which checks see a mistake, and what they say."""

import pytest
from submissions import assert_all_refuse, assert_costs, lost

from mlp import SGD
from mlp.worksheets import exercises

# exercise, what right.py has, what is there instead, points lost by check, said
WRONG = {
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
    "scaled gradients": (
        "sgd",
        "p.data = p.data - self.lr * p.grad",
        "p.grad *= self.lr; p.data = p.data - p.grad",
        {"gradients unchanged": 1},
        "it writes into grad, which belongs to the caller",
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
    "targets in place": (
        "loop",
        "    optimizer.zero_grad()\n",
        "    optimizer.zero_grad()\n    y *= 2\n",
        {"arguments unchanged": 1},
        "it writes into y, which belongs to the caller",
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
        {
            "returns the loss": 2,
            "the five calls": 1,
            "one step": 3,
            "three steps": 3,
            "arguments unchanged": 1,
        },
        "RuntimeError: ",
    ),
    "no loss": (
        "loop",
        "    return loss",
        "    return None",
        {"returns the loss": 2},
        "ℓ: expected numbers, got NoneType",
    ),
    "text for a number": (
        "loop",
        "return loss",
        "return str(loss)",
        {"returns the loss": 2},
        "ℓ: expected numbers, got str",
    ),
    "no function": (
        "loop",
        "def train_step(model",
        "class train_step: pass\ndef step(model",
        {
            "returns the loss": 2,
            "the five calls": 1,
            "one step": 3,
            "three steps": 3,
            "arguments unchanged": 1,
        },
        "expected a function, got type",
    ),
    "part of a gradient kept": (
        "sgd",
        "p.grad = None",
        "p.grad[:1] = 0",
        {"zero_grad": 2},
        "zero_grad leaves a gradient; set each to None or 0",
    ),
    "no step": (
        "sgd",
        "p.data = p.data - self.lr * p.grad",
        "p.data - self.lr * p.grad",
        {
            "one step": 3,
            "several steps": 2,
            "a parameter without gradient": 1,
            "momentum and weight decay, if any": 1,
        },
        "step does not change θ; write the new one into parameter.data",
    ),
    "no gradient": (
        "softmax_cross_entropy",
        "return (self.p - self.y) / len(self.y)",
        "(self.p - self.y) / len(self.y)",
        {"gradient by the logits": 3, "large logits": 2},
        "expected ∂ℓ/∂ŷ of shape (5, 3), got None",
    ),
    "labels in place": (
        "softmax_cross_entropy",
        "            target = np.eye(prediction.shape[1])[target]\n",
        "            labels = target\n"
        "            target = np.eye(prediction.shape[1])[labels]\n"
        "            labels[:] = 0\n",
        {"arguments unchanged": 1},
        "it writes into target, which belongs to the caller",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_mistake_costs_its_points_and_is_named(name):
    assert_costs(*WRONG[name])


def test_each_check_is_seen_to_refuse():
    assert_all_refuse(("softmax_cross_entropy", "sgd", "loop"), WRONG.values())


@pytest.mark.parametrize(("setting", "step"), [("momentum", 2), ("weight_decay", 1)])
def test_a_setting_is_checked_where_it_is_offered(setting, step):
    found, said = lost("sgd", "parameters, lr):", f"parameters, lr, {setting}=0):")
    assert found == {"momentum and weight decay, if any": 1}
    assert said[0].startswith(f"{setting}: θ after step {step}")
    assert not any(r.sentence for r in exercises.run("sgd", {"SGD": SGD}))


def test_a_gradient_may_be_set_to_0():
    assert lost("sgd", "p.grad = None", "p.grad = 0 * p.grad") == ({}, [])
