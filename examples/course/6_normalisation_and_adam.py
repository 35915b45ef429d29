# %% [markdown]
# # 6. Normalisation and Adam
#
# Two ways to make a step less dependent on the scale of things: normalise what the layers
# pass on, and divide each step by the size of past gradients.

# %%
import numpy as np

from mlp import (
    SGD,
    Adam,
    BatchNorm1d,
    CrossEntropyLoss,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    check_layer,
    fit,
    trace,
)
from mlp.datasets import load_digits

rng = np.random.default_rng(0)

# %% [markdown]
# ## Batch normalisation
#
# Each column of a batch gets mean 0 and variance 1, then a scale and a shift that are
# learned:
#
# $$\hat{x} = \frac{x - \mu}{\sqrt{v + \varepsilon}}, \qquad y = \gamma \hat{x} + \beta$$
#
# $\mu$ and $v$ depend on all rows, so a row's gradient depends on all rows too. In one
# formula, with $g = \partial \ell / \partial \hat{x}$ and means over the batch $m(\cdot)$:
#
# $$\frac{\partial \ell}{\partial x} = \frac{1}{\sqrt{v + \varepsilon}}
# \left(g - m(g) - \hat{x} \, m(g \hat{x})\right)$$

# %%
layer = BatchNorm1d(3)
x = rng.normal(2.0, 5.0, size=(8, 3))
out = layer.forward(x)
g = rng.normal(size=(8, 3))
s = 1 / np.sqrt(x.var(axis=0) + layer.eps)
x_hat = (x - x.mean(axis=0)) * s
by_formula = s * (g - g.mean(axis=0) - x_hat * (g * x_hat).mean(axis=0))
np.allclose(layer.backward(g), by_formula)

# %%
check_layer(BatchNorm1d(3), x)

# %% [markdown]
# ## Adam
#
# $m$ is an average of gradients, $v$ one of their squares. Both start at 0, and are too
# small at first by the factor $1 - \beta^t$, which is divided out. The first step is
# therefore about lr in each entry, whatever the gradient's scale.

# %%
net = Sequential(Linear(2, 1, rng=rng))
adam = Adam(net.parameters(), lr=0.1)
step = trace(net, MSELoss(), adam, [[1.0, 100.0]], [[0.0]])
step

# %% [markdown]
# The weight of the input 100 has a gradient 100 times that of the other; both weights
# move by 0.1.

# %%
moved = {name: step.after[name] - step.before[name] for name in step.before}
moved

# %% [markdown]
# ## Both, on the digits
#
# One hidden layer of 64 units, five epochs, with inputs from 0 to 16 that are not scaled.
# With normalisation the net does not care, and bears a larger lr.

# %%
data = load_digits()


def trained(norm, make):
    """Return the loss after five epochs, from the same start."""
    rng = np.random.default_rng(0)
    layers = [Linear(64, 64, rng=rng), *norm, ReLU(), Linear(64, 10, rng=rng)]
    net = Sequential(*layers)
    history = fit(
        *(net, CrossEntropyLoss(), make(net.parameters())),
        *(data.x, data.y),
        epochs=5,
        rng=rng,
    )
    return history.loss[-1]


losses = {
    "SGD": trained([], lambda p: SGD(p, lr=0.3)),
    "SGD and BatchNorm1d": trained([BatchNorm1d(64)], lambda p: SGD(p, lr=0.3)),
    "Adam": trained([], lambda p: Adam(p, lr=0.03)),
    "Adam and BatchNorm1d": trained([BatchNorm1d(64)], lambda p: Adam(p, lr=0.03)),
}
for name, loss in losses.items():
    print(f"{name:22} {loss:.4f}")

# %% [markdown]
# ## Questions
#
# **1.** What is the gradient by the bias of a linear layer right below a `BatchNorm1d`?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# 0: the mean that is subtracted takes the bias away again. β does its work.
below, norm = Linear(3, 4, rng=rng), BatchNorm1d(4)
norm.forward(below.forward(x))
below.backward(norm.backward(rng.normal(size=(8, 4))))
assert np.allclose(below.bias.grad, 0, atol=1e-14)
below.bias.grad.round(12)

# %% [markdown]
# **2.** Without bias correction, how large is Adam's first step, with $\beta_1 = 0.9$ and
# $\beta_2 = 0.999$?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# m = 0.1 g and √v = √0.001 |g|, so the step is lr · 0.1/√0.001 = 3.16 lr: too large, and
# for the first thousand steps v stays too small.
first = 0.1 / np.sqrt(0.001)
assert np.isclose(first, 3.16, atol=0.01)
first

# %% [markdown]
# **3.** In evaluation a batch of one row is fine, in training it is refused. Why?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# One row is its own mean: x − μ = 0, so y = β whatever x is, and nothing can be learned
# from it. In evaluation the running statistics take the place of the batch's.
layer.eval().forward(x[:1])
try:
    layer.train().forward(x[:1])
except ValueError as error:
    sentence = str(error)
assert "expected at least 2 rows in training, got 1" in sentence
sentence
