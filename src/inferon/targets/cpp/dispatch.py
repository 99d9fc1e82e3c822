"""Run-time dispatch: the C interface once for each instruction set, and what chooses.

``NAME_c.cpp`` is compiled again under other names of its functions; ``NAME_dispatch.cpp`` has the
names of the interface and asks the processor which of them to call.  Nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inferon.targets.base import File
from inferon.targets.cpp.program import Program
from inferon.targets.cpp.template import filled

LEVELS = ("v3", "v4")
"""Of x86-64, lowest first; AArch64 has one level and needs no choice."""


@dataclass(frozen=True, slots=True)
class _Function:
    """A function of the C interface that returns 0 when all is well."""

    name: str
    parameters: str
    passed: str


def dispatch_files(made: Program) -> Iterator[File]:
    """Yield one source for each level, and the one that chooses."""
    functions = list(_functions(made))
    names = [f"{made.name}_workspace_bytes", *(each.name for each in functions)]
    for level in LEVELS:
        renamed = "\n".join(f"#define {name} {name}_{level}" for name in names)
        text = filled("level.cpp", name=made.name, level=level, renamed=renamed)
        yield File(f"{made.name}_{level}.cpp", text.encode())
    text = filled(
        "dispatch.cpp",
        name=made.name,
        workspace_bytes=made.workspace_bytes,
        levels="\n".join(
            f"int {each.name}_{level}({each.parameters});"
            for each in functions
            for level in LEVELS
        ),
        functions="\n\n".join(map(_chosen, functions)),
    )
    yield File(f"{made.name}_dispatch.cpp", text.encode())


def _functions(made: Program) -> Iterator[_Function]:
    passed = made.passed()

    def function(suffix: str, first: str, ports: str, given: str) -> _Function:
        parameters = f"{first}, {ports.replace('std::', '')}, size_t events"
        return _Function(f"{made.name}_{suffix}", parameters, f"{given}, events")

    yield function("evaluate", "void* workspace", made.ports, f"workspace, {passed}")
    yield function("evaluate_columns", "void* workspace", made.columns, f"workspace, {passed}")
    if made.ragged is not None:
        ports = made.parameters("*", made.ragged_arguments)
        given = ", ".join(each.name for each in made.ragged_arguments)
        first = "void* workspace, const int64_t* offsets"
        yield function("evaluate_ragged", first, ports, f"workspace, offsets, {given}")
    yield _Function(
        f"{made.name}_check_weights", "const void* weights, size_t bytes", "weights, bytes"
    )
    first = "const void* weights, void* workspace"
    yield function("evaluate_with", first, made.ports, f"weights, workspace, {passed}")


def _chosen(function: _Function) -> str:
    *_, low, high = (f"{function.name}_{level}({function.passed})" for level in LEVELS)
    return (
        f"int {function.name}({function.parameters}) {{\n"
        f"  if (is_v4()) return {high};\n  return is_v3() ? {low} : 1;\n}}"
    )
