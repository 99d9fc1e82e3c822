"""The two dialects of C++ for synthesis: what their types, modes and directives are called.

Everything that one of them lacks, or that its open headers do otherwise than documented, is
spelled in steps here, so that the bits are the language's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from inferon.ir.types import Bool, Element, Fixed, Float, Int
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding
from inferon.targets.hls.code import Parameter


class Dialect(Enum):
    """Whose C++ a project is written in."""

    VITIS = "ap_fixed, with the directives of Vitis HLS"
    AC = "ac_fixed, with the directives of Catapult"


_ROUNDINGS = {
    Rounding.FLOOR: "TRN",
    Rounding.TOWARD_ZERO: "TRN_ZERO",
    Rounding.HALF_UP: "RND",
    Rounding.HALF_DOWN: "RND_MIN_INF",
    Rounding.HALF_AWAY: "RND_INF",
    Rounding.HALF_TOWARD_ZERO: "RND_ZERO",
    Rounding.HALF_EVEN: "RND_CONV",
}
_OVERFLOWS = {
    Overflow.WRAP: "WRAP",
    Overflow.SATURATE: "SAT",
    Overflow.SATURATE_ZERO: "SAT_ZERO",
    Overflow.SATURATE_SYMMETRIC: "SAT_SYM",
    Overflow.ERROR: "WRAP",  # the model promises that it does not happen
}


@dataclass(frozen=True, slots=True)
class Spelling(ABC):
    """How one dialect writes what both can say."""

    dialect: ClassVar[Dialect]
    prefix: ClassVar[str]
    header: ClassVar[str]
    includes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def fixed(self, fixed: Fixed, modes: str = "") -> str:
        """Return the type of fixed-point numbers, with the modes of a conversion to it."""

    @abstractmethod
    def whole(self, whole: Int) -> str:
        """Return the type of ints."""

    def before_loop(self) -> tuple[str, ...]:
        """Return what stands before a loop that is laid out in space."""
        return ()

    def in_loop(self) -> tuple[str, ...]:
        """Return what begins a loop that is laid out in space."""
        return ()

    def in_registers(self, array: str) -> tuple[str, ...]:
        """Return what follows an array that is no memory."""
        return ()

    def in_function(self) -> tuple[str, ...]:
        """Return what begins a function that is a part of the design."""
        return ()

    @abstractmethod
    def before_top(self) -> tuple[str, ...]:
        """Return what stands before the top function."""

    def in_top(self, ports: Sequence[Parameter]) -> tuple[str, ...]:
        """Return what begins the top function: all elements at once, one event a cycle."""
        return ()

    def type(self, element: Element) -> str:
        """Return the type of an element."""
        match element:
            case Fixed():
                return self.fixed(element)
            case Int():
                return self.whole(element)
            case Bool():
                return "bool"
            case Float():
                raise AssertionError("the core of an exact graph has no floats")

    def rounded(self, op: Quantize, source: Fixed, value: str) -> str:
        """Return a value after a `Quantize`."""
        modes = (_ROUNDINGS[op.rounding], _OVERFLOWS[op.overflow])
        to = self.fixed(op.to, "".join(f", {self.prefix}_{mode}" for mode in modes))
        return f"{to}({self.roomy(op, source, value)})"

    def roomy(self, op: Quantize, source: Fixed, value: str) -> str:
        """Return the value in a type that the header can round."""
        return value


class ApFixed(Spelling):
    """``ap_fixed`` and ``ap_ufixed``; directives stand inside of what they are about."""

    dialect = Dialect.VITIS
    prefix = "AP"
    header = "ap_fixed.h"
    includes = ("ap_int.h", "ap_fixed.h")

    def fixed(self, fixed: Fixed, modes: str = "") -> str:
        """Return ``ap_fixed<16, 6>``."""
        return f"ap_{'' if fixed.signed else 'u'}fixed<{fixed.width}, {fixed.integer}{modes}>"

    def whole(self, whole: Int) -> str:
        """Return ``ap_int<32>``."""
        return f"ap_{'' if whole.signed else 'u'}int<{whole.bits}>"

    def in_loop(self) -> tuple[str, ...]:
        """Return what begins a loop that is laid out in space."""
        return ("#pragma HLS UNROLL",)

    def in_registers(self, array: str) -> tuple[str, ...]:
        """Return what follows an array that is no memory."""
        return (f"#pragma HLS ARRAY_PARTITION variable={array} complete",)

    def in_function(self) -> tuple[str, ...]:
        """Return what begins a function that is a part of the design."""
        return ("#pragma HLS INLINE",)

    def before_top(self) -> tuple[str, ...]:
        """Return nothing: the project names the top function."""
        return ()

    def in_top(self, ports: Sequence[Parameter]) -> tuple[str, ...]:
        """Return what begins the top function: all elements at once, one event a cycle."""
        wide = [f"#pragma HLS ARRAY_RESHAPE variable={each.name} complete" for each in ports]
        names = ",".join(each.name for each in ports)
        return (*wide, f"#pragma HLS INTERFACE ap_vld port={names}", "#pragma HLS PIPELINE II=1")

    def roomy(self, op: Quantize, source: Fixed, value: str) -> str:
        """Return the value with more bits than are dropped.

        The open headers read a bit that is not there where a rounding drops the whole value:
        ap_fixed<4, 4, AP_RND>(ap_fixed<2, -2>(0.125)) stops in an assertion.
        """
        dropped = source.fraction - op.to.fraction
        if dropped < source.width or op.rounding is Rounding.FLOOR:
            return value
        room = Fixed(source.signed, dropped + 1, dropped + 1 - source.fraction)
        return f"{self.fixed(room)}({value})"


class AcFixed(Spelling):
    """``ac_fixed`` with its sign as an argument; directives stand before what they are about."""

    dialect = Dialect.AC
    prefix = "AC"
    header = "ac_fixed.h"
    includes = ("ac_int.h", "ac_fixed.h")

    def fixed(self, fixed: Fixed, modes: str = "") -> str:
        """Return ``ac_fixed<16, 6, true>``."""
        sign = "true" if fixed.signed else "false"
        return f"ac_fixed<{fixed.width}, {fixed.integer}, {sign}{modes}>"

    def whole(self, whole: Int) -> str:
        """Return ``ac_int<32, true>``."""
        return f"ac_int<{whole.bits}, {'true' if whole.signed else 'false'}>"

    def before_loop(self) -> tuple[str, ...]:
        """Return what stands before a loop that is laid out in space."""
        return ("#pragma hls_unroll yes",)

    def before_top(self) -> tuple[str, ...]:
        """Return what makes a function the top, with one event a cycle."""
        return ("#pragma hls_design top", "#pragma hls_pipeline_init_interval 1")


SPELLINGS: dict[Dialect, Spelling] = {Dialect.VITIS: ApFixed(), Dialect.AC: AcFixed()}
