"""Calling a compiled model on numpy arrays: where they lie if possible, otherwise in pieces.

Two ways lead to the same function.  The direct one takes arrays that have the form of the inputs
and costs little; the other one takes what is left: conversions, and several threads.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from inferon.ir.values import Array
from inferon.targets.cpp.binding import Direct, Port

PIECE_BYTES = 1 << 18
"""Arrays are converted in pieces of a quarter of a second-level cache of 1 MiB (Zen 4)."""

Range = tuple[int, int]
"""Events from a first one to the one behind the last."""


def aligned(size_bytes: int) -> Array:
    """Return zeroed bytes that begin on a cache line."""
    raw = np.zeros(size_bytes + 64, np.uint8)
    return raw[-raw.ctypes.data % 64 :][:size_bytes]


def address(array: Array) -> int | None:
    """Return where a C-contiguous array lies, or None for any other layout."""
    try:
        byte = ctypes.c_char.from_buffer(array)  # type: ignore[arg-type]  # numpy does not say so
        return ctypes.addressof(byte)  # a third of the time of what follows
    except (TypeError, ValueError):  # read-only, empty, or not contiguous
        return array.ctypes.data if array.flags.c_contiguous else None


class _Scratch(threading.local):
    """The workspace of each thread, made when the thread first calls."""

    def __init__(self, size_bytes: int) -> None:
        self.memory = aligned(size_bytes)
        self.address = self.memory.ctypes.data


@dataclass(frozen=True)
class Call:
    """A compiled model as a function of arrays.

    Attributes
    ----------
    function : ``(workspace, *inputs, *outputs, events)``, all of them addresses but the last;
        does not hold the interpreter's lock
    inputs, outputs : what it reads and writes for one event
    workspace_bytes : scratch memory that each thread needs
    tile : events that it computes side by side: threads and pieces take whole tiles
    """

    function: Callable[..., Any]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    workspace_bytes: int
    tile: int

    @cached_property
    def _scratch(self) -> _Scratch:
        return _Scratch(self.workspace_bytes)

    def new_outputs(self, events: int) -> tuple[Array, ...]:
        """Return arrays for the outputs of some events, not written yet."""
        return tuple([np.empty((events, *port.shape), port.dtype) for port in self.outputs])

    @property
    def direct(self) -> Direct:
        """A function of arrays that are read where they lie, for where there is no binding.

        It returns None where one of them has another form.
        """
        function, scratch, count = self.function, self._scratch, len(self.inputs)
        ports = [(port.dtype, port.shape, port.dtype.itemsize) for port in self.inputs]

        def call(*arrays: object) -> tuple[Array, ...] | None:
            if len(arrays) != count:
                return None
            events = 1
            places: list[int | None] = []
            for array, (dtype, shape, item_bytes) in zip(arrays, ports, strict=True):
                if not isinstance(array, np.ndarray) or array.dtype != dtype:
                    return None
                place, here = address(array), array.shape
                if here[1:] != shape or not here or place is None or place % item_bytes:
                    return None
                if places and here[0] != events:
                    return None
                events = here[0]
                places.append(place)
            outputs = self.new_outputs(events)
            places += map(address, outputs)
            function(scratch.address, *places, events)
            return outputs

        return call

    def in_pieces(self, arrays: Sequence[Array], threads: int) -> tuple[Array, ...]:
        """Return the outputs of arrays of any layout, and of dtypes that fit into the inputs'.

        Parameters
        ----------
        arrays : (events, input shape) each, checked
        threads : how many compute at once, each a range of events
        """
        events = len(arrays[0]) if arrays else 1
        outputs = self.new_outputs(events)
        ranges = list(_split(events, -(-events // threads), self.tile))
        if len(ranges) <= 1:
            self._evaluate(arrays, outputs, (0, events))
            return outputs
        with ThreadPoolExecutor(len(ranges)) as pool:
            for done in [pool.submit(self._evaluate, arrays, outputs, each) for each in ranges]:
                done.result()
        return outputs

    def _evaluate(self, arrays: Sequence[Array], outputs: Sequence[Array], span: Range) -> None:
        """Compute a range of events in the calling thread."""
        first, last = span
        for begin, end in _split(last - first, self._events_in_piece(arrays), self.tile):
            here = slice(first + begin, first + end)
            given = [
                np.require(array[here], port.dtype, ("C", "A"))  # itself where it is that already
                for array, port in zip(arrays, self.inputs, strict=True)
            ]
            places = [each.ctypes.data for each in (*given, *(out[here] for out in outputs))]
            self.function(self._scratch.address, *places, end - begin)

    def _events_in_piece(self, arrays: Sequence[Array]) -> int:
        """Return how many events are converted at once; all of them where nothing has to be."""
        converted = [
            int(np.prod(port.shape)) * port.dtype.itemsize
            for array, port in zip(arrays, self.inputs, strict=True)
            if not _is_read_in_place(array, port)
        ]
        return max(1, PIECE_BYTES // max(1, sum(converted))) if converted else 1 << 62


def _is_read_in_place(array: Array, port: Port) -> bool:
    flags = array.flags
    return array.dtype == port.dtype and flags.c_contiguous and flags.aligned


def _split(events: int, size: int, tile: int) -> Iterator[Range]:
    """Yield ranges of about so many events, each but the last of whole tiles."""
    size = max(1, -(-size // tile)) * tile
    for begin in range(0, events, size):
        yield begin, min(begin + size, events)
