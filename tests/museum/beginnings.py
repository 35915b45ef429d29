"""Initial weights that are wrong."""

import numpy as np

from mlp import SGD, Linear, MSELoss, ReLU, Sequential, Tanh, diagnose, train_step
from museum.exhibit import Exhibit
from museum.tools import show


class AllSmall(Exhibit):
    """Weights of 0.01 in a deep net.

    The loss does not move. 0.01 · randn was the custom, and will do for one hidden
    layer; each of these layers multiplies the signal by 0.01 √64 / √2 = 0.06, on the
    way up and on the way down.
    """

    says = "Vanishing"

    def wrong():
        rng, layers = np.random.default_rng(0), []
        for _ in range(6):
            layers += [Linear(64, 64, rng=rng), ReLU()]
            layers[-2].weight.data[...] = 0.01 * rng.normal(size=(64, 64))
            layers[-2].bias.data[...] = 0
        return Sequential(*layers)

    def right():
        rng, layers = np.random.default_rng(0), []
        for _ in range(6):
            layers += [Linear(64, 64, init="he_normal", rng=rng), ReLU()]
        return Sequential(*layers)

    def look(It):
        x, y = np.random.default_rng(1).normal(size=(2, 64, 64))
        for finding in diagnose(It(), MSELoss(), x, y).findings:
            show(finding)


class AllLarge(Exhibit):
    """Weights of 1 in a deep net.

    The loss is enormous at the first step, and nan or inf soon after. Each layer makes
    the signal larger by √64 / √2 = 5.7, in both directions.
    """

    says = "Exploding"

    def wrong():
        rng, layers = np.random.default_rng(0), []
        for _ in range(6):
            layers += [Linear(64, 64, rng=rng), ReLU()]
            layers[-2].weight.data[...] = rng.normal(size=(64, 64))
        return Sequential(*layers)

    right = AllSmall.right

    look = AllSmall.look


class GlorotForReLU(Exhibit):
    """Glorot's weights for a deep net of ReLUs.

    A net of a few layers trains all the same, one of thirty does not: a ReLU lets half
    of the signal's square through, which He's 2/n makes up for and Glorot's 1/n does
    not. 2⁻¹⁵ = 0.00003 of the gradient is left (He et al., ICCV 2015, figure 3).
    """

    says = "Vanishing"

    def wrong():
        rng, layers = np.random.default_rng(0), []
        for _ in range(30):
            layers += [Linear(64, 64, init="glorot_normal", rng=rng), ReLU()]
        return Sequential(*layers)

    def right():
        rng, layers = np.random.default_rng(0), []
        for _ in range(30):
            layers += [Linear(64, 64, init="he_normal", rng=rng), ReLU()]
        return Sequential(*layers)

    look = AllSmall.look


class HeForTanh(Exhibit):
    """He's weights for a deep net of tanhs.

    It trains. Its units are further out on the tanh than they need be, so that a
    third of every slope is lost, in every layer. He's 2/n makes up for the half of the
    signal's square that a ReLU cuts off; a tanh cuts off nothing, so its inputs are √2
    too large.
    """

    says = "mean slope of the tanh, layer by layer: 0.48 0.60 0.65 0.66 0.68"
    clean = "mean slope of the tanh, layer by layer: 0.60 0.76 0.83 0.87 0.90\n"
    instead = (
        "Look at the slopes 1 − y² layer by layer: with Glorot's weights they rise "
        "towards 1, with He's they stay at two thirds."
    )

    def wrong():
        rng, layers = np.random.default_rng(0), []
        for _ in range(5):
            layers += [Linear(64, 64, init="he_normal", rng=rng), Tanh()]
        return Sequential(*layers)

    def right():
        rng, layers = np.random.default_rng(0), []
        for _ in range(5):
            layers += [Linear(64, 64, init="glorot_normal", rng=rng), Tanh()]
        return Sequential(*layers)

    def look(It):
        h, slopes = np.random.default_rng(1).normal(size=(64, 64)), []
        for layer in It():
            h = layer.forward(h)
            slopes += [np.mean(1 - h**2)] if isinstance(layer, Tanh) else []
        listed = " ".join(f"{slope:.2f}" for slope in slopes)
        show(f"mean slope of the tanh, layer by layer: {listed}")


class DeadReLUs(Exhibit):
    """All ReLUs are dead.

    The loss leaps in the first steps, falls to the variance of y, and then does not
    change in a single digit: every prediction is the mean of y. A step was so long
    that each unit's input became negative for all rows. Its slope is 0 from then on,
    and nothing brings it back.
    """

    says = "Dead: in layer 1 (ReLU)"

    def wrong(model):
        return SGD(model.parameters(), lr=0.1)

    def right(model):
        return SGD(model.parameters(), lr=0.01)

    def look(It):
        rng = np.random.default_rng(0)
        x, y = 10 * rng.random((64, 3)), rng.normal(size=(64, 1))
        model = Sequential(Linear(3, 8, rng=rng), ReLU(), Linear(8, 1, rng=rng))
        optimizer = It(model)
        for _ in range(100):
            train_step(model, MSELoss(), optimizer, x, y)
        for finding in diagnose(model, MSELoss(), x, y).findings:
            show(finding)
