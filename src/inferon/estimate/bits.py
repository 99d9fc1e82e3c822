"""Which bits of a pipeline are read, and which of them are one and the same."""

from __future__ import annotations

from collections import defaultdict

from inferon.targets.rtl.netlist import (
    AllOf,
    AnyOf,
    Bits,
    Choice,
    Compared,
    Expression,
    Extended,
    Gated,
    Joined,
    Literal,
    Lookup,
    Pipeline,
    Product,
    Ref,
    Register,
    Rom,
    Signal,
    Slice,
    Sum,
)

Origin = bool | tuple[Signal, int]
"""Where a bit comes from: it is known, or some function made it."""


def bits_read(pipeline: Pipeline) -> dict[Signal, int]:
    """Return which bits of each signal something reads, as a mask."""
    read: dict[Signal, int] = defaultdict(int)
    for assign in pipeline.outputs:
        _demand(assign.value, (1 << assign.signal.width) - 1, read)
    for stage in reversed(pipeline.stages):
        for register in stage.registers:
            read[register.source] |= read[register.signal]
        for assign in reversed(stage.assigns):
            _demand(assign.value, read[assign.signal], read)
    return read


def _demand(value: Expression, wanted: int, read: dict[Signal, int]) -> None:
    """Note the bits that an expression reads when so many of its own are wanted."""
    if not wanted:
        return
    below = (1 << wanted.bit_length()) - 1  # a carry comes from every lower bit
    match value:
        case Sum(a, b):
            _bits(a, below, read)
            _bits(b, below, read)
        case Product(a, b):
            _bits(a, below, read)
            _bits(b, below, read)
        case Compared(_, a, b):
            for each in (a, b):
                _bits(each, (1 << each.width) - 1, read)
        case Gated(_, parts):
            for part in parts:
                _bits(part, 1, read)
        case AnyOf(bits) | AllOf(bits):
            _bits(bits, (1 << bits.width) - 1, read)
        case Choice(condition, a, b):
            _bits(condition, 1, read)
            _bits(a, wanted, read)
            _bits(b, wanted, read)
        case Lookup(_, address):
            _bits(address, (1 << address.width) - 1, read)
        case Ref() | Slice() | Literal() | Extended() | Joined():
            _bits(value, wanted, read)


def _bits(bits: Bits, wanted: int, read: dict[Signal, int]) -> None:
    match bits:
        case Ref(signal):
            read[signal] |= wanted & ((1 << signal.width) - 1)
        case Slice(signal, low, width):
            read[signal] |= (wanted & ((1 << width) - 1)) << low
        case Extended(inner, _, signed):
            own = wanted & ((1 << inner.width) - 1)
            if signed and wanted >> inner.width:
                own |= 1 << inner.width - 1
            _bits(inner, own, read)
        case Joined(parts):
            place = 0
            for part in reversed(parts):
                _bits(part, (wanted >> place) & ((1 << part.width) - 1), read)
                place += part.width


class Origins:
    """Bits followed through what only moves them, and through registers.

    A sum whose low bits pass through has these bits in common with its operand; where both are
    held over a clock, they are one flip-flop.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._known: dict[Signal, list[Origin]] = {}
        self._held: dict[Origin, Origin] = {}
        for stage in pipeline.stages:
            for assign in stage.assigns:
                if isinstance(assign.value, Ref | Slice | Literal | Extended | Joined):
                    self._known[assign.signal] = self.of(assign.value)
                elif isinstance(assign.value, Lookup):
                    self._known[assign.signal] = _read(assign.signal, assign.value.rom)
            for register in stage.registers:
                self._known[register.signal] = self._behind(register)

    def _behind(self, register: Register) -> list[Origin]:
        """Return the bits of a register: those of equal sources are equal."""
        own = []
        for place, origin in enumerate(self.of(Ref(register.source))):
            fresh: Origin = (register.signal, place)
            own.append(
                origin if isinstance(origin, bool) else self._held.setdefault(origin, fresh)
            )
        return own

    def of(self, bits: Bits) -> list[Origin]:
        """Return the bits one by one, the lowest first."""
        match bits:
            case Ref(signal):
                known = self._known.get(signal)
                return known or [(signal, i) for i in range(signal.width)]
            case Slice(signal, low, width):
                return self.of(Ref(signal))[low : low + width]
            case Literal(value, width):
                return [bool(value >> i & 1) for i in range(width)]
            case Extended(inner, width, signed):
                own = self.of(inner)
                more: Origin = own[-1] if signed else False
                return [*own, *[more] * (width - len(own))]
            case Joined(parts):
                return [place for part in reversed(parts) for place in self.of(part)]


def _read(signal: Signal, rom: Rom) -> list[Origin]:
    """Return the bits of a table's entry, of which some are always the same, or equal."""
    first: dict[tuple[bool, ...], Origin] = {}
    found: list[Origin] = []
    for place, column in enumerate(columns(rom)):
        varies = len(set(column)) > 1
        found.append(first.setdefault(column, (signal, place)) if varies else column[0])
    return found


def columns(rom: Rom) -> list[tuple[bool, ...]]:
    """Return what each bit of a table is, address by address, the lowest bit first."""
    return [tuple(bool(each >> place & 1) for each in rom.entries) for place in range(rom.width)]
