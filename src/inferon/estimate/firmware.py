"""What a design takes of a device, by counting: no tool, milliseconds.

The rules say what Yosys makes of each expression for UltraScale+ (`inferon.measure.synthesis`).
An adder takes a lookup table for each bit in which it adds; gates and choices that one table can
hold are counted with the choice that reads them; bits that nobody reads take nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from inferon.estimate.bits import Origins, bits_read, columns
from inferon.targets.rtl.design import Design
from inferon.targets.rtl.expressions import signals
from inferon.targets.rtl.hierarchy import FACE, layers_of
from inferon.targets.rtl.netlist import (
    AllOf,
    AnyOf,
    Choice,
    Compared,
    Expression,
    Gate,
    Gated,
    Literal,
    Lookup,
    Pipeline,
    Product,
    Ref,
    Register,
    Relation,
    Signal,
    Sum,
)
from inferon.targets.rtl.resources import Resources

LUT_INPUTS = 6
CARRY_BITS = 4

LESS_LUTS = 0.75
EQUAL_LUTS = 0.4
"""Tables for each bit that is compared: measured on single comparisons of 3 to 10 bits."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a design takes, counted.

    Attributes
    ----------
    layers : resources of each layer, by its name in the model
    total : of the whole design, with its valid bits
    latency_cycles : clocks from an input to its output
    latency_ns : the same at the clock that was asked for
    """

    layers: tuple[tuple[str, Resources], ...]
    total: Resources
    latency_cycles: int
    latency_ns: float

    def __str__(self) -> str:
        head = f"{self.total}; {self.latency_cycles} cycles, {self.latency_ns:g} ns (estimated)"
        return "\n".join([head, *(f"  {name}: {each}" for name, each in self.layers)])


def estimate(design: Design) -> Estimate:
    """Return what a design takes, layer by layer."""
    pipeline = design.pipeline
    read = bits_read(pipeline)
    origins = Origins(pipeline)
    computed_with = _read_by_logic(pipeline)
    counted = []
    for layer in layers_of(pipeline):
        own = Resources(ff=_flip_flops(layer.registers, read, origins))
        choices = {each.signal for each in layer.assigns if isinstance(each.value, Choice)}
        for assign in layer.assigns:
            held = assign.signal not in computed_with and _is_reset(assign.value)
            if not (held or _is_end_of(assign.value, choices)):
                own += cells(assign.value, read[assign.signal], origins)
        counted.append((layer.name, own))
    cycles = pipeline.latency_cycles
    total = sum((own for _, own in counted), Resources(ff=cycles))
    layers = tuple((name, own) for name, own in counted if name != FACE)
    return Estimate(layers, total, cycles, cycles * design.clock_ns)


def _flip_flops(
    registers: Sequence[Register], read: Mapping[Signal, int], origins: Origins
) -> int:
    """Return the different bits that registers hold, of those that something reads."""
    held = {
        origin
        for each in registers
        for place, origin in enumerate(origins.of(Ref(each.signal)))
        if read[each.signal] >> place & 1 and not isinstance(origin, bool)
    }
    return len(held)


def _read_by_logic(pipeline: Pipeline) -> frozenset[Signal]:
    """Return the signals that something else than a register reads."""
    assigns = (*(each for stage in pipeline.stages for each in stage.assigns), *pipeline.outputs)
    return frozenset(signal for each in assigns for signal in signals(each.value))


def _is_reset(value: Expression) -> bool:
    """Return whether a choice is what a flip-flop's own set or reset does."""
    if not isinstance(value, Choice) or not isinstance(value.a, Literal):
        return False
    return value.a.value in (0, (1 << value.a.width) - 1)


def _is_end_of(value: Expression, choices: Set[Signal]) -> bool:
    """Return whether a choice between a literal and another choice fits into that one's table."""
    if not isinstance(value, Choice) or not isinstance(value.a, Literal):
        return False
    return isinstance(value.b, Ref) and value.b.signal in choices


def cells(value: Expression, wanted: int, origins: Origins) -> Resources:
    """Return what an expression takes of which these bits are read."""
    used = wanted.bit_length()
    match value:
        case Sum():
            lut = _adding(value, used, origins)
            return Resources(lut=lut, carry=-(-used // CARRY_BITS) if lut else 0)
        case Product():
            return Resources(dsp=1)
        case Compared(Relation.LESS, _, Literal(0), signed) if signed:
            return Resources()
        case Compared(relation, a, _):
            share = EQUAL_LUTS if relation is Relation.EQUAL else LESS_LUTS
            return Resources(lut=math.ceil(a.width * share))
        case Gated(Gate.NOT):
            return Resources()
        case Gated(_, parts):
            return Resources(lut=len(parts) > LUT_INPUTS)
        case AnyOf(bits) | AllOf(bits):
            return Resources(lut=-(-(bits.width - 1) // (LUT_INPUTS - 1)))
        case Choice():
            return Resources(lut=wanted.bit_count())
        case Lookup(rom):
            read = {column for place, column in enumerate(columns(rom)) if wanted >> place & 1}
            return Resources(lut=sum(map(_tables, read)))
    return Resources()


def _tables(column: tuple[bool, ...]) -> int:
    """Return the lookup tables of one bit: one for each different part that has 6 address bits."""
    size = 1 << LUT_INPUTS
    parts = {column[first : first + size] for first in range(0, len(column), size)}
    return sum(len(set(part)) > 1 for part in parts) or len(parts) > 1


def _adding(total: Sum, width: int, origins: Origins) -> int:
    """Return the tables in front of a carry chain: one for each pair of bits that differ in kind.

    Where one operand is a zero the chain takes the other as it is; where it is a one, or is
    subtracted, it has to be inverted first.  Copies of a sign need no table of their own.
    """
    pairs = set()
    for a, b in zip(origins.of(total.a)[:width], origins.of(total.b)[:width], strict=True):
        if isinstance(b, bool) and total.subtract:
            b = not b
        if isinstance(a, bool) and isinstance(b, bool):
            continue
        unchanged = a is total.subtract or b is False
        if not unchanged:
            pairs.add((a, b))
    return len(pairs)
