"""Schedules: the factor of lr in each epoch.

Far from a minimum of the loss long steps are good. Close to a minimum they
only carry the noise of the batches into the weights, so lr should be
smaller there. A schedule is a function of the epoch, counted from 0, that
returns a factor of at least 0; fit uses lr · schedule(epoch) in that epoch.
You can use any such function, for example lambda epoch: 1 / (1 + epoch).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from mlp._shared import numbers

Schedule: TypeAlias = Callable[[int], float]


class _Schedule:
    """A function of the epoch that can be pickled, as a closure cannot."""

    def __repr__(self) -> str:
        """Return the call that makes such a schedule."""
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


class constant(_Schedule):
    """The schedule 1: lr does not change.

    fit does the same without a schedule. Use it after warm_up.

    Examples
    --------
    >>> from mlp.schedules import constant
    >>> [constant()(epoch) for epoch in range(3)]
    [1.0, 1.0, 1.0]
    """

    def __call__(self, epoch: int) -> float:
        """Return 1."""
        return 1.0


class step(_Schedule):
    """The schedule factor^⌊epoch / every⌋: lr drops every few epochs.

    Parameters
    ----------
    every : int
        How many epochs to keep each lr.
    factor : float
        The factor of each drop, at least 0.

    Examples
    --------
    >>> from mlp.schedules import step
    >>> schedule = step(every=2, factor=0.5)
    >>> [schedule(epoch) for epoch in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, every: int, factor: float = 0.1) -> None:
        self.every = numbers.positive_int("step", "every", every)
        self.factor = numbers.number("step", "factor", factor, least=0)

    def __call__(self, epoch: int) -> float:
        """Return factor^⌊epoch / every⌋."""
        return float(self.factor ** (epoch // self.every))


class exponential(_Schedule):
    """The schedule rate^epoch: lr falls by the same factor in each epoch.

    Parameters
    ----------
    rate : float
        The factor of each epoch, above 0 and at most 1.

    Examples
    --------
    >>> from mlp.schedules import exponential
    >>> schedule = exponential(0.5)
    >>> [schedule(epoch) for epoch in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    def __init__(self, rate: float) -> None:
        self.rate = numbers.number("exponential", "rate", rate, above=0, most=1)

    def __call__(self, epoch: int) -> float:
        """Return rate^epoch."""
        return float(self.rate**epoch)


class inverse_time(_Schedule):
    """The schedule 1 / (1 + rate · ⌊epoch / every⌋).

    It falls fast at first and then more and more slowly. So lr does not
    become so small that training stops making progress.

    Parameters
    ----------
    rate : float
        How fast it falls, at least 0.
    every : int
        How many epochs to keep each lr.

    Examples
    --------
    >>> from mlp.schedules import inverse_time
    >>> schedule = inverse_time(1.0, every=2)
    >>> [round(schedule(epoch), 3) for epoch in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.333, 0.333]

    References
    ----------
    Robbins and Monro, A stochastic approximation method, 1951: the sum of
    all lr is infinite, which is needed to reach a minimum from any start.
    """

    def __init__(self, rate: float, every: int = 1) -> None:
        self.rate = numbers.number("inverse_time", "rate", rate, least=0)
        self.every = numbers.positive_int("inverse_time", "every", every)

    def __call__(self, epoch: int) -> float:
        """Return 1 / (1 + rate · ⌊epoch / every⌋)."""
        return 1 / (1 + self.rate * (epoch // self.every))


class cosine(_Schedule):
    """The schedule least + (1 − least) · ½ (1 + cos(π epoch / epochs)).

    Half a cosine wave, from 1 down to least. It changes slowly at the start
    and at the end. From epoch = epochs on it is least.

    Parameters
    ----------
    epochs : int
        How many epochs it takes to fall, usually all epochs of the run.
    least : float
        The last factor, at least 0.

    Examples
    --------
    >>> from mlp.schedules import cosine
    >>> schedule = cosine(4)
    >>> [round(schedule(epoch), 3) for epoch in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]

    References
    ----------
    Loshchilov and Hutter, SGDR: stochastic gradient descent with warm
    restarts, ICLR 2017, section 3.
    """

    def __init__(self, epochs: int, least: float = 0.0) -> None:
        self.epochs = numbers.positive_int("cosine", "epochs", epochs)
        self.least = numbers.number("cosine", "least", least, least=0)

    def __call__(self, epoch: int) -> float:
        """Return least + (1 − least) · ½ (1 + cos(π epoch / epochs))."""
        done = min(epoch / self.epochs, 1.0)
        return self.least + (1 - self.least) * (1 + math.cos(math.pi * done)) / 2


class warm_up(_Schedule):
    """The schedule (epoch + 1) / (epochs + 1) for some epochs, then another.

    With random weights, long first steps can move the weights far away from
    any good values. After a few epochs with shorter steps the same lr is
    safe.

    Parameters
    ----------
    epochs : int
        How many epochs it takes to rise.
    then : function of the epoch
        The schedule that follows. Its epochs are counted from 0 again, so
        for a run of 20 epochs write warm_up(5, cosine(15)).

    Examples
    --------
    >>> from mlp.schedules import cosine, warm_up
    >>> schedule = warm_up(3, cosine(2))
    >>> [round(schedule(epoch), 3) for epoch in range(6)]
    [0.25, 0.5, 0.75, 1.0, 0.5, 0.0]

    References
    ----------
    Goyal et al., Accurate, large minibatch SGD: training ImageNet in 1
    hour, 2017, section 2.2.
    """

    def __init__(self, epochs: int, then: Schedule) -> None:
        self.epochs = numbers.positive_int("warm_up", "epochs", epochs)
        numbers.function("warm_up", "then", then)
        self.then = then

    def __call__(self, epoch: int) -> float:
        """Return (epoch + 1) / (epochs + 1), or then's factor."""
        if epoch < self.epochs:
            return (epoch + 1) / (self.epochs + 1)
        return self.then(epoch - self.epochs)
