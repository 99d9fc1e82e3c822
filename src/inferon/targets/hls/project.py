"""The files of a project: the design in one dialect, a test bench, a script, and what they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inferon.ir.graph import Graph
from inferon.ir.listing import show
from inferon.targets.base import MANIFEST, File
from inferon.targets.golden import Golden
from inferon.targets.hls.dialect import Dialect, Spelling
from inferon.targets.hls.lower import Design
from inferon.targets.hls.ports import Port, golden_array, inputs_of, outputs_of
from inferon.targets.hls.printer import Printer, signature
from inferon.targets.texts import Texts
from inferon.version import VERSION

TEXTS = Texts("inferon.targets.hls")

FORMAT_VERSION = 1
"""Version of the layout of a project's files."""

_SCRIPTS = {
    Dialect.VITIS: "`vitis_hls -f build.tcl` simulates, synthesizes, runs the RTL on the test "
    "bench and packs it.",
    Dialect.AC: "the steps of Catapult up to RTL; name a library for your part in it first.",
}


@dataclass(frozen=True, slots=True)
class Project:
    """A design with all that its files say.

    Attributes
    ----------
    design : the functions
    core : the graph without floats that they compute
    source : the graph that the core was cut out of
    spelling : the dialect
    clock_ns, part : what the script asks the vendor's tool for
    """

    design: Design
    core: Graph
    source: Graph
    spelling: Spelling
    clock_ns: float
    part: str

    @property
    def name(self) -> str:
        """The beginning of file names, and of the top function's."""
        return self.design.name

    @property
    def ports(self) -> tuple[Port, ...]:
        """The arguments of the top function."""
        return (*inputs_of(self.core), *outputs_of(self.core))

    def sources(self) -> tuple[File, ...]:
        """Return the files that the simulation is compiled from."""
        printer = Printer(self.spelling)
        design, kind = self.design, self.spelling.dialect.name.lower()
        constants = "\n".join(line for each in design.constants for line in printer.constant(each))
        functions = "\n".join(line for each in design.functions for line in printer.function(each))
        top = "\n".join(printer.top(design.top, design.scope))
        types = "\n".join(printer.types(design.elements))
        includes = "\n".join(f"#include <{each}>" for each in self.spelling.includes)
        texts = {
            f"{self.name}.h": self._filled(
                "design.h", includes=includes, types=types, top=signature(design.top, design.scope)
            ),
            f"{self.name}.cpp": self._filled(
                "design.cpp", title=self.spelling.dialect.value, functions=functions, top=top
            ),
            f"{self.name}_weights.h": self._filled("weights.h", constants=constants),
            f"{self.name}_parts.h": self._filled("parts.h", parts=TEXTS.text(f"{kind}_parts.h")),
            f"{self.name}_bits.h": self._filled("bits.h", bits=TEXTS.text(f"{kind}_bits.h")),
            f"{self.name}_c.cpp": self._c(),
        }
        return tuple(File(path, content.encode()) for path, content in texts.items())

    def files(self, tested: Golden) -> tuple[File, ...]:
        """Return every file, in a stable order."""
        kind = self.spelling.dialect.name.lower()
        texts = {
            f"{self.name}_golden.h": self._golden(tested),
            f"{self.name}_test.cpp": self._test_bench(tested),
            f"{self.name}.inferon": show(self.source, constants=True) + "\n",
            "build.tcl": self._filled(f"{kind}_build.tcl", part=self.part, clock=self.clock_ns),
            "README.md": self._read_me(),
        }
        files = [*self.sources(), *(File(path, each.encode()) for path, each in texts.items())]
        files.append(File(MANIFEST, self._manifest(files).encode()))
        return tuple(sorted(files, key=lambda file: file.path))

    def _filled(self, file: str, **values: object) -> str:
        line = f"Inferon {VERSION}, graph {self.source.digest.hex()}"
        names = {"name": self.name, "NAME": self.name.upper(), "scope": self.design.scope}
        return TEXTS.filled(file, **names, signature=line, **values)

    def _c(self) -> str:
        numbered = list(enumerate(self.ports))
        inputs = len(self.core.inputs)
        return self._filled(
            "c.cpp",
            inputs=self._block(
                self._read(p, _given(i, p, "const ")) for i, p in numbered[:inputs]
            ),
            outputs=self._block(p.declared(self.design.scope) for _, p in numbered[inputs:]),
            results=self._block(
                f"{self.design.scope}::write({_given(i, p)}, {p.argument}, {p.size});"
                for i, p in numbered[inputs:]
            ),
            passed=self._passed(),
        )

    def _test_bench(self, tested: Golden) -> str:
        inputs, outputs = inputs_of(self.core), outputs_of(self.core)
        golden = f"{self.name}_golden"
        compared = [
            f'wrong += differences("{p.argument}", event, {p.argument}, '
            f"{golden}::{p.argument} + event * {p.size}, {p.size});"
            for p in outputs
        ]
        return self._filled(
            "test.cpp",
            events=len(tested.outputs[0]),
            elements=sum(array.size for array in tested.outputs),
            inputs=self._block(
                self._read(p, f"{golden}::{p.argument} + event * {p.size}") for p in inputs
            ),
            outputs=self._block(p.declared(self.design.scope) for p in outputs),
            comparisons=self._block(compared),
            passed=self._passed(),
        )

    def _read(self, port: Port, source: str) -> str:
        call = f"{self.design.scope}::read({port.argument}, {source}, {port.size});"
        return f"{port.declared(self.design.scope)}\n    {call}"

    def _passed(self) -> str:
        return ", ".join(port.argument for port in self.ports)

    @staticmethod
    def _block(lines: Iterable[str]) -> str:
        return "\n".join(f"    {line}" for line in lines)

    def _golden(self, tested: Golden) -> str:
        arrays = zip(self.ports, (*tested.inputs, *tested.outputs), strict=True)
        guard = f"INFERON_{self.name.upper()}_GOLDEN_H"
        head = f"// Events of {self.name} and the outputs of the reference interpreter."
        body = "\n\n".join(golden_array(port, values) for port, values in arrays)
        return (
            f"{head}\n#ifndef {guard}\n#define {guard}\n\n#include <cstdint>\n\n"
            f"namespace {self.name}_golden {{\n\n{body}\n\n}}  // namespace {self.name}_golden\n"
            "\n#endif\n"
        )

    def _read_me(self) -> str:
        rows = [
            f"| {port.name} | `{port.argument}` | {port.node.type} | {port.step()} |"
            for port in self.ports
        ]
        dialect = self.spelling.dialect
        return self._filled(
            "README.md",
            version=VERSION,
            dialect=f"Numbers are {dialect.value}",
            rows="\n".join(rows),
            script=_SCRIPTS[dialect],
            header=f"`{self.spelling.header}`",
        )

    def _manifest(self, files: Sequence[File]) -> str:
        renamed = dict(self.source.renamed)
        content = {
            "format": FORMAT_VERSION,
            "inferon": VERSION,
            "target": "hls",
            "dialect": self.spelling.dialect.name.lower(),
            "name": self.name,
            "top": self.design.top.name,
            "graph": self.source.digest.hex(),
            "listing": f"{self.name}.inferon",
            "clock_ns": self.clock_ns,
            "part": self.part,
            "inputs": [_port(port, renamed) for port in inputs_of(self.core)],
            "outputs": [_port(port, renamed) for port in outputs_of(self.core)],
            "golden": f"{self.name}_golden.h",
            "renamed": renamed,
            "files": {
                file.path: hashlib.sha256(file.content).hexdigest()
                for file in sorted(files, key=lambda f: f.path)
            },
        }
        return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _given(number: int, port: Port, const: str = "") -> str:
    return f"static_cast<{const}{port.word}*>(ports[{number}]) + event * {port.size}"


def _port(port: Port, renamed: dict[str, str]) -> dict[str, object]:
    return {
        "argument": port.argument,
        "name": port.name,
        "source_name": renamed.get(port.name, port.name),
        "shape": list(port.node.type.shape),
        "type": str(port.element),
    }
