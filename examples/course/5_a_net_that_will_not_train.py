# %% [markdown]
# # 5. A net that will not train
#
# The code is right, `check_gradients` says so, and the loss stays where it is. Four nets,
# four reasons. `diagnose` measures one training step, layer by layer, and says what is
# out of the ordinary.

# %%
import numpy as np

from mlp import (
    SGD,
    CrossEntropyLoss,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    Standardizer,
    diagnose,
    fit,
)
from mlp.datasets import load_digits

data = load_digits()
x = Standardizer().fit(data.x).transform(data.x)[:256]
y = data.y[:256]
criterion = CrossEntropyLoss()


def deep(activation, depth=8, width=32, seed=0, **options):
    """Return a net of many layers for the digits."""
    rng = np.random.default_rng(seed)
    layers = [Linear(64, width, rng=rng, **options), activation()]
    for _ in range(depth - 2):
        layers += [Linear(width, width, rng=rng, **options), activation()]
    return Sequential(*layers, Linear(width, 10, rng=rng, **options))


# %% [markdown]
# ## Vanishing
#
# Eight layers of sigmoids. Each multiplies the gradient by at most 1/4.

# %%
vanishing = deep(Sigmoid)
diagnose(vanishing, criterion, x, y)

# %% [markdown]
# The cure that it names, tried: ReLU with He's initial weights.

# %%
cured = diagnose(deep(ReLU, init="he_uniform"), criterion, x, y)
cured

# %% [markdown]
# ## Dead
#
# A bias that has gone far below 0, after one step with a large lr say. Nothing flows back
# through a ReLU that is 0 in every row, so it stays so.

# %%
dead = deep(ReLU, depth=3, init="he_uniform")
dead[0].bias.data[...] = -50.0
diagnose(dead, criterion, x, y)

# %% [markdown]
# ## Saturated
#
# Inputs of 0 to 16, not standardised, and large weights: each sigmoid is at 0 or 1, where
# it is flat.

# %%
saturated = deep(Sigmoid, depth=3, init="he_uniform")
diagnose(saturated, criterion, 5 * data.x[:256], y)

# %% [markdown]
# ## A learning rate that is too large

# %%
net = deep(ReLU, depth=3, init="he_uniform")
diagnose(net, criterion, x, y, optimizer=SGD(net.parameters(), lr=300.0))

# %% [markdown]
# ## Questions
#
# **1.** The gradient of the first layer is $10^{-7}$ times that of the last. Does a larger
# lr help?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# No: one lr serves all layers, and the last ones diverge long before the first moves.
found = diagnose(
    vanishing, criterion, x, y, optimizer=SGD(vanishing.parameters(), lr=1e4)
)
ratios = [layer.update for layer in found.layers if layer.update is not None]
assert ratios[-1] / ratios[0] > 1e3
f"update of the first layer {ratios[0]:.1e}, of the last {ratios[-1]:.1e}"

# %% [markdown]
# **2.** Half of the units of a healthy ReLU layer are 0 for a given row. Why is that not
# "dead"?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# Another half is 0 in the next row. A dead unit is 0 in all of them.
healthy = deep(ReLU, depth=3, init="he_uniform")
out = healthy[:2].forward(x)
share_of_zeros, share_of_dead = (out == 0).mean(), (out == 0).all(axis=0).mean()
assert 0.3 < share_of_zeros < 0.7
assert share_of_dead < 0.1
share_of_zeros.round(2), share_of_dead

# %% [markdown]
# **3.** All weights are 0 at the start. What do the units of a hidden layer learn?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# All the same, or nothing at all: they give the same output and get the same gradient.
zeros = deep(ReLU, depth=3, init="zeros")
fit(zeros, criterion, SGD(zeros.parameters(), lr=0.1), x, y, epochs=3, rng=0)
first = zeros[0].weight.data
assert np.all(first == first[0])
diagnose(zeros, criterion, x, y)
