"""save, load and load_model: a net in a file.

An interrupted run can continue with the same result, to the last bit, if
everything that a step depends on is saved: the parameters and buffers, the
optimizer's state, and the generators that shuffle rows and that layers use.

fit(..., checkpoint=path) reads such a file before the first epoch, if it
exists, and writes it after each epoch, with the number of epochs done, the
history and the best parameters. Read mlp.fitting.resume next.

The file
--------
It is a .npz file of arrays that np.load(path, allow_pickle=False) reads:

    format_version      1
    architecture        a text, JSON: by the path of each layer, its class
                        and settings; see mlp.fitting.architecture
    0.weight, …         parameters and buffers, by the names of state_dict()
    generators          a text, JSON: of the layers that draw, if there are
    optimizer.class     a text, JSON: the name of its class
    optimizer.lr, …     the optimizer's state_dict()
    progress.epoch      a text, JSON, of a number, text, None or generator
    progress.loss[]     a list of floats
    progress.mean       an array
    progress.best.…     a mapping of names to arrays, one member each
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlp._shared import arrays, numbers
from mlp._shared.arrays import RealArray
from mlp.core.layer import Layer
from mlp.core.optimizer import Optimizer
from mlp.fitting import architecture, archive, contents, files, generators, values
from mlp.fitting.arguments import check_layers, check_optimizer
from mlp.sequential import Sequential


class CheckpointError(ValueError):
    """A file is not a checkpoint of this net, or it is damaged.

    Neither the net nor the file was changed.

    Examples
    --------
    >>> import os, tempfile
    >>> from mlp import CheckpointError, Linear, Sequential, load, save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "run.npz")
    ...     save(path, Sequential(Linear(2, 1)))
    ...     try:
    ...         load(path, Sequential(Linear(3, 1)))
    ...     except CheckpointError as error:
    ...         print(str(error).partition(", got ")[2].partition(";")[0])
    0.weight of shape (1, 2) in float64 where (1, 3) in float64 is needed
    """


def save(
    path: str | os.PathLike[str],
    model: Sequential,
    optimizer: Optimizer | None = None,
    **progress: Any,
) -> None:
    """Write the parameters, the optimizer's state and progress to one file.

    save writes a second file beside path, flushes it to the disk and
    renames it. So if the process is killed at any moment, or the disk is
    full, path is the complete old file or the complete new one. Mode, owner
    and permissions are those that open(path, "wb") would leave.

    Parameters
    ----------
    path : str or path
        The name of the file; no .npz is added.
    model : Sequential
        Its parameters and buffers are written, and the states of the
        generators of its layers. So are the classes and settings of its
        layers, from which load_model makes the net again.
    optimizer : Optimizer or None
        Its settings and its state are written too.
    **progress
        Other values to save in the file: numbers, texts, None, or a list of
        these; a tuple of texts, which comes back as a list; arrays;
        mappings of names to arrays; Standardizers; np.random.Generators.
        Only a list of floats may have NaN and infinity, for example the
        values of a metric. Together they take at most 16 MiB more than the
        parameters, of which at most 1 MiB is text.

    Raises
    ------
    ValueError
        If a value is not finite, or too large, or a name not an identifier.
    TypeError
        If something is of another type.
    OSError
        If the file cannot be written. An error leaves the old file as it
        is.

    Notes
    -----
    If the process is killed, a file .mlp-<16 letters>.tmp may stay beside
    path; nothing reads it. A device or a pipe is written directly. A file
    with hard links, or of another user, is written directly too, after a
    complete copy was written beside it: if the process is killed then, the
    copy stays.

    Examples
    --------
    >>> import os, tempfile
    >>> from mlp import SGD, Linear, Sequential, load, save
    >>> model = Sequential(Linear(2, 1, rng=0))
    >>> optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "run.npz")
    ...     save(path, model, optimizer, epoch=3, loss=[0.5, 0.25, 0.125])
    ...     again = Sequential(Linear(2, 1))
    ...     load(path, again)
    {'epoch': 3, 'loss': [0.5, 0.25, 0.125]}
    >>> (again[0].weight.data == model[0].weight.data).all()
    np.True_
    """
    numbers.instance("save", "model", model, Sequential)
    state = model.state_arrays()
    kept: list[tuple[str, RealArray]] = [
        ("format_version", np.array(contents.VERSION, np.int64)),
        ("architecture", np.array(architecture.text_of(model))),
        *state.items(),
    ]
    if (text := generators.encoded(model)) is not None:
        kept.append(("generators", np.array(text)))
    if optimizer is not None:
        check_optimizer("save", optimizer)
        kept += contents.of_optimizer(model, optimizer)
    room = values.Room(model)
    for name, value in progress.items():
        for key, array in values.encoded(name, value):
            if not room.takes(array.dtype, array.nbytes):
                raise ValueError(
                    f"save: expected progress of at most {values.MOST_TEXT >> 20} MiB "
                    f"of text, and {values.MOST_ARRAYS >> 20} MiB of arrays more than "
                    f"the parameters, got more with {name}; keep it in a file of its "
                    f"own"
                )
            kept.append((key, array))
    members = dict(kept)
    if len(members) < len(kept):
        raise ValueError(
            "save: expected names of parameters that do not begin with format_version, "
            "architecture, generators, optimizer or progress, got one; rename that "
            "attribute of the model"
        )
    free = contents.may_be_infinite(model)
    for name, array in kept:
        if not (name in free or values.may_be_infinite(name, array.dtype)):
            cure = "a checkpoint holds a state to go on from"
            arrays.finite("save", name, array, cure)
    with files.replacing(path) as file:
        archive.write(file, members)


def load(
    path: str | os.PathLike[str],
    model: Sequential,
    optimizer: Optimizer | None = None,
    *,
    best: bool = False,
) -> dict[str, Any]:
    """Read what save wrote into the model and the optimizer.

    The whole file is checked before anything is changed, so an error leaves
    model and optimizer unchanged. No code in the file is run. load needs no
    more memory than model, optimizer, and the largest progress that save
    allows.

    Parameters
    ----------
    path : str or path
        A file written by save.
    model : Sequential
        It must have layers of the same classes, and parameters and buffers
        of the same names, shapes and dtypes, none of them read-only. The
        Generators of its layers are set to the states in the file. If two
        layers share a Generator in the file, they share one afterwards.
        feature_names_in_ is set to that in the file: None if the model was
        not fitted to a DataFrame.
    optimizer : Optimizer or None
        Of the same class. Without it, an optimizer in the file is ignored.
    best : bool
        A checkpoint of fit has the parameters of the last epoch, from which
        a run continues. With patience it also has those with the lowest
        validation loss: best=True loads these. The optimizer's state is
        always that of the last epoch.

    Returns
    -------
    dict
        The progress, by name, as it was given to save.

    Raises
    ------
    CheckpointError
        If the file is damaged, or not of this model and optimizer; if best
        is True and it has no best parameters.
    OSError
        If it cannot be read, as a file that is not there.
    TypeError
        If model or optimizer is of another type.
    ValueError
        If a parameter is read-only.

    Examples
    --------
    Save the scale of the columns with the net that was trained on it:

    >>> import os, tempfile
    >>> import numpy as np
    >>> from mlp import Linear, Sequential, load, save
    >>> model, again = Sequential(Linear(2, 1)), Sequential(Linear(2, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "cars.npz")
    ...     save(path, model, mean=np.array([5.0, 0.5]))
    ...     load(path, again)["mean"]
    array([5. , 0.5])
    """
    numbers.instance("load", "model", model, Sequential)
    best = numbers.flag("load", "best", best)
    if optimizer is not None:
        check_optimizer("load", optimizer)
    loaded = read(path, model, optimizer, best=best)
    take_over(path, loaded)
    return loaded.progress


def load_model(
    path: str | os.PathLike[str],
    *,
    layers: Mapping[str, type[Layer]] | None = None,
    best: bool = False,
) -> tuple[Sequential, dict[str, Any]]:
    """Make the net in a file again, and return it and what was saved with it.

    The file contains no code, only the names of classes and their settings.
    All of it is read and checked before the first layer is made, and the
    layers take no more memory than the arrays in the file.

    Parameters
    ----------
    path : str or path
        A file written by save, or by fit as a checkpoint.
    layers : dict of str to type, or None
        The classes of your own layers in the net, by the names that they
        had. Each is called with the arguments that Layer.settings returned.
    best : bool
        As for load.

    Returns
    -------
    model : Sequential
        With the same parameters, buffers, modes and generators. What layers
        shared they share again.
    extras : dict
        The progress, by name, as it was given to save.

    Raises
    ------
    CheckpointError
        If the file is damaged; if it is of an older version, which saved no
        settings; if it has a class that is neither the library's nor in
        layers; if best is True and it has no best parameters.
    OSError
        If it cannot be read, as a file that is not there.
    TypeError
        If layers is not a dict of names and classes of layers.

    Examples
    --------
    >>> import os, tempfile
    >>> from mlp import Linear, ReLU, Sequential, Standardizer
    >>> from mlp import load_model, save
    >>> scaler = Standardizer().fit([[1.0, 7.0], [3.0, 9.0]])
    >>> model = Sequential(Linear(2, 3, rng=0), ReLU(), Linear(3, 1, rng=1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "cars.npz")
    ...     save(path, model, scaler=scaler, columns=["age", "weight"])
    ...     again, extras = load_model(path)
    >>> again
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
      (2): Linear(in_features=3, out_features=1, bias=True)
    )
    >>> extras["scaler"], extras["columns"]
    (Standardizer(fitted to 2 columns), ['age', 'weight'])
    >>> z = extras["scaler"].transform([[2.0, 8.0]])
    >>> (again.predict(z) == model.predict(z)).all()
    np.True_
    """
    own = check_layers("load_model", layers)
    best = numbers.flag("load_model", "best", best)
    try:
        with open(path, "rb") as opened:
            file = opened if opened.seekable() else io.BytesIO(opened.read())
            text, shapes = contents.survey(file)
            model = architecture.Plan(text, shapes, own).made()
            if "generators" not in shapes and any(model.named_generators()):
                raise archive.Damaged("one that lacks generators")
            file.seek(0)
            loaded = contents.read(file, model, None, best)
            loaded.take_over({})
    except (archive.Damaged, RecursionError) as error:
        raise CheckpointError(
            f"load_model: expected {os.fspath(path)} to be a model that save wrote, "
            f"got {error}"
        ) from None
    return model, loaded.progress


def read(
    path: str | os.PathLike[str],
    model: Sequential,
    optimizer: Optimizer | None,
    *,
    best: bool = False,
) -> contents.Contents:
    """Return what is in a file, checked against model and optimizer."""
    arrays.writable("load", model.state_arrays().values())
    try:
        with open(path, "rb") as file:
            return contents.read(file, model, optimizer, best)
    except archive.Damaged as error:
        raise _refused(path, error) from None


def take_over(
    path: str | os.PathLike[str],
    loaded: contents.Contents,
    settings: dict[str, Any] | None = None,
) -> None:
    """Write it into model and optimizer; settings replace the file's."""
    try:
        loaded.take_over(settings or {})
    except archive.Damaged as error:
        raise _refused(path, error) from None


def _refused(path: str | os.PathLike[str], error: archive.Damaged) -> CheckpointError:
    return CheckpointError(
        f"load: expected {os.fspath(path)} to be a checkpoint of this model, got "
        f"{error}"
    )
