"""Schedules: by what to multiply lr in each epoch.

lr has two jobs that want different numbers: at first to get somewhere, then
to settle. Far from a minimum long steps are right; close to it they only
carry the batch's noise into the weights. A schedule is a plain function of
the epoch, counted from 0, that returns a factor of at least 0; fit takes lr
· schedule(epoch) for that epoch. Any such function will do, lambda epoch: 1
/ (1 + epoch) too.
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
    """The schedule 1: lr stays as it is.

    What fit does without a schedule; something for warm_up to end in.

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
    """The schedule factor^⌊epoch / every⌋: a drop now and then.

    Parameters
    ----------
    every : int
        How many epochs an lr lasts.
    factor : float
        What each drop multiplies by, at least 0.

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
    """The schedule rate^epoch: the same share less in every epoch.

    Parameters
    ----------
    rate : float
        What each epoch multiplies lr by, above 0 and at most 1.

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

    It falls fast at first and then ever more slowly, so that lr never gets
    so small that the run stands still.

    Parameters
    ----------
    rate : float
        How fast it falls, at least 0.
    every : int
        How many epochs an lr lasts.

    Examples
    --------
    >>> from mlp.schedules import inverse_time
    >>> schedule = inverse_time(1.0, every=2)
    >>> [round(schedule(epoch), 3) for epoch in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.333, 0.333]

    References
    ----------
    Robbins and Monro, A stochastic approximation method, 1951: the sum of
    all lr is infinite, as it has to be to reach a minimum from anywhere.
    """

    def __init__(self, rate: float, every: int = 1) -> None:
        self.rate = numbers.number("inverse_time", "rate", rate, least=0)
        self.every = numbers.positive_int("inverse_time", "every", every)

    def __call__(self, epoch: int) -> float:
        """Return 1 / (1 + rate · ⌊epoch / every⌋)."""
        return 1 / (1 + self.rate * (epoch // self.every))


class cosine(_Schedule):
    """The schedule least + (1 − least) · ½ (1 + cos(π epoch / epochs)).

    Half a wave from 1 down to least: flat at first, while there is far to
    go, and flat at the end, while the weights settle. From epoch = epochs
    on it is least.

    Parameters
    ----------
    epochs : int
        How many epochs the way down takes, as a rule all of the run.
    least : float
        Where it ends, at least 0.

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

    The first steps of a large lr are taken with weights that know nothing
    yet, and can throw them far off. A few epochs of smaller steps first,
    and the same lr is harmless.

    Parameters
    ----------
    epochs : int
        How many epochs the way up takes.
    then : function of the epoch
        What follows; its own epochs are counted from 0 again, so in a run
        of 20, warm_up(5, cosine(15)).

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
