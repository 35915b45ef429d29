"""Softmax and cross-entropy that are wrong."""

import numpy as np

from mlp import (
    CrossEntropyLoss,
    Layer,
    Linear,
    Loss,
    MSELoss,
    Sequential,
    Softmax,
    Tanh,
    check_gradients,
    check_layer,
    diagnose,
    one_hot,
)
from museum.exhibit import Exhibit
from museum.tools import said, show, wrong_in, x


class SoftmaxWithoutKeepdims(Exhibit):
    """keepdims=True is forgotten in a softmax.

    (N, K) / (N,) is an error, unless N = K: then column j is divided by the
    sum of row j, and nothing complains. It goes unnoticed in a test with as
    many rows as classes, and stops the first real batch with "operands could
    not be broadcast together".
    """

    says = "x:"

    class Wrong(Layer):
        def forward(self, x):
            e = np.exp(x - x.max(axis=1, keepdims=True))
            self.y = e / e.sum(axis=1)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            along_y = np.sum(grad_output * self.y, axis=1, keepdims=True)
            return self.y * (grad_output - along_y)

    class Right(Layer):
        def forward(self, x):
            e = np.exp(x - x.max(axis=1, keepdims=True))
            self.y = e / e.sum(axis=1, keepdims=True)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            along_y = np.sum(grad_output * self.y, axis=1, keepdims=True)
            return self.y * (grad_output - along_y)

    def look(It):
        wrong_in(check_layer(It(), x[:3]))


class SoftmaxOverflows(Exhibit):
    """A softmax without the maximum subtracted.

    "RuntimeWarning: overflow encountered in exp", and then nan. e⁷¹⁰ is
    beyond float64, e⁸⁹ beyond float32, and ∞/∞ is nan. Less the greatest
    logit of the row, every exponent is at most 0, and the quotient is the same.
    """

    says = "Not finite: the output of layer 1 (Wrong), though its input is"

    class Wrong(Layer):
        def forward(self, x):
            e = np.exp(x)
            self.y = e / e.sum(axis=1, keepdims=True)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            along_y = np.sum(grad_output * self.y, axis=1, keepdims=True)
            return self.y * (grad_output - along_y)

    Right = SoftmaxWithoutKeepdims.Right

    def look(It):
        model = Sequential(Linear(3, 4, rng=0), It())
        target = np.zeros((5, 4))
        for finding in diagnose(model, MSELoss(), 3000 * x, target).findings:
            show(finding)


class SoftmaxTwice(Exhibit):
    """Softmax, and then CrossEntropyLoss.

    It learns slowly, and the loss stops far above 0. CrossEntropyLoss takes
    logits and has a softmax in it, and a softmax of probabilities is nearly
    even: for three classes at most e / (e + 2) = 0.58, so the loss is never
    below 0.55. Softmaxed outputs in a loss that expects raw logits are on
    Karpathy's list of the most common mistakes (2018). The gradients are
    right, for a loss that nobody wanted.
    """

    says = "loss of a net that is sure and right: 0.55"
    clean = "loss of a net that is sure and right: 0.00\n"
    instead = "Look at the loss of predictions that are sure and right: it must be 0."

    def wrong():
        return Sequential(Linear(3, 3, rng=0), Softmax())

    def right():
        return Sequential(Linear(3, 3, rng=0))

    def look(It):
        model, labels = It(), np.array([0, 2, 1])
        model[0].weight.data[...] = 100 * np.eye(3)
        loss = CrossEntropyLoss().forward(model.forward(np.eye(3)[labels]), labels)
        show(f"loss of a net that is sure and right: {loss:.2f}")


class LogOfASoftmax(Exhibit):
    """The logarithm of a softmax.

    "RuntimeWarning: divide by zero encountered in log", late in training, with
    the first class that is given a probability of 0. The softmax itself is
    right, its maximum subtracted; but e⁻⁷⁵⁰ is 0, and its logarithm, which
    should be −750, is −∞. Take the logarithm on paper: log pₖ = sₖ − log Σ eˢ.
    """

    says = "Not finite: the loss, though the prediction is; it takes a logarithm of 0"

    class Wrong(Loss):
        def forward(self, z, y):
            s = z - z.max(axis=1, keepdims=True)
            self.p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
            self.y = y
            return float(-np.sum(y * np.log(self.p)) / len(y))

        def backward(self):
            return (self.p - self.y) / len(self.y)

    class Right(Loss):
        def forward(self, z, y):
            s = z - z.max(axis=1, keepdims=True)
            log_p = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
            self.p, self.y = np.exp(log_p), y
            return float(-np.sum(y * log_p) / len(y))

        def backward(self):
            return (self.p - self.y) / len(self.y)

    def look(It):
        rows = one_hot([0, 1, 2, 3, 0], classes=4)
        model = Linear(3, 4, rng=0)
        for finding in diagnose(model, It(), 3000 * x, rows).findings:
            show(finding)


class DividedByNTwice(Exhibit):
    """p − y is divided by N twice.

    It learns, more slowly the larger the batch. A line such as `p /= N` is
    already there, and the return has it again. The exhibit "The mean over the
    batch is taken twice" is the same with the second N in a layer.
    """

    says = "prediction: factor 1/N"

    class Wrong(Loss):
        def forward(self, z, labels):
            s = z - z.max(axis=1, keepdims=True)
            log_p = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
            self.p, self.labels = np.exp(log_p), labels
            return float(-log_p[np.arange(len(z)), labels].mean())

        def backward(self):
            gradient, n = self.p.copy(), len(self.p)
            gradient[np.arange(n), self.labels] -= 1
            gradient /= n
            return gradient / n

    class Right(Loss):
        def forward(self, z, labels):
            s = z - z.max(axis=1, keepdims=True)
            log_p = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
            self.p, self.labels = np.exp(log_p), labels
            return float(-log_p[np.arange(len(z)), labels].mean())

        def backward(self):
            gradient, n = self.p.copy(), len(self.p)
            gradient[np.arange(n), self.labels] -= 1
            return gradient / n

    def look(It):
        labels = np.array([0, 1, 2, 3, 0])
        wrong_in(check_gradients(Linear(3, 4, rng=0), It(), x, labels))


class AllColumnsOfTheLabels(Exhibit):
    """p[:, labels] for the entries of the labels.

    The loss looks right, and rises. The slice takes 1 from every class that
    occurs in the batch, in all of its rows; p[np.arange(N), labels] takes it
    from one entry a row. NumPy allows both.
    """

    says = "prediction:"

    class Wrong(Loss):
        def forward(self, z, labels):
            s = z - z.max(axis=1, keepdims=True)
            log_p = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
            self.p, self.labels = np.exp(log_p), labels
            return float(-log_p[np.arange(len(z)), labels].mean())

        def backward(self):
            gradient = self.p.copy()
            gradient[:, self.labels] -= 1
            return gradient / len(gradient)

    Right = DividedByNTwice.Right

    def look(It):
        labels = np.array([0, 1, 2, 3, 0])
        wrong_in(check_gradients(Linear(3, 4, rng=0), It(), x, labels))


class MeanOverTheClasses(Exhibit):
    """np.mean of a cross-entropy with rows.

    The loss that is printed is K times too small: an untrained net of ten
    classes begins at 0.23, where others begin at ln 10 = 2.30. np.mean divides
    by N·K, the mean of a cross-entropy is over the N rows. Here K is 4.
    """

    says = "prediction: factor 4"

    class Wrong(Loss):
        def forward(self, z, y):
            s = z - z.max(axis=1, keepdims=True)
            log_p = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
            self.p, self.y = np.exp(log_p), y
            return float(-np.mean(y * log_p))

        def backward(self):
            return (self.p - self.y) / len(self.y)

    Right = LogOfASoftmax.Right

    def look(It):
        rows = one_hot([0, 1, 2, 3, 0], classes=4)
        wrong_in(check_gradients(Linear(3, 4, rng=0), It(), x, rows))


class LabelsFromOne(Exhibit):
    """Labels that start from 1.

    Plain NumPy says "index 3 is out of bounds for axis 1 with size 3", or, where the
    net was given a class more than there are, nothing at all. Data sets made for
    MATLAB or R count their classes from 1.
    """

    says = "expected labels to be whole numbers from 0 to 2, got 3"

    def wrong(classes):
        return np.array(classes)

    def right(classes):
        return np.array(classes) - 1

    def look(It):
        logits = Linear(3, 3, rng=0).forward(x)
        said(CrossEntropyLoss().forward, logits, It([1, 2, 3, 3, 1]))


class NegativeLabel(Exhibit):
    """−1 for "no label".

    Nothing to be seen in plain NumPy: p[n, −1] is the last class, so all rows
    without a label teach the net that one.
    """

    says = "expected labels to be whole numbers from 0 to 2, got -1"

    def wrong(x, labels):
        return x, labels

    def right(x, labels):
        return x[labels >= 0], labels[labels >= 0]

    def look(It):
        rows, labels = It(x, np.array([0, 1, -1, 2, 1]))
        said(CrossEntropyLoss().forward, Linear(3, 3, rng=0).forward(rows), labels)


class LossAtTheStart(Exhibit):
    """A loss at the start far above ln K.

    The curve looks like a hockey stick: the first epochs only bring the
    weights of the last layer down. A net that knows nothing should give every
    class 1/K, a loss of ln K; Karpathy's fourth lecture on makemore (2022) begins
    with such a net, at 27 instead of 3.3.
    """

    says = "loss at the start, over ln K: 1.8"
    clean = "loss at the start, over ln K: 1.0\n"
    instead = "Look at the loss before the first step: it is to be near ln K."

    def wrong():
        rng = np.random.default_rng(0)
        hidden = Linear(3, 100, rng=rng)
        last = Linear(100, 10, init=lambda shape, rng: rng.normal(size=shape), rng=rng)
        return Sequential(hidden, Tanh(), last)

    def right():
        rng = np.random.default_rng(0)
        hidden = Linear(3, 100, rng=rng)
        last = Linear(100, 10, init="zeros", rng=rng)
        return Sequential(hidden, Tanh(), last)

    def look(It):
        labels = np.array([0, 1, 2, 3, 4])
        loss = CrossEntropyLoss().forward(It().forward(x), labels)
        show(f"loss at the start, over ln K: {loss / np.log(10):.1f}")
