"""The self-test of an artefact: golden events, and a program that compares every bit."""

from __future__ import annotations

import numpy as np

from inferon.ir.values import Array
from inferon.targets.cpp.code import scalar_type, words
from inferon.targets.cpp.program import EVENTS_IN_TILE, Program
from inferon.targets.cpp.template import filled
from inferon.targets.golden import Golden


def _bits(array: Array) -> tuple[str, list[str]]:
    """Return the unsigned type and the words that hold an array's bits."""
    kind = {1: "std::uint8_t", 2: "std::uint16_t", 4: "std::uint32_t", 8: "std::uint64_t"}[
        array.itemsize
    ]
    raw = np.ascontiguousarray(array).view(f"u{array.itemsize}").ravel().tolist()
    return kind, [f"{value:#x}u" if array.itemsize < 8 else f"{value:#x}ull" for value in raw]


def golden_source(made: Program, tested: Golden) -> str:
    """Return the header with the golden events."""
    lines = [
        f"// Events of {made.name} and the outputs of the reference interpreter, as bits.",
        "#pragma once",
    ]
    lines += ["#include <cstdint>", f"namespace {made.name}_golden {{"]
    buffers = (*made.plan.inputs, *made.plan.outputs)
    for buffer, array in zip(buffers, (*tested.inputs, *tested.outputs), strict=True):
        kind, bits = _bits(array)
        lines.append(f"alignas(64) inline constexpr {kind} {buffer.name}[] = {{")
        lines.extend(words(bits or ["0u"]))  # an array has an element
        lines.append("};")
    lines.append("}")
    return "\n".join(lines) + "\n"


def self_test_source(made: Program, tested: Golden) -> str:
    """Return the program that computes the golden events: exit code 0 when every bit agrees.

    Its batch has two tiles and some events more, where events are computed in tiles.
    """
    golden_events = len(tested.outputs[0])
    events = 2 * EVENTS_IN_TILE + golden_events - 1 if made.tile else golden_events
    golden = f"{made.name}_golden"
    ports = (*made.plan.inputs, *made.plan.outputs)
    arrays = [
        f"static {scalar_type(b.element)} {b.name}[{events * max(1, b.size)}];" for b in ports
    ]
    comparisons = [
        f'    wrong += differences("{b.name}", event, {b.name}, {golden}::{b.name}, {b.size});'
        for b in made.plan.outputs
    ]
    inputs = [
        f"    std::memcpy({b.name} + event * {b.size},\n"
        f"                {golden}::{b.name} + event % golden_events * {b.size},\n"
        f"                {b.size} * sizeof *{b.name});"
        for b in made.plan.inputs
    ]
    cleared = [f"  std::memset({b.name}, 0, sizeof {b.name});" for b in made.plan.outputs]
    return filled(
        "self_test.cpp",
        name=made.name,
        golden_events=golden_events,
        events=events,
        arrays="\n".join(arrays),
        comparisons="\n".join(comparisons),
        inputs="\n".join(inputs),
        cleared="\n".join(cleared),
        alone=made.passed("event"),
        passed=made.passed(),
    )
