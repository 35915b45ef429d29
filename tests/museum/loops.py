"""Loops that are wrong."""

import numpy as np

from mlp import SGD, MSELoss, diagnose
from museum.exhibit import Exhibit
from museum.tools import ready, said, show, x, y


class ZeroGradForgotten(Exhibit):
    """zero_grad is forgotten.

    The loss falls, then swings, then grows: the net follows the sum of all
    gradients since the start. It is on Karpathy's list of the most common
    mistakes (2018).
    """

    says = "StaleGradientWarning"

    def wrong(model, criterion, optimizer, x, y):
        for _ in range(2):
            criterion.forward(model.forward(x), y)
            model.backward(criterion.backward())
            optimizer.step()

    def right(model, criterion, optimizer, x, y):
        for _ in range(2):
            criterion.forward(model.forward(x), y)
            optimizer.zero_grad()
            model.backward(criterion.backward())
            optimizer.step()

    def look(It):
        said(It, *ready())


class ZeroGradTooLate(Exhibit):
    """zero_grad between backward and step.

    The loss does not change in a single digit: there is no gradient left to
    step along.
    """

    says = "SGD.step: expected a parameter with a gradient, got none"

    def wrong(model, criterion, optimizer, x, y):
        for _ in range(2):
            criterion.forward(model.forward(x), y)
            model.backward(criterion.backward())
            optimizer.zero_grad()
            optimizer.step()

    right = ZeroGradForgotten.right

    def look(It):
        said(It, *ready())


class StepTooEarly(Exhibit):
    """step before backward.

    With gradients that are filled with zeros in place of taken away, the loss
    does not change; without zero_grad, each step follows the batch before.
    """

    says = "(step 4) between zero_grad and step"

    def wrong(model, criterion, optimizer, x, y):
        for _ in range(2):
            criterion.forward(model.forward(x), y)
            optimizer.zero_grad()
            optimizer.step()
            model.backward(criterion.backward())

    right = ZeroGradForgotten.right

    def look(It):
        said(It, *ready())


class BackwardTwice(Exhibit):
    """backward twice for one forward.

    The gradients are twice what they should be, and so is every step. PyTorch
    refuses it too: "Trying to backward through the graph a second time".
    """

    says = "expected a forward to go back through"

    def wrong(model, criterion, optimizer, x, y):
        criterion.forward(model.forward(x), y)
        optimizer.zero_grad()
        model.backward(criterion.backward())
        model.backward(criterion.backward())
        optimizer.step()

    def right(model, criterion, optimizer, x, y):
        criterion.forward(model.forward(x), y)
        optimizer.zero_grad()
        model.backward(criterion.backward())
        optimizer.step()

    def look(It):
        said(It, *ready())


class EvaluationInBetween(Exhibit):
    """A forward for evaluation before backward.

    The layers keep what the last forward left, so backward goes through the
    rows held out. Where their number is another, it cannot.
    """

    says = "expected grad_output of shape (2, 2)"

    def wrong(model, criterion, optimizer, x, y):
        criterion.forward(model.forward(x), y)
        held_out = model.forward(x[:2])
        optimizer.zero_grad()
        model.backward(criterion.backward())
        optimizer.step()
        return held_out

    def right(model, criterion, optimizer, x, y):
        criterion.forward(model.forward(x), y)
        held_out = model.predict(x[:2])
        optimizer.zero_grad()
        model.backward(criterion.backward())
        optimizer.step()
        return held_out

    def look(It):
        said(It, *ready())


class EvaluationOfAsManyRows(Exhibit):
    """A forward for evaluation, of as many rows as the batch has.

    The exhibit before, where the shapes agree: it trains on gradients of
    training targets at held-out rows, and learns little.
    """

    says = "other rows held out, other weights after the step: True"
    clean = "other rows held out, other weights after the step: False\n"
    instead = (
        "Look whether the rows held out change the step. And write predict for all "
        "that is not training: it leaves alone what backward needs."
    )

    def wrong(model, criterion, optimizer, x, y, x_held_out):
        criterion.forward(model.forward(x), y)
        model.forward(x_held_out)
        optimizer.zero_grad()
        model.backward(criterion.backward())
        optimizer.step()
        return model[0].weight.data

    def right(model, criterion, optimizer, x, y, x_held_out):
        criterion.forward(model.forward(x), y)
        model.predict(x_held_out)
        optimizer.zero_grad()
        model.backward(criterion.backward())
        optimizer.step()
        return model[0].weight.data

    def look(It):
        differ = not np.array_equal(It(*ready(), x), It(*ready(), x + 1))
        show(f"other rows held out, other weights after the step: {differ}")


class LrTooLarge(Exhibit):
    """A learning rate that is too large.

    The loss jumps from the first step on, and may end at nan.
    """

    says = "Update too large"

    def wrong(model):
        return SGD(model.parameters(), lr=100.0)

    def right(model):
        return SGD(model.parameters(), lr=0.1)

    def look(It):
        model = ready()[0]
        for finding in diagnose(model, MSELoss(), x, y, optimizer=It(model)).findings:
            show(finding)
