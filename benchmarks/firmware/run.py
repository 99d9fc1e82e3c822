"""Firmware beside hls4ml and da4ml: seconds to RTL, emulation, area and depth by one synthesis.

Run: ``python3 benchmarks/firmware/run.py --da4ml PYTHON --hls4ml PYTHON [NETWORK ...]``, with the
interpreter of each peer's environment (``scripts/peers.sh`` makes both).  Every point is
kept in ``--work``, so that a run that was stopped goes on.  Writes ``firmware.json`` and
``firmware.md`` to ``benchmarks/results``.

Both sides are synthesized flat by the same command of the same Yosys.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import inferon
from benchmarks.firmware.graphs import graph_of, qonnx_of
from benchmarks.firmware.networks import NETWORKS, Dense, Network, events, outputs
from benchmarks.firmware.table import table
from inferon.measure.synthesis import longest_path, resources_of
from inferon.passes.unroll import Sharing
from inferon.targets.rtl import RtlArtifact, Verilog
from inferon.targets.rtl.simulators import Verilator
from inferon.targets.rtl.yosys import find_yosys

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results"
SETTINGS = ((10.0, 0), (5.0, 0), (3.0, 0))
"""Clock in ns and extra depth of ours."""

CUTOFFS = (3, 5, 8)
"""Delay settings of da4ml, in its own units."""

EVENTS = 10_000
SYNTHESIS = "synth_xilinx -family xcup -flatten -noiopad"
SYNTHESIS_S = 1800


def synthesized(sources: list[Path], top: str) -> dict[str, Any]:
    """Return what Yosys counts of some Verilog."""
    folder = sources[0].parent
    script = (
        f"read_verilog -sv {' '.join(str(each.resolve()) for each in sources)}; "
        f"{SYNTHESIS} -top {top}; tee -q -o stat.json stat -json -tech xilinx; "
        "tee -q -o depth.txt ltp -noff"
    )
    begin = time.perf_counter()
    command = [*find_yosys().command, "-q", "-p", script]
    subprocess.run(command, cwd=folder, check=True, timeout=SYNTHESIS_S)
    modules = json.loads((folder / "stat.json").read_text())["modules"]
    found = resources_of(modules[f"\\{top}"])
    return {
        "lut": found.lut,
        "ff": found.ff,
        "carry": found.carry,
        "dsp": found.dsp,
        "bram": found.bram,
        "levels": longest_path((folder / "depth.txt").read_text(), top),
        "yosys_s": time.perf_counter() - begin,
    }


def ours(network: Network, clock_ns: float, extra: int | None, folder: Path) -> dict[str, Any]:
    """Return one point of ours."""
    folder.mkdir(parents=True, exist_ok=True)
    begin = time.process_time()
    target = Verilog(clock_ns=clock_ns, sharing=Sharing(extra))
    chip = inferon.compile(graph_of(network), target)
    chip.write(folder / "rtl")
    seconds = time.process_time() - begin
    assert isinstance(chip.artifact, RtlArtifact)
    design = chip.artifact.design
    return {
        "seconds": seconds,
        "stages": design.pipeline.latency_cycles,
        **synthesized([folder / "rtl" / f"{design.name}.v"], design.name),
    }


def proven(network: Network) -> dict[str, Any]:
    """Return what emulation and simulation of ours take, and whether their bits are right."""
    graph = graph_of(network)
    x = events(network, EVENTS)
    expected, _ = outputs(network, x)
    emulator = inferon.compile(graph, inferon.Cpp())
    equal = bool((emulator.predict(x) == expected).all())
    spans = []
    for _ in range(20):
        begin = time.process_time()
        emulator.predict(x)
        spans.append(time.process_time() - begin)
    chip = inferon.compile(graph, Verilog(clock_ns=5.0, simulator=Verilator()))
    begin = time.perf_counter()
    chip.predict(x[:1])
    built = time.perf_counter() - begin
    begin = time.perf_counter()
    simulated = chip.predict(x)
    return {
        "equal": equal and bool((simulated == expected).all()),
        "emulation_ms": min(spans) * 1e6 / EVENTS,
        "simulator_build_s": built,
        "simulation_s": time.perf_counter() - begin,
    }


def from_file(network: Network, folder: Path) -> float | None:
    """Return the CPU seconds of a fresh process from a QONNX file to written RTL."""
    if not all(isinstance(step, Dense) or hasattr(step, "grid") for step in network.steps):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(qonnx_of(network).SerializeToString())
    code = (
        "import inferon, time; from inferon.targets.rtl import Verilog; "
        "from inferon.passes.unroll import Sharing; "
        "g = inferon.exact(inferon.load('model.onnx')).graph; "
        "inferon.compile(g, Verilog(clock_ns=5.0, sharing=Sharing(0))).write('from_file'); "
        "print(time.process_time())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True
    )
    return float(done.stdout.split()[-1])


def da4ml(python: str, network: Network, cutoff: float, folder: Path) -> dict[str, Any]:
    """Return one point of da4ml."""
    script = HERE / "peer_da4ml.py"
    command = [python, str(script), network.name, str(cutoff), str(folder / "rtl")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    point = json.loads(done.stdout.splitlines()[-1])
    source = folder / "rtl" / "src"
    # the wrapper registers nothing; a table of memory files is not used by these networks
    own = [p for p in source.glob("*.v") if not p.name.endswith("_wrapper.v")]
    cells = [p for p in (source / "static").glob("*.v") if p.name != "lookup_table.v"]
    return {**point, **synthesized(sorted(own) + sorted(cells), network.name)}


def hls4ml(python: str, network: Network, folder: Path) -> dict[str, Any]:
    """Return what hls4ml takes: emulation only, as its RTL needs a vendor's tool."""
    command = [python, str(HERE / "peer_hls4ml.py"), network.name, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """Return a point, measured now or in an earlier run."""
    if not path.exists():
        found = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found))
        print(path.stem, found, file=sys.stderr, flush=True)
    return json.loads(path.read_text())


def measured(network: Network, options: argparse.Namespace) -> dict[str, Any]:
    """Return every point of a network."""
    work = options.work / network.name
    record: dict[str, Any] = {"title": network.title, "ours": [], "da4ml": []}
    for clock, extra in SETTINGS:
        place = work / f"ours_{clock:g}_{extra}"
        make = partial(ours, network, clock, extra, place)
        point = kept(place.with_name(f"{place.name}.json"), make)
        record["ours"].append({"clock_ns": clock, "extra_depth": extra, **point})
    record["proof"] = kept(work / "proof.json", lambda: proven(network))
    record["from_file_s"] = kept(work / "file.json", lambda: from_file(network, work / "file"))
    for cutoff in CUTOFFS if options.da4ml else ():
        place = work / f"da4ml_{cutoff}"
        make = partial(da4ml, options.da4ml, network, cutoff, place)
        point = kept(place.with_name(f"{place.name}.json"), make)
        record["da4ml"].append({"cutoff": cutoff, **point})
    if options.hls4ml and record["from_file_s"] is not None:
        record["hls4ml"] = kept(
            work / "hls4ml.json", lambda: hls4ml(options.hls4ml, network, work / "hls4ml")
        )
    return record


def main() -> int:
    """Measure, write, and show."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("networks", nargs="*", default=list(NETWORKS))
    parser.add_argument("--da4ml", default="")
    parser.add_argument("--hls4ml", default="")
    parser.add_argument("--work", type=Path, default=Path("build/firmware"))
    options = parser.parse_args()
    options.work = options.work.resolve()
    networks = {name: measured(NETWORKS[name](), options) for name in options.networks}
    found = {
        "tool": find_yosys().version,
        "synthesis": SYNTHESIS,
        "machine": _machine(),
        "networks": networks,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "firmware.json").write_text(json.dumps(found, indent=1) + "\n")
    (RESULTS / "firmware.md").write_text(table(found) + "\n")
    print(table(found))
    return 0


def _machine() -> str:
    cpu = Path("/proc/cpuinfo").read_text()
    found = re.search(r"model name\s*: (.*)", cpu)
    return found[1] if found else "unknown"


if __name__ == "__main__":
    raise SystemExit(main())
