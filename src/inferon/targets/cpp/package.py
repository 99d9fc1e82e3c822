"""The files of an artefact beside its header."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.listing import show
from inferon.ops.elementary import NUMERICS_VERSION
from inferon.targets.base import MANIFEST, File
from inferon.targets.cpp.code import scalar_type, words
from inferon.targets.cpp.dispatch import dispatch_files
from inferon.targets.cpp.header import header
from inferon.targets.cpp.manifest import manifest
from inferon.targets.cpp.program import Program
from inferon.targets.cpp.self_test import golden_source, self_test_source
from inferon.targets.cpp.template import filled
from inferon.targets.golden import Golden
from inferon.version import VERSION


def package(
    made: Program, source: Graph, tested: Golden, adapters: Sequence[File]
) -> tuple[File, ...]:
    """Return every file of an artefact, in a stable order."""
    name = made.name
    blob = made.blob()
    texts = {
        f"{name}.hpp": header(made, signature(source)),
        f"{name}_weights.hpp": _weights(made, blob),
        f"{name}_c.h": _c("c.h", made),
        f"{name}_c.cpp": _c("c.cpp", made),
        f"{name}_golden.hpp": golden_source(made, tested),
        f"{name}_self_test.cpp": self_test_source(made, tested),
        f"{name}.inferon": show(source, constants=True) + "\n",
        "CMakeLists.txt": filled(
            "CMakeLists.txt",
            name=name,
            library=_library(made),
            adapters="".join(f" {file.path}" for file in adapters),
        ),
        f"{name}Config.cmake": f'include("${{CMAKE_CURRENT_LIST_DIR}}/{name}Targets.cmake")\n',
        "README.md": _filled(
            "README.md", made, version=VERSION, rows=_rows(made, source), adapters=_told(adapters)
        ),
    }
    files = [File(path, text.encode()) for path, text in texts.items()]
    files.extend([File(f"{name}_weights.bin", blob), *adapters])
    if made.dispatch:
        files.extend(dispatch_files(made))
    files.append(File(MANIFEST, manifest(made, source, files).encode()))
    return tuple(sorted(files, key=lambda file: file.path))


def timing_source(made: Program) -> File:
    """Return the timing loop that is compiled beside a model: no call from Python counts."""
    return File(f"{made.name}_timing.cpp", _filled("timing.cpp", made).encode())


def call_source(made: Program) -> File:
    """Return the call that is compiled beside a model: its arrays in a row, as for every model."""
    arrays = [
        *(f"const {scalar_type(buffer.element)}" for buffer in made.plan.inputs),
        *(scalar_type(buffer.element) for buffer in made.plan.outputs),
    ]
    passed = ", ".join(f"static_cast<{kind}*>(arrays[{i}])" for i, kind in enumerate(arrays))
    return File(f"{made.name}_call.cpp", _filled("call.cpp", made, arrays=passed).encode())


def signature(graph: Graph) -> str:
    """Return one line that says what was compiled, and by which version."""
    return f"Inferon {VERSION}, numerics {NUMERICS_VERSION}, graph {graph.digest.hex()}"


def _filled(file: str, made: Program, **values: object) -> str:
    names = {"name": made.name, "NAME": made.name.upper()}
    return filled(file, **names, ports=made.ports, passed=made.passed(), **values)


_OR_ELSE = ",\n   or 1, as all functions do, where the processor is below x86-64-v3"


def _c(file: str, made: Program) -> str:
    """Return a file of the C interface; what only some models have is a text of its own."""
    names = {"name": made.name, "NAME": made.name.upper()}
    ragged = ""
    if made.ragged is not None:
        given = ", ".join(each.name for each in made.ragged_arguments)
        ports = _in_c(made.parameters("*", made.ragged_arguments))
        ragged = filled(f"ragged_{file}", **names, ports=ports, passed=given)
    return filled(
        file,
        **names,
        ports=_in_c(made.ports),
        columns=_in_c(made.columns),
        passed=made.passed(),
        ragged=ragged,
        dispatch=filled("dispatch.h", **names) if made.dispatch else "",
        or_else=_OR_ELSE if made.dispatch else "",
    )


def _library(made: Program) -> str:
    """Return how CMake builds the C interface."""
    return filled("dispatch.cmake" if made.dispatch else "library.cmake", name=made.name)


def _in_c(ports: str) -> str:
    return ports.replace("std::", "")


def _weights(made: Program, blob: bytes) -> str:
    bits = [f"{word:#x}u" for word in np.frombuffer(blob, "<u4").tolist()] or ["0u"]
    return _filled("weights.hpp", made, words="\n".join(words(bits)))


def _told(adapters: Sequence[File]) -> str:
    forms = "is called from data frames, maps and vectors"
    return "".join(f" `{file.path}` {forms}." for file in adapters)


def _rows(made: Program, source: Graph) -> str:
    inputs = [("input", *pair) for pair in zip(made.plan.inputs, source.inputs, strict=True)]
    outputs = [("output", *pair) for pair in zip(made.plan.outputs, source.outputs, strict=True)]
    return "\n".join(
        f"| {kind} | `{b.name}` | {node.type} |" for kind, b, node in inputs + outputs
    )
