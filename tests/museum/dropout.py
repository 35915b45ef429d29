"""Dropout that is wrong."""

import numpy as np

from mlp import Dropout, Layer, Linear, ReLU, Sequential, check_layer
from museum.exhibit import Exhibit
from museum.tools import show, wrong_in, x


class DropoutInEvaluation(Exhibit):
    """Dropout in evaluation: model.eval() is forgotten.

    Two evaluations of the same rows differ, and both are worse than they need be:
    half of the net is missing in each.
    """

    says = "two evaluations agree: False"
    clean = "two evaluations agree: True\n"
    instead = (
        "Evaluate twice, and compare; or write model.predict(x), which always runs in "
        "evaluation mode."
    )

    def wrong(model, x):
        return model.forward(x)

    def right(model, x):
        model.eval()
        prediction = model.forward(x)
        model.train()
        return prediction

    def look(It):
        rng = np.random.default_rng(0)
        first, last = Linear(3, 8, rng=rng), Linear(8, 2, rng=rng)
        model = Sequential(first, ReLU(), Dropout(0.5, rng=rng), last)
        show(f"two evaluations agree: {np.array_equal(It(model, x), It(model, x))}")


class EvaluationForEver(Exhibit):
    """model.train() is forgotten after an evaluation.

    From the second epoch on nothing is dropped, and the net overfits as if there
    were no dropout. A model is in one mode until it is told another.
    """

    says = "in training after the evaluation: False"
    clean = "in training after the evaluation: True\n"
    instead = (
        "Look at model.training after an epoch; or write model.predict(x), which "
        "changes no mode."
    )

    def wrong(model, x):
        model.eval()
        return model.forward(x)

    def right(model, x):
        return model.predict(x)

    def look(It):
        model = Sequential(Linear(3, 8, rng=0), Dropout(0.5, rng=0))
        It(model, x)
        show(f"in training after the evaluation: {model.training}")


class DropoutNotScaled(Exhibit):
    """Dropout that does not scale.

    Good in training, bad in evaluation: there each unit above gets twice what it was
    trained with, for p = 1/2. What is kept must be divided by 1 − p in
    training, or multiplied by 1 − p in evaluation, as the paper of 2014 has it.
    """

    says = "mean of ones in training: 0.5, in evaluation: 1.0"
    clean = "mean of ones in training: 1.0, in evaluation: 1.0\n"
    instead = "Send ones through it, in both modes: the means are to be equal."

    class Wrong(Layer):
        def __init__(self, p=0.5):
            self.p, self.rng = p, np.random.default_rng(0)

        def forward(self, x):
            self.mask = np.ones(x.shape)
            if self.training:
                self.mask = self.rng.random(x.shape) < 1 - self.p
            return x * self.mask

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * self.mask

    class Right(Layer):
        def __init__(self, p=0.5):
            self.p, self.rng = p, np.random.default_rng(0)

        def forward(self, x):
            self.mask = np.ones(x.shape)
            if self.training:
                self.mask = (self.rng.random(x.shape) < 1 - self.p) / (1 - self.p)
            return x * self.mask

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * self.mask

    def look(It):
        layer, ones = It(), np.ones((1000, 100))
        trained, evaluated = layer.forward(ones), layer.eval().forward(ones)
        means = f"{trained.mean():.1f}, in evaluation: {evaluated.mean():.1f}"
        show(f"mean of ones in training: {means}")


class TheOtherP(Exhibit):
    """p is taken for what is kept.

    It trains slowly, or hardly: a net that was to lose a fifth of its units loses four
    fifths. CS231n's and deeplearning.ai's p or keep_prob is kept, that of
    PyTorch, Keras and this library is dropped.
    """

    says = "share of the units that are 0: 0.8"
    clean = "share of the units that are 0: 0.2\n"
    instead = "Send ones through it in training, and count the zeros."

    def wrong(keep_prob):
        return Dropout(keep_prob, rng=0)

    def right(keep_prob):
        return Dropout(1 - keep_prob, rng=0)

    def look(It):
        zeros = np.mean(It(0.8).forward(np.ones((100, 100))) == 0)
        show(f"share of the units that are 0: {zeros:.1f}")


class OneMaskForAlways(Exhibit):
    """One mask for the whole training.

    Nothing to be seen: it trains, as a net of half the width. The mask is drawn
    in __init__, or each forward starts from the same seed.
    """

    says = "two forwards drop the same units: True"
    clean = "two forwards drop the same units: False\n"
    instead = "Run two forwards in training, and compare what is 0."

    class Wrong(Layer):
        def forward(self, x):
            self.mask = 2 * (np.random.default_rng(0).random(x.shape) < 0.5)
            return x * self.mask

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * self.mask

    class Right(Layer):
        def __init__(self):
            self.rng = np.random.default_rng(0)

        def forward(self, x):
            self.mask = 2 * (self.rng.random(x.shape) < 0.5)
            return x * self.mask

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * self.mask

    def look(It):
        layer = It()
        same = np.array_equal(layer.forward(x) == 0, layer.forward(x) == 0)
        show(f"two forwards drop the same units: {same}")


class MaskDrawnAgain(Exhibit):
    """The mask is drawn again in backward.

    It learns, badly: the gradient flows through other units than those that made the
    output. The layer has a Generator, as it should, and asks it twice for each step.
    """

    says = "x: mask drawn again"

    class Wrong(Layer):
        def __init__(self):
            self.rng = np.random.default_rng(0)

        def mask(self, shape):
            return 2 * (self.rng.random(shape) < 0.5)

        def forward(self, x):
            return x * self.mask(x.shape)

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * self.mask(grad_output.shape)

    Right = OneMaskForAlways.Right

    def look(It):
        wrong_in(check_layer(It(), x))


class NoMaskInBackward(Exhibit):
    """The mask is forgotten on the way back.

    It learns, worse than without dropout: units that did not take part in the
    output are told what they did wrong.
    """

    says = "x:"

    class Wrong(Layer):
        seed = 0  # the loop sets it anew for each step

        def forward(self, x):
            mask = np.random.default_rng(self.seed).random(x.shape) < 0.5
            return 2 * x * mask

        def backward(self, grad_output, *, needs_input_grad=True):
            return 2 * grad_output

    class Right(Layer):
        seed = 0  # the loop sets it anew for each step

        def forward(self, x):
            self.mask = np.random.default_rng(self.seed).random(x.shape) < 0.5
            return 2 * x * self.mask

        def backward(self, grad_output, *, needs_input_grad=True):
            return 2 * grad_output * self.mask

    def look(It):
        wrong_in(check_layer(It(), x))
