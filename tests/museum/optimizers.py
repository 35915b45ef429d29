"""Optimizers that are wrong."""

import numpy as np

from mlp import SGD, MSELoss, diagnose, train_step
from museum.exhibit import Exhibit
from museum.tools import Optimizer, ready, said, show, walk, x, y


class LrTwice(Exhibit):
    """lr is applied twice.

    Once into the velocity and once into the step, so the net steps by lr²: at
    0.1 it learns ten times too slowly, at 0.001 it seems not to learn at all,
    and the best lr found is the root of everybody else's.
    """

    says = "Wrong: 1 → 0.9900 → 0.9750 → 0.9575"
    clean = "Right: 1 → 0.9000 → 0.7500 → 0.5750\nSGD: 1 → 0.9000 → 0.7500 → 0.5750\n"
    instead = (
        "Walk three steps along a gradient of 1, beside an optimizer that is right. "
        "With lr=0.1 and momentum=0.5 the velocity is 1, 1.5, 1.75. (diagnose says "
        "that an update is too small, once it is a millionth of the weight.)"
    )

    class Wrong(Optimizer):
        def step(self):
            for p, v in zip(self.parameters, self.velocity, strict=True):
                v *= self.momentum
                v += self.lr * p.grad
                p.data -= self.lr * v

    class Right(Optimizer):
        def step(self):
            for p, v in zip(self.parameters, self.velocity, strict=True):
                v *= self.momentum
                v += p.grad
                p.data -= self.lr * v

    def look(It):
        walk(It)
        walk(SGD)


class MomentumFromZero(Exhibit):
    """An average that starts from zero.

    The first steps are too short, 1 − momentum of what they should be, and
    with this average so are all to come: to compare with PyTorch's SGD, lr
    must be divided by 1 − momentum. Adam divides its averages by 1 − μᵗ for
    the start's sake (Kingma and Ba, ICLR 2015, section 3).
    """

    says = "Wrong: 1 → 0.9500 → 0.8750 → 0.7875"
    clean = LrTwice.clean
    instead = "Walk beside SGD again: the first step is to be lr times the gradient."

    class Wrong(Optimizer):
        def step(self):
            for p, v in zip(self.parameters, self.velocity, strict=True):
                v *= self.momentum
                v += (1 - self.momentum) * p.grad
                p.data -= self.lr * v

    Right = LrTwice.Right

    def look(It):
        walk(It)
        walk(SGD)


class VelocityForgotten(Exhibit):
    """A velocity that is made anew in each step.

    Momentum can be set to anything, and nothing changes. The same happens to a
    loop that makes its optimizer anew for each epoch or batch.
    """

    says = "Wrong: 1 → 0.9000 → 0.8000 → 0.7000"
    clean = LrTwice.clean
    instead = "Walk beside SGD again: the second step is to be longer than the first."

    class Wrong(Optimizer):
        def step(self):
            for p in self.parameters:
                v = np.zeros_like(p.data)
                v *= self.momentum
                v += p.grad
                p.data -= self.lr * v

    Right = LrTwice.Right

    def look(It):
        walk(It)
        walk(SGD)


class DecayOfTheBias(Exhibit):
    """Weight decay on the biases too, by accident.

    Most take no notice: a strong decay draws the biases to 0, and predictions
    to what the net gives without them. SGD here, as in PyTorch, decays all
    that it is given.
    """

    says = "move without a gradient: 0.weight, 0.bias, 2.weight, 2.bias"
    clean = "move without a gradient: 0.weight, 2.weight\n"
    instead = "Take one step with gradients of 0: what moves is what decays."

    def wrong(model):
        return [SGD(model.parameters(), lr=0.1, weight_decay=0.01)]

    def right(model):
        weights = [p for p in model.parameters() if p.data.ndim == 2]
        biases = [p for p in model.parameters() if p.data.ndim == 1]
        return [SGD(weights, lr=0.1, weight_decay=0.01), SGD(biases, lr=0.1)]

    def look(It):
        model = ready()[0]
        before = model.state_dict()
        for p in model.parameters():
            p.grad = np.zeros_like(p.data)
        for optimizer in It(model):
            optimizer.step()
        after = model.state_dict()
        moved = [n for n in before if not np.array_equal(before[n], after[n])]
        show(f"move without a gradient: {', '.join(moved)}")


class AnotherArray(Exhibit):
    """p.data becomes another array.

    What else holds the old one, a view of it, a velocity, a second layer with
    the same weight, does not hear of the step.
    """

    says = "write into it: p.data[...] = value"

    class Wrong(Optimizer):
        def step(self):
            for p in self.parameters:
                p.data = p.data - self.lr * p.grad

    class Right(Optimizer):
        def step(self):
            for p in self.parameters:
                p.data -= self.lr * p.grad

    def look(It):
        model = ready()[0]
        said(train_step, model, MSELoss(), It(model.parameters(), 0.1), x, y)


class OnlyTheName(Exhibit):
    """The step moves a name, and not the weights.

    The loss does not change in a single digit. θ = θ − … makes a new array
    that is called θ, and forgets it.
    """

    says = "See whether the optimizer's step writes into p.data"

    class Wrong(Optimizer):
        def step(self):
            for p in self.parameters:
                θ = p.data
                θ = θ - self.lr * p.grad

    class Right(Optimizer):
        def step(self):
            for p in self.parameters:
                θ = p.data
                θ -= self.lr * p.grad

    def look(It):
        model = ready()[0]
        optimizer = It(model.parameters(), lr=0.1)
        for finding in diagnose(model, MSELoss(), x, y, optimizer=optimizer).findings:
            show(finding)


class Uphill(Exhibit):
    """A step uphill.

    The loss grows, slowly at first. Gradients, and so every check of them, are
    right.
    """

    says = "with lr = 0.001 the loss falls: False"
    clean = "with lr = 0.001 the loss falls: True\n"
    instead = "Look at the loss before and after one small step: it must fall."

    class Wrong(Optimizer):
        def step(self):
            for p in self.parameters:
                p.data += self.lr * p.grad

    Right = AnotherArray.Right

    def look(It):
        model = ready()[0]
        optimizer = It(model.parameters(), lr=0.001)
        d = diagnose(model, MSELoss(), x, y, optimizer=optimizer)
        show(f"with lr = 0.001 the loss falls: {d.loss_after < d.loss}")


class OptimizerOfTheOldNet(Exhibit):
    """The optimizer of a net that is no longer there.

    The loss does not change in a single digit. In a notebook, the cell that
    makes the net was run again, and the one that makes the optimizer was not.
    """

    says = "got one that holds none of them"

    def wrong():
        model = ready()[0]
        optimizer = SGD(model.parameters(), lr=0.1)
        model = ready()[0]
        return model, optimizer

    def right():
        model = ready()[0]
        optimizer = SGD(model.parameters(), lr=0.1)
        return model, optimizer

    def look(It):
        model, optimizer = It()
        said(lambda: diagnose(model, MSELoss(), x, y, optimizer=optimizer))
