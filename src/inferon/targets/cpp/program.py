"""A planned model: its steps, their memory, and its weights.  Every file is printed from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.values import storage
from inferon.targets.cpp import spell
from inferon.targets.cpp.code import scalar_type
from inferon.targets.cpp.fuse import plan, tile_plan
from inferon.targets.cpp.memory import Layout, allocate, size_bytes, touched
from inferon.targets.cpp.ragged import Ragged, RaggedPorts
from inferon.targets.cpp.region import Blocked, Plan, Product, Region, Repeat
from inferon.targets.cpp.tile import side_by_side
from inferon.targets.cpp.view import Buffer

EVENTS_IN_TILE = 16
"""Events of a tile: one 512-bit register of floats, two of AVX2, four of NEON."""

TILE_BYTES = 1 << 19
"""A tile is used where its workspace fits half of a second-level cache of 1 MiB (Zen 4)."""

STACK_BYTES = 1 << 18
"""A workspace up to this size is offered on the stack: an eighth of the usual 2 MiB and more."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What one function does: its regions, and their memory in the workspace."""

    plan: Plan
    layout: Layout


@dataclass(frozen=True, slots=True)
class Program:
    """A planned model with its memory: what the files of an artefact are printed from.

    Attributes
    ----------
    event : what is done for one event
    tile : what is done for `EVENTS_IN_TILE` events at once, where a model has products
    weights : the constants of both, each with its place
    ragged : the inputs that callers hold as rows and offsets, if any
    dispatch : whether the C interface chooses an instruction set at run time
    """

    name: str
    event: Steps
    tile: Steps | None
    weights: tuple[tuple[Buffer, int], ...]
    ragged: RaggedPorts | None
    dispatch: bool

    @property
    def plan(self) -> Plan:
        """The plan of one event."""
        return self.event.plan

    @property
    def arguments(self) -> tuple[Buffer, ...]:
        """What a caller hands over: inputs, then outputs."""
        return (*self.plan.inputs, *self.plan.outputs)

    @property
    def ragged_arguments(self) -> tuple[Buffer, ...]:
        """The same without the inputs that are made of the offsets of a ragged set."""
        made_inside = (self.ragged.mask, self.ragged.count) if self.ragged else ()
        inputs = enumerate(self.plan.inputs)
        given = (each for place, each in inputs if place not in made_inside)
        return (*given, *self.plan.outputs)

    @property
    def gathered(self) -> dict[str, int]:
        """Where the arguments of one event lie when it is brought together in the workspace."""
        places, place = {}, self.event.layout.size_bytes
        for buffer in self.arguments:
            places[buffer.name] = place
            place += size_bytes(buffer)
        return places

    @property
    def workspace_bytes(self) -> int:
        """Bytes of memory that a call needs, for events alone and for tiles."""
        alone = self.event.layout.size_bytes + sum(map(size_bytes, self.arguments))
        return max(alone, self.tile.layout.size_bytes if self.tile else 0)

    @property
    def weight_bytes(self) -> int:
        """Size of the packed weights."""
        return max((offset + _bytes(buffer) for buffer, offset in self.weights), default=0)

    @property
    def ports(self) -> str:
        """The parameters of a call: inputs, then outputs."""
        return self.parameters("*", self.arguments)

    @property
    def columns(self) -> str:
        """The same where each element of an argument has a pointer of its own."""
        return self.parameters("* const*", self.arguments)

    def parameters(self, pointer: str, arguments: Iterable[Buffer]) -> str:
        """Return the parameters of a call with some kind of pointer."""
        inputs = set(self.plan.inputs)
        return ", ".join(
            f"{'const ' if each in inputs else ''}{scalar_type(each.element)}{pointer} {each.name}"
            for each in arguments
        )

    def passed(self, event: str = "") -> str:
        """Return the arguments of a call, moved to the place of an event."""
        names = [buffer.name for buffer in self.arguments]
        if not event:
            return ", ".join(names)
        meta = f"inferon::{self.name}::Meta"
        return ", ".join(f"{name} + {event} * {meta}::{name}_size" for name in names)

    def blob(self) -> bytes:
        """Return the packed weights, each array on its own cache line."""
        data = bytearray(-(-self.weight_bytes // 64) * 64)
        for buffer, offset in self.weights:
            assert buffer.array is not None
            raw = np.ascontiguousarray(buffer.array).tobytes()
            data[offset : offset + len(raw)] = raw
        return bytes(data)


def program(
    name: str, graph: Graph, ragged: Ragged | None = None, *, dispatch: bool = False
) -> Program:
    """Plan a graph in stage FLOAT, and place buffers and weights."""
    sets = ragged.of(graph) if ragged else None
    planned = plan(graph)
    event = Steps(planned, allocate(planned.regions))
    tile = _tile_steps(graph) if any(map(_is_product, flat(event.plan.regions))) else None
    weights = _placed(each for each in (event, tile) if each)
    return Program(name, event, tile, weights, sets, dispatch)


def _is_product(region: Region) -> bool:
    return isinstance(region, Product)


def _tile_steps(graph: Graph) -> Steps | None:
    """Return what is done for a tile, or None where there is none or it is too large."""
    tiled = side_by_side(graph, EVENTS_IN_TILE, lambda element: element in spell.IN_REGISTERS)
    if tiled is None:
        return None
    planned = tile_plan(tiled)
    layout = allocate(planned.regions, given=planned.inputs, kept=planned.outputs)
    return Steps(planned, layout) if layout.size_bytes <= TILE_BYTES else None


def flat(regions: tuple[Region, ...]) -> Iterator[Region]:
    """Yield the regions with those inside of loops in the place of the loops."""
    for region in regions:
        match region:
            case Repeat():
                yield from flat(region.body)
            case Blocked():
                yield from (block.region for block in region.body)
            case _:
                yield region


def _placed(all_steps: Iterable[Steps]) -> tuple[tuple[Buffer, int], ...]:
    """Return every constant with its place; equal ones share it."""
    regions = [region for each in all_steps for region in each.plan.regions]
    constants = dict.fromkeys(b for r in regions for b in touched(r) if b.array is not None)
    places: dict[bytes, int] = {}
    offset = 0
    placed = []
    for buffer in constants:
        assert buffer.array is not None
        content = np.ascontiguousarray(buffer.array).tobytes()
        if content not in places:
            places[content] = offset
            offset += -(-_bytes(buffer) // 64) * 64
        placed.append((buffer, places[content]))
    return tuple(placed)


def _bytes(buffer: Buffer) -> int:
    return buffer.size * storage(buffer.element).itemsize
