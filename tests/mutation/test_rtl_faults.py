"""Faults planted in the firmware target: the checks that every module goes through see each one.

A fault changes the emitted text or one function of the target.  The sound module is verified
first, in the same simulator: Icarus, which is built fastest, or GHDL for what only VHDL spells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import pytest

from inferon.errors import Mismatch
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding
from inferon.passes.unroll import wiring
from inferon.targets.base import File
from inferon.targets.rtl import (
    Ghdl,
    Icarus,
    Simulator,
    cells,
    design,
    lower,
    quantizing,
    stages,
    target,
    wire,
)
from inferon.targets.rtl.netlist import (
    AnyOf,
    Assign,
    Compared,
    Extended,
    Gate,
    Gated,
    Pipeline,
    Ref,
    Signal,
    Stage,
    Sum,
)
from tests.differential.rtl_pack import check, check_unrolled
from tests.differential.test_rtl_bits import network
from tests.grid.test_rtl_operators import operators, quantizers

Patch = Callable[[pytest.MonkeyPatch], None]
Case = tuple[Graph, Sequence[Array] | int]


CASES: dict[str, Callable[[], Case]] = {
    "quantizers": quantizers,
    "operators": operators,
    "network": lambda: (network("tabulated"), 60),
}


@cache
def is_sound(case: str, simulator: Simulator) -> bool:
    check(CASES[case]()[0], simulator, CASES[case]()[1])
    return True


def caught(case: str, patch: Patch, simulator: Simulator) -> None:
    """Assert that a module is verified, and not any more after a change of the target."""
    assert is_sound(case, simulator)
    with pytest.MonkeyPatch.context() as context:
        patch(context)
        with pytest.raises(Mismatch):
            check(CASES[case]()[0], simulator, CASES[case]()[1])


# ------------------------------------------------------------------------- functions of the target


def logical_shift(patch: pytest.MonkeyPatch) -> None:
    """What is extended is filled with zeros in place of its sign."""
    right = wire.extended

    def zeros(signal: object, width: int, drop: int = 0) -> object:
        bits = right(signal, width, drop)  # type: ignore[arg-type]
        return replace(bits, signed=False) if isinstance(bits, Extended) else bits

    patch.setattr(wire, "extended", zeros)


def swapped(one: Rounding, other: Rounding) -> Patch:
    """One rounding is taken for another one."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        right = quantizing._rounds_up

        def wrong(rounding: Rounding, *rest: object) -> object:
            return right(other if rounding is one else rounding, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(quantizing, "_rounds_up", wrong)

    return patch


def half_up_for_half_even(patch: pytest.MonkeyPatch) -> None:
    swapped(Rounding.HALF_EVEN, Rounding.HALF_UP)(patch)


def half_even_for_half_up(patch: pytest.MonkeyPatch) -> None:
    swapped(Rounding.HALF_UP, Rounding.HALF_EVEN)(patch)


def away_for_toward_zero(patch: pytest.MonkeyPatch) -> None:
    swapped(Rounding.HALF_TOWARD_ZERO, Rounding.HALF_AWAY)(patch)


def overflow(one: Overflow, other: Overflow) -> Patch:
    """One overflow is taken for another one."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        right = quantizing._confined

        def wrong(op: Quantize, *rest: object) -> object:
            given = replace(op, overflow=other) if op.overflow is one else op
            return right(given, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(quantizing, "_confined", wrong)

    return patch


def saturate_for_wrap(patch: pytest.MonkeyPatch) -> None:
    overflow(Overflow.WRAP, Overflow.SATURATE)(patch)


def wrap_for_saturate(patch: pytest.MonkeyPatch) -> None:
    overflow(Overflow.SATURATE, Overflow.WRAP)(patch)


def plain_for_symmetric(patch: pytest.MonkeyPatch) -> None:
    overflow(Overflow.SATURATE_SYMMETRIC, Overflow.SATURATE)(patch)


def exchanged_gates(patch: pytest.MonkeyPatch) -> None:
    """AND for OR, and OR for AND, where an overflow or a rounding is decided."""
    other = {Gate.AND: Gate.OR, Gate.OR: Gate.AND, Gate.NOT: Gate.NOT}
    patch.setattr(quantizing, "Gated", lambda gate, bits: Gated(other[gate], bits))


def any_for_all(patch: pytest.MonkeyPatch) -> None:
    """A value is below a range when any of its high bits is set, not when one is missing."""
    patch.setattr(quantizing, "AllOf", AnyOf)


def lost_sign(patch: pytest.MonkeyPatch) -> None:
    """The elements of a port are read as unsigned."""
    right = Signal
    patch.setattr(lower, "Signal", lambda name, width, signed: right(name, width, False))


def wrong_point(patch: pytest.MonkeyPatch) -> None:
    """A sum forgets that its operands have different binary points."""
    right = cells._sum

    def aligned_by_chance(a: wire.Wire, b: wire.Wire, *rest: object, **named: object) -> object:
        same = replace(b, fraction=a.fraction)
        return right(a, same, *rest, **named)  # type: ignore[arg-type]

    patch.setattr(cells, "_sum", aligned_by_chance)


def exchanged_operands(patch: pytest.MonkeyPatch) -> None:
    """b - a for a - b."""

    def wrong(a: object, b: object, subtract: bool = False) -> Sum:
        return Sum(b, a, subtract) if subtract else Sum(a, b)  # type: ignore[arg-type]

    patch.setattr(cells, "Sum", wrong)


def unsigned_comparison(patch: pytest.MonkeyPatch) -> None:
    right = Compared
    patch.setattr(cells, "Compared", lambda relation, a, b, signed: right(relation, a, b, False))


IN_QUANTIZERS: tuple[Patch, ...] = (
    *(logical_shift, half_up_for_half_even, half_even_for_half_up, away_for_toward_zero),
    *(saturate_for_wrap, wrap_for_saturate, plain_for_symmetric, exchanged_gates, any_for_all),
    lost_sign,
)
IN_OPERATORS: tuple[Patch, ...] = (
    *(logical_shift, lost_sign, wrong_point, exchanged_operands, unsigned_comparison),
)


@pytest.mark.parametrize("fault", IN_QUANTIZERS)
def test_a_fault_in_a_quantizer_is_seen(fault: Patch) -> None:
    caught("quantizers", fault, Icarus())


@pytest.mark.parametrize("fault", IN_OPERATORS)
def test_a_fault_in_an_operator_is_seen(fault: Patch) -> None:
    caught("operators", fault, Icarus())


# -------------------------------------------------------------------------------------- registers


def one_register_too_few(pipeline: Pipeline) -> Pipeline:
    """One value goes around the first rank that holds it."""
    stage = pipeline.stages[1]
    lost, *kept = pipeline.stages[0].registers
    first = Stage(pipeline.stages[0].assigns, tuple(kept))
    second = Stage((Assign(lost.signal, Ref(lost.source)), *stage.assigns), stage.registers)
    return replace(pipeline, stages=(first, second, *pipeline.stages[2:]))


def all_registers_of_a_rank(pipeline: Pipeline) -> Pipeline:
    """All values go around a rank: answers come a clock early."""
    first, second, *rest = pipeline.stages
    passed = tuple(Assign(each.signal, Ref(each.source)) for each in first.registers)
    joined = Stage((*passed, *second.assigns), second.registers)
    return replace(pipeline, stages=(Stage(first.assigns, ()), joined, *rest))


@pytest.mark.parametrize("simulator", [Icarus(), Ghdl()], ids=lambda each: each.name)
@pytest.mark.parametrize("fault", [one_register_too_few, all_registers_of_a_rank])
def test_a_register_too_few_is_seen(
    fault: Callable[[Pipeline], Pipeline], simulator: Simulator
) -> None:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        right = stages.pipelined
        monkeypatch.setattr(target, "pipelined", lambda *given: fault(right(*given)))

    caught("network", patch, simulator)


# ------------------------------------------------------------------------------------ printed text


def printed(pattern: str, replacement: str) -> Patch:
    """A printer spells something wrong."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        right = design.Design.source

        def wrong(self: design.Design, language: design.Language) -> File:
            file = right(self, language)
            text = re.sub(pattern, replacement, file.content.decode())
            assert text.encode() != file.content, "the fault was not planted"
            return File(file.path, text.encode())

        monkeypatch.setattr(design.Design, "source", wrong)

    return patch


TEXTS: dict[str, tuple[Simulator, str, Patch]] = {
    "VHDL: zeros for the sign": (
        Ghdl(),
        "operators",
        printed(r"unsigned\(resize\(signed\((\w+)\), (\d+)\)\)", r"resize(\1, \2)"),
    ),
    "VHDL: unsigned comparison": (
        Ghdl(),
        "operators",
        printed(r"signed\((\w+)\) (<=?) signed\((\w+)\)", r"unsigned(\1) \2 unsigned(\3)"),
    ),
    "VHDL: any for all": (
        Ghdl(),
        "quantizers",
        printed(r'"0" when \(not (.*?)\) /= 0 else "1"', r'"1" when \1 /= 0 else "0"'),
    ),
    "VHDL: less or equal for less": (Ghdl(), "operators", printed(r" < ", " <= ")),
    "Verilog: any for all": (Icarus(), "quantizers", printed(r"= &", "= |")),
    "Verilog: zeros for the sign": (
        Icarus(),
        "operators",
        printed(r"\{\{(\d+)\{[^}]*\}\}, ", r"{\1'd0, "),
    ),
    "Verilog: unsigned comparison": (
        Icarus(),
        "operators",
        printed(r"\$signed\((\w+)\) <", r"(\1) <"),
    ),
    "Verilog: an entry of a table": (
        Icarus(),
        "operators",
        printed(r"(3'd2: table_\d+ = \d+'d)\d+", r"\g<1>0"),
    ),
}


@pytest.mark.parametrize("fault", TEXTS)
def test_a_fault_in_the_text_is_seen(fault: str) -> None:
    simulator, case, patch = TEXTS[fault]
    caught(case, patch, simulator)


# --------------------------------------------------------------------------------------- unrolling


def test_a_symmetric_end_that_unrolling_forgets_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = wiring.Wiring._fits

    def forgets(self: wiring.Wiring, op: Quantize, wire: Node) -> bool:
        plain = replace(op, overflow=Overflow.SATURATE)
        return right(self, plain, wire)

    check_unrolled(*quantizers())
    monkeypatch.setattr(wiring.Wiring, "_fits", forgets)
    with pytest.raises(Mismatch):
        check_unrolled(*quantizers())
