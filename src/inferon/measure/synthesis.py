"""Synthesis with Yosys: what a design takes of a device, by an open tool.

One command, always the same one, for a family of large FPGAs::

    synth_xilinx -family xcup -noiopad; stat -json -tech xilinx

Counts of open synthesis rank designs well and are no vendor's numbers: a vendor's tool packs two
functions into one table and adds three operands at once.  So they carry tool and version, and
figures of two versions never stand in one table.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inferon.errors import ToolError
from inferon.targets.rtl.design import Design
from inferon.targets.rtl.hierarchy import FACE, layers_of
from inferon.targets.rtl.resources import Resources
from inferon.targets.rtl.verilog import verilog_by_layer
from inferon.targets.rtl.yosys import find_yosys

FAMILY = "xcup"
"""UltraScale+: the family of most trigger boards of the high-luminosity LHC."""

SCRIPT = (
    "read_verilog design.v; synth_xilinx -family {family} -top {top} -noiopad; "
    "tee -o stat.json stat -json -tech xilinx; "
    "setattr -mod -unset keep_hierarchy; flatten; tee -o depth.txt ltp -noff"
)


@dataclass(frozen=True, slots=True)
class Synthesis:
    """What Yosys counted.

    Attributes
    ----------
    layers : resources of each layer, by its name in the model
    total : of the whole design, with its valid bits
    levels : cells on the longest way between registers
    tool : name and version
    command : what was run in it
    """

    layers: tuple[tuple[str, Resources], ...]
    total: Resources
    levels: int
    tool: str
    command: str

    def __str__(self) -> str:
        rows = [f"{self.total}, {self.levels} levels ({self.tool})"]
        return "\n".join([*rows, *(f"  {name}: {each}" for name, each in self.layers)])


def synthesize(design: Design, family: str = FAMILY) -> Synthesis:
    """Return what a design takes, layer by layer, as Yosys synthesizes it.

    Raises
    ------
    ToolMissing
        When there is no Yosys.
    ToolError
        When it fails or takes too long.
    """
    script = SCRIPT.format(family=family, top=design.name)
    modules, depth = _run(verilog_by_layer(design.pipeline), script)
    layers, total = _counted(design, modules)
    levels = longest_path(depth, design.name)
    return Synthesis(layers, total, levels, find_yosys().version, script)


def synthesize_together(designs: Sequence[Design], family: str = FAMILY) -> list[Resources]:
    """Return what each of several designs takes, from one run: small designs start slowly.

    The designs have names of their own.  Each is kept apart from the others.
    """
    modules, _ = _run(_every(designs), SCRIPT.format(family=family, top="every"))
    return [_counted(design, modules)[1] for design in designs]


def _run(verilog: str, script: str) -> tuple[dict[str, dict[str, object]], str]:
    """Return the statistics of each module, and the report of the longest paths."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "design.v").write_text(verilog)
        find_yosys().run(script, work)
        text = (work / "stat.json").read_text()
        return _modules(text), (work / "depth.txt").read_text()


def _modules(statistics: str) -> dict[str, dict[str, object]]:
    """Return the statistics of each module; behind them Yosys 0.23 prints what is no JSON."""
    modules, _, _ = statistics.partition("\n   },")
    found: dict[str, dict[str, object]] = json.loads(modules + "}}")["modules"]
    return found


def _counted(
    design: Design, modules: dict[str, dict[str, object]]
) -> tuple[tuple[tuple[str, Resources], ...], Resources]:
    """Return the resources of each layer and of the whole design."""
    names = [layer.name for layer in layers_of(design.pipeline)]
    own = [resources_of(modules[f"\\{design.name}_layer_{i}"]) for i in range(len(names))]
    total = sum(own, resources_of(modules[f"\\{design.name}"]))
    return tuple((n, r) for n, r in zip(names, own, strict=True) if n != FACE), total


def _every(designs: Sequence[Design]) -> str:
    """Return a module around designs, each with ports of its own."""
    texts, ports, inner = [], [], []
    for number, design in enumerate(designs):
        texts.append(verilog_by_layer(design.pipeline))
        netlist = design.pipeline.netlist
        joined = [".clk(clk)", ".rst(rst)", ".in_valid(valid)", f".out_valid(done_{number})"]
        ports.append(f"output wire done_{number}")
        for way, vectors in (("input", netlist.inputs), ("output", netlist.outputs)):
            for port in vectors:
                name = f"{port.signal.name}_{number}"
                ports.append(f"{way} wire [{port.signal.width - 1}:0] {name}")
                joined.append(f".{port.signal.name}({name})")
        inner.append(f"    (* keep *) {design.name} inner_{number} ({', '.join(joined)});")
    face = ",\n".join(f"    {each}" for each in ("input wire clk, rst, valid", *ports))
    return "\n".join([*texts, f"module every (\n{face}\n);", *inner, "endmodule", ""])


def longest_path(report: str, top: str) -> int:
    """Return the cells on the longest way, from what ``ltp`` prints."""
    found = re.search(rf"Longest topological path in {re.escape(top)} \(length=(\d+)\)", report)
    if found is None:
        raise ToolError("Yosys printed no longest path", log=report)
    return int(found[1])


def resources_of(module: dict[str, object]) -> Resources:
    """Return the cells of a module, from what ``stat -json`` prints."""
    cells = module["num_cells_by_type"]
    assert isinstance(cells, dict)

    def count(*patterns: str) -> int:
        return sum(n for cell, n in cells.items() if any(re.fullmatch(p, cell) for p in patterns))

    return Resources(
        lut=count(r"LUT[1-6]", "INV"),
        ff=count(r"FD[A-Z]+"),
        carry=count(r"CARRY[48]"),
        dsp=count(r"DSP48.*"),
        bram=count(r"RAMB18.*") + 2 * count(r"RAMB36.*"),
    )
