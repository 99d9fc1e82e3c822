"""Models as a program of their own, which compares its bits with the interpreter's.

The program is compiled for any machine that a compiler and an emulator know; it runs its models in
batches of several sizes and on several threads (`strict_driver.cpp`).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.targets.base import File
from inferon.targets.cpp import Cpp, CppArtifact
from inferon.targets.cpp.binding import Port
from inferon.targets.cpp.package import call_source
from inferon.targets.toolchain import Compiler, run
from tests.absent import require_cpu, require_tool
from tests.differential.cpp_pack import V4_FLAGS, rough_events

DRIVER = Path(__file__).with_name("strict_driver.cpp")

DISTINCT = 23
"""Different events of a model: no multiple of a tile, so that each comes to lie in every lane."""

Change = Callable[[str], str]
"""A fault: what becomes of the text of a model's header."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a program runs.

    Attributes
    ----------
    name : for the id of a test
    march : the instruction set to compile for; empty is the compiler's own
    cpu : flags that the CPU needs
    cross : the machine in GNU's words where it is an emulated one
    emulator : runs its programs
    """

    name: str
    march: str = ""
    cpu: tuple[str, ...] = ()
    cross: str = ""
    emulator: str = ""


@dataclass(frozen=True, slots=True)
class Build:
    """One way to compile; its options are those of `Compiler`."""

    compiler: str
    machine: Machine
    level: str
    """What stands behind ``-O``, with ``-lto`` behind it for optimization at link time."""

    @property
    def name(self) -> str:
        """The id of a test."""
        return f"{self.compiler}-{self.machine.name}-O{self.level}"

    def require(self) -> None:
        """Skip, counted, what this machine lacks."""
        require_tool(self.command[0])
        if self.machine.cross:
            require_tool(f"{self.machine.cross}-g++")  # clang uses its headers and linker
            require_tool(self.machine.emulator)
        for flag in self.machine.cpu:
            require_cpu(flag)

    @property
    def command(self) -> tuple[str, ...]:
        """The compiler and what tells it the machine."""
        cross = self.machine.cross
        if not cross:
            return (self.compiler,)
        if self.compiler == "g++":
            return (f"{cross}-g++", "-static")
        return (self.compiler, f"--target={cross}", "-static")

    @property
    def options(self) -> list[str]:
        """The options behind the command."""
        level, _, lto = self.level.partition("-")
        march = self.machine.march
        return [
            *Compiler(self.command[0], march, level).options(),
            *(["-flto"] if lto else []),
            "-pthread",
        ]


X86_64_V3 = Machine("v3", "x86-64-v3", ("avx2", "fma"))
X86_64_V4 = Machine("v4", "x86-64-v4", V4_FLAGS)
AARCH64 = Machine("aarch64", cross="aarch64-linux-gnu", emulator="qemu-aarch64")


@dataclass(frozen=True)
class Suite:
    """Graphs that become one program.

    Attributes
    ----------
    graphs : with any names
    events : in one run of each
    distinct : different ones among them
    """

    graphs: tuple[Graph, ...]
    events: int
    distinct: int = DISTINCT

    @cached_property
    def artifacts(self) -> tuple[CppArtifact, ...]:
        """The models, under names of their own."""
        named = enumerate(self.graphs)
        return tuple(Cpp(name=f"m{i}_{graph.name}"[:48]).build(graph) for i, graph in named)

    @cached_property
    def _data(self) -> bytes:
        parts: list[Array] = []
        for number, graph in enumerate(self.graphs):
            inputs = rough_events(graph, self.distinct, seed=number)
            parts += [*inputs, *interpret(graph, inputs)]
        return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)

    def differences(
        self,
        build: Build,
        folder: Path,
        batches: Sequence[int],
        threads: Sequence[int],
        change: Change = lambda text: text,
    ) -> list[str]:
        """Return a line for each model, batch and number of threads with other bits."""
        program = self._compiled(build, folder, change)
        (folder / "events.bin").write_bytes(self._data)
        axes = [",".join(map(str, numbers)) for numbers in (batches, threads)]
        command = [str(program), str(folder / "events.bin"), *axes]
        if build.machine.emulator:
            command = [require_tool(build.machine.emulator), *command]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        *wrong, summary = done.stdout.splitlines() or [""]
        compared = len(self.graphs) * self.events * len(batches) * len(threads)
        assert summary.startswith(f"{compared} events compared"), (done.returncode, done.stderr)
        assert done.returncode == (1 if wrong else 0)
        return wrong

    def _compiled(self, build: Build, folder: Path, change: Change) -> Path:
        """Compile models and driver, one translation unit each: only LTO sees across."""
        calls = [call_source(artifact.made) for artifact in self.artifacts]
        files = [file for each in self.artifacts for file in each.files]
        headers = {f"{artifact.made.name}.hpp" for artifact in self.artifacts}
        sources = []
        for file in (*files, *calls, self._table()):
            text = file.content.decode(errors="replace")
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(change(text) if file.path in headers else text)
        for artifact, call in zip(self.artifacts, calls, strict=True):
            whole = f"{artifact.made.name}_whole.cpp"
            text = f'#include "{artifact.made.name}_c.cpp"\n#include "{call.path}"\n'
            (folder / whole).write_text(text)
            sources.append(whole)
        if "lto" not in build.level:  # fewer runs of the compiler
            lines = "".join(f'#include "{source}"\n' for source in sources)
            (folder / "all.cpp").write_text(lines)
            sources = ["all.cpp"]
        command = [*build.command, *build.options, "-I", str(folder), "-o", "program"]
        run([*command, *sources, str(DRIVER)], folder)
        return folder / "program"

    def _table(self) -> File:
        """Return what the driver knows of the models."""
        lines = [
            "#include <cstddef>",
            "#include <vector>",
            "struct Port { std::size_t items, item_bytes; char kind; };",
            "struct Model {",
            "  const char* name;",
            "  void (*call)(void*, void* const*, std::size_t);",
            "  std::size_t workspace_bytes, events, distinct, inputs;",
            "  std::vector<Port> ports;",
            "};",
        ]
        rows = []
        for graph, artifact in zip(self.graphs, self.artifacts, strict=True):
            made = artifact.made
            lines.append(f'extern "C" void {made.name}_call(void*, void* const*, std::size_t);')
            ports = ", ".join(
                f"{{{int(np.prod(port.shape))}, {port.dtype.itemsize}, '{port.dtype.kind}'}}"
                for port in map(Port.of, (*graph.inputs, *graph.outputs))
            )
            sizes = f"{made.workspace_bytes}, {self.events}, {self.distinct}, {len(graph.inputs)}"
            rows.append(f'    {{"{graph.name}", {made.name}_call, {sizes}, {{{ports}}}}},')
        lines += ["inline std::vector<Model> models() {", "  return {", *rows, "  };", "}"]
        return File("strict_models.hpp", ("\n".join(lines) + "\n").encode())
