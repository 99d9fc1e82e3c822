"""Edges: one function that takes events from where callers hold them, computes, and gives back.

Rows, columns and registers differ in what ``edge`` does (``text/edges.hpp``) only::

    template <class Edge, class T0, class T1>
    INFERON_INLINE void through(Edge edge, ..., T0 in_x, T1 out_y) noexcept {
      auto* here_in_x = reinterpret_cast<float*>(workspace + 2048);
      auto* here_out_y = reinterpret_cast<float*>(workspace + 0);
      edge.take(number<12>{}, in_x, here_in_x);
      events_at_once(weights, workspace);
      edge.give(number<1>{}, here_out_y, out_y);
    }
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from inferon.targets.cpp.code import scalar_type
from inferon.targets.cpp.program import Program, Steps


def event_edge(made: Program) -> Iterator[str]:
    """Yield the function for one event that does not lie in one piece."""
    here = ", ".join(f"here_{port.name}" for port in made.arguments)
    call = f"one_event(weights, workspace, {here})"
    yield from _through(made, "One event", made.gathered, call)


def tile_edge(made: Program, tile: Steps) -> Iterator[str]:
    """Yield the function for a tile of events."""
    places = {buffer.name: offset for buffer, offset in tile.layout.offsets.items()}
    yield from _through(made, "A tile of events", places, "events_at_once(weights, workspace)")


def _through(made: Program, what: str, places: Mapping[str, int], call: str) -> Iterator[str]:
    kinds = [f"T{number}" for number, _ in enumerate(made.arguments)]
    pairs = zip(kinds, made.arguments, strict=True)
    given = ", ".join(f"{kind} {port.name}" for kind, port in pairs)
    memory = "const unsigned char* weights, unsigned char* workspace"
    yield f"// {what}, brought together in the workspace."
    yield f"template <{', '.join(f'class {kind}' for kind in ('Edge', *kinds))}>"
    yield f"INFERON_INLINE void through(Edge edge, {memory}, {given}) noexcept {{"
    for port in made.arguments:
        if port.name in places:
            kind = scalar_type(port.element)
            place = f"reinterpret_cast<{kind}*>(workspace + {places[port.name]})"
            yield f"  auto* here_{port.name} = {place};"
        else:
            yield f"  static_cast<void>({port.name});  // no output depends on it"
    for port in made.plan.inputs:
        if port.name in places:
            yield f"  edge.take(number<{port.size}>{{}}, {port.name}, here_{port.name});"
    yield f"  {call};"
    for port in made.plan.outputs:
        yield f"  edge.give(number<{port.size}>{{}}, here_{port.name}, {port.name});"
    yield "}\n"
