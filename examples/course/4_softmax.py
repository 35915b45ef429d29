# %% [markdown]
# # 4. Softmax and cross-entropy: node by node, and then in one formula
#
# A classifier with one answer out of $K$ ends in $K$ scores $z$, the logits. Softmax makes
# probabilities of them, and cross-entropy is the surprise at the right answer:
#
# $$p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}, \qquad \ell = -\sum_i y_i \log p_i$$

# %%
import numpy as np

from mlp import (
    CrossEntropyLoss,
    Linear,
    Sequential,
    Softmax,
    check_gradients,
    derive,
    jacobian,
)

rng = np.random.default_rng(0)
z = np.array([2.0, 1.0, -1.0])
y = np.array([0.0, 1.0, 0.0])

# %% [markdown]
# ## Node by node
#
# Forward: exponentials, their sum, quotients, a logarithm.

# %%
e = np.exp(z)
total = e.sum()
p = e / total
loss = -np.log(p[1])
p.round(4), loss.round(4)

# %% [markdown]
# Backward, one node at a time. $\partial \ell / \partial p_i = -y_i / p_i$. Through the
# quotient, $e_i$ is reached on two ways: through its own $p_i$, and through the sum.

# %%
by_p = -y / p
by_total = -(by_p * e).sum() / total**2
by_e = by_p / total + by_total
by_z = by_e * e
by_z.round(4)

# %% [markdown]
# ## In one formula
#
# The Jacobian of softmax is $\partial p_i / \partial z_j = p_i (1 \text{ if } i = j
# \text{, else } 0) - p_i p_j$. A row times it collapses, because $\sum_i y_i = 1$:
#
# $$\frac{\partial \ell}{\partial z_j} = \sum_i -\frac{y_i}{p_i} (p_i [i = j] - p_i p_j)
# = p_j - y_j$$

# %%
np.allclose(jacobian(Softmax(), z), np.diag(p) - np.outer(p, p))

# %%
np.allclose(by_z, p - y)

# %% [markdown]
# `CrossEntropyLoss` takes the logits and does both in one, which is also safer: $e^{z}$
# overflows above 709, and $\log 0$ is $-\infty$. With $m = \max z$ taken out,
# $-\log p_i = m + \log \sum_j e^{z_j - m} - z_i$ has neither.

# %%
criterion = CrossEntropyLoss()
criterion.forward([[1000.0, 0.0]], [1])

# %%
derive(Sequential(Linear(4, 3, rng=rng)), criterion)

# %% [markdown]
# ## Questions
#
# **1.** What is the loss of an untrained classifier of ten classes, about?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# All p are about 1/10: ln 10 = 2.303. Much more at the start means weights that are too
# large, or a mistake.
start = criterion.forward(np.zeros((5, 10)), [0, 1, 2, 3, 4])
assert np.isclose(start, np.log(10))
start

# %% [markdown]
# **2.** A net ends in `Softmax()` and is trained with `CrossEntropyLoss()`. What happens?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# Softmax is applied twice. The gradients are right for what is computed, so no check
# complains; but p lies in [0, 1], the second softmax can say at most e/(e + K − 1), and
# the loss cannot come near 0.
surest = criterion.forward([[1.0, 0.0, 0.0]], [0])
net = Sequential(Linear(4, 3, rng=rng), Softmax())
assert check_gradients(net, criterion, rng.normal(size=(5, 4)), [0, 1, 2, 0, 1]).ok
assert np.isclose(surest, np.log(1 + 2 / np.e))
surest

# %% [markdown]
# **3.** Adding 5 to all logits changes the probabilities by how much?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# Not at all: e⁵ cancels. So (1, 1, 1) is in the null space of the Jacobian, and the
# entries of p − y sum to 0.
assert np.allclose(Softmax().forward([z + 5]), p)
assert np.allclose(jacobian(Softmax(), z) @ np.ones(3), 0)
(p - y).sum().round(12)
