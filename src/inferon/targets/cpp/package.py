"""The files of an artefact beside its header: weights, C interface, self-test, CMake package, manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.listing import show
from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.ops.elementary import NUMERICS_VERSION
from inferon.targets.base import MANIFEST, File
from inferon.targets.cpp.code import scalar_type
from inferon.targets.cpp.golden import Golden
from inferon.targets.cpp.header import Program, header
from inferon.targets.cpp.view import Buffer
from inferon.version import VERSION

FORMAT_VERSION = 1
"""Version of the layout of an artefact's files."""

_WORDS_A_LINE = 12


def package(made: Program, source: Graph, tested: Golden) -> tuple[File, ...]:
    """Return every file of an artefact, in a stable order."""
    name = made.name
    blob = made.blob()
    texts = {
        f"{name}.hpp": header(made, signature(source)),
        f"{name}_weights.hpp": _weights(made, blob),
        f"{name}_c.h": _c_header(made),
        f"{name}_c.cpp": _c_source(made),
        f"{name}_golden.hpp": _golden(made, tested),
        f"{name}_self_test.cpp": _self_test(made, tested),
        f"{name}.inferon": show(source, constants=True) + "\n",
        "CMakeLists.txt": _cmake(name),
        f"{name}Config.cmake": f'include("${{CMAKE_CURRENT_LIST_DIR}}/{name}Targets.cmake")\n',
        "README.md": _readme(made, source),
    }
    files = [File(path, text.encode()) for path, text in texts.items()]
    files.append(File(f"{name}_weights.bin", blob))
    files.append(File(MANIFEST, _manifest(made, source, files).encode()))
    return tuple(sorted(files, key=lambda file: file.path))


def signature(graph: Graph) -> str:
    """Return one line that says what was compiled, and by which version."""
    return f"Inferon {VERSION}, numerics {NUMERICS_VERSION}, graph {graph.digest.hex()}"


def _words(values: Sequence[str]) -> Iterator[str]:
    for i in range(0, len(values), _WORDS_A_LINE):
        yield "    " + ", ".join(values[i : i + _WORDS_A_LINE]) + ","


def _weights(made: Program, blob: bytes) -> str:
    words = [f"{word:#x}u" for word in np.frombuffer(blob, "<u4").tolist()] or ["0u"]
    body = "\n".join(_words(words))
    return f"""// The weights of {made.name}, as the bits of 32-bit words. The same bytes are in {made.name}_weights.bin.
#ifndef INFERON_{made.name.upper()}_WEIGHTS_HPP
#define INFERON_{made.name.upper()}_WEIGHTS_HPP
#include "{made.name}.hpp"

namespace inferon {{
namespace {made.name} {{
namespace embedded {{
alignas(64) inline constexpr std::uint32_t words[] = {{
{body}
}};
}}  // namespace embedded

inline Weights embedded_weights() noexcept {{
  return Weights{{reinterpret_cast<const unsigned char*>(embedded::words)}};
}}
}}  // namespace {made.name}
}}  // namespace inferon
#endif
"""


def _c_arguments(made: Program) -> str:
    inputs = [f"const {_c_type(b)}* {b.name}" for b in made.plan.inputs]
    outputs = [f"{_c_type(b)}* {b.name}" for b in made.plan.outputs]
    return ", ".join([*inputs, *outputs])


def _c_type(buffer: Buffer) -> str:
    return scalar_type(buffer.element).replace("std::", "")


def _c_header(made: Program) -> str:
    name = made.name
    return f"""/* The C interface of {name}: what dlopen, Python and Fortran call. */
#ifndef INFERON_{name.upper()}_C_H
#define INFERON_{name.upper()}_C_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {{
#endif
/* Bytes of the workspace that each concurrent call needs, aligned to 64. */
size_t {name}_workspace_bytes(void);
/* Evaluates events that lie one behind the other, with the embedded weights. Returns 0. */
int {name}_evaluate(void* workspace, {_c_arguments(made)}, size_t events);
/* The same with weights from {name}_weights.bin, mapped or read to an address aligned to 64.
   Returns 0, or 1 when the bytes are not those weights. */
int {name}_check_weights(const void* weights, size_t bytes);
int {name}_evaluate_with(const void* weights, void* workspace, {_c_arguments(made)}, size_t events);
#ifdef __cplusplus
}}
#endif
#endif
"""


def _c_source(made: Program) -> str:
    name = made.name
    passed = ", ".join(b.name for b in (*made.plan.inputs, *made.plan.outputs))
    return f"""#include "{name}_c.h"

#include "{name}_weights.hpp"

extern "C" {{
size_t {name}_workspace_bytes(void) {{ return inferon::{name}::Meta::workspace_bytes; }}

int {name}_evaluate(void* workspace, {_c_arguments(made)}, size_t events) {{
  inferon::{name}::evaluate_batch(inferon::{name}::embedded_weights(), *static_cast<inferon::{name}::Workspace*>(workspace), {passed}, events);
  return 0;
}}

int {name}_check_weights(const void* weights, size_t bytes) {{
  return inferon::{name}::check_weights(weights, bytes) ? 0 : 1;
}}

int {name}_evaluate_with(const void* weights, void* workspace, {_c_arguments(made)}, size_t events) {{
  const inferon::{name}::Weights given{{static_cast<const unsigned char*>(weights)}};
  inferon::{name}::evaluate_batch(given, *static_cast<inferon::{name}::Workspace*>(workspace), {passed}, events);
  return 0;
}}
}}
"""


# ---------------------------------------------------------------------------------------- self-test


def _bits(array: Array) -> tuple[str, list[str]]:
    """Return the unsigned type and the words that hold an array's bits."""
    kind = {1: "std::uint8_t", 2: "std::uint16_t", 4: "std::uint32_t", 8: "std::uint64_t"}[array.itemsize]
    raw = np.ascontiguousarray(array).view(f"u{array.itemsize}").ravel().tolist()
    return kind, [f"{value:#x}u" if array.itemsize < 8 else f"{value:#x}ull" for value in raw]


def _golden(made: Program, tested: Golden) -> str:
    lines = [f"// Events of {made.name} and the outputs of the reference interpreter, as bits.", "#pragma once"]
    lines += ["#include <cstdint>", f"namespace {made.name}_golden {{"]
    buffers = (*made.plan.inputs, *made.plan.outputs)
    for buffer, array in zip(buffers, (*tested.inputs, *tested.outputs), strict=True):
        kind, words = _bits(array)
        lines.append(f"alignas(64) inline constexpr {kind} {buffer.name}[] = {{")
        lines.extend(_words(words))
        lines.append("};")
    lines.append("}")
    return "\n".join(lines) + "\n"


def _self_test(made: Program, tested: Golden) -> str:
    name = made.name
    events = len(tested.outputs[0])
    lines = [
        f"// Computes the golden events one by one and as a batch: exit code 0 when every bit agrees.",
        f'#include "{name}_golden.hpp"\n#include "{name}_weights.hpp"\n#include <cstdio>\n#include <cstring>\n',
        f"static inferon::{name}::Workspace workspace;",
    ]
    for buffer in made.plan.outputs:
        lines.append(f"static {scalar_type(buffer.element)} {buffer.name}[{events * max(1, buffer.size)}];")
    lines.append("")
    lines.extend(_bit_comparison())
    lines.append("int main() {\n  int wrong = 0;")
    golden = f"{name}_golden"
    for buffer in made.plan.inputs:
        kind = scalar_type(buffer.element)
        lines.append(f"  const auto* {buffer.name} = reinterpret_cast<const {kind}*>({golden}::{buffer.name});")
    lines.append(f"  const auto weights = inferon::{name}::embedded_weights();")
    alone = ", ".join(
        f"{b.name} + event * {b.size}" for b in (*made.plan.inputs, *made.plan.outputs)
    )
    batch = ", ".join(b.name for b in (*made.plan.inputs, *made.plan.outputs))
    for how, call in (
        ("alone", f"for (int event = 0; event < {events}; ++event) inferon::{name}::evaluate(weights, workspace, {alone});"),
        ("in a batch", f"inferon::{name}::evaluate_batch(weights, workspace, {batch}, {events});"),
    ):
        lines.append(f"  {call}")
        for buffer in made.plan.outputs:
            lines.append(
                f'  wrong += differences("{buffer.name} {how}", {buffer.name}, {golden}::{buffer.name}, '
                f"{events * buffer.size});"
            )
            lines.append(f"  std::memset({buffer.name}, 0, sizeof {buffer.name});")
    lines.append(f'  std::printf("{name}: %s\\n", wrong ? "bits differ" : "every bit agrees");')
    lines.append("  return wrong ? 1 : 0;\n}")
    return "\n".join(lines) + "\n"


def _bit_comparison() -> Iterator[str]:
    yield "// Counts elements whose bits differ; two NaNs agree whatever their payload."
    yield "template <class T, class U>"
    yield "static int differences(const char* what, const T* got, const U* expected, int size) {"
    yield '  static_assert(sizeof(T) == sizeof(U), "same width");'
    yield "  int wrong = 0;"
    yield "  for (int i = 0; i < size; ++i) {"
    yield "    T value;\n    std::memcpy(&value, expected + i, sizeof value);"
    yield "    const bool both_nan = value != value && got[i] != got[i];"
    yield "    if (!both_nan && std::memcmp(got + i, expected + i, sizeof value) != 0) ++wrong;"
    yield "  }"
    yield '  if (wrong) std::printf("%s: %d of %d differ\\n", what, wrong, size);'
    yield "  return wrong;\n}\n"


# ------------------------------------------------------------------------------------------ package


def _cmake(name: str) -> str:
    return f"""cmake_minimum_required(VERSION 3.16)
project({name} LANGUAGES CXX)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# Link to {name}::{name} to use {name}.hpp; choose another instruction set with -D{name}_MARCH=x86-64-v4.
add_library({name} INTERFACE)
add_library({name}::{name} ALIAS {name})
target_compile_features({name} INTERFACE cxx_std_17)
target_include_directories({name} INTERFACE
  $<BUILD_INTERFACE:${{CMAKE_CURRENT_SOURCE_DIR}}> $<INSTALL_INTERFACE:include/{name}>)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set({name}_MARCH "x86-64-v3" CACHE STRING "instruction set")
  target_compile_options({name} INTERFACE -march=${{{name}_MARCH}})
endif()

add_library({name}_c {name}_c.cpp)
set_target_properties({name}_c PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_link_libraries({name}_c PUBLIC {name})

include(CTest)
if(BUILD_TESTING)
  add_executable({name}_self_test {name}_self_test.cpp)
  target_link_libraries({name}_self_test PRIVATE {name})
  add_test(NAME {name}_self_test COMMAND {name}_self_test)
endif()

install(TARGETS {name} {name}_c EXPORT {name}Targets)
install(FILES {name}.hpp {name}_weights.hpp {name}_c.h DESTINATION include/{name})
install(FILES {name}_weights.bin manifest.json DESTINATION share/{name})
install(EXPORT {name}Targets NAMESPACE {name}:: DESTINATION lib/cmake/{name})
install(FILES {name}Config.cmake DESTINATION lib/cmake/{name})
"""


def _readme(made: Program, source: Graph) -> str:
    name = made.name
    calls = ", ".join(b.name for b in (*made.plan.inputs, *made.plan.outputs))
    rows = "\n".join(
        f"| {kind} | `{buffer.name}` | {node.type} |"
        for kind, buffers, nodes in (
            ("input", made.plan.inputs, source.inputs),
            ("output", made.plan.outputs, source.outputs),
        )
        for buffer, node in zip(buffers, nodes, strict=True)
    )
    return f"""# {name}

A trained model as C++17, written by Inferon {VERSION}. It needs a compiler for x86-64-v3 or AArch64 and nothing else.

| | argument | one event |
|---|---|---|
{rows}

    #include "{name}_weights.hpp"      // or {name}.hpp alone, and weights from {name}_weights.bin

    inferon::{name}::Workspace workspace;       // one for each thread
    inferon::{name}::evaluate(inferon::{name}::embedded_weights(), workspace, {calls});

The same bits come out on every machine, alone or in a batch, in the default floating-point environment (round to nearest
even, subnormals kept). Test it: `cmake -B build && cmake --build build && ctest --test-dir build`.
"""


def _manifest(made: Program, source: Graph, files: Sequence[File]) -> str:
    renamed = dict(source.renamed)

    def ports(buffers: Sequence[Buffer], nodes: Sequence[Node], names: Sequence[str]) -> list[dict[str, object]]:
        return [
            {
                "argument": buffer.name,
                "name": name,
                "source_name": renamed.get(name, name),
                "shape": [str(s) if not isinstance(s, int) else s for s in node.type.shape],
                "type": str(node.type.element),
            }
            for buffer, node, name in zip(buffers, nodes, names, strict=True)
        ]

    content = {
        "format": FORMAT_VERSION,
        "inferon": VERSION,
        "numerics": NUMERICS_VERSION,
        "target": "cpp",
        "name": made.name,
        "graph": source.digest.hex(),
        "listing": f"{made.name}.inferon",
        "inputs": ports(made.plan.inputs, source.inputs, source.input_names),
        "outputs": ports(made.plan.outputs, source.outputs, source.output_names),
        "workspace_bytes": made.layout.size_bytes,
        "weight_bytes": len(made.blob()),
        "baseline": ["x86-64-v3", "AArch64"],
        "environment": "round to nearest even, no FTZ, no DAZ",
        "golden": f"{made.name}_golden.hpp",
        "renamed": renamed,
        "files": {file.path: hashlib.sha256(file.content).hexdigest() for file in sorted(files, key=lambda f: f.path)},
    }
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"
