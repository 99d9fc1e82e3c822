"""Constant matrices as products read them: columns side by side, each row on whole registers."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from inferon.ops.dot import Dot
from inferon.targets.cpp.memory import REGISTER
from inferon.targets.cpp.view import Buffer, View, dense


def packed_columns(right: View, lead: int, columns: int, name: str) -> View:
    """Return a constant matrix (leading axes, columns), padded with zeros to whole registers."""
    array = right.buffer.array
    assert array is not None
    flat = np.lib.stride_tricks.as_strided(
        array.ravel()[right.offset :],
        right.shape,
        tuple(s * array.itemsize for s in right.strides),
    )
    matrix = flat.reshape(*right.shape[:lead], columns)
    padding = -columns % REGISTER  # so that no load needs a mask
    wide = np.concatenate([matrix, np.zeros((*matrix.shape[:-1], padding), array.dtype)], axis=-1)
    buffer = Buffer(name, right.buffer.element, wide.size, array=wide)
    return View(buffer, matrix.shape, dense(wide.shape))


def packed_rows(left: View, op: Dot, name: str) -> View:
    """Return constant rows side by side: in the memory that they would have as columns."""
    lead = [axis for axis in range(op.batch) if left.strides[axis] != 0]
    last = len(left.shape) - op.contract
    rows, inner = range(op.batch, last), range(last, len(left.shape))
    order = (*lead, *inner, *rows)
    turned = replace(
        left,
        shape=tuple(left.shape[axis] for axis in order),
        strides=tuple(left.strides[axis] for axis in order),
    )
    row_shape = tuple(left.shape[axis] for axis in rows)
    packed = packed_columns(turned, len(lead) + op.contract, prod(row_shape), name)
    strides = dict(zip((*lead, *inner), packed.strides, strict=False))
    strides |= dict(zip(rows, dense(row_shape), strict=True))
    every = tuple(strides.get(axis, 0) for axis in range(len(left.shape)))
    return replace(left, buffer=packed.buffer, strides=every, offset=0)
