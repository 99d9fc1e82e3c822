"""The header: everything that one model needs, in one file that stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.values import storage
from inferon.targets.cpp import spell
from inferon.targets.cpp.code import (
    Affine,
    At,
    Call,
    Declare,
    Do,
    Expr,
    For,
    Function,
    Name,
    Remark,
    Stmt,
    printed,
    scalar_type,
)
from inferon.targets.cpp.emit import region_body
from inferon.targets.cpp.function import elementary, elementary_used
from inferon.targets.cpp.fuse import plan, tile_plan
from inferon.targets.cpp.memory import Layout, allocate, touched
from inferon.targets.cpp.region import (
    Blocked,
    Choose,
    Collect,
    Deposit,
    Leaf,
    Map,
    Plan,
    Product,
    Reduce,
    Region,
    Repeat,
    written,
)
from inferon.targets.cpp.template import text
from inferon.targets.cpp.tile import side_by_side
from inferon.targets.cpp.view import Buffer, View, dense

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
    """

    name: str
    event: Steps
    tile: Steps | None
    weights: tuple[tuple[Buffer, int], ...]

    @property
    def plan(self) -> Plan:
        """The plan of one event."""
        return self.event.plan

    @property
    def workspace_bytes(self) -> int:
        """Bytes of memory that a call needs, for events alone and for tiles."""
        return max(each.layout.size_bytes for each in (self.event, self.tile) if each)

    @property
    def weight_bytes(self) -> int:
        """Size of the packed weights."""
        return max((offset + _bytes(buffer) for buffer, offset in self.weights), default=0)

    @property
    def ports(self) -> str:
        """The parameters of a call: inputs, then outputs."""
        inputs = [f"const {scalar_type(b.element)}* {b.name}" for b in self.plan.inputs]
        outputs = [f"{scalar_type(b.element)}* {b.name}" for b in self.plan.outputs]
        return ", ".join([*inputs, *outputs])

    def passed(self, event: str = "") -> str:
        """Return the arguments of a call, moved to the place of an event."""
        names = [buffer.name for buffer in (*self.plan.inputs, *self.plan.outputs)]
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


def program(name: str, graph: Graph) -> Program:
    """Plan a graph in stage FLOAT, and place buffers and weights."""
    event = _steps(plan(graph))
    tile = _tile_steps(graph) if any(map(_is_product, _flat(event.plan.regions))) else None
    return Program(name, event, tile, _placed(each for each in (event, tile) if each))


def _is_product(region: Region) -> bool:
    return isinstance(region, Product)


def _tile_steps(graph: Graph) -> Steps | None:
    """Return what is done for a tile, or None where there is none or it is too large."""
    tiled = side_by_side(graph, EVENTS_IN_TILE, lambda element: element in spell.IN_REGISTERS)
    found = _steps(tile_plan(tiled)) if tiled else None
    return found if found and found.layout.size_bytes <= TILE_BYTES else None


def _steps(planned: Plan) -> Steps:
    return Steps(planned, allocate(planned.regions))


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


def header(made: Program, signature: str) -> str:
    """Return the text of the header; ``signature`` says what made it from what."""
    guard = f"INFERON_{made.name.upper()}_HPP"
    parts = [
        f"// {made.name}: written by Inferon. Changes belong in the model, not here.",
        f"// {signature}",
        f"#ifndef {guard}\n#define {guard}\n",
        text("prelude.hpp"),
        f"namespace inferon {{\nnamespace {made.name} {{",
        'inline namespace INFERON_ISA {\nnamespace [[gnu::visibility("hidden")]] detail {\n',
        text("runtime.hpp"),
        "\n".join(_elementary(made)),
        "\n".join(_functions(made.plan)),
        "",
        "\n".join(_whole(made, made.event, "one_event")),
        *(_tile(made, made.tile) if made.tile else ()),
        "}  // namespace detail\n",
        "\n".join(_interface(made)),
        f"\n}}  // namespace INFERON_ISA\n}}  // namespace {made.name}\n}}  // namespace inferon",
        f"\n#undef INFERON_LANES\n#endif  // {guard}\n",
    ]
    return "\n".join(parts)


# ----------------------------------------------------------------------------------------
# functions


def _elementary(made: Program) -> Iterator[str]:
    tile = made.tile.plan.regions if made.tile else ()
    return printed([elementary(*used) for used in elementary_used((*made.plan.regions, *tile))])


def _functions(planned: Plan) -> Iterator[str]:
    names = _names(planned.regions)
    functions = [
        Function(_head(region, names[id(region)]), _remark(region), region_body(region))
        for region in _flat(planned.regions)
    ]
    return printed(functions)


def _tile(made: Program, tile: Steps) -> Iterator[str]:
    """Yield the namespace of a tile: the same layers, with events in the lanes."""
    yield "\n// The same for several events side by side, one in each lane.\nnamespace tile {"
    yield "\n".join(_functions(tile.plan))
    yield ""
    yield "\n".join(_whole(made, tile, "events_at_once"))
    yield "}  // namespace tile\n"


def _flat(regions: tuple[Region, ...]) -> Iterator[Region]:
    for region in regions:
        match region:
            case Repeat():
                yield from _flat(region.body)
            case Blocked():
                yield from (block.region for block in region.body)
            case _:
                yield region


def _names(regions: tuple[Region, ...]) -> dict[int, str]:
    """Return a function name for each region, from the layer's name."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for region in _flat(regions):
        stem = re.sub(r"[^a-z0-9]+", "_", region.origin.lower()).strip("_")[:32] or "step"
        stem = stem if stem[0].isalpha() else f"layer_{stem}"
        name, number = f"{stem}_", 1
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name)
        names[id(region)] = name
    return names


def _head(region: Region, name: str) -> str:
    targets = {view.buffer for view in written(region)}
    parameters = [
        f"{'' if buffer in targets else 'const '}{scalar_type(buffer.element)}* {buffer.name}"
        for buffer in touched(region)
    ]
    return f"INFERON_INLINE void {name}({', '.join(parameters)})"


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one"


def _remark(region: Region) -> str:
    layer = f"{region.origin}: " if region.origin else ""
    match region:
        case Map(to=to):
            return f"{layer}{_shape(to.shape)} of {to.buffer.element}, element by element"
        case Reduce(op=op, shape=shape, to=to):
            return f"{layer}{op.spelling()} of {_shape(shape)} to {_shape(to.shape)}"
        case Product(left=left, right=right, to=to):
            return f"{layer}{_shape(to.shape)} = {_shape(left.shape)} . {_shape(right.shape)}"
        case Choose(source=source, op=op):
            return f"{layer}the {op.k} best of {_shape(source.shape)}"
        case Collect(source=source, to=to):
            return f"{layer}{_shape(to.shape)} chosen from {_shape(source.shape)}"
        case Deposit(op=op, shape=shape, to=to):
            how = op.combine.name.lower()
            return f"{layer}{_shape(shape)} updates of {_shape(to.shape)}, in order ({how})"
        case Repeat(steps=steps):
            return f"{layer}{steps} steps"
        case Blocked(counts=counts):
            return f"{layer}{_shape(counts)} blocks"


# ----------------------------------------------------------------------------------------
# interface


def _interface(made: Program) -> Iterator[str]:
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
    yield "// The weights: immutable, shared by all threads, aligned to 64 bytes."
    yield "struct Weights {\n  const unsigned char* data;\n};\n"
    yield from _check_weights(made)
    yield "// Scratch memory for one call at a time."
    yield "struct Workspace {\n  alignas(64) unsigned char bytes[Meta::workspace_bytes];\n};\n"
    yield "// One event. The pointers must not overlap."
    given = "const Weights& weights, Workspace& workspace"
    yield f"INFERON_HIDDEN void evaluate({given}, {made.ports}) noexcept {{"
    yield f"  detail::one_event(weights.data, workspace.bytes, {made.passed()});\n}}\n"
    event_bytes = made.event.layout.size_bytes
    if event_bytes <= STACK_BYTES:
        yield "// One event, with its scratch memory on the stack."
        yield f"INFERON_HIDDEN void evaluate(const Weights& weights, {made.ports}) noexcept {{"
        yield f"  alignas(64) unsigned char workspace[{event_bytes}];"
        yield f"  detail::one_event(weights.data, workspace, {made.passed()});\n}}\n"
    yield "// Many events, one behind the other; the bits are those of each event alone."
    yield (
        "INFERON_HIDDEN void evaluate_batch(const Weights& weights, Workspace& workspace, "
        f"{made.ports}, std::size_t events) noexcept {{"
    )
    whole = f"events - events % {EVENTS_IN_TILE}" if made.tile else "0"
    yield f"  const std::size_t in_tiles = {whole};"
    if made.tile:
        yield f"  for (std::size_t event = 0; event < in_tiles; event += {EVENTS_IN_TILE})"
        yield "    detail::tile::events_at_once(weights.data, workspace.bytes,"
        yield f"                                 {made.passed('event')});"
    yield "  for (std::size_t event = in_tiles; event < events; ++event)"
    yield f"    evaluate(weights, workspace, {made.passed('event')});\n}}"


def _check_weights(made: Program) -> Iterator[str]:
    blob = made.blob()
    yield "// Whether bytes, read or mapped from a file, are the weights of this model:"
    yield "// size, alignment and checksum."
    yield "INFERON_HIDDEN bool check_weights(const void* bytes, std::size_t size) noexcept {"
    yield "  if (size != Meta::weight_bytes) return false;"
    yield "  if (reinterpret_cast<std::uintptr_t>(bytes) % 64 != 0) return false;"
    yield "  std::uint64_t hash = 0xcbf29ce484222325u;"
    yield "  for (std::size_t i = 0; i < size; i += 8) {"
    yield "    std::uint64_t word;"
    yield "    std::memcpy(&word, static_cast<const unsigned char*>(bytes) + i, 8);"
    yield "    hash = (hash ^ word) * 0x100000001b3u;"
    yield "  }"
    yield f"  return hash == {checksum(blob):#x}u;"
    yield "}\n"


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


def _whole(made: Program, steps: Steps, name: str) -> Iterator[str]:
    yield "// All steps; the numbers are places in the weights and in the workspace."
    memory = (
        "[[maybe_unused]] const unsigned char* weights, [[maybe_unused]] unsigned char* workspace"
    )
    yield f"inline void {name}({memory}, {made.ports}) noexcept {{"
    needed = {buffer for region in steps.plan.regions for buffer in touched(region)}
    for buffer in steps.plan.inputs:
        if buffer not in needed:
            yield f"  static_cast<void>({buffer.name});  // no output depends on it"
    yield from places(made, steps)
    for calls in called(steps):
        yield from printed(calls, 1)
    yield "}"


def places(made: Program, steps: Steps) -> Iterator[str]:
    """Yield a pointer for every array in the weights and in the workspace."""
    needed = {buffer for region in steps.plan.regions for buffer in touched(region)}
    for buffer, offset in made.weights:
        if buffer in needed:
            kind = f"const {scalar_type(buffer.element)}"
            yield f"  const auto* {buffer.name} = reinterpret_cast<{kind}*>(weights + {offset});"
    for buffer, offset in steps.layout.offsets.items():
        kind = scalar_type(buffer.element)
        yield f"  auto* {buffer.name} = reinterpret_cast<{kind}*>(workspace + {offset});"


def called(steps: Steps) -> list[tuple[Stmt, ...]]:
    """Return the statements of each region, in their order."""
    names = _names(steps.plan.regions)
    return [_calls((region,), names) for region in steps.plan.regions]


def _calls(regions: tuple[Region, ...], names: dict[int, str]) -> tuple[Stmt, ...]:
    statements: list[Stmt] = []
    for region in regions:
        if isinstance(region, Repeat):
            statements.extend(_repeat(region, names))
        elif isinstance(region, Blocked):
            statements.extend(_in_blocks(region, names))
        else:
            arguments = tuple(Name(buffer.name) for buffer in touched(region))
            statements.append(Do(Call(names[id(region)], arguments)))
    return tuple(statements)


def _in_blocks(region: Blocked, names: dict[int, str]) -> tuple[Stmt, ...]:
    """Return the loops over blocks, with pointers that move from one to the next."""
    variables = [f"g{number}" for number in range(len(region.counts))]
    body: tuple[Stmt, ...] = tuple(
        Do(
            Call(
                names[id(block.region)],
                tuple(_moved(b, block.moves, variables) for b in touched(block.region)),
            )
        )
        for block in region.body
    )
    for variable, count in reversed(list(zip(variables, region.counts, strict=True))):
        body = (For(variable, count, body),)
    return (Remark(_remark(region)), *body)


def _moved(buffer: Buffer, moves: Mapping[Buffer, tuple[int, ...]], names: list[str]) -> Expr:
    """Return the pointer to the part of a buffer that belongs to a block."""
    steps = zip(names, moves.get(buffer, ()), strict=False)
    terms = tuple((name, step) for name, step in steps if step)
    return At(buffer.name, Affine(0, terms)) if terms else Name(buffer.name)


def _repeat(region: Repeat, names: dict[int, str]) -> tuple[Stmt, ...]:
    variable = f"step_of_{region.state.name}"
    body: list[Stmt] = []
    for view, step in region.sequences:
        kind = scalar_type(step.element)
        place = Affine(view.offset, ((variable, view.strides[0]),))
        kind = f"[[maybe_unused]] const {kind}*"  # a body need not read its step
        body.append(Declare(kind, step.name, At(view.buffer.name, place)))
    body.extend(_calls(region.body, names))
    count = region.state.size
    whole = View(region.state, region.next.shape, dense(region.next.shape))
    kind = scalar_type(region.state.element)
    copy = Map(Leaf(region.next), whole, region.origin)
    body.extend(region_body(copy))
    if region.history is not None:
        target = At(region.history.name, Affine(0, ((variable, count),)))
        body.append(
            Do(
                Call(
                    "std::memcpy",
                    (target, Name(region.state.name), Name(f"{count} * sizeof({kind})")),
                )
            )
        )
    return (Remark(_remark(region)), For(variable, region.steps, tuple(body)))
