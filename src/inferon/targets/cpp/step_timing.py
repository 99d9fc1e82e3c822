"""The source that times the steps of a model one by one, each in the state it finds in an event.

For each region of the plan there is one case::

    case 3: dense_1_(dense_1_w, relu, dense_1); break;
"""

from __future__ import annotations

from inferon.targets.base import File
from inferon.targets.cpp.code import printed
from inferon.targets.cpp.header import called, places
from inferon.targets.cpp.program import Program
from inferon.targets.cpp.template import filled


def step_timing_source(made: Program) -> File:
    """Return the source; it is compiled beside a model and includes its header."""
    cases = []
    for number, statements in enumerate(called(made.event)):
        lines = "\n".join(printed(statements, 4))
        cases.append(f"      case {number}: {{\n{lines}\n        break;\n      }}")
    buffers = (*made.plan.inputs, *made.plan.outputs)
    text = filled(
        "step_timing.cpp",
        name=made.name,
        count=len(cases),
        ports=made.ports,
        passed=made.passed(),
        places="\n".join(places(made, made.event)),
        cases="\n".join(cases),
        unused=" ".join(f"static_cast<void>({buffer.name});" for buffer in buffers),
    )
    return File(f"{made.name}_step_timing.cpp", text.encode())
