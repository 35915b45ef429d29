# %% [markdown]
# # 1. One neuron by hand
#
# A neuron computes $\hat{y} = w x + b$, and the squared error says how wrong that is:
# $\ell = (\hat{y} - y)^2$. To learn is to change $w$ and $b$ so that $\ell$ falls. Which
# way, and how much? Work this page out on paper first; the code then checks you.

# %%
import numpy as np

from mlp import SGD, Linear, MSELoss, derive, trace

neuron = Linear(1, 1)
neuron.weight.data[...], neuron.bias.data[...] = 3.0, 1.0
x, y = np.array([[2.0]]), np.array([[10.0]])

# %% [markdown]
# ## Forward
#
# $\hat{y} = 3 \cdot 2 + 1 = 7$, and $\ell = (7 - 10)^2 = 9$.

# %%
criterion = MSELoss()
prediction = neuron.forward(x)
loss = criterion.forward(prediction, y)
prediction, loss

# %% [markdown]
# ## Backward
#
# The chain rule goes from $\ell$ down to each number:
#
# $$\frac{\partial \ell}{\partial \hat{y}} = 2 (\hat{y} - y) = -6, \qquad
# \frac{\partial \ell}{\partial w} = \frac{\partial \ell}{\partial \hat{y}} \cdot x = -12,
# \qquad \frac{\partial \ell}{\partial b} = \frac{\partial \ell}{\partial \hat{y}} = -6$$
#
# `backward` takes $\partial \ell / \partial \hat{y}$ and leaves the other two in `.grad`.

# %%
upstream = criterion.backward()
neuron.backward(upstream)
upstream, neuron.weight.grad, neuron.bias.grad

# %% [markdown]
# ## A step
#
# Both gradients are negative, so $\ell$ falls if $w$ and $b$ grow. A step goes against
# the gradient: $w - \text{lr} \cdot \partial \ell / \partial w$. `trace` writes the whole
# step down, with its numbers.

# %%
optimizer = SGD(neuron.parameters(), lr=0.01)
step = trace(neuron, criterion, optimizer, x, y)
step

# %% [markdown]
# ## The same with letters
#
# `derive` writes the solution sheet. Each of its cells can be evaluated, and `check`
# compares each with what `forward` and `backward` compute.

# %%
sheet = derive(neuron, criterion)
sheet

# %%
sheet.check([2.0], [10.0]) < 1e-12

# %% [markdown]
# ## Questions
#
# **1.** What is $\partial \ell / \partial x$ at this point, and why is it not in the
# step?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# ∂ℓ/∂x = ∂ℓ/∂ŷ · w = −6 · 3 = −18. x is data: a step moves parameters only.
neuron.zero_grad()
criterion.forward(neuron.forward(x), y)
slope = neuron.backward(criterion.backward())
assert slope.item() == -18.0
slope

# %% [markdown]
# **2.** With lr = 0.1, is the loss after the step smaller or larger than before?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# w = 3 + 1.2, b = 1 + 0.6, so ŷ = 4.2 · 2 + 1.6 = 10 and ℓ = 0: smaller, by luck. The
# loss along the step is a parabola, and lr = 0.1 ends at its lowest point.
right = trace(neuron, criterion, SGD(neuron.parameters(), lr=0.1), x, y)
assert abs(right.loss_after) < 1e-20
right.loss, right.loss_after

# %% [markdown]
# **3.** From which lr on does a step make things worse?

# %% jupyter={"source_hidden": true} tags=["hide-cell"]
# ŷ − y after the step is −3 + lr · (12 · 2 + 6) = −3 + 30 lr. Its size is above 3 for
# lr > 0.2: twice the best lr is where a parabola is as high as at the start.
too_far = trace(neuron, criterion, SGD(neuron.parameters(), lr=0.21), x, y)
just = trace(neuron, criterion, SGD(neuron.parameters(), lr=0.19), x, y)
assert just.loss_after < 9 < too_far.loss_after
just.loss_after, too_far.loss_after
