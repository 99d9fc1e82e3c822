"""What is refused in the files of others: each check gives one error with file, column and row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError

FloatArray = NDArray[np.float64]

ROUNDING = 2.0**-10
"""Relative difference that rounding may explain: far above that of float32 (2**-24, a few times
over in a sum), not below that of float16, the coarsest number in use; swapped columns differ by
factors."""


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file: what an error message starts with.

    Attributes
    ----------
    path : the file
    dataset : its dataset, tree or array
    first_row : number of the first row at hand
    """

    path: Path
    dataset: str
    first_row: int = 0

    def __str__(self) -> str:
        return f"{self.dataset!r} of {self.path}"

    def row(self, index: int | np.integer[Any]) -> str:
        """Name the row with an index within the rows at hand."""
        return f"row {self.first_row + int(index)} of {self}"


def find_columns(names: Sequence[str], wanted: Iterable[str], where: Where) -> list[int]:
    """Positions of the wanted columns.

    Raises
    ------
    DataError
        Some are absent; names them all, and what is there instead.
    """
    missing = [name for name in wanted if name not in names]
    if missing:
        raise DataError(
            f"{where} has no column {', '.join(map(repr, missing))}; it has {_some(names)}"
        )
    return [names.index(name) for name in wanted]


def _some(names: Sequence[str], count: int = 8) -> str:
    shown = ", ".join(repr(name) for name in names[:count]) or "none"
    return shown + (f" and {len(names) - count} more" if len(names) > count else "")


def require_finite(values: FloatArray, columns: Sequence[str], where: Where) -> None:
    """Refuse NaN, infinity and what float32 cannot hold; shape (rows, ..., columns)."""
    bad = np.argwhere(~(np.abs(values) <= np.finfo(np.float32).max))
    if len(bad):
        first = tuple(bad[0])
        of = f" of particle {first[1]}" if len(first) == 3 else ""
        raise DataError(
            f"{where.row(first[0])}: {columns[first[-1]]}{of} is {values[first]}; "
            "remove or repair that jet"
        )


def class_labels(
    values: NDArray[Any], columns: Sequence[str], classes: int, where: Where
) -> NDArray[np.int8]:
    """Class numbers from one-hot columns, shape (rows, classes), or from numbers, shape (rows,).

    Parameters
    ----------
    values : booleans, integers or floats
    columns : their names, for the error message
    classes : number of classes

    Raises
    ------
    DataError
        A number is no class, or a row does not name exactly one class.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 1:
        return _numbers(values, columns, classes, where)
    if values.shape[1:] != (classes,):
        raise DataError(f"{where}: labels of shape {values.shape}, expected {classes} classes")
    is_flag = (values == 0) | (values == 1)
    bad = np.flatnonzero(~is_flag.all(axis=1) | (values.sum(axis=1) != 1))
    if len(bad):
        raise DataError(
            f"{where.row(bad[0])}: the labels ({', '.join(columns)}) are "
            f"{values[bad[0]].tolist()}; exactly one of them has to be 1"
        )
    label: NDArray[np.int8] = values.argmax(axis=1).astype(np.int8)
    return label


def _numbers(
    values: NDArray[Any], columns: Sequence[str], classes: int, where: Where
) -> NDArray[np.int8]:
    bad = np.flatnonzero(~np.isin(values, np.arange(classes)))
    if len(bad):
        raise DataError(
            f"{where.row(bad[0])}: the label {columns[0]} is {values[bad[0]]}; "
            f"expected 0 to {classes - 1}"
        )
    label: NDArray[np.int8] = values.astype(np.int8)
    return label
