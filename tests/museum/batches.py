"""Batches, and what is done to data, that are wrong."""

import numpy as np

from mlp import (
    Linear,
    MSELoss,
    Sequential,
    Sigmoid,
    Standardizer,
    diagnose,
    minibatches,
    one_hot,
)
from museum.exhibit import Exhibit
from museum.tools import show


class ShuffledApart(Exhibit):
    """x and y are shuffled apart.

    The loss falls to the variance of y, and every prediction is the mean of y:
    nothing in x says anything about its y any more.
    """

    says = "rows that belong together: 1 of 10"
    clean = "rows that belong together: 10 of 10\n"
    instead = "Shuffle two arrays that are equal, and look whether they still are."

    def wrong(x, y, rng):
        return rng.permutation(x), rng.permutation(y)

    def right(x, y, rng):
        order = rng.permutation(len(x))
        return x[order], y[order]

    def look(It):
        rows = np.arange(10)
        a, b = It(rows, rows, np.random.default_rng(0))
        show(f"rows that belong together: {np.sum(a == b)} of 10")


class BatchesNotRows(Exhibit):
    """Batches are shuffled, rows never.

    The same rows meet in one batch in every epoch. It trains, unless the file
    is sorted: then each batch is of one class, and the net forgets the others.
    joelnet's BatchIterator shuffles the starts of its batches.
    """

    says = "batches of the first epoch that come again in the second: 3 of 3"
    clean = "batches of the first epoch that come again in the second: 0 of 3\n"
    instead = "Send row numbers through two epochs, and compare the batches."

    def wrong(x, y, batch_size, rng):
        starts = np.arange(0, len(x), batch_size)
        rng.shuffle(starts)
        for start in starts:
            end = start + batch_size
            yield x[start:end], y[start:end]

    def right(x, y, batch_size, rng):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            yield x[rows], y[rows]

    def look(It):
        rows, rng = np.arange(12), np.random.default_rng(0)
        epochs = [{frozenset(a) for a, _ in It(rows, rows, 4, rng)} for _ in range(2)]
        again = len(epochs[0] & epochs[1])
        show(f"batches of the first epoch that come again in the second: {again} of 3")


class OneOrder(Exhibit):
    """One order of the rows for all epochs.

    Nothing to be seen: it trains, on the same batches in every epoch. An int
    for rng is a seed, and begins anew each time.
    """

    says = "second epoch in the order of the first: True"
    clean = "second epoch in the order of the first: False\n"
    instead = "Send row numbers through two epochs, and compare. Make one Generator."

    def wrong(x, y, epochs):
        return [list(minibatches(x, y, 4, rng=0)) for epoch in range(epochs)]

    def right(x, y, epochs):
        rng = np.random.default_rng(0)
        return [list(minibatches(x, y, 4, rng=rng)) for epoch in range(epochs)]

    def look(It):
        rows = np.arange(12)
        first, second = It(rows, rows, 2)
        same = np.array_equal(first, second)
        show(f"second epoch in the order of the first: {same}")


class LastRowsLost(Exhibit):
    """The last rows are never in a batch.

    Nothing to be seen. The loop ends one batch too early, and if the rows are
    not shuffled, they are always the same.
    """

    says = "rows in an epoch: 8 of 12"
    clean = "rows in an epoch: 12 of 12\n"
    instead = "Count the rows of an epoch."

    def wrong(x, y, batch_size):
        for start in range(0, len(x) - batch_size, batch_size):
            yield x[start : start + batch_size], y[start : start + batch_size]

    def right(x, y, batch_size):
        for start in range(0, len(x), batch_size):
            yield x[start : start + batch_size], y[start : start + batch_size]

    def look(It):
        rows = np.arange(12)
        show(f"rows in an epoch: {sum(len(a) for a, _ in It(rows, rows, 4))} of 12")


class StandardisedWithTestRows(Exhibit):
    """The test rows are in the mean.

    The test result is better than what new data will give, a little or a lot:
    the net was told something of the test rows. scikit-learn's guide has it
    under "Common pitfalls", as data leakage during pre-processing.
    """

    says = "training rows have mean 0: False"
    clean = "training rows have mean 0: True\n"
    instead = (
        "Look at the means of the training rows alone after scaling: they must be 0, "
        "those of the test rows not."
    )

    def wrong(train, test):
        scale = Standardizer().fit(np.concatenate([train, test]))
        return scale.transform(train), scale.transform(test)

    def right(train, test):
        scale = Standardizer().fit(train)
        return scale.transform(train), scale.transform(test)

    def look(It):
        rows = np.random.default_rng(0).normal(size=(20, 3))
        train, test = It(rows[:15], rows[15:])
        is_zero = np.allclose(train.mean(axis=0), 0)
        show(f"training rows have mean 0: {is_zero}")


class ClassesAsTheyCome(Exhibit):
    """The order of the classes is that of their first appearance.

    The net is right on the training rows, and on the test rows, whose first
    label is another, it may be worse than chance: the columns of one are not
    those of the other.
    """

    says = "a cat has one column: False"
    clean = "a cat has one column: True\n"
    instead = "Encode one label in two lists. Give one_hot the classes, always."

    def wrong(labels):
        return one_hot(labels, classes=list(dict.fromkeys(labels)))

    def right(labels):
        return one_hot(labels, classes=["cat", "dog", "emu"])

    def look(It):
        train, test = It(["cat", "dog", "emu"]), It(["emu", "cat", "dog"])
        show(f"a cat has one column: {np.array_equal(train[0], test[1])}")


class NotScaled(Exhibit):
    """Pixels of 0 to 255 go into a Sigmoid.

    The loss stays where it is from the first step on. Every hidden unit says 0
    or 1, where σ is flat.
    """

    says = "Saturated: in layer 1 (Sigmoid)"

    def wrong(pixels):
        return pixels

    def right(pixels):
        return pixels / 255

    def look(It):
        rng = np.random.default_rng(0)
        model = Sequential(Linear(64, 16, rng=rng), Sigmoid(), Linear(16, 1, rng=rng))
        pixels, target = rng.integers(0, 256, (32, 64)), rng.normal(size=(32, 1))
        for finding in diagnose(model, MSELoss(), It(pixels), target).findings:
            show(finding)


class ArgmaxOfTheWrongAxis(Exhibit):
    """argmax over the wrong axis.

    The loss falls and the accuracy stays that of chance. For N rows of K
    classes NumPy refuses to compare K numbers with N labels, unless K = N: ten
    digits in batches of ten.
    """

    says = "accuracy of predictions without a mistake: 0 %"
    clean = "accuracy of predictions without a mistake: 100 %\n"
    instead = "Give it predictions without a mistake: the accuracy must be 100 %."

    def wrong(prediction, labels):
        return np.mean(np.argmax(prediction, axis=0) == labels)

    def right(prediction, labels):
        return np.mean(np.argmax(prediction, axis=1) == labels)

    def look(It):
        labels = np.array([2, 0, 1])
        accuracy = It(one_hot(labels, classes=3), labels)
        show(f"accuracy of predictions without a mistake: {100 * accuracy:.0f} %")


class AccuracyOfAllPairs(Exhibit):
    """An accuracy over all pairs of rows.

    It stays near 50 %, whatever the loss does: (N, 1) == (N,) is (N, N), each
    prediction beside each label.
    """

    says = "accuracy of predictions without a mistake: 50 %"
    clean = "accuracy of predictions without a mistake: 100 %\n"
    instead = (
        "Give it predictions without a mistake again. The losses of the library "
        "refuse two such shapes; == is NumPy's, and does not."
    )

    def wrong(prediction, labels):
        return np.mean((prediction > 0.5) == labels)

    def right(prediction, labels):
        return np.mean((prediction > 0.5) == labels.reshape(prediction.shape))

    def look(It):
        labels = np.array([1, 0, 0, 1])
        accuracy = It(labels.reshape(-1, 1), labels)
        show(f"accuracy of predictions without a mistake: {100 * accuracy:.0f} %")
