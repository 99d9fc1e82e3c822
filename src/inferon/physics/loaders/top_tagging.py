"""The top-tagging reference set: hadronic top quarks against QCD jets, 200 particles a jet.

G. Kasieczka, T. Plehn, J. Thompson, M. Russell, doi:10.5281/zenodo.2603256; arXiv:1902.09914.
``train.h5``, ``val.h5`` and ``test.h5`` are pandas frames (key ``table``, appendable), read here
without pandas: the dataset ``/table/table`` is a compound of

==================  ====================  ========================================================
field               shape of an element   content
==================  ====================  ========================================================
``index``           ()                    row label of pandas, not used
``values_block_0``  (804,) float32        E_0, PX_0, PY_0, PZ_0, E_1, ... PZ_199, truthE ...
``values_block_1``  (2,) int64            ttv (part of the split), is_signal_new (1: top)
==================  ====================  ========================================================

The names of the columns are pickled lists in the attributes ``values_block_*_kind``.  They are
taken from the pickle's opcodes with ``pickletools``, which runs nothing; a file without them is
read in the published order.  Momenta are in GeV, jets have pT from 550 to 650 GeV.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError
from inferon.physics.jets import Jets
from inferon.physics.loaders import hdf5_file
from inferon.physics.loaders.assembly import Block, Layout, chunks, collect
from inferon.physics.loaders.checks import Where, class_labels, find_columns
from inferon.physics.loaders.four_momenta import from_cartesian
from inferon.physics.loaders.selection import EVERYTHING, Paths, Wanted

TOP_TAGGING = Layout(
    name="top-tagging",
    title="top-tagging reference set",
    class_names=("QCD", "top"),
    jet_pt_gev=(550.0, 650.0),
    constituents=200,
)

TABLE = "table/table"
LABEL = "is_signal_new"

_HINT = "a frame is written with DataFrame.to_hdf(..., key='table', format='table')"
_COMPONENTS = ("PX", "PY", "PZ", "E")
_OF_A_PARTICLE = tuple(f"{part}_i" for part in _COMPONENTS)
_MOMENTA = tuple(f"{part}_{number}" for number in range(200) for part in _COMPONENTS)
_PUBLISHED = {
    "values_block_0": [
        *(f"{part}_{number}" for number in range(200) for part in ("E", "PX", "PY", "PZ")),
        *("truthE", "truthPX", "truthPY", "truthPZ"),
    ],
    "values_block_1": ["ttv", LABEL],
}
_STRINGS = {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING"}


def load_top_tagging(path: Paths, wanted: Wanted = EVERYTHING) -> Jets:
    """Read files of the top-tagging reference set.

    Raises
    ------
    DataError
        A column is absent, or a row is no jet of this set; names it.
    ToolMissing
        The file is compressed by a filter that HDF5 does not come with.
    """
    return collect(TOP_TAGGING, _open, path, wanted)


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    path: Path
    table: Any
    momenta: list[int]
    label: list[int]

    def __len__(self) -> int:
        return int(self.table.shape[0])

    def blocks(self, rows: range) -> Iterator[Block]:
        for chunk in chunks(rows):
            yield self._block(chunk)

    def _block(self, rows: range) -> Block:
        where = Where(self.path, TABLE, rows.start)
        values = _flat(hdf5_file.read_rows(self.table, rows, where))
        components = values[:, self.momenta].reshape(len(rows), -1, len(_COMPONENTS))
        return Block(
            where=where,
            constituents=from_cartesian(components, _OF_A_PARTICLE, where),
            label=class_labels(values[:, self.label], [LABEL], 2, where),
        )


@contextmanager
def _open(path: Path) -> Iterator[_Source]:
    with hdf5_file.open_hdf5(path) as file:
        table = hdf5_file.dataset(file, TABLE, path, f"; {_HINT}")
        where = Where(path, TABLE)
        if table.ndim != 1 or table.dtype.names is None:
            raise DataError(
                f"{where} is {table.dtype} of shape {table.shape}, no table of pandas; {_HINT}"
            )
        columns = _columns(table, where)
        momenta = find_columns(columns, _MOMENTA, where)
        yield _Source(path, table, momenta, find_columns(columns, [LABEL], where))


def _columns(table: Any, where: Where) -> list[str]:
    """Names of all columns, in the order of ``_flat``."""
    names: list[str] = []
    for field in _numeric_fields(table.dtype):
        width = int(np.prod(table.dtype[field].shape))
        names += _names_of_field(table, field, width, where)
    return names


def _numeric_fields(dtype: np.dtype[Any]) -> list[str]:
    return [name for name in dtype.names or () if dtype[name].base.kind in "fiub"]


def _names_of_field(table: Any, field: str, width: int, where: Where) -> list[str]:
    if not field.startswith("values_block_"):
        return [field] * width  # the index, or a column of its own (data_columns of pandas)
    pickled = hdf5_file.attribute(table, f"{field}_kind", where)
    names = _PUBLISHED.get(field, []) if pickled is None else _strings(pickled)
    if len(names) != width:
        raise DataError(
            f"{where} names {len(names)} columns of {field} and stores {width}; "
            "the file is damaged or not the published one"
        )
    return names


def _strings(pickled: object) -> list[str]:
    """Strings in a pickle, in order; nothing of it is executed."""
    if not isinstance(pickled, bytes):
        return []
    try:
        return [
            str(text) for code, text, _ in pickletools.genops(pickled) if code.name in _STRINGS
        ]
    except ValueError:
        return []


def _flat(table: NDArray[Any]) -> NDArray[np.float64]:
    """Fields of a compound side by side: shape (rows, columns)."""
    fields = [table[name].reshape(len(table), -1) for name in _numeric_fields(table.dtype)]
    return np.concatenate(fields, axis=1, dtype=np.float64, casting="unsafe")
