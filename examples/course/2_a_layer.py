# %% [markdown]
# # 2. A layer and its Jacobian
#
# $m$ neurons on the same $n$ inputs are a matrix: $y = W x + b$. Its derivative by $x$ is
# a matrix too, the Jacobian, with $\partial y_i / \partial x_j$ in row $i$ and column $j$.

# %%
import numpy as np

from mlp import Linear, ReLU, Sigmoid, check_layer, jacobian

rng = np.random.default_rng(0)
layer = Linear(3, 2, rng=rng)
x = np.array([1.0, -2.0, 0.5])

# %% [markdown]
# $y_i = \sum_j W_{ij} x_j + b_i$, so $\partial y_i / \partial x_j = W_{ij}$: the Jacobian
# of a linear layer is its weight.

# %%
np.array_equal(jacobian(layer, x), layer.weight.data)

# %% [markdown]
# ## A row times the Jacobian
#
# The layer above tells this one $\partial \ell / \partial y$, a row. The chain rule
# multiplies: $\partial \ell / \partial x = \partial \ell / \partial y \cdot W$. That is all
# that `backward` returns; it never forms a Jacobian.

# %%
row = np.array([[1.0, 10.0]])
layer.forward([x])
downstream = layer.backward(row)
downstream, row @ jacobian(layer, x)

# %% [markdown]
# ## The weights' own gradient
#
# $W_{ij}$ is in $y_i$ alone, and there it multiplies $x_j$. So
# $\partial \ell / \partial W_{ij} = \partial \ell / \partial y_i \cdot x_j$: of all entries
# at once, an outer product.

# %%
np.array_equal(layer.weight.grad, np.outer(row, x))

# %% [markdown]
# ## Activations
#
# An activation works on each entry by itself, so its Jacobian is diagonal. Multiplying a
# row by a diagonal matrix is multiplying entry by entry.

# %%
jacobian(ReLU(), x)

# %%
jacobian(Sigmoid(), x).round(3)

# %% [markdown]
# ## A check that needs no formula
#
# Change an entry a little and see what the output does: differences measure a Jacobian.
# `check_layer` does this for every gradient, and names what is wrong.


# %%
class Forgetful(Sigmoid):
    """A sigmoid that hands the gradient on as it is."""

    def backward(self, grad_output):
        super().backward(grad_output)
        return np.asarray(grad_output)


check_layer(Forgetful(), rng.normal(size=(4, 3)))

# %% [markdown]
# ## Questions
#
# **1.** A layer has 784 inputs and 512 outputs. How many entries has the Jacobian of $y$
# by $W$, and how many of them are not 0?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# 512 rows and 512 · 784 columns: 205,520,896 entries. Row i has x in the 784 columns of
# Wᵢ and 0 elsewhere: 512 · 784 = 401,408 are not 0. x and ∂ℓ/∂y say the same with 1,296.
entries, others = 512 * 512 * 784, 512 * 784
assert (entries, others) == (205_520_896, 401_408)
entries, others

# %% [markdown]
# **2.** For a batch of $N$ rows, why is the gradient of $b$ the sum of the rows of
# $\partial \ell / \partial y$?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# ℓ depends on b through every row, each with ∂y/∂b = I. Along several ways derivatives
# add up.
batch, rows = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
layer.zero_grad()
layer.forward(batch)
layer.backward(rows)
assert np.allclose(layer.bias.grad, rows.sum(axis=0))
layer.bias.grad

# %% [markdown]
# **3.** What is the largest number by which a sigmoid can multiply a gradient?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# σ' = y (1 − y), which is largest at y = 1/2, x = 0: 1/4. Ten sigmoids in a row multiply
# by at most 4⁻¹⁰, about a millionth.
steepest = jacobian(Sigmoid(), [0.0]).item()
assert steepest == 0.25
assert jacobian(Sigmoid(), [0.3]).item() < steepest
steepest
