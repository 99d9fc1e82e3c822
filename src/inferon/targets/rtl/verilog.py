"""A pipeline as Verilog-2001: one module, plain vectors, no attributes, no vendor primitives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from inferon.targets.rtl.hierarchy import Layer, layers_of
from inferon.targets.rtl.netlist import (
    AllOf,
    AnyOf,
    Assign,
    Bits,
    Choice,
    Compared,
    Expression,
    Extended,
    Gate,
    Gated,
    Joined,
    Literal,
    Lookup,
    Pipeline,
    Product,
    Ref,
    Register,
    Relation,
    Rom,
    Signal,
    Slice,
    Stage,
    Sum,
)

TIMESCALE = "`timescale 1ns / 1ps"
"""No delay is in a module; tools warn where only some files say what time is counted in."""

_RELATIONS = {Relation.LESS: "<", Relation.LESS_EQUAL: "<=", Relation.EQUAL: "=="}


def verilog(pipeline: Pipeline, head: str) -> str:
    """Return the text of a module.

    ::

        wire [8:0] n_fc1_1 = {x_0[7], x_0} + {x_1[7], x_1};
        ...
        always @(posedge clk) begin
            n_fc1_1_r1 <= n_fc1_1;
        end

    Parameters
    ----------
    head : lines of comment in front
    """
    lines = [f"// {line}".rstrip() for line in head.splitlines()]
    lines += [TIMESCALE, "`default_nettype none", "", *_face(pipeline), *_valid(pipeline)]
    for rom in pipeline.netlist.roms:
        lines += ["", *_rom(rom)]
    for number, stage in enumerate(pipeline.stages):
        lines += ["", f"    // ---- stage {number}", *_stage(stage)]
    lines += [
        "",
        *(f"    assign {each.signal.name} = {_value(each)};" for each in pipeline.outputs),
    ]
    return "\n".join([*lines, "endmodule", "`default_nettype wire", ""])


def verilog_by_layer(pipeline: Pipeline) -> str:
    """Return the text of a module that holds one module for each layer, kept by synthesis.

    Layers are called ``NAME_layer_0, NAME_layer_1, ...`` in the order of `layers_of`.
    """
    layers, name = layers_of(pipeline), pipeline.netlist.name
    lines = [
        line
        for number, layer in enumerate(layers)
        for line in _layer(f"{name}_layer_{number}", layer)
    ]
    lines += [*_face(pipeline), *_valid(pipeline)]
    between = [each for layer in layers for each in layer.outputs]
    lines += [f"    wire {_range(each.width)}{each.name};" for each in between]
    for number, layer in enumerate(layers):
        joined = ", ".join(f".p_{s.name}({s.name})" for s in (*layer.inputs, *layer.outputs))
        lines.append(f"    {name}_layer_{number} inner_{number} (.clk(clk), {joined});")
    lines += [f"    assign {each.signal.name} = {_value(each)};" for each in pipeline.outputs]
    return "\n".join([*lines, "endmodule", ""])


def _layer(name: str, layer: Layer) -> Iterator[str]:
    """Yield a module whose ports are the layer's signals, with ``p_`` before their names."""
    ports = [("input", each) for each in layer.inputs]
    ports += [("output", each) for each in layer.outputs]
    declared = [f"{way} wire {_range(signal.width)}p_{signal.name}" for way, signal in ports]
    yield "(* keep_hierarchy *)"
    yield f"module {name} ("
    yield ",\n".join(f"    {each}" for each in ("input wire clk", *declared))
    yield ");"
    for each in layer.inputs:
        yield f"    wire {_range(each.width)}{each.name} = p_{each.name};"
    for rom in layer.roms:
        yield from _rom(rom)
    for register in layer.registers:
        yield f"    reg {_range(register.signal.width)}{register.signal.name};"
    yield from _stage(Stage(tuple(layer.assigns), ()))
    yield from _clocked(layer.registers)
    for each in layer.outputs:
        yield f"    assign p_{each.name} = {each.name};"
    yield "endmodule"


def _face(pipeline: Pipeline) -> Iterator[str]:
    netlist = pipeline.netlist
    yield f"module {netlist.name} ("
    yield "    input  wire clk,"
    yield "    input  wire rst,  // synchronous; clears the valid bits, data need no reset"
    yield "    input  wire in_valid,"
    for port in netlist.inputs:
        yield f"    input  wire {_range(port.signal.width)}{port.signal.name},  // {port.type}"
    yield "    output wire out_valid,"
    for i, port in enumerate(netlist.outputs):
        comma = "," if i + 1 < len(netlist.outputs) else ""
        declared = f"{_range(port.signal.width)}{port.signal.name}{comma}"
        yield f"    output wire {declared}  // {port.type}"
    yield ");"


def _valid(pipeline: Pipeline) -> Iterator[str]:
    depth = pipeline.latency_cycles
    yield f"    reg {_range(depth)}valid;"
    yield "    always @(posedge clk) begin"
    yield f"        if (rst) valid <= {depth}'d0;"
    moved = "in_valid" if depth == 1 else f"{{valid[{depth - 2}:0], in_valid}}"
    yield f"        else valid <= {moved};"
    yield "    end"
    yield f"    assign out_valid = valid{'' if depth == 1 else f'[{depth - 1}]'};"


def _rom(rom: Rom) -> Iterator[str]:
    yield f"    function {_range(rom.width)}{rom.name};"
    yield f"        input {_range(rom.address_bits)}address;"
    yield "        case (address)"
    for address, entry in enumerate(rom.entries[:-1]):
        yield (
            f"            {rom.address_bits}'d{address}: "
            f"{rom.name} = {_literal(entry, rom.width)};"
        )
    yield f"            default: {rom.name} = {_literal(rom.entries[-1], rom.width)};"
    yield "        endcase"
    yield "    endfunction"


def _stage(stage: Stage) -> Iterator[str]:
    for layer, assigns in groupby(stage.assigns, key=lambda each: each.layer):
        if layer:
            yield f"    // {layer}"
        for each in assigns:
            yield f"    wire {_range(each.signal.width)}{each.signal.name} = {_value(each)};"
    for register in stage.registers:
        yield f"    reg {_range(register.signal.width)}{register.signal.name};"
    yield from _clocked(stage.registers)


def _clocked(registers: Sequence[Register]) -> Iterator[str]:
    if not registers:
        return
    yield "    always @(posedge clk) begin"
    for register in registers:
        yield f"        {register.signal.name} <= {register.source.name};"
    yield "    end"


def _range(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""


def _value(assign: Assign) -> str:
    return expression(assign.value)


def expression(value: Expression) -> str:
    """Return an expression as Verilog."""
    match value:
        case Sum(a, b, subtract):
            return f"{_bits(a)} {'-' if subtract else '+'} {_bits(b)}"
        case Product(a, b):
            signed = a.signal.signed or b.signal.signed
            left, right = (_factor(each.signal, signed=signed) for each in (a, b))
            return f"{left} * {right}"
        case Compared(relation, a, b, signed):
            left, right = _bits(a), _bits(b)
            if signed and relation is not Relation.EQUAL:
                left, right = f"$signed({left})", f"$signed({right})"
            return f"{left} {_RELATIONS[relation]} {right}"
        case Gated(Gate.NOT, bits):
            return f"~{_bits(bits[0])}"
        case Gated(gate, bits):
            return (" & " if gate is Gate.AND else " | ").join(map(_bits, bits))
        case AnyOf(bits):
            return f"|{_bits(bits)}"
        case AllOf(bits):
            return f"&{_bits(bits)}"
        case Choice(condition, a, b):
            return f"{_bits(condition)} ? {_bits(a)} : {_bits(b)}"
        case Lookup(rom, address):
            return f"{rom.name}({_bits(address)})"
        case Ref() | Slice() | Literal() | Extended() | Joined():
            return _bits(value)


def _factor(signal: Signal, *, signed: bool) -> str:
    if not signed:
        return signal.name
    return f"$signed({signal.name})" if signal.signed else f"$signed({{1'b0, {signal.name}}})"


def _bits(bits: Bits) -> str:
    match bits:
        case Ref(signal):
            return signal.name
        case Slice(signal, low, width):
            if signal.width == 1:
                return signal.name
            return (
                f"{signal.name}[{low}]"
                if width == 1
                else f"{signal.name}[{low + width - 1}:{low}]"
            )
        case Literal(value, width):
            return _literal(value, width)
        case Extended(inner, width, signed):
            more = width - inner.width
            if not signed:
                return f"{{{more}'d0, {_bits(inner)}}}"
            return f"{{{{{more}{{{_top(inner)}}}}}, {_bits(inner)}}}"
        case Joined(parts):
            return "{" + ", ".join(map(_bits, parts)) + "}"


def _top(bits: Ref | Slice) -> str:
    """Return the highest bit."""
    high = bits.low + bits.width - 1 if isinstance(bits, Slice) else bits.width - 1
    return _bits(Slice(bits.signal, high, 1))


def _literal(value: int, width: int) -> str:
    number = value % (1 << width)
    return f"{width}'d{number}" if width <= 32 else f"{width}'h{number:x}"
