"""What a generated header costs its compiler: size, seconds and memory, for each benchmark model.

Run: ``python3 benchmarks/compile_cost.py``; writes ``compile_cost.json`` and ``compile_cost.md``
to ``benchmarks/results`` and exits with 1 where a bar is missed.  Each model is compiled as its C
interface, with its weights, by g++ -O3 for x86-64-v3 and x86-64-v4; the larger figures count.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import inferon
from inferon.measure.machine import this_machine
from inferon.measure.record import as_json
from inferon.targets.toolchain import version

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "benchmarks" / "models"
RESULTS = ROOT / "benchmarks" / "results"
LEVELS = ("x86-64-v3", "x86-64-v4")

# The bars of the project's acceptance list.
MOST_HEADER_KB, MOST_SECONDS, MOST_MB = 200.0, 20.0, 1000.0


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one model; kB and MB are of 10**3 and 10**6 bytes."""

    file: str
    header_kb: float
    seconds: float
    memory_mb: float

    def fits(self) -> bool:
        """Whether every bar is met."""
        bars = (MOST_HEADER_KB, MOST_SECONDS, MOST_MB)
        costs = (self.header_kb, self.seconds, self.memory_mb)
        return all(cost <= bar for cost, bar in zip(costs, bars, strict=True))


def compiled(folder: Path, name: str, level: str) -> tuple[float, float]:
    """Return seconds and peak memory [MB] of one compilation and of its largest process."""
    command = ["g++", "-std=c++17", "-O3", f"-march={level}", "-c", f"{name}_c.cpp", "-o", "c.o"]
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=folder)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"g++ failed on {name}")
    return time.monotonic() - start, usage.ru_maxrss * 1024 / 1e6


def measure(path: Path) -> Cost:
    """Write and compile one model."""
    with tempfile.TemporaryDirectory() as temporary:
        graph = inferon.load(path)
        folder = inferon.compile(graph, inferon.Cpp()).write(Path(temporary) / "artifact")
        header = (folder / f"{graph.name}.hpp").stat().st_size / 1000
        costs = [compiled(folder, graph.name, level) for level in LEVELS]
    return Cost(path.name, header, max(s for s, _ in costs), max(mb for _, mb in costs))


def main() -> int:
    """Measure, write, judge."""
    costs = []
    for path in sorted(MODELS.glob("*.onnx")):
        print(path.name, file=sys.stderr)
        costs.append(measure(path))
    lines = ["| model | header, kB | g++, s | g++, MB |", "|---|--:|--:|--:|"]
    lines += [
        f"| {c.file} | {c.header_kb:.0f} | {c.seconds:.1f} | {c.memory_mb:.0f} |" for c in costs
    ]
    record = {
        "machine": as_json(this_machine()),
        "compiler": version("g++"),
        "bars": {"header_kb": MOST_HEADER_KB, "seconds": MOST_SECONDS, "memory_mb": MOST_MB},
        "costs": [asdict(cost) for cost in costs],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "compile_cost.json").write_text(json.dumps(record, indent=1) + "\n")
    (RESULTS / "compile_cost.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    missed = [cost.file for cost in costs if not cost.fits()]
    print(f"over a bar: {missed or 'none'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
