"""Layers that are wrong."""

import numpy as np

from mlp import (
    SGD,
    Layer,
    Linear,
    MSELoss,
    Parameter,
    ReLU,
    Sequential,
    Sigmoid,
    check_layer,
    diagnose,
)
from museum.exhibit import Exhibit
from museum.tools import Dense, said, show, wrong_in, x, y


class MeanTakenTwice(Exhibit):
    """The mean over the batch is taken twice.

    It learns, but slowly, and more slowly the larger the batch. Many lecture
    notes write dW = (1/m) dZ Aᵀ, with the 1/m of the mean here and not in the
    loss; whoever has it in the loss too divides twice.
    """

    says = "weight: factor 1/N"

    class Wrong(Dense):
        def backward(self, grad_output, *, needs_input_grad=True):
            self.weight.add_grad(grad_output.T @ self.x / len(self.x))
            self.bias.add_grad(grad_output.mean(axis=0))
            return grad_output @ self.weight.data

    class Right(Dense):
        def backward(self, grad_output, *, needs_input_grad=True):
            self.weight.add_grad(grad_output.T @ self.x)
            self.bias.add_grad(grad_output.sum(axis=0))
            return grad_output @ self.weight.data

    def look(It):
        wrong_in(check_layer(It(), x))


class BiasNotSummed(Exhibit):
    """The gradient of the bias is not summed over the batch.

    With one sample at a time all went well. With a batch, and plain arrays,
    b −= lr · dy turns b into a matrix with a row for each sample, or raises an
    error about broadcasting. A common mistake on the way from one sample to a
    batch.
    """

    says = "sum it over the batch"

    class Wrong(Dense):
        def backward(self, grad_output, *, needs_input_grad=True):
            self.weight.add_grad(grad_output.T @ self.x)
            self.bias.add_grad(grad_output)
            return grad_output @ self.weight.data

    Right = MeanTakenTwice.Right

    def look(It):
        said(check_layer, It(), x)


class OneRowOfTheBias(Exhibit):
    """The gradient of the bias is that of the first sample.

    The shape fits, so nothing complains: a way to silence the error of the
    exhibit before. The net learns, only its biases wander.
    """

    says = "bias: not summed"

    class Wrong(Dense):
        def backward(self, grad_output, *, needs_input_grad=True):
            self.weight.add_grad(grad_output.T @ self.x)
            self.bias.add_grad(grad_output[0])
            return grad_output @ self.weight.data

    Right = MeanTakenTwice.Right

    def look(It):
        wrong_in(check_layer(It(), x))


class WeightTurned(Exhibit):
    """x · dy for dy · x.

    In a layer of as many outputs as inputs the shapes fit, and the loss falls
    less than it should. In any other layer the shape gives it away, and
    add_grad refuses it. Notes in columns and code in rows have their products
    the other way around.
    """

    says = "weight: transposed"

    class Wrong(Dense):
        def backward(self, grad_output, *, needs_input_grad=True):
            self.weight.add_grad(self.x.T @ grad_output)
            self.bias.add_grad(grad_output.sum(axis=0))
            return grad_output @ self.weight.data

    Right = MeanTakenTwice.Right

    def look(It):
        wrong_in(check_layer(It(3, 3), x))


class InputTurned(Exhibit):
    """Wᵀ for W on the way down.

    The last layer learns; those below it follow a gradient that is not
    theirs. Again it needs a square weight to go unnoticed, which hidden layers
    of one width have.
    """

    says = "x: transposed"

    class Wrong(Dense):
        def backward(self, grad_output, *, needs_input_grad=True):
            self.weight.add_grad(grad_output.T @ self.x)
            self.bias.add_grad(grad_output.sum(axis=0))
            return grad_output @ self.weight.data.T

    Right = MeanTakenTwice.Right

    def look(It):
        wrong_in(check_layer(It(3, 3), x))


class WrongSide(Exhibit):
    """ReLU's derivative from the wrong side.

    The layer above learns, all below it gets the gradients of the units that
    were off. The loss falls little further than the last layer can take it
    alone.
    """

    says = "x: wrong side"

    class Wrong(Layer):
        def forward(self, x):
            self.x = x
            return np.maximum(x, 0)

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * (self.x < 0)

    class Right(Layer):
        def forward(self, x):
            self.x = x
            return np.maximum(x, 0)

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * (self.x > 0)

    def look(It):
        wrong_in(check_layer(It(), x))


class NeverBelowZero(Exhibit):
    """ReLU's derivative from an output that is never below 0.

    To keep y in place of x is right, since y > 0 where x > 0. But y ≥ 0 holds
    everywhere, and backward lets all through.
    """

    says = "x: slope left out"

    class Wrong(Layer):
        def forward(self, x):
            self.y = np.maximum(x, 0)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * (self.y >= 0)

    class Right(Layer):
        def forward(self, x):
            self.y = np.maximum(x, 0)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * (self.y > 0)

    def look(It):
        wrong_in(check_layer(It(), x))


class DerivativeOfZ(Exhibit):
    """The sigmoid's derivative, y (1 − y), taken of z.

    z (1 − z) is negative for z below 0 and above 1, so the layers below mostly
    walk uphill; the loss rises, or jumps. Code that calls both x, as in
    `def sigmoid_derivative(x): return x * (1 - x)`, asks for it.
    """

    says = "x: x for y"

    class Wrong(Layer):
        def forward(self, z):
            self.z = z
            return 1 / (1 + np.exp(-z))

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * self.z * (1 - self.z)

    class Right(Layer):
        def forward(self, z):
            self.y = 1 / (1 + np.exp(-z))
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * self.y * (1 - self.y)

    def look(It):
        wrong_in(check_layer(It(), x))


class DerivativeOfTheOutput(Exhibit):
    """The sigmoid's derivative, σ(z) (1 − σ(z)), taken of y.

    The exhibit before, the other way around. It learns, since the sign is
    right and the size between 0.197 and 0.25, but a saturated unit never gets
    the small slope that it has.
    """

    says = "x: σ twice"

    class Wrong(Layer):
        def sigmoid(self, z):
            return 1 / (1 + np.exp(-z))

        def forward(self, z):
            self.y = self.sigmoid(z)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            slope = self.sigmoid(self.y) * (1 - self.sigmoid(self.y))
            return grad_output * slope

    Right = DerivativeOfZ.Right

    def look(It):
        wrong_in(check_layer(It(), x))


class SoftmaxDiagonal(Exhibit):
    """A softmax with the derivative of a sigmoid.

    It learns, and worse than it should. ∂yᵢ/∂xᵢ is yᵢ (1 − yᵢ) as for a
    sigmoid, but each x moves the other outputs too: ∂yᵢ/∂xⱼ = −yᵢ yⱼ.
    """

    says = "x: diagonal only"

    class Wrong(Layer):
        def forward(self, x):
            z = np.exp(x - x.max(axis=1, keepdims=True))
            self.y = z / z.sum(axis=1, keepdims=True)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * self.y * (1 - self.y)

    class Right(Layer):
        def forward(self, x):
            z = np.exp(x - x.max(axis=1, keepdims=True))
            self.y = z / z.sum(axis=1, keepdims=True)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            along_y = np.sum(grad_output * self.y, axis=1, keepdims=True)
            return self.y * (grad_output - along_y)

    def look(It):
        wrong_in(check_layer(It(), x))


class SoftmaxOverTheBatch(Exhibit):
    """A softmax over axis 0.

    Each column sums to 1 in place of each row. It trains, and its accuracy is
    odd; for one sample alone every class gets 1. backward belongs to this
    forward, so the gradients are right and no check of gradients complains.
    """

    says = "each row by itself gives the same: False"
    clean = "each row by itself gives the same: True\n"
    instead = (
        "Look at what a row's prediction depends on: predict with batch_size=1 must "
        "give what predict gives. Or sum the rows."
    )

    class Wrong(Layer):
        def forward(self, x):
            z = np.exp(x - x.max(axis=0))
            self.y = z / z.sum(axis=0)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            along_y = np.sum(grad_output * self.y, axis=0)
            return self.y * (grad_output - along_y)

    Right = SoftmaxDiagonal.Right

    def look(It):
        wrong_in(check_layer(It(), x))
        model = Sequential(Linear(3, 4, rng=0), It())
        alone, together = model.predict(x, batch_size=1), model.predict(x)
        show(f"each row by itself gives the same: {np.allclose(alone, together)}")


class WritesIntoGradOutput(Exhibit):
    """grad_output is changed in place.

    A net of layers in a row learns. Where two layers share one grad_output,
    as around a residual block, the second gets what the first has left.
    """

    says = "backward writes into grad_output"

    class Wrong(Layer):
        def forward(self, x):
            self.is_on = x > 0
            return x * self.is_on

        def backward(self, grad_output, *, needs_input_grad=True):
            grad_output *= self.is_on
            return grad_output

    class Right(Layer):
        def forward(self, x):
            self.is_on = x > 0
            return x * self.is_on

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * self.is_on

    def look(It):
        wrong_in(check_layer(It(), x))


class WritesIntoX(Exhibit):
    """x is changed in place.

    The first epoch is as it should be. After it the training data have no
    negative numbers any more, and the net is tested on other data than it was
    trained on.
    """

    says = "forward writes into x"

    class Wrong(Layer):
        def forward(self, x):
            x[x < 0] = 0
            self.y = x
            return x

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * (self.y > 0)

    class Right(Layer):
        def forward(self, x):
            self.y = np.where(x < 0, 0, x)
            return self.y

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * (self.y > 0)

    def look(It):
        wrong_in(check_layer(It(), x))


class Assigned(Exhibit):
    """The gradient is assigned, not added.

    All is well until a parameter is used twice, or a batch too large for
    memory is taken as two with one step: then only the last part counts.
    """

    says = "weight: replaced"

    class Wrong(Dense):
        def backward(self, grad_output, *, needs_input_grad=True):
            self.weight.grad = grad_output.T @ self.x
            self.bias.grad = grad_output.sum(axis=0)
            return grad_output @ self.weight.data

    Right = MeanTakenTwice.Right

    def look(It):
        wrong_in(check_layer(It(), x))


class SumOfItsOwn(Exhibit):
    """A sum that zero_grad does not know.

    The loss falls, then swings with growing force, as with a momentum of 1,
    though zero_grad is where it belongs.
    """

    says = "bias: added up over two backwards"

    class Wrong(Dense):
        total = 0

        def backward(self, grad_output, *, needs_input_grad=True):
            self.total = self.total + grad_output.sum(axis=0)
            self.bias.grad = self.total
            self.weight.add_grad(grad_output.T @ self.x)
            return grad_output @ self.weight.data

    Right = MeanTakenTwice.Right

    def look(It):
        wrong_in(check_layer(It(), x))


class ReturnForgotten(Exhibit):
    """backward returns nothing.

    Alone the layer trains. With another below it, that one gets None, and
    NumPy complains there, where nothing is wrong.
    """

    says = "x: missing; backward returns None"

    class Wrong(Dense):
        def backward(self, grad_output, *, needs_input_grad=True):
            self.weight.add_grad(grad_output.T @ self.x)
            self.bias.add_grad(grad_output.sum(axis=0))
            self.grad_input = grad_output @ self.weight.data

    Right = MeanTakenTwice.Right

    def look(It):
        wrong_in(check_layer(It(), x))


class ResidualForgotten(Exhibit):
    """The way around is forgotten on the way back.

    y = x + f(x) without the 1 that x itself has in the derivative. A deep net
    of such blocks has the vanishing gradient that they were invented against.
    """

    says = "x: term lost"

    class Wrong(Layer):
        def __init__(self):
            self.inside = Sequential(Linear(3, 3, rng=0), Sigmoid())

        def forward(self, x):
            return x + self.inside.forward(x)

        def backward(self, grad_output, *, needs_input_grad=True):
            return self.inside.backward(grad_output)

    class Right(Layer):
        def __init__(self):
            self.inside = Sequential(Linear(3, 3, rng=0), Sigmoid())

        def forward(self, x):
            return x + self.inside.forward(x)

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output + self.inside.backward(grad_output)

    def look(It):
        wrong_in(check_layer(It(), x))


class UnreportedRegularisation(Exhibit):
    """Regularisation in the gradient and not in the loss.

    The weights shrink, and the loss that is printed stops falling before the
    gradient is 0: what is minimised is not what is shown. Leave it to SGD's
    weight_decay, or add it to the loss too.
    """

    says = "weight: unreported loss"

    class Wrong(Dense):
        def backward(self, grad_output, *, needs_input_grad=True):
            decay = 0.01 * self.weight.data
            self.weight.add_grad(grad_output.T @ self.x + decay)
            self.bias.add_grad(grad_output.sum(axis=0))
            return grad_output @ self.weight.data

    Right = MeanTakenTwice.Right

    def look(It):
        wrong_in(check_layer(It(), x))


class NewMaskInBackward(Exhibit):
    """Dropout that draws a second time in backward.

    It learns, badly: the gradient flows through other units than those that
    made the output. A check that compares two forwards cannot even begin.
    """

    says = "it draws random numbers"

    class Wrong(Layer):
        def mask(self, shape):
            return np.random.default_rng().random(shape) < 0.5

        def forward(self, x):
            return 2 * x * self.mask(x.shape)

        def backward(self, grad_output, *, needs_input_grad=True):
            return 2 * grad_output * self.mask(grad_output.shape)

    class Right(Layer):
        seed = 0  # the loop sets it anew for each step

        def forward(self, x):
            self.mask = np.random.default_rng(self.seed).random(x.shape) < 0.5
            return 2 * x * self.mask

        def backward(self, grad_output, *, needs_input_grad=True):
            return 2 * grad_output * self.mask

    def look(It):
        wrong_in(check_layer(It(), x))


class NoParameter(Exhibit):
    """The weight is a plain array.

    The loss does not move, or less than it should: no optimizer knows of this
    weight. In PyTorch the same happens to a tensor that is no nn.Parameter.
    Among other layers nothing is refused; then the table that
    print(check_layer(…)) shows has no row for the weight.
    """

    says = "expected at least one parameter, got none"

    class Wrong(Layer):
        def __init__(self):
            self.scale = np.array([3.0])

        def forward(self, x):
            return x * self.scale

        def backward(self, grad_output, *, needs_input_grad=True):
            return grad_output * self.scale

    class Right(Layer):
        def __init__(self):
            self.scale = Parameter([3.0])

        def forward(self, x):
            self.x = x
            return x * self.scale.data

        def backward(self, grad_output, *, needs_input_grad=True):
            self.scale.add_grad([np.sum(grad_output * self.x)])
            return grad_output * self.scale.data

    def look(It):
        said(SGD, It().parameters(), 0.1)


class AllZero(Exhibit):
    """All weights are 0 at the start.

    The loss falls to that of a constant, and then a little further: the hidden
    units get equal gradients and stay alike, so there is only one of them,
    however wide the layer is. CS231n's notes have it as "Pitfall: all zero
    initialization".
    """

    says = "Its weights must not all be 0 at the start"

    def wrong():
        model = Sequential(Linear(3, 4), Sigmoid(), Linear(4, 2))
        for p in model.parameters():
            p.data[...] = 0
        return model

    def right():
        rng = np.random.default_rng(0)
        return Sequential(Linear(3, 4, rng=rng), Sigmoid(), Linear(4, 2, rng=rng))

    def look(It):
        for finding in diagnose(It(), MSELoss(), x, y).findings:
            show(finding)


class AllAlike(Exhibit):
    """All units of a layer start alike.

    The net learns as if its hidden layer had one unit, however wide it is: units
    that are equal get equal gradients, and stay equal.
    """

    says = "all units give the same output and get the same gradient"

    def wrong():
        model = Sequential(Linear(3, 4), Sigmoid(), Linear(4, 2))
        for p in model.parameters():
            p.data[...] = 0.5
        return model

    right = AllZero.right

    look = AllZero.look


class StaleCopy(Exhibit):
    """A copy of the weight that is made once.

    The first step is right, and so is a check at the first weights. From then on
    backward multiplies by what the weight was at the start, and the layers below
    follow a gradient that is no longer theirs. A transpose that is kept to save
    time is a common form of it.
    """

    says = "x: stale copy"

    class Wrong(Dense):
        def __init__(self):
            super().__init__()
            self.turned = self.weight.data.T.copy()

        def backward(self, grad_output, *, needs_input_grad=True):
            self.weight.add_grad(grad_output.T @ self.x)
            self.bias.add_grad(grad_output.sum(axis=0))
            return grad_output @ self.turned.T

    Right = MeanTakenTwice.Right

    def look(It):
        wrong_in(check_layer(It(), x))


class ClippedInBackward(Exhibit):
    """backward clips the gradient.

    Small gradients pass, so it is right wherever it is tried, and training with
    large errors is slower than it should be. All layers below get the clipped
    gradient too, and no longer point downhill together. Gradients are clipped, if at
    all, after backward, all by one factor.
    """

    says = "x: not linear"

    class Wrong(Dense):
        def backward(self, grad_output, *, needs_input_grad=True):
            grad_output = np.clip(grad_output, -4, 4)
            self.weight.add_grad(grad_output.T @ self.x)
            self.bias.add_grad(grad_output.sum(axis=0))
            return grad_output @ self.weight.data

    Right = MeanTakenTwice.Right

    def look(It):
        wrong_in(check_layer(It(), x))


class SameSeed(Exhibit):
    """One seed for all layers.

    Nothing to be seen: it trains, and two layers of one shape begin as twins.
    """

    says = "layers 0 and 2 begin alike: True"
    clean = "layers 0 and 2 begin alike: False\n"
    instead = "Look at the weights of layers of one shape; and give all one Generator."

    def wrong():
        return Sequential(Linear(4, 4, rng=0), ReLU(), Linear(4, 4, rng=0))

    def right():
        rng = np.random.default_rng(0)
        return Sequential(Linear(4, 4, rng=rng), ReLU(), Linear(4, 4, rng=rng))

    def look(It):
        first, _, last = It()
        alike = np.array_equal(first.weight.data, last.weight.data)
        show(f"layers 0 and 2 begin alike: {alike}")
