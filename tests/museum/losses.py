"""Losses that are wrong."""

import numpy as np

from mlp import (
    SGD,
    BCELoss,
    Linear,
    Loss,
    MSELoss,
    Sequential,
    Sigmoid,
    check_gradients,
    diagnose,
    train_step,
)
from museum.exhibit import Exhibit
from museum.tools import said, show, wrong_in, x, y


class MissingTwo(Exhibit):
    """The 2 of the square is missing.

    It learns at half the rate. Harmless until two programs are compared, or
    the loss is one term of two. Textbooks write the loss with a ½ that takes
    the 2 away; their gradient and another loss do not go together.
    """

    says = "prediction: factor 1/2"

    class Wrong(Loss):
        def forward(self, prediction, target):
            self.difference = prediction - target
            return float(np.mean(self.difference**2))

        def backward(self):
            return self.difference / self.difference.size

    class Right(Loss):
        def forward(self, prediction, target):
            self.difference = prediction - target
            return float(np.mean(self.difference**2))

        def backward(self):
            return 2 * self.difference / self.difference.size

    def look(It):
        wrong_in(check_gradients(Linear(3, 2, rng=0), It(), x, y))


class SumForMean(Exhibit):
    """The gradient of the sum, where forward takes the mean.

    The loss looks right, and explodes at an lr that others use; what is a good
    lr changes with the batch size.
    """

    says = "prediction: factor N·K"

    class Wrong(Loss):
        def forward(self, prediction, target):
            self.difference = prediction - target
            return float(np.mean(self.difference**2))

        def backward(self):
            return 2 * self.difference

    Right = MissingTwo.Right

    def look(It):
        wrong_in(check_gradients(Linear(3, 2, rng=0), It(), x, y))


class LossOfItsGradient(Exhibit):
    """The loss is computed from its own gradient.

    forward sums the squares of differences that backward's 1/N is in already,
    so the loss falls with 1/N² and the gradient with 1/N. thinc's L2Distance
    has these lines: only the numbers that it reports are concerned, not what
    it learns.
    """

    says = "prediction: factor N/2"

    class Wrong(Loss):
        def forward(self, prediction, target):
            self.gradient = (prediction - target) / len(prediction)
            return float(np.sum(self.gradient**2))

        def backward(self):
            return self.gradient

    class Right(Loss):
        def forward(self, prediction, target):
            self.difference = prediction - target
            return float(np.sum(self.difference**2)) / len(prediction)

        def backward(self):
            return 2 * self.difference / len(self.difference)

    def look(It):
        wrong_in(check_gradients(Linear(3, 2, rng=0), It(), x, y))


class SignOfBCE(Exhibit):
    """The sign of the cross-entropy's gradient.

    The loss rises from the first step on, and accuracy goes to 0. log p has
    the derivative 1/p, and the minus before it is soon lost.
    """

    says = "prediction: sign"

    class Wrong(Loss):
        def forward(self, p, y):
            self.p, self.y = p, y
            return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))

        def backward(self):
            p, y = self.p, self.y
            return (y / p - (1 - y) / (1 - p)) / y.size

    class Right(Loss):
        def forward(self, p, y):
            self.p, self.y = p, y
            return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))

        def backward(self):
            p, y = self.p, self.y
            return -(y / p - (1 - y) / (1 - p)) / y.size

    def look(It):
        model = Sequential(Linear(3, 2, rng=0), Sigmoid())
        wrong_in(check_gradients(model, It(), x, y > 0))


class SigmoidTooEarly(Exhibit):
    """ŷ − y, and then through the Sigmoid once more.

    It learns, but confident mistakes are hardly corrected. ŷ − y is the gradient
    by what goes into the Sigmoid; a Sigmoid that is a layer of its own
    multiplies by its derivative a second time.
    """

    says = "prediction: σ' too early"

    class Wrong(Loss):
        def forward(self, p, y):
            self.p, self.y = p, y
            return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))

        def backward(self):
            return (self.p - self.y) / self.y.size

    class Right(Loss):
        def forward(self, p, y):
            self.p, self.y = p, y
            return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))

        def backward(self):
            p, y = self.p, self.y
            return (p - y) / (p * (1 - p)) / y.size

    def look(It):
        model = Sequential(Linear(3, 2, rng=0), Sigmoid())
        wrong_in(check_gradients(model, It(), x, y > 0))


class Broadcast(Exhibit):
    """(N, 1) − (N,) is (N, N).

    The loss falls to the variance of y and stays; every prediction is the
    mean of y. PyTorch warns of it: "Using a target size (torch.Size([32]))
    that is different to the input size (torch.Size([32, 1])). This will
    likely lead to incorrect results due to broadcasting."
    """

    says = "did (N, 1) − (N,) broadcast to (N, N)?"

    class Wrong(Loss):
        def forward(self, prediction, target):
            self.difference = prediction - target
            return float(np.mean(self.difference**2))

        def backward(self):
            return 2 * self.difference / self.difference.size

    class Right(Loss):
        def forward(self, prediction, target):
            self.difference = prediction - target.reshape(prediction.shape)
            return float(np.mean(self.difference**2))

        def backward(self):
            return 2 * self.difference / self.difference.size

    def look(It):
        wrong_in(check_gradients(Linear(3, 1, rng=0), It(), x, y[:, 0]))


class LogOfZero(Exhibit):
    """The logarithm of 0.

    "RuntimeWarning: divide by zero encountered in log", and then the loss is
    inf or nan for good. It comes late, with the first prediction that is
    exactly 0 or 1.
    """

    says = "Not finite: the loss, though the prediction is; it takes a logarithm of 0"

    class Wrong(Loss):
        def forward(self, p, y):
            self.p, self.y = p, y
            return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))

        def backward(self):
            p, y = self.p, self.y
            return (p - y) / (p * (1 - p)) / y.size

    class Right(Loss):  # as BCELoss, and PyTorch's
        def forward(self, p, y):
            self.p, self.y = p, y
            with np.errstate(divide="ignore"):
                yes, no = np.log(p), np.log(1 - p)
            yes, no = np.maximum(yes, -100), np.maximum(no, -100)
            return float(-np.mean(y * yes + (1 - y) * no))

        def backward(self):
            p, y = self.p, self.y
            return (p - y) / np.maximum(p * (1 - p), 1e-12) / y.size

    def look(It):
        model = Sequential(Linear(3, 2, rng=0), Sigmoid())
        sure = x * [[1000], [1], [1], [1], [1]]
        truth = model.predict(sure) < 0.5
        for finding in diagnose(model, It(), sure, truth).findings:
            show(finding)


class NoSigmoid(Exhibit):
    """Scores where the loss expects probabilities.

    The loss is nan at once, or negative: a logarithm of a negative number. The
    last layer is a Linear, and its Sigmoid was to be in the loss.
    """

    says = "is a Sigmoid missing at the end of the net?"

    def wrong(scores, target):
        return BCELoss().forward(scores, target)

    def right(scores, target):
        return BCELoss().forward(Sigmoid().forward(scores), target)

    def look(It):
        said(It, [[1.5], [-2.0]], [[1.0], [0.0]])


class DoubleSigmoid(Exhibit):
    """Two sigmoids, one in the net and one in the loss.

    It learns slowly, and the loss stops far above 0: σ of a probability is
    between 0.5 and 0.73, so nobody is ever told "surely not". In PyTorch it
    is a Sigmoid before BCEWithLogitsLoss; softmaxed outputs in a loss that
    expects raw logits are on Karpathy's list of the most common mistakes
    (2018). The gradients are right, for a net that nobody wanted.
    """

    says = "least and greatest prediction: 0.50 0.73"
    clean = "least and greatest prediction: 0.00 1.00\n"
    instead = (
        "Look at the range of what goes into the logarithm, for inputs of great size: "
        "it must come near 0 and near 1."
    )

    def wrong():
        return Sequential(Linear(3, 2, rng=0), Sigmoid(), Sigmoid())

    def right():
        return Sequential(Linear(3, 2, rng=0), Sigmoid())

    def look(It):
        wrong_in(check_gradients(It(), BCELoss(), x, y > 0))
        p = It().predict(1000 * x)
        show(f"least and greatest prediction: {p.min():.2f} {p.max():.2f}")


class SumOverCalls(Exhibit):
    """A loss that adds up over its calls.

    The loss that is printed rises and rises, while the net learns: forward
    keeps a running sum for the report of an epoch, and returns it.
    """

    says = "forward gives two outputs for one input"

    class Wrong(MSELoss):
        total = 0.0

        def forward(self, prediction, target):
            self.total += super().forward(prediction, target)
            return self.total

    class Right(MSELoss):
        total = 0.0

        def forward(self, prediction, target):
            loss = super().forward(prediction, target)
            self.total += loss
            return loss

    def look(It):
        wrong_in(check_gradients(Linear(3, 2, rng=0), It(), x, y))


class LabelsNotZeroOne(Exhibit):
    """Classes −1 and 1 for a loss of 0 and 1.

    The loss is negative, and falls without end. Perceptrons and support vector
    machines have −1 and 1, cross-entropy has 0 and 1.
    """

    says = "expected target in [0, 1]"

    def wrong(y):
        return np.where(y > 0, 1, -1)

    def right(y):
        return np.where(y > 0, 1, 0)

    def look(It):
        model = Sequential(Linear(3, 2, rng=0), Sigmoid())
        optimizer = SGD(model.parameters(), lr=0.1)
        said(train_step, model, BCELoss(), optimizer, x, It(y))
