"""What can be looked at: pictures of a net, its data and its training.

Each picture is one call of mlp.plotting, which takes matplotlib Axes or makes
some, and returns them. In a notebook they show themselves; in a script,
ax.figure.savefig("picture.png") writes them.
"""

# %%
# A net of 2 inputs, 16 units and 1 logit learns two half moons. History.keep notes
# the parameters after each epoch, for the path below.

import numpy as np

from mlp import (
    Adam,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    History,
    Linear,
    ReLU,
    Sequential,
    Tanh,
    fit,
)
from mlp.datasets import load_digits, make_moons, make_spirals
from mlp.plotting import (
    activations,
    decision_boundary,
    loss_surface,
    network,
    weights,
)

rng = np.random.default_rng(0)
moons = make_moons(200, rng=rng)
model = Sequential(Linear(2, 16, rng=rng), Tanh(), Linear(16, 1, rng=rng))
criterion = BCEWithLogitsLoss()
optimizer = Adam(model.parameters(), lr=0.02)
history = fit(
    *(model, criterion, optimizer, moons.x, moons.y),
    epochs=60,
    rng=rng,
    on_epoch=History.keep,
)
history

# %%
# **decision_boundary** shows the probability of each class as a shade, and a line
# where the two are equal.

boundary = decision_boundary(model, moons.x, moons.y)

# %%
# **loss_surface** shows the loss around the parameters, in two random directions.
# The path is that of the training, as far as it lies in this plane.

surface = loss_surface(model, criterion, moons.x, moons.y, history=history)

# %%
# **activations** shows what each layer passes on, and what it passes back. The
# gradient of a deep net of small weights would shrink from right to left.

spirals = make_spirals(300, rng=rng)
classifier = Sequential(Linear(2, 64, rng=rng), ReLU(), Linear(64, 3, rng=rng))
layers = activations(classifier, spirals.x, spirals.y, CrossEntropyLoss())

# %%
# **weights** shows what each unit of the first layer looks at: here pictures of
# handwritten digits, 8 by 8 pixels.

digits = load_digits()
reader = Sequential(Linear(64, 30, rng=rng), ReLU(), Linear(30, 10, rng=rng))
fit(
    *(reader, CrossEntropyLoss(), Adam(reader.parameters())),
    *(digits.x / 16, digits.y),
    epochs=20,
    rng=rng,
)
looks = weights(reader[0], (8, 8))

# %%
# **network** draws a net, and with a sample its numbers: above each unit its output,
# below it the gradient of the loss by that output.

small = Sequential(Linear(3, 4, rng=rng), ReLU(), Linear(4, 2, rng=rng))
drawn = network(small, [1.0, 2.0, -1.0], 0, CrossEntropyLoss())
