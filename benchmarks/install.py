"""What Inferon costs to have: time and size of the core install, time of `import inferon`.

Run: ``python3 benchmarks/install.py``; writes ``benchmarks/results/install.json`` and exits with 1
if a bar is missed.  The install is into an empty environment with an empty home folder (so an
empty cache), at the pinned versions.  Import times are medians over new processes, less the start
of an interpreter that imports nothing; their CPU time tells how much a busy machine added.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "install.json"
RUNS = 20

# The bars of the project's acceptance list.
MOST_INSTALL_S = 60.0
MOST_SIZE_MB = 200.0
MOST_IMPORT_S = 0.2


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement; sizes in MB of 10**6 bytes, times by the clock but for ``import_cpu_s``."""

    install_s: float
    size_mb: float
    interpreter_s: float
    interpreter_spread_s: float
    import_s: float
    import_spread_s: float
    import_cpu_s: float

    def missed(self) -> list[str]:
        """Sentences for the bars that were missed."""
        bars = [
            ("core install [s]", self.install_s, MOST_INSTALL_S),
            ("core install [MB]", self.size_mb, MOST_SIZE_MB),
            ("import inferon [s]", self.import_s, MOST_IMPORT_S),
        ]
        return [f"{what}: {value:.3g} >= {bar:g}" for what, value, bar in bars if value >= bar]


def measure(folder: Path) -> Measured:
    """Install into a new environment under the folder, and import from it."""
    home = folder / "home"
    home.mkdir()
    environment = os.environ | {"HOME": str(home)}
    environment.pop("PYTHONPATH", None)
    venv = folder / "venv"
    python = str(venv / "bin" / "python")
    run([sys.executable, "-m", "venv", "--without-pip", str(venv)], environment)
    before = size_of(venv)
    started = time.perf_counter()
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--constraint", str(ROOT / "constraints.txt")]
    run([*pip, str(ROOT)], environment)
    install_s = time.perf_counter() - started
    size_mb = (size_of(venv) - before) / 1e6
    interpreter = seconds([python, "-c", "pass"], environment, folder)
    with_inferon = seconds([python, "-c", "import inferon"], environment, folder)
    return Measured(
        install_s=install_s,
        size_mb=size_mb,
        interpreter_s=statistics.median(interpreter.wall),
        interpreter_spread_s=spread(interpreter.wall),
        import_s=statistics.median(with_inferon.wall) - statistics.median(interpreter.wall),
        import_spread_s=spread(with_inferon.wall),
        import_cpu_s=statistics.median(with_inferon.cpu) - statistics.median(interpreter.cpu),
    )


def run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, check=True, env=environment)


def size_of(folder: Path) -> int:
    """Bytes of the files under the folder, without following links."""
    files = (path for path in folder.rglob("*") if not path.is_symlink() and path.is_file())
    return sum(path.stat().st_size for path in files)


@dataclass(frozen=True, slots=True)
class Seconds:
    """Wall and CPU time of each run."""

    wall: list[float]
    cpu: list[float]


def seconds(command: list[str], environment: dict[str, str], folder: Path) -> Seconds:
    """Times of RUNS new processes, after one that warms the disk cache."""
    wall, cpu = [], []
    for _ in range(RUNS + 1):
        started, cpu_before = time.perf_counter(), cpu_of_children()
        subprocess.run(command, check=True, env=environment, cwd=folder)
        wall.append(time.perf_counter() - started)
        cpu.append(cpu_of_children() - cpu_before)
    return Seconds(wall[1:], cpu[1:])


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def spread(times: list[float]) -> float:
    """Distance of the quartiles."""
    low, _, high = statistics.quantiles(times, n=4)
    return high - low


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="inferon-install-") as folder:
        measured = measure(Path(folder))
    print(f"core install         {measured.install_s:8.1f} s   (bar {MOST_INSTALL_S:g} s)")
    print(f"  on disk            {measured.size_mb:8.1f} MB  (bar {MOST_SIZE_MB:g} MB)")
    print(f"interpreter alone    {measured.interpreter_s:8.3f} s   (median of {RUNS})")
    print(f"import inferon adds  {measured.import_s:8.3f} s   (bar {MOST_IMPORT_S:g} s)")
    print(f"  of CPU time        {measured.import_cpu_s:8.3f} s")
    print(f"load average         {os.getloadavg()[0]:8.1f}     (of {os.cpu_count()} cores)")
    record = {
        "command": "python3 benchmarks/install.py",
        "python": platform.python_version(),
        "runs": RUNS,
        "load_average": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
        "bars": {
            "install_s": MOST_INSTALL_S,
            "size_mb": MOST_SIZE_MB,
            "import_s": MOST_IMPORT_S,
        },
        "measured": {name: round(value, 4) for name, value in asdict(measured).items()},
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(record, indent=2) + "\n")
    missed = measured.missed()
    for sentence in missed:
        print(f"missed: {sentence}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
