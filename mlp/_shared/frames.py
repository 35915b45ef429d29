"""DataFrames and Series, by what they can do.

Whoever has pandas gives its tables in the place of arrays. pandas is never
imported here: a table is what has columns, and a column what has a dtype
and to_numpy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Names = tuple[str, ...] | None
_NAMES_SHOWN = 10


def numbers_of(
    who: str, name: str, value: Any, array: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Return the numbers of a table whose columns are of several sorts.

    NumPy makes objects of a pandas DataFrame with a bool column, or with a
    column that may have missing values; column by column they are numbers.
    """
    if hasattr(value, "columns") and hasattr(value, "items"):
        columns = [
            _column(who, f"column {label!r} of {name}", column)
            for label, column in value.items()
        ]
        return np.column_stack(columns) if columns else np.empty(array.shape)
    if hasattr(value, "dtype") and hasattr(value, "to_numpy"):  # a Series
        return _column(who, name, value)
    got = type(value).__name__
    if array.dtype != object or isinstance(value, np.ndarray | list | tuple):
        got += f" of dtype {array.dtype}"
    raise _no_numbers(who, name, got, array)


def _column(who: str, name: str, column: Any) -> npt.NDArray[Any]:
    """Return a column of a table as an array of numbers."""
    dtype = getattr(column.dtype, "numpy_dtype", np.dtype(object))  # of Int64: int64
    if dtype.kind in "fiub":
        none_missing(who, name, column)
        return np.asarray(column.to_numpy(dtype=dtype))
    array = np.asarray(column)
    if array.dtype.kind not in "fiub":
        raise _no_numbers(who, name, f"dtype {column.dtype}", array)
    return array


def _no_numbers(who: str, name: str, got: str, array: npt.NDArray[Any]) -> TypeError:
    """Return the error of values that are no real numbers."""
    cure = "convert it to a float array first"
    if any(isinstance(item, str | bytes) for item in array.flat):
        cure = f"mlp.one_hot turns labels into rows of numbers; else {cure}"
    return TypeError(f"{who}: expected {name} to hold real numbers, got {got}; {cure}")


def none_missing(who: str, name: str, column: Any) -> None:
    """Raise if a Series, or a column of a DataFrame, has a missing value."""
    missing = np.asarray(column.isna())
    if missing.any():
        raise ValueError(
            f"{who}: expected {name} without missing values, got "
            f"{np.count_nonzero(missing)} of {missing.size}, the first in row "
            f"{int(missing.argmax())}; drop or fill these rows first"
        )


def names_of(table: Any) -> Names:
    """Return the names of a table's columns; None without names of text."""
    names = getattr(table, "columns", None)
    if names is None or np.ndim(table) != 2:
        return None
    names = tuple(names)
    return names if all(isinstance(name, str) for name in names) else None


def same_names(who: str, name: str, table: Any, fitted: Names, owner: str) -> None:
    """Raise if a table has other names than those fitted, or another order.

    What has no names passes, and so does everything if none were fitted.
    """
    names = names_of(table)
    if names is None or fitted is None or names == fitted:
        return
    strange = [one for one in names if one not in fitted]
    lacking = [one for one in fitted if one not in names]
    got = "the same in another order, or twice"
    if strange or lacking:
        got = f"a table that lacks {_shown(lacking)} and has {_shown(strange)} besides"
    raise ValueError(
        f"{who}: expected {name} with the columns that were fitted, "
        f"{_shown(fitted)}, got {got}; write {name}[list({owner}.feature_names_in_)]"
    )


def _shown(names: Any) -> str:
    """Return names as a list, the first ones if there are many."""
    shown = ", ".join(map(repr, names[:_NAMES_SHOWN]))
    more = f", … ({len(names)})" if len(names) > _NAMES_SHOWN else ""
    return f"[{shown}{more}]"
