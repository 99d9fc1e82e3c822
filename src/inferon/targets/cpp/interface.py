"""The interface of a header: what callers see, each entry point a thin edge around the steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from inferon.targets.cpp.code import scalar_type
from inferon.targets.cpp.program import EVENTS_IN_TILE, STACK_BYTES, Program
from inferon.targets.cpp.ragged import RaggedPorts
from inferon.targets.cpp.template import filled
from inferon.targets.cpp.view import Buffer

_GIVEN = "const Weights& weights, Workspace& workspace"


def interface(made: Program) -> Iterator[str]:
    """Yield the lines of the interface."""
    yield from _meta(made)
    yield filled("loading.hpp", hash=f"{checksum(made.blob()):#x}u")
    yield from _evaluate(made)
    yield from _batch(made)
    yield from _columns(made)
    yield from _lanes(made)
    if made.ragged is not None:
        yield from _ragged(made, made.ragged)


def _meta(made: Program) -> Iterator[str]:
    plan = made.plan
    yield "struct Meta {"
    yield f'  static constexpr const char* name = "{made.name}";'
    for kind, buffers in (("input", plan.inputs), ("output", plan.outputs)):
        for buffer in buffers:
            what = f"{kind}, {_type_of(made, buffer)}"
            yield f"  static constexpr std::size_t {buffer.name}_size = {buffer.size};  // {what}"
    yield f"  static constexpr std::size_t workspace_bytes = {made.workspace_bytes};"
    yield f"  static constexpr std::size_t weight_bytes = {len(made.blob())};"
    yield "};\n"


def checksum(data: bytes) -> int:
    """Return FNV-1a over 64-bit words: cheap in C++, and enough to notice the wrong file."""
    value = 0xCBF29CE484222325
    for word in np.frombuffer(data, "<u8").tolist():
        value = ((value ^ word) * 0x100000001B3) & (2**64 - 1)
    return value


def _type_of(made: Program, buffer: Buffer) -> str:
    graph = made.plan.graph
    nodes = dict(zip((b.name for b in made.plan.inputs), graph.inputs, strict=True))
    nodes.update(zip((b.name for b in made.plan.outputs), graph.outputs, strict=True))
    return str(nodes[buffer.name].type)


def _evaluate(made: Program) -> Iterator[str]:
    yield "// One event. The pointers must not overlap."
    yield f"INFERON_HIDDEN void evaluate({_GIVEN}, {made.ports}) noexcept {{"
    yield f"  detail::one_event(weights.data, workspace.anew(), {made.passed()});\n}}\n"
    event_bytes = made.event.layout.size_bytes
    if event_bytes <= STACK_BYTES:
        yield "// One event, with its scratch memory on the stack."
        yield f"INFERON_HIDDEN void evaluate(const Weights& weights, {made.ports}) noexcept {{"
        yield f"  alignas(64) unsigned char workspace[{event_bytes}];"
        yield f"  detail::one_event(weights.data, workspace, {made.passed()});\n}}\n"


def _batch(made: Program) -> Iterator[str]:
    yield "// Many events, one behind the other; the bits are those of each event alone."
    yield _head("evaluate_batch", made.ports)
    tile = f"detail::tile::through({_call(f'Rows<{EVENTS_IN_TILE}>{{event}}', made)});"
    yield from _events(made, tile, f"evaluate(weights, workspace, {made.passed('event')});")


def _columns(made: Program) -> Iterator[str]:
    yield "// Many events as columns: element k of event i lies at in[k][i] and out[k][i]; the"
    yield "// elements of an event count in row-major order."
    yield _head("evaluate_columns", made.columns)
    tile = f"detail::tile::through({_call(f'Columns<{EVENTS_IN_TILE}>{{event}}', made)});"
    alone = f"detail::through({_call('Columns<1>{event}', made)});"
    yield from _events(made, tile, alone)


def _lanes(made: Program) -> Iterator[str]:
    kinds = dict.fromkeys(scalar_type(port.element) for port in made.arguments)
    inputs = [f"const {_pack(port)}* {port.name}" for port in made.plan.inputs]
    outputs = [f"{_pack(port)}* {port.name}" for port in made.plan.outputs]
    yield "// As many events as a pack has lanes (1, 2, 4, 8 or 16): in[k] and out[k] hold element"
    yield "// k of all. A pack is any trivially copyable type, such as __m512, float32x4_t,"
    yield "// std::array<float, 8> or float."
    yield f"template <{', '.join(f'class {_packs_of(kind)}' for kind in kinds)}>"
    parameters = ", ".join([_GIVEN, *inputs, *outputs])
    yield f"INFERON_HIDDEN void evaluate_lanes({parameters}) noexcept {{"
    counts = [f"detail::lanes_of<{_packs_of(kind)}, {kind}>()" for kind in kinds]
    yield f"  constexpr std::size_t lanes = {counts[0]};"
    for other in counts[1:]:
        yield f'  static_assert(lanes == {other}, "as many lanes in each pack");'
    if made.tile:
        yield "  if constexpr (lanes > 1)"
        yield f"    return detail::tile::through({_call('Packs{}', made)});"
    yield "  for (std::size_t lane = 0; lane < lanes; ++lane)"
    yield f"    detail::through({_call('Lane{lane}', made)});\n}}\n"


def _ragged(made: Program, ragged: RaggedPorts) -> Iterator[str]:
    yield "// Many events with sets of any size: event i has rows offsets[i] to offsets[i + 1]."
    yield f"// The first {ragged.most} of them count, missing ones are 0."
    for place, what in ((ragged.mask, "mask"), (ragged.count, "count")):
        if place is not None:
            yield f"// The {what} {made.plan.inputs[place].name} is made of the offsets."
    ports = made.parameters("*", made.ragged_arguments)
    yield _head("evaluate_ragged", f"const std::int64_t* offsets, {ports}")
    given = ", ".join(
        [
            *(_taken(made, ragged, place) for place, _ in enumerate(made.plan.inputs)),
            *(port.name for port in made.plan.outputs),
        ]
    )
    memory = "weights.data, workspace.anew()"
    tile = f"detail::tile::through(detail::Rows<{EVENTS_IN_TILE}>{{event}}, {memory}, {given});"
    alone = f"detail::through(detail::Rows<1>{{event}}, {memory}, {given});"
    yield from _events(made, tile, alone)


def _taken(made: Program, ragged: RaggedPorts, place: int) -> str:
    """Return what an input is made of."""
    port = made.plan.inputs[place]
    if place in ragged.values:
        kind = f"RaggedSet<{ragged.most}, {scalar_type(port.element)}>"
        return f"detail::{kind}{{{{offsets}}, {port.name}}}"
    if place == ragged.mask:
        return f"detail::RaggedMask<{ragged.most}>{{{{offsets}}}}"
    if place == ragged.count:
        return f"detail::RaggedCount<{ragged.most}>{{{{offsets}}}}"
    return port.name


def _pack(port: Buffer) -> str:
    return _packs_of(scalar_type(port.element))


def _packs_of(kind: str) -> str:
    """Return a name for packs of values: ``Floats``, ``Int32s``."""
    return f"{kind.removeprefix('std::').removesuffix('_t').capitalize()}s"


def _head(name: str, ports: str) -> str:
    parameters = f"{_GIVEN}, {ports}, std::size_t events"
    return f"INFERON_HIDDEN void {name}({parameters}) noexcept {{"


def _call(edge: str, made: Program) -> str:
    return f"detail::{edge}, weights.data, workspace.anew(), {made.passed()}"


def _events(made: Program, tile: str, alone: str) -> Iterator[str]:
    """Yield the loop over all events: tiles while they are full, then one by one."""
    yield "  std::size_t event = 0;"
    if made.tile:
        yield f"  for (; event + {EVENTS_IN_TILE} <= events; event += {EVENTS_IN_TILE})"
        yield f"    {tile}"
    yield "  for (; event < events; ++event)"
    yield f"    {alone}\n}}\n"
