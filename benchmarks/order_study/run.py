"""Compile the kernels with every compiler and instruction set, compare their bits, time them.

    PYTHONPATH=src python -m benchmarks.order_study.run [--rounds N] [--build-dir DIR]

Writes results.json beside this file; report.py makes the tables of docs/decisions/0001 from it.
All builds live in one process and take turns burst by burst: a busy machine slows all alike.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.order_study.order_model import DotOrder, deep_sets, dot, mlp, relu, strand_sum

HERE = Path(__file__).parent
BATCH = 256  # kBatch of models.hpp
PARTS = range(4)  # of kernels.cpp; sums are in the last one
COMPILERS = ("g++", "clang++")
ARCHITECTURES = ("x86-64-v3", "x86-64-v4")
FLAGS = ("-std=c++17", "-O3", "-shared", "-fPIC")
BURST_NS = 150_000.0  # long enough for the clock, short enough to fall between interruptions
LAYERS = {
    "mlp12": (12, 32, 16, 8, 1),
    "mlp256": (256, 256, 256, 10),
    "deepsets phi": (3, 16, 64, 64),
    "deepsets head": (64, 64, 5),
}
PARTICLES = 150
RUNTIME_LENGTH, RUNTIME_CAPACITY = 150, 256

Array = NDArray[Any]
Layer = tuple[Array, Array]


@dataclass(frozen=True)
class Build:
    """One compiler, one instruction set; ``fast`` allows the compiler to reorder sums."""

    compiler: str
    architecture: str
    part: int
    fast: bool

    @property
    def name(self) -> str:
        return f"{self.compiler} {self.architecture}" + (" -ffast-math" if self.fast else "")

    def load(self, folder: Path) -> ctypes.CDLL:
        kind = "fast" if self.fast else "strict"
        library = folder / f"{self.compiler}_{self.architecture}_{kind}_{self.part}.so"
        if not library.exists():
            print(f"compiling {library.name}", file=sys.stderr)
            command = [self.compiler, *FLAGS, f"-march={self.architecture}", f"-DPART={self.part}"]
            command += ["-ffast-math"] if self.fast else []
            subprocess.run([*command, HERE / "kernels.cpp", "-o", library], check=True)
        loaded = ctypes.CDLL(str(library))
        loaded.kernel_text.restype = ctypes.c_char_p
        loaded.kernel_burst.restype = ctypes.c_double
        return loaded


@dataclass(frozen=True)
class Kernel:
    """One problem in one order, layout and schedule, in one build."""

    build: Build
    library: ctypes.CDLL
    index: int
    problem: str
    layout: str
    order: str
    schedule: str
    events: int
    inputs: Array
    outputs: Array

    def run(self) -> Array:
        self.library.kernel_run(self.index, _pointer(self.inputs), _pointer(self.outputs))
        return self.outputs.copy()

    def burst_ns(self, calls: int, dependent: bool) -> float:
        found: float = self.library.kernel_burst(
            self.index, _pointer(self.inputs), _pointer(self.outputs), calls, int(dependent)
        )
        return found


def _pointer(x: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(x.ctypes.data)


class Problems:
    """Inputs and weights, the same for every build."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(20)
        self._inputs: dict[int, Array] = {}
        self.layers = {name: self._dense(sizes) for name, sizes in LAYERS.items()}
        self.layers["deepsets"] = self.layers["deepsets phi"] + self.layers["deepsets head"]
        for n in (16, 32, 64):
            self.layers[f"rows{n}"] = self._dense((n, n))
        self.layers["runtime150"] = self._dense((RUNTIME_CAPACITY, 16))

    def _dense(self, sizes: tuple[int, ...]) -> list[Layer]:
        return [
            (
                (self._rng.standard_normal((k, n)) * np.sqrt(2 / k)).astype(np.float32),
                (self._rng.standard_normal(n) / 10).astype(np.float32),
            )
            for k, n in pairwise(sizes)
        ]

    def inputs(self, per_event: int) -> Array:
        if per_event not in self._inputs:
            values = self._rng.standard_normal((BATCH, per_event)).astype(np.float32)
            self._inputs[per_event] = np.ascontiguousarray(values)
        return self._inputs[per_event]

    def weights(self, problem: str) -> Array:
        key = problem[1:] if problem[1:5] == "rows" else problem
        blocks = [x.ravel() for layer in self.layers.get(key, []) for x in layer]
        return np.concatenate([np.zeros(0, np.float32), *blocks])


def expected(problem: str, order: str, x: Array, layers: dict[str, list[Layer]]) -> Array:
    """The numpy model's answer for all events of the batch."""
    events = x.shape[0]
    if problem.startswith("sum"):
        k = int(problem[3:].split()[0])
        across = problem.endswith("across")
        by_row = x.reshape(events, k, 64) if across else x.reshape(events, -1, k).swapaxes(1, 2)
        return strand_sum(by_row, int(order))
    if problem == "deepsets":
        phi, head, strands = order.split(",")
        points = x.reshape(events, PARTICLES, 3)
        orders = DotOrder.parse(phi), DotOrder.parse(head)
        return deep_sets(points, layers[problem], *orders, int(strands))
    if problem == "runtime150":
        w = layers[problem][0][0][:RUNTIME_LENGTH]
        return dot(x[:, :RUNTIME_LENGTH], w, DotOrder.parse(order))
    if problem[1:5] == "rows":
        w, b = layers[problem[1:]][0]
        rows = x.reshape(events, int(problem[0]), w.shape[0])
        return relu(dot(rows, w, DotOrder.parse(order)) + b).reshape(events, -1)
    return mlp(x, layers[problem], DotOrder.parse(order))


def load_kernels(build: Build, folder: Path, problems: Problems) -> list[Kernel]:
    library = build.load(folder)
    kernels = []
    for i in range(library.kernel_count()):
        problem, layout, order, schedule = (library.kernel_text(i, j).decode() for j in range(4))
        if build.fast and not order.startswith("free"):
            continue
        events, n_in, n_out = (library.kernel_number(i, j) for j in range(3))
        weights = problems.weights(problem)
        library.kernel_setup(i, _pointer(weights))
        outputs = np.zeros((BATCH, n_out), np.float32)
        x = problems.inputs(n_in)
        kernels.append(
            Kernel(build, library, i, problem, layout, order, schedule, events, x, outputs)
        )
    return kernels


def check_bits(kernels: list[Kernel], problems: Problems) -> list[dict[str, Any]]:
    """Compare every build, layout and schedule of an order with the numpy model, byte by byte."""
    groups: dict[tuple[str, str], list[Kernel]] = {}
    for kernel in kernels:
        if not kernel.order.startswith("free"):
            groups.setdefault((kernel.problem, kernel.order), []).append(kernel)
    checked = []
    for (problem, order), members in sorted(groups.items()):
        wanted = expected(problem, order, members[0].inputs, problems.layers).astype(np.float32)
        for kernel in members:
            found = kernel.run()
            if found.tobytes() != np.ascontiguousarray(wanted).tobytes():
                where = f"{kernel.build.name}, {kernel.layout}, {kernel.schedule}"
                wrong = int((found != wanted).sum())
                raise SystemExit(f"{problem} {order}: {wrong} outputs differ in {where}")
        checked.append(
            {"problem": problem, "order": order, "kernels": len(members), "values": wanted.size}
        )
    return checked


def time_kernels(kernels: list[Kernel], rounds: int) -> list[dict[str, Any]]:
    """Interleave: every round is one burst of every kernel, dependent and independent calls."""
    modes = [
        (kernel, dependent)
        for kernel in kernels
        for dependent in ((False, True) if kernel.events == 1 else (False,))
    ]
    calls = []
    for kernel, dependent in modes:
        first = min(kernel.burst_ns(2, dependent) for _ in range(3)) * kernel.events
        calls.append(max(1, min(4096, int(BURST_NS / first))))
    times: list[list[float]] = [[] for _ in modes]
    for done in range(rounds):
        print(f"\rround {done + 1} of {rounds}", end="", file=sys.stderr)
        for spot, (kernel, dependent) in enumerate(modes):
            kernel.burst_ns(1, dependent)  # its weights come back into the cache
            times[spot].append(kernel.burst_ns(calls[spot], dependent))
    print(file=sys.stderr)
    return [
        {
            "build": kernel.build.name,
            "problem": kernel.problem,
            "layout": kernel.layout + (" dependent" if dependent else ""),
            "order": kernel.order,
            "schedule": kernel.schedule,
            "p05_ns": round(float(np.percentile(spread, 5)), 2),
            "median_ns": round(float(np.median(spread)), 2),
        }
        for (kernel, dependent), spread in zip(modes, times, strict=True)
    ]


def machine() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def version(compiler: str) -> str:
    found = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    return found.stdout.splitlines()[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--build-dir", type=Path, help="keep the compiled kernels here")
    parser.add_argument("--parts", type=int, nargs="*", default=list(PARTS))
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.build_dir or Path(scratch)
        problems = Problems()
        checks, timings = [], []
        for part in options.parts:
            builds = [
                Build(compiler, architecture, part, fast)
                for fast in ((False, True) if part == PARTS[-1] else (False,))
                for architecture in ARCHITECTURES
                for compiler in COMPILERS
            ]
            kernels = [k for b in builds for k in load_kernels(b, folder, problems)]
            checks += check_bits(kernels, problems)
            timings += time_kernels(kernels, options.rounds)
    result = {
        "machine": machine(),
        "compilers": {c: version(c) for c in COMPILERS},
        "flags": " ".join(FLAGS[:2]),
        "rounds": options.rounds,
        "bits_equal": checks,
        "timings": timings,
    }
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    print(f"{sum(c['kernels'] for c in checks)} kernels gave the bits of the numpy model")


if __name__ == "__main__":
    main()
