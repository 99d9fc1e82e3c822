"""The netlist: signals, what each is made of, registers, tables, ports.  Printers spell it.

Every signal is a vector of bits.  Arithmetic is modular on vectors of equal width, so that no
language's rules of sign and width are ever asked: operands are extended by name, and what is
signed is said where it is compared or multiplied::

    Sum(Extended(Ref(a), 9), Extended(Ref(b), 9))     a + b,  9 bits

An expression holds signals, slices of them, literals, joins and extensions, and at most one
function around these; nothing deeper, so that both languages can write it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Signal:
    """A vector of bits with a name; ``signed`` says how its number is read."""

    name: str
    width: int
    signed: bool


# -------------------------------------------------------------------------------------------- bits


@dataclass(frozen=True, slots=True)
class Ref:
    """All bits of a signal."""

    signal: Signal

    @property
    def width(self) -> int:
        """Number of bits."""
        return self.signal.width


@dataclass(frozen=True, slots=True)
class Slice:
    """The bits ``low + width - 1 .. low`` of a signal."""

    signal: Signal
    low: int
    width: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A number modulo ``2**width``."""

    value: int
    width: int


@dataclass(frozen=True, slots=True)
class Extended:
    """Bits with copies of the sign, or zeros, in front: the same number in more bits."""

    bits: Ref | Slice
    width: int
    signed: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """Bits side by side, the high ones first."""

    parts: tuple[Bits, ...]

    @property
    def width(self) -> int:
        """Number of bits."""
        return sum(part.width for part in self.parts)


Bits = Ref | Slice | Literal | Extended | Joined


# --------------------------------------------------------------------------------------- functions


@dataclass(frozen=True, slots=True)
class Sum:
    """``a + b``, or ``a - b``, modulo ``2**width``; both have that width."""

    a: Bits
    b: Bits
    subtract: bool = False

    @property
    def width(self) -> int:
        """Number of bits."""
        return self.a.width


@dataclass(frozen=True, slots=True)
class Product:
    """``a * b``, its low ``width`` bits; the operands are read as their signals say."""

    a: Ref
    b: Ref
    width: int


class Relation(Enum):
    """What `Compared` asks."""

    LESS = "a < b"
    LESS_EQUAL = "a <= b"
    EQUAL = "a == b"


@dataclass(frozen=True, slots=True)
class Compared:
    """One bit: whether a relation holds between two vectors of equal width."""

    relation: Relation
    a: Bits
    b: Bits
    signed: bool
    width: int = 1


class Gate(Enum):
    """What `Gated` computes of its bits."""

    AND = "all"
    OR = "any"
    NOT = "not the first"


@dataclass(frozen=True, slots=True)
class Gated:
    """One bit of some bits, each of width 1."""

    gate: Gate
    bits: tuple[Bits, ...]
    width: int = 1


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One bit: whether any bit of a part of a signal is set."""

    bits: Ref | Slice
    width: int = 1


@dataclass(frozen=True, slots=True)
class AllOf:
    """One bit: whether every bit of a part of a signal is set."""

    bits: Ref | Slice
    width: int = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """``a`` where the condition (one bit) holds, else ``b``; both of one width."""

    condition: Bits
    a: Bits
    b: Bits

    @property
    def width(self) -> int:
        """Number of bits."""
        return self.a.width


@dataclass(frozen=True, slots=True)
class Rom:
    """A table: the entry of each address, modulo ``2**width``."""

    name: str
    entries: tuple[int, ...]
    width: int
    address_bits: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """The entry of a table."""

    rom: Rom
    address: Bits

    @property
    def width(self) -> int:
        """Number of bits."""
        return self.rom.width


Function = Sum | Product | Compared | Gated | AnyOf | AllOf | Choice | Lookup
Expression = Bits | Function


# ----------------------------------------------------------------------------------------- modules


@dataclass(frozen=True, slots=True)
class Assign:
    """A signal and what it is made of, always.

    Attributes
    ----------
    layer : where in the model it comes from
    """

    signal: Signal
    value: Expression
    layer: str = ""


@dataclass(frozen=True, slots=True)
class Register:
    """A signal that takes the value of another at every rising edge of the clock."""

    signal: Signal
    source: Signal


@dataclass(frozen=True, slots=True)
class Vector:
    """A port: the elements of a tensor side by side, element 0 in the lowest bits.

    Attributes
    ----------
    signal : all of the bits
    elements : number of elements
    element_bits : bits of each
    type : of the tensor, for comments
    tensor : its name in the graph, which may be no name for a port
    """

    signal: Signal
    elements: int
    element_bits: int
    type: str
    tensor: str


@dataclass(frozen=True, slots=True)
class Netlist:
    """Logic without registers.

    Attributes
    ----------
    name : of the module
    inputs, outputs : ports
    assigns : each after those that it needs
    """

    name: str
    inputs: tuple[Vector, ...]
    outputs: tuple[Vector, ...]
    assigns: tuple[Assign, ...]

    @property
    def roms(self) -> tuple[Rom, ...]:
        """The tables, each once."""
        used = (each.value.rom for each in self.assigns if isinstance(each.value, Lookup))
        return tuple(dict.fromkeys(used))


@dataclass(frozen=True, slots=True)
class Stage:
    """The logic between two ranks of registers, and the rank behind it."""

    assigns: tuple[Assign, ...]
    registers: tuple[Register, ...]

    @property
    def register_bits(self) -> int:
        """Number of flip-flops behind the stage."""
        return sum(each.signal.width for each in self.registers)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Logic with registers: takes an event at every clock, gives its outputs ``latency`` later.

    Attributes
    ----------
    netlist : the same logic without registers
    stages : in order
    outputs : what the ports are made of: signals behind the last rank of registers
    """

    netlist: Netlist
    stages: tuple[Stage, ...]
    outputs: tuple[Assign, ...]

    @property
    def latency_cycles(self) -> int:
        """Rising edges of the clock from an input to its output."""
        return len(self.stages)

    @property
    def register_bits(self) -> int:
        """Number of flip-flops of the data path."""
        return sum(stage.register_bits for stage in self.stages)
