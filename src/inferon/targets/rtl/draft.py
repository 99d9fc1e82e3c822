"""A netlist while it is drawn: names, wires of scalars, assigns so far."""

from __future__ import annotations

import re
from collections import Counter

from inferon.analysis.interval import Interval, Intervals
from inferon.ir.node import Node
from inferon.ir.types import Fixed
from inferon.targets.rtl.netlist import Assign, Expression, Literal, Ref, Rom, Signal
from inferon.targets.rtl.wire import Wire, bits_of


class Draft:
    """What the cells add to."""

    def __init__(self, intervals: Intervals) -> None:
        self.assigns: list[Assign] = []
        self.wires: dict[Node, Wire] = {}
        self._intervals = intervals
        self._names: Counter[str] = Counter()
        self._bits: dict[Expression, Ref] = {}
        self._roms: dict[tuple[tuple[int, ...], int], Rom] = {}
        self.layer = ""

    # ------------------------------------------------------------------------------ what is known

    def interval(self, node: Node) -> Interval:
        """Return the interval of a scalar's mantissa."""
        return self._intervals.of(node)

    def width(self, node: Node) -> int:
        """Return the bits that a scalar needs."""
        return bits_of(*self.interval(node))[0]

    def fraction(self, node: Node) -> int:
        """Return the bits behind the binary point; a truth value has none."""
        element = node.type.element
        return element.fraction if isinstance(element, Fixed) else 0

    def operands(self, node: Node) -> list[Wire]:
        """Return the wires of the operands."""
        return [self.wires[each] for each in node.inputs]

    # --------------------------------------------------------------------------------- what is new

    def wire(self, node: Node, value: Expression) -> Wire:
        """Return the wire of a node that is this."""
        low, high = self.interval(node)
        signal = self._signal(*bits_of(low, high))
        self.assigns.append(Assign(signal, value, self.layer))
        return Wire(signal, low, high, self.fraction(node))

    def between(self, value: Expression, low: int, high: int, fraction: int) -> Wire:
        """Return a wire of some mantissas on the way to a node."""
        signal = self._signal(*bits_of(low, high))
        self.assigns.append(Assign(signal, value, self.layer))
        return Wire(signal, low, high, fraction)

    def named(self, value: Expression) -> Ref:
        """Return an expression as a signal of its own, read as unsigned."""
        signal = self._signal(value.width, signed=False)
        self.assigns.append(Assign(signal, value, self.layer))
        return Ref(signal)

    def bit(self, value: Expression) -> Ref:
        """Return a condition as a signal of its own; equal ones are one."""
        if value not in self._bits:
            self._bits[value] = self.named(value)
        return self._bits[value]

    def signal(self, wire: Wire) -> Signal:
        """Return the signal of a wire; a constant gets one."""
        if wire.signal is not None:
            return wire.signal
        signal = self._signal(*bits_of(wire.low, wire.high))
        self.assigns.append(Assign(signal, Literal(wire.low, signal.width), self.layer))
        return signal

    def rom(self, entries: tuple[int, ...], width: int, address_bits: int) -> Rom:
        """Return a table; equal ones are one."""
        key = entries, width
        if key not in self._roms:
            name = f"table_{len(self._roms)}"
            self._roms[key] = Rom(name, entries, width, address_bits)
        return self._roms[key]

    def _signal(self, width: int, signed: bool) -> Signal:
        stem = stem_of(self.layer)
        self._names[stem] += 1
        return Signal(f"{stem}_{self._names[stem]}", width, signed)


def stem_of(layer: str) -> str:
    """Return what the signals of a layer are called."""
    last = re.sub(r"[^a-z0-9]+", "_", layer.lower().rsplit("/", 1)[-1]).strip("_")
    return f"n_{last[:24]}" if last else "n"
