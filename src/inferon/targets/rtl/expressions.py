"""What an expression reads, and the same expression of other signals."""

from __future__ import annotations

from collections.abc import Mapping

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
    Product,
    Ref,
    Signal,
    Slice,
    Sum,
)


def signals(value: Expression) -> tuple[Signal, ...]:
    """Return the signals that an expression reads."""
    match value:
        case Ref(signal) | Slice(signal):
            return (signal,)
        case Literal():
            return ()
        case Extended(bits) | AnyOf(bits) | AllOf(bits):
            return signals(bits)
        case Joined(parts) | Gated(_, parts):
            return tuple(s for part in parts for s in signals(part))
        case Sum(a, b) | Product(a, b) | Compared(_, a, b):
            return (*signals(a), *signals(b))
        case Choice(condition, a, b):
            return (*signals(condition), *signals(a), *signals(b))
        case Lookup(_, address):
            return signals(address)


def renamed(value: Expression, names: Mapping[Signal, Signal]) -> Expression:
    """Return an expression of other signals."""

    def bits(each: Bits) -> Bits:
        match each:
            case Ref(signal):
                return Ref(names[signal])
            case Slice(signal, low, width):
                return Slice(names[signal], low, width)
            case Extended(inner, width, signed):
                return Extended(part(inner), width, signed)
            case Joined(parts):
                return Joined(tuple(map(bits, parts)))
        return each

    def part(each: Ref | Slice) -> Ref | Slice:
        if isinstance(each, Ref):
            return Ref(names[each.signal])
        return Slice(names[each.signal], each.low, each.width)

    match value:
        case Sum(a, b, subtract):
            return Sum(bits(a), bits(b), subtract)
        case Product(a, b, width):
            return Product(Ref(names[a.signal]), Ref(names[b.signal]), width)
        case Compared(relation, a, b, signed):
            return Compared(relation, bits(a), bits(b), signed)
        case Gated(gate, inner):
            return Gated(gate, tuple(map(bits, inner)))
        case AnyOf(inner):
            return AnyOf(part(inner))
        case AllOf(inner):
            return AllOf(part(inner))
        case Choice(condition, a, b):
            return Choice(bits(condition), bits(a), bits(b))
        case Lookup(rom, address):
            return Lookup(rom, bits(address))
    return bits(value)
