"""The header: everything that one model needs, in one file that stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

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
from inferon.targets.cpp.edges import event_edge, tile_edge
from inferon.targets.cpp.emit import region_body
from inferon.targets.cpp.function import elementary, elementary_used
from inferon.targets.cpp.interface import interface
from inferon.targets.cpp.memory import touched
from inferon.targets.cpp.program import EVENTS_IN_TILE, Program, Steps, flat
from inferon.targets.cpp.region import (
    Block,
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
    work,
    written,
)
from inferon.targets.cpp.template import filled, runtime, text
from inferon.targets.cpp.view import Buffer, View, dense

LONG = 1 << 13
"""A layer of so many steps is a call, which takes less than 1 % of it.

Where all are written in place, g++ spills (a transformer encoder: 1 to 3 %, measured in turns) and
takes longer (a Particle Transformer: 16 s, not 11)."""


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
        runtime(),
        filled("edges.hpp", events_in_tile=EVENTS_IN_TILE),
        "\n".join(_elementary(made)),
        "\n".join(_functions(made.plan)),
        "",
        "\n".join(_whole(made, made.event, "one_event", made.ports)),
        "",
        "\n".join(event_edge(made)),
        *(_tile(made, made.tile) if made.tile else ()),
        "}  // namespace detail\n",
        "\n".join(interface(made)),
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
        for region in flat(planned.regions)
    ]
    return printed(functions)


def _tile(made: Program, tile: Steps) -> Iterator[str]:
    """Yield the namespace of a tile: the same layers, with events in the lanes."""
    yield "\n// The same for several events side by side, one in each lane.\nnamespace tile {"
    yield "\n".join(_functions(tile.plan))
    yield ""
    yield "\n".join(_whole(made, tile, "events_at_once"))
    yield ""
    yield from tile_edge(made, tile)
    yield "}  // namespace tile\n"


def _names(regions: tuple[Region, ...]) -> dict[int, str]:
    """Return a function name for each region, from the layer's name."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for region in flat(regions):
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
    kind = "INFERON_LONG_LAYER" if work(region) >= LONG else "INFERON_LAYER"
    return f"{kind} void {name}({', '.join(parameters)})"


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


def _whole(made: Program, steps: Steps, name: str, ports: str = "") -> Iterator[str]:
    yield "// All steps; the numbers are places in the weights and in the workspace."
    memory = (
        "[[maybe_unused]] const unsigned char* weights, [[maybe_unused]] unsigned char* workspace"
    )
    yield f"inline void {name}({', '.join(filter(None, (memory, ports)))}) noexcept {{"
    needed = {buffer for region in steps.plan.regions for buffer in touched(region)}
    for buffer in steps.plan.inputs:
        if buffer.external and buffer not in needed:
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
                tuple(_moved(b, block, variables) for b in touched(block.region)),
            )
        )
        for block in region.body
    )
    for variable, count in reversed(list(zip(variables, region.counts, strict=True))):
        body = (For(variable, count, body),)
    return (Remark(_remark(region)), *body)


def _moved(buffer: Buffer, block: Block, names: list[str]) -> Expr:
    """Return the pointer to the part of a buffer that belongs to a block."""
    steps = zip(names, block.moves.get(buffer, ()), strict=False)
    terms = tuple((name, step) for name, step in steps if step)
    name = block.memory(buffer).name
    return At(name, Affine(0, terms)) if terms else Name(name)


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
    kind = scalar_type(region.state.element)
    if region.next.buffer is not region.state:
        whole = View(region.state, region.next.shape, dense(region.next.shape))
        body.extend(region_body(Map(Leaf(region.next), whole, region.origin)))
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
