# %% [markdown]
# # 3. The chain, and the homework's two tasks
#
# A net is layers in a row. The derivative of $\ell$ by a parameter is the product of all
# Jacobians on the way down to it. Two nets of the same shape, three inputs, four hidden
# units, two outputs, show all that there is to it.

# %%
import numpy as np

from mlp import (
    BCELoss,
    Identity,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    check_gradients,
    derive,
)

rng = np.random.default_rng(0)

# %% [markdown]
# ## Task 1: regression
#
# $\hat{y} = W^{(2)} \max(0, W^{(1)} x + b^{(1)}) + b^{(2)}$ and the squared error. Derive
# the four gradients yourself before you look.

# %%
regression = Sequential(
    Linear(3, 4, rng=rng), ReLU(), Linear(4, 2, rng=rng), Identity()
)
sheet = derive(regression, MSELoss("sum"))
sheet

# %% [markdown]
# Read the table of gradients from right to left: the row for $W^{(2)}$ is the beginning
# of the row for $W^{(1)}$. What is common is computed once and handed down: that is
# backpropagation.

# %% [markdown]
# ## Task 2: classification
#
# Sigmoids in both places, and binary cross-entropy.

# %%
classification = Sequential(
    Linear(3, 4, rng=rng), Sigmoid(), Linear(4, 2, rng=rng), Sigmoid()
)
for symbol, elements, shape in derive(classification, BCELoss()).jacobians:
    print(f"{symbol} : {elements}   ({shape})")

# %% [markdown]
# ## In a batch
#
# With samples in rows the same products are matrix products, and the sum over the
# samples is the inner sum: $\partial \ell / \partial W = G^\top X$.

# %%
x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
check_gradients(regression, MSELoss(), x, y)

# %% [markdown]
# ## Questions
#
# **1.** In numerator layout, what is the shape of $\partial \ell / \partial W^{(1)}$ here,
# and why is `.grad` of another shape?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# 3 × 4, n × h: a number by a matrix has the transposed shape, so that a chain of rows
# reads from left to right. .grad has the shape of W, 4 × 3, so that W − lr · .grad works.
assert str(sheet.gradients[0].shape) == "n × h"
assert regression[0].weight.data.shape == (4, 3)
str(sheet.gradients[0].shape), regression[0].weight.data.shape

# %% [markdown]
# **2.** Why does the gradient at the logits of task 2 come out as
# $(\hat{y} - y) / (N K)$, without a $\sigma'$?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# The loss gives (ŷ − y)/(ŷ (1 − ŷ)), the Sigmoid multiplies by ŷ (1 − ŷ): it cancels.
labels = rng.integers(0, 2, size=(6, 2)).astype(float)
loss = BCELoss()
prediction = classification.forward(x)
loss.forward(prediction, labels)
at_logits = classification[3].backward(loss.backward())
assert np.allclose(at_logits, (prediction - labels) / (6 * 2))
at_logits.round(4)

# %% [markdown]
# **3.** How many multiplications does one row times three 100 × 100 Jacobians take from
# the left, and how many from the right?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# From the left, row first: 3 · 100² = 30,000. From the right, matrix times matrix twice
# and then the row: 2 · 100³ + 100² = 2,010,000. That is why gradients go backward.
from_the_left, from_the_right = 3 * 100**2, 2 * 100**3 + 100**2
assert from_the_right / from_the_left == 67
from_the_left, from_the_right
