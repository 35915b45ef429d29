"""Batch normalisation that is wrong."""

import numpy as np

from mlp import (
    SGD,
    BatchNorm1d,
    Buffer,
    Layer,
    Linear,
    Parameter,
    ReLU,
    Sequential,
    check_layer,
)
from museum.exhibit import Exhibit
from museum.tools import Scaled, said, show, wrong_in, x


class BatchStatisticsInEvaluation(Exhibit):
    """The statistics of the batch in evaluation.

    What a row gets depends on the rows beside it, and a row alone gets β whatever is
    in it. The layer keeps no running mean and variance, or does not ask for its mode.
    """

    says = "each row by itself gives the same: False"
    clean = "each row by itself gives the same: True\n"
    instead = (
        "Look at what a row's prediction depends on: predict with batch_size=1 must "
        "give what predict gives."
    )

    class Wrong(Scaled):
        def forward(self, x):
            self.s = 1 / np.sqrt(x.var(axis=0) + 1e-5)
            self.x_hat = (x - x.mean(axis=0)) * self.s
            return self.weight.data * self.x_hat + self.bias.data

    class Right(Scaled):
        def __init__(self):
            super().__init__()
            self.mean, self.var = Buffer(np.zeros(3)), Buffer(np.ones(3))

        def forward(self, x):
            if self.training:
                self.mean.data += 0.1 * (x.mean(axis=0) - self.mean.data)
                self.var.data += 0.1 * (x.var(axis=0, ddof=1) - self.var.data)
                return super().forward(x)
            self.s = 1 / np.sqrt(self.var.data + 1e-5)
            self.x_hat = (x - self.mean.data) * self.s
            return self.weight.data * self.x_hat + self.bias.data

        def backward(self, grad_output, *, needs_input_grad=True):
            if self.training:
                return super().backward(grad_output)
            self.weight.add_grad((grad_output * self.x_hat).sum(axis=0))
            self.bias.add_grad(grad_output.sum(axis=0))
            return self.s * self.weight.data * grad_output

    def look(It):
        model = Sequential(It())
        alone, together = model.predict(x, batch_size=1), model.predict(x)
        show(f"each row by itself gives the same: {np.allclose(alone, together)}")


class ConstantMeanAndVariance(Exhibit):
    """Mean and variance are taken for constants in backward.

    It learns, and worse the smaller the batch: each x moves the mean and the
    variance of its column too, and so every row. The gradient by x must have mean 0
    in each column, and no part along x̂.
    """

    says = "x:"

    class Wrong(Scaled):
        def backward(self, grad_output, *, needs_input_grad=True):
            self.weight.add_grad((grad_output * self.x_hat).sum(axis=0))
            self.bias.add_grad(grad_output.sum(axis=0))
            return self.s * self.weight.data * grad_output

    class Right(Scaled):
        def backward(self, grad_output, *, needs_input_grad=True):
            self.weight.add_grad((grad_output * self.x_hat).sum(axis=0))
            self.bias.add_grad(grad_output.sum(axis=0))
            g = self.weight.data * grad_output
            along = self.x_hat * (g * self.x_hat).mean(axis=0)
            return self.s * (g - g.mean(axis=0) - along)

    def look(It):
        wrong_in(check_layer(It(), x))


class ConstantVariance(Exhibit):
    """The variance is taken for a constant in backward.

    Half of the derivation: the way through the mean is in it, and the way through the
    variance is forgotten. The gradient has mean 0 in each column, but a part along x̂.
    """

    says = "x:"

    class Wrong(Scaled):
        def backward(self, grad_output, *, needs_input_grad=True):
            self.weight.add_grad((grad_output * self.x_hat).sum(axis=0))
            self.bias.add_grad(grad_output.sum(axis=0))
            g = self.weight.data * grad_output
            return self.s * (g - g.mean(axis=0))

    Right = ConstantMeanAndVariance.Right

    def look(It):
        wrong_in(check_layer(It(), x))


class UnbiasedVarianceInForward(Exhibit):
    """The unbiased variance in forward.

    It learns, and its outputs are not PyTorch's: the columns of y have a standard
    deviation of √((N − 1) / N), and the usual backward, which divides by N, is
    not the derivative any more. N − 1 belongs to the running variance alone.
    pandas and torch.var divide by N − 1 unless told otherwise.
    """

    says = "x:"

    class Wrong(Scaled):
        def forward(self, x):
            self.s = 1 / np.sqrt(x.var(axis=0, ddof=1) + 1e-5)
            self.x_hat = (x - x.mean(axis=0)) * self.s
            return self.weight.data * self.x_hat + self.bias.data

    class Right(Scaled):
        def forward(self, x):
            self.s = 1 / np.sqrt(x.var(axis=0) + 1e-5)
            self.x_hat = (x - x.mean(axis=0)) * self.s
            return self.weight.data * self.x_hat + self.bias.data

    def look(It):
        wrong_in(check_layer(It(), x))


class DecayOfGamma(Exhibit):
    """Weight decay on γ.

    Most take no notice. γ drawn to 0 takes the signal away from the layer above, and
    the scale of the weights below, which decay was to hold down, has no effect after
    a normalisation anyway. Normalisations are left out of the decay, like biases.
    """

    says = "move without a gradient: 0.weight, 1.weight, 3.weight"
    clean = "move without a gradient: 0.weight, 3.weight\n"
    instead = "Take one step with gradients of 0: what moves is what decays."

    def wrong(model):
        weights = [p for name, p in model.named_parameters() if "weight" in name]
        biases = [p for name, p in model.named_parameters() if "bias" in name]
        return [SGD(weights, lr=0.1, weight_decay=0.01), SGD(biases, lr=0.1)]

    def right(model):
        weights = [p for p in model.parameters() if p.data.ndim == 2]
        vectors = [p for p in model.parameters() if p.data.ndim == 1]
        return [SGD(weights, lr=0.1, weight_decay=0.01), SGD(vectors, lr=0.1)]

    def look(It):
        model = Sequential(Linear(3, 4), BatchNorm1d(4), ReLU(), Linear(4, 2))
        before = model.state_dict()
        for p in model.parameters():
            p.grad = np.zeros_like(p.data)
        for optimizer in It(model):
            optimizer.step()
        after = model.state_dict()
        moved = [n for n in before if not np.array_equal(before[n], after[n])]
        show(f"move without a gradient: {', '.join(moved)}")


class TheOtherMomentum(Exhibit):
    """momentum is taken for what is kept.

    Good in training, unsteady in evaluation: the running mean and variance are hardly
    more than those of the last batch. CS231n's and Keras' momentum is the share that is
    kept, 0.9, PyTorch's and this library's that of the new batch, 0.1.
    """

    says = "one batch moves the running mean by 0.9 of the way"
    clean = "one batch moves the running mean by 0.1 of the way\n"
    instead = "Run one batch of mean 1, and look at the running mean, 0 at the start."

    def wrong(keep):
        return BatchNorm1d(1, momentum=keep)

    def right(keep):
        return BatchNorm1d(1, momentum=1 - keep)

    def look(It):
        layer = It(0.9)
        layer.forward([[0.0], [2.0]])
        moved = layer.running_mean.data[0]
        show(f"one batch moves the running mean by {moved:.1f} of the way")


class OneRowInTraining(Exhibit):
    """One row, in training mode.

    The variance of one row is 0, so plain code gives β for whatever is in it. It comes
    with a net that is tried on one sample, or with a last batch of one row.
    """

    says = "expected at least 2 rows in training, got 1"

    def wrong(model, x):
        return model.forward(x)

    def right(model, x):
        return model.predict(x)

    def look(It):
        model = Sequential(Linear(3, 4, rng=0), BatchNorm1d(4), ReLU())
        said(It, model, x[:1])


class RunningMeanNotSaved(Exhibit):
    """The running mean is a plain array.

    The net is good until it is saved and loaded: the weights come back, the running
    mean does not, and it evaluates with the 0 of a new layer. In PyTorch the same
    happens to a tensor that is not given to register_buffer.
    """

    says = "the running mean is in state_dict: False"
    clean = "the running mean is in state_dict: True\n"
    instead = "Look at the names in state_dict: what a layer needs must be among them."

    class Wrong(Layer):
        def __init__(self):
            self.scale, self.mean = Parameter(np.ones(3)), np.zeros(3)

        def forward(self, x):
            if self.training:
                self.mean += 0.1 * (x.mean(axis=0) - self.mean)
            self.c = x - self.mean
            return self.scale.data * self.c

        def backward(self, grad_output, *, needs_input_grad=True):
            self.scale.add_grad((grad_output * self.c).sum(axis=0))
            return grad_output * self.scale.data

    class Right(Layer):
        def __init__(self):
            self.scale, self.mean = Parameter(np.ones(3)), Buffer(np.zeros(3))

        def forward(self, x):
            if self.training:
                self.mean.data += 0.1 * (x.mean(axis=0) - self.mean.data)
            self.c = x - self.mean.data
            return self.scale.data * self.c

        def backward(self, grad_output, *, needs_input_grad=True):
            self.scale.add_grad((grad_output * self.c).sum(axis=0))
            return grad_output * self.scale.data

    def look(It):
        is_in = "0.mean" in Sequential(It()).state_dict()
        show(f"the running mean is in state_dict: {is_in}")
