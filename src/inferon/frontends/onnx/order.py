"""The order of layers: each after the producers of what it takes; one producer for each value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Protocol, TypeVar

from inferon.errors import InvalidModel
from inferon.frontends.naming import label


class Connected(Protocol):
    """What is put in order."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of what it takes, an empty name for what is left out."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it gives."""

    @property
    def label(self) -> str:
        """Its name for people."""


L = TypeVar("L", bound=Connected)


def in_order(layers: Sequence[L], known: Iterable[str], wanted: Iterable[str]) -> tuple[L, ...]:
    """Return the layers so that each comes after its producers; otherwise in the file's order.

    Parameters
    ----------
    layers : in the file's order
    known : names that have a value from the start
    wanted : names of the model's outputs

    Raises
    ------
    InvalidModel
        When a value has two producers or none, or layers wait for each other.
    """
    available = set()
    for name in known:
        if name in available:
            raise InvalidModel(f"two inputs or initializers are called {label(name)}")
        available.add(name)
    producers = _producers(layers, available)
    for layer in layers:
        for name in layer.needs:
            if name and name not in available and name not in producers:
                raise InvalidModel(
                    f"layer {layer.label} takes {label(name)}, which nothing produces"
                )
    for name in wanted:
        if name not in available and name not in producers:
            raise InvalidModel(f"output {label(name)} is produced by nothing")
    return _sorted(layers, available)


def _producers(layers: Sequence[L], known: set[str]) -> dict[str, L]:
    producers: dict[str, L] = {}
    for layer in layers:
        for name in layer.outputs:
            if not name:
                continue
            if name in known:
                raise InvalidModel(
                    f"layer {layer.label} produces {label(name)}, which is an input or initializer"
                )
            if name in producers:
                first = producers[name].label
                raise InvalidModel(
                    f"{label(name)} is produced twice: by layers {first} and {layer.label}"
                )
            producers[name] = layer
    return producers


def _sorted(layers: Sequence[L], available: set[str]) -> tuple[L, ...]:
    """Kahn's algorithm with the file's order as the tie-break."""
    waiting: dict[str, list[int]] = {}
    missing = []
    ready: list[int] = []
    for i, layer in enumerate(layers):
        needed = {name for name in layer.needs if name and name not in available}
        missing.append(len(needed))
        for name in needed:
            waiting.setdefault(name, []).append(i)
        if not needed:
            ready.append(i)
    done: list[L] = []
    while ready:
        i = heappop(ready)
        done.append(layers[i])
        for name in layers[i].outputs:
            for j in waiting.pop(name, ()) if name else ():
                missing[j] -= 1
                if missing[j] == 0:
                    heappush(ready, j)
    if len(done) != len(layers):
        stuck = next(layer for layer, count in zip(layers, missing, strict=True) if count)
        raise InvalidModel(f"layer {stuck.label} waits for its own result: the graph has a cycle")
    return tuple(done)
