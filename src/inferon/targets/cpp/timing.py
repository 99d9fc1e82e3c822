"""The timing loop that is compiled beside a model: nanoseconds per event without any call from Python."""

from __future__ import annotations

from inferon.targets.base import File
from inferon.targets.cpp.code import scalar_type
from inferon.targets.cpp.header import Program


def timing_source(made: Program) -> File:
    """Return a C++ source with ``NAME_time``: fills ``ns[bursts]`` with the time of one call, each a mean of ``repeats``."""
    name = made.name
    ports = [f"const {scalar_type(b.element)}* {b.name}" for b in made.plan.inputs]
    ports += [f"{scalar_type(b.element)}* {b.name}" for b in made.plan.outputs]
    passed = ", ".join(b.name for b in (*made.plan.inputs, *made.plan.outputs))
    text = f"""#include <chrono>
#include "{name}_weights.hpp"

extern "C" void {name}_time(void* workspace, {", ".join(ports)}, std::size_t events, std::size_t repeats,
                            std::size_t bursts, double* ns) {{
  using clock = std::chrono::steady_clock;
  const auto weights = inferon::{name}::embedded_weights();
  for (std::size_t burst = 0; burst < bursts; ++burst) {{
    const auto start = clock::now();
    for (std::size_t i = 0; i < repeats; ++i) {{
      inferon::{name}::evaluate_batch(weights, *static_cast<inferon::{name}::Workspace*>(workspace), {passed}, events);
      __asm__ volatile("" ::: "memory");
    }}
    ns[burst] = std::chrono::duration<double, std::nano>(clock::now() - start).count() / static_cast<double>(repeats);
  }}
}}
"""
    return File(f"{name}_timing.cpp", text.encode())
