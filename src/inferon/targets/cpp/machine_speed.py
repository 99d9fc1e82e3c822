"""The source that measures what a machine can do: multiply-adds, reads, our own functions.

It stands on the same registers as a header, and the elementary functions are those that headers
print, so that a limit made from its figures is that of generated code.
"""

from __future__ import annotations

from collections.abc import Sequence

from inferon.ir.types import FLOAT32, Element
from inferon.ops.base import Elementary
from inferon.targets.base import File
from inferon.targets.cpp import spell
from inferon.targets.cpp.code import printed
from inferon.targets.cpp.function import Used, elementary, needed
from inferon.targets.cpp.template import filled, runtime, text

SOURCE = "machine_speed.cpp"

LINKS = 1024
"""Operations in a chain: long against the call around it."""

MANY = 12
"""Chains side by side: two units with results after four cycles need 8, AVX2 has 16 registers."""

ELEMENTS = 1024
"""Arguments of a function in a call: with the results they lie in the nearest cache."""


def machine_speed_source(functions: Sequence[Used]) -> File:
    """Return the source; function ``i`` is measured by ``time_i`` and ``time_i_latency``."""
    wanted = [elementary(*used) for used in needed(functions)]
    probes = [_probe(number, *used) for number, used in enumerate(functions)]
    content = filled(
        SOURCE,
        prelude=text("prelude.hpp"),
        runtime=runtime(),
        functions="\n".join(printed(wanted)),
        probes="\n".join(probes),
        links=LINKS,
        many=MANY,
        elements=ELEMENTS,
    )
    return File(SOURCE, content.encode())


def _probe(number: int, op: Elementary, element: Element) -> str:
    """Return the functions that time one elementary function: at full rate, and in a chain."""
    name, operands = spell.function(op, element), len(op.operands)
    if element == FLOAT32:
        kind, step, value = "float", "lanes", "load(in_float + i)"
        put, one = "store(out_float + i, {})", "F x = all(half)"
    else:
        kind, step, value = "double", "1", "in_double[i]"
        put, one = "out_double[i] = {}", "double x = half"
    result = put.format(f"{name}({', '.join([value] * operands)})")
    again = f"{spell.OPAQUE}({name}({', '.join(['x'] * operands)}))"  # else NaN ends the chain
    keep = "store(out_float, x)" if element == FLOAT32 else "out_double[0] = x"
    return f"""
// {op.spelling()} of {element}: many elements; then a chain of results.
extern "C" void time_{number}(size_t repeats, size_t bursts, double* ns) {{
  for (auto& each : in_{kind}) each = half;
  const auto kernel = [] {{
    for (index i = 0; i < elements; i += {step}) {result};
  }};
  timed(kernel, repeats, bursts, ns);
}}
extern "C" void time_{number}_latency(size_t repeats, size_t bursts, double* ns) {{
  const auto kernel = [] {{
    {one};
    for (index k = 0; k < links; ++k) x = {again};
    {keep};
  }};
  timed(kernel, repeats, bursts, ns);
}}"""
