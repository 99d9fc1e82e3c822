"""A pipeline as VHDL-2008: one entity, vectors of ``numeric_std.unsigned`` inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from inferon.targets.rtl.expressions import renamed, signals
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
    Relation,
    Rom,
    Signal,
    Slice,
    Stage,
    Sum,
    Vector,
)

_RELATIONS = {Relation.LESS: "<", Relation.LESS_EQUAL: "<=", Relation.EQUAL: "="}
_ENTRIES_IN_LINE = 8


def vhdl(pipeline: Pipeline, head: str) -> str:
    """Return the text of an entity with its architecture.

    ::

        n_fc1_1 <= unsigned(resize(signed(x_0), 9)) + unsigned(resize(signed(x_1), 9));
        ...
        if rising_edge(clk) then
            n_fc1_1_r1 <= n_fc1_1;

    Parameters
    ----------
    head : lines of comment in front
    """
    pipeline = _with_inner_ports(pipeline)
    lines = [f"-- {line}".rstrip() for line in head.splitlines()]
    lines += ["library ieee;", "use ieee.std_logic_1164.all;", "use ieee.numeric_std.all;", ""]
    lines += [*_face(pipeline), "", f"architecture rtl of {pipeline.netlist.name} is"]
    lines += _declarations(pipeline)
    lines += ["begin", *_valid(pipeline), *_inputs(pipeline)]
    for number, stage in enumerate(pipeline.stages):
        lines += ["", f"    -- ---- stage {number}", *_stage(stage)]
    lines += ["", *(_output(each) for each in pipeline.outputs), "end architecture;", ""]
    return "\n".join(lines)


def _with_inner_ports(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline that reads its input ports as unsigned vectors."""
    names = {port.signal: _inside(port.signal) for port in pipeline.netlist.inputs}

    def inner(assign: Assign) -> Assign:
        own = {each: names.get(each, each) for each in signals(assign.value)}
        return replace(assign, value=renamed(assign.value, own))

    stages = tuple(
        replace(stage, assigns=tuple(map(inner, stage.assigns))) for stage in pipeline.stages
    )
    return replace(pipeline, stages=stages)


def _face(pipeline: Pipeline) -> Iterator[str]:
    netlist = pipeline.netlist
    yield f"entity {netlist.name} is"
    yield "    port ("
    yield "        clk       : in  std_logic;"
    yield "        rst       : in  std_logic;  -- synchronous; clears the valid bits"
    yield "        in_valid  : in  std_logic;"
    for port in netlist.inputs:
        yield f"        {port.signal.name} : in  {_vector(port)};  -- {port.type}"
    yield "        out_valid : out std_logic;"
    for i, port in enumerate(netlist.outputs):
        end = ";" if i + 1 < len(netlist.outputs) else ""
        yield f"        {port.signal.name} : out {_vector(port)}{end}  -- {port.type}"
    yield "    );"
    yield "end entity;"


def _vector(port: Vector) -> str:
    return f"std_logic_vector({port.signal.width - 1} downto 0)"


def _type(width: int) -> str:
    return f"unsigned({width - 1} downto 0)"


def _declarations(pipeline: Pipeline) -> Iterator[str]:
    for rom in pipeline.netlist.roms:
        yield from _rom(rom)
    yield f"    signal valid : {_type(pipeline.latency_cycles)};"
    for port in pipeline.netlist.inputs:
        yield f"    signal {_inside(port.signal).name} : {_type(port.signal.width)};"
    for stage in pipeline.stages:
        made = [each.signal for each in stage.assigns]
        held = [each.signal for each in stage.registers]
        for signal in (*made, *held):
            yield f"    signal {signal.name} : {_type(signal.width)};"


def _inside(port: Signal) -> Signal:
    """Return an input port as an unsigned vector."""
    return replace(port, name=f"p_{port.name}")


def _inputs(pipeline: Pipeline) -> Iterator[str]:
    for port in pipeline.netlist.inputs:
        yield f"    {_inside(port.signal).name} <= unsigned({port.signal.name});"


def _rom(rom: Rom) -> Iterator[str]:
    yield f"    type {rom.name}_type is array (0 to {len(rom.entries) - 1}) of {_type(rom.width)};"
    yield f"    constant {rom.name} : {rom.name}_type := ("
    texts = [_literal(entry, rom.width) for entry in rom.entries]
    for first in range(0, len(texts), _ENTRIES_IN_LINE):
        part = texts[first : first + _ENTRIES_IN_LINE]
        end = "," if first + _ENTRIES_IN_LINE < len(texts) else ""
        yield "        " + ", ".join(part) + end
    yield "    );"


def _valid(pipeline: Pipeline) -> Iterator[str]:
    depth = pipeline.latency_cycles
    yield "    process (clk) begin"
    yield "        if rising_edge(clk) then"
    yield "            if rst = '1' then"
    yield "                valid <= (others => '0');"
    yield "            else"
    moved = f"valid({depth - 2} downto 0) & in_valid" if depth > 1 else '"" & in_valid'
    yield f"                valid <= {moved};"
    yield "            end if;"
    yield "        end if;"
    yield "    end process;"
    yield f"    out_valid <= valid({depth - 1});"


def _stage(stage: Stage) -> Iterator[str]:
    for layer, assigns in groupby(stage.assigns, key=lambda each: each.layer):
        if layer:
            yield f"    -- {layer}"
        for each in assigns:
            yield f"    {each.signal.name} <= {expression(each.value)};"
    if stage.registers:
        yield "    process (clk) begin"
        yield "        if rising_edge(clk) then"
        for register in stage.registers:
            yield f"            {register.signal.name} <= {register.source.name};"
        yield "        end if;"
        yield "    end process;"


def _output(assign: Assign) -> str:
    return f"    {assign.signal.name} <= std_logic_vector({expression(assign.value)});"


def expression(value: Expression) -> str:
    """Return an expression as VHDL."""
    match value:
        case Sum(a, b, subtract):
            return f"{_bits(a)} {'-' if subtract else '+'} {_bits(b)}"
        case Product(a, b, width):
            return _product(a.signal, b.signal, width)
        case Compared(relation, a, b, signed):
            left, right = _bits(a), _bits(b)
            if signed and relation is not Relation.EQUAL:
                left, right = _signed(a), _signed(b)
            return f'"1" when {left} {_RELATIONS[relation]} {right} else "0"'
        case Gated(Gate.NOT, bits):
            return f"not {_bits(bits[0])}"
        case Gated(gate, bits):
            return (" and " if gate is Gate.AND else " or ").join(map(_bits, bits))
        case AnyOf(bits):
            return f'"1" when {_bits(bits)} /= 0 else "0"'
        case AllOf(bits):
            return f'"0" when (not {_bits(bits)}) /= 0 else "1"'
        case Choice(condition, a, b):
            return f'{_bits(a)} when {_bits(condition)} = "1" else {_bits(b)}'
        case Lookup(rom, address):
            return f"{rom.name}(to_integer({_bits(address)}))"
        case Ref() | Slice() | Literal() | Extended() | Joined():
            return _bits(value)


def _signed(bits: Bits) -> str:
    """Return bits read as a signed number; the type of a literal is said, not converted."""
    return f"signed'({_bits(bits)})" if isinstance(bits, Literal) else f"signed({_bits(bits)})"


def _product(a: Signal, b: Signal, width: int) -> str:
    """Return the low bits of a product, which numeric_std makes as wide as both together."""
    if not (a.signed or b.signed):
        return f"resize({a.name} * {b.name}, {width})"
    left, right = (
        f"signed({each.name})" if each.signed else f"signed('0' & {each.name})" for each in (a, b)
    )
    whole = a.width + b.width + (not a.signed) + (not b.signed)
    made = f"unsigned({left} * {right})"
    return made if width == whole else f"resize({made}, {width})"


def _bits(bits: Bits) -> str:
    match bits:
        case Ref(signal):
            return signal.name
        case Slice(signal, low, width):
            return f"{signal.name}({low + width - 1} downto {low})"
        case Literal(value, width):
            return _literal(value, width)
        case Extended(inner, width, signed):
            if signed:
                return f"unsigned(resize(signed({_bits(inner)}), {width}))"
            return f"resize({_bits(inner)}, {width})"
        case Joined(parts):
            return "unsigned'(" + " & ".join(map(_bits, parts)) + ")"


def _literal(value: int, width: int) -> str:
    return f'"{value % (1 << width):0{width}b}"'
