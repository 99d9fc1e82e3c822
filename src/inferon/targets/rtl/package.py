"""The files of a firmware artefact."""

from __future__ import annotations

import hashlib
import json

from inferon.ir.graph import Graph
from inferon.ir.listing import show
from inferon.passes.rim import Split
from inferon.targets.base import MANIFEST, File
from inferon.targets.rtl.axi_stream import AxiStream, layout
from inferon.targets.rtl.design import Design, Language
from inferon.targets.rtl.golden import Golden, golden, golden_files
from inferon.targets.rtl.netlist import Vector
from inferon.targets.rtl.test_bench import axis_test_bench, test_bench
from inferon.targets.texts import Texts
from inferon.version import VERSION

FORMAT_VERSION = 1
"""Version of the layout of an artefact's files."""

TEXTS = Texts("inferon.targets.rtl")


def package(design: Design, graph: Graph, split: Split, language: Language) -> tuple[File, ...]:
    """Return everything that ``write`` writes."""
    made = golden(design)
    files = [
        design.source(language),
        AxiStream(design).source(language),
        test_bench(design, made, language),
        axis_test_bench(design, made, language),
        *golden_files(design, made),
        File(f"{design.name}.inferon", show(graph, constants=True).encode()),
        File("Makefile", _makefile(design, language).encode()),
        File("README.md", _readme(design, split, language).encode()),
    ]
    files.append(File(MANIFEST, manifest(design, graph, made, language, tuple(files)).encode()))
    return tuple(sorted(files, key=lambda file: file.path))


def _makefile(design: Design, language: Language) -> str:
    return TEXTS.filled(f"Makefile.{language.value}", name=design.name)


def _readme(design: Design, split: Split, language: Language) -> str:
    netlist = design.pipeline.netlist
    ports = [("input", each) for each in netlist.inputs]
    ports += [("output", each) for each in netlist.outputs]
    axis = AxiStream(design)
    text = TEXTS.filled(
        "README.md",
        name=design.name,
        version=VERSION,
        language=language.title,
        ending=language.value,
        clock_ns=f"{design.clock_ns:g}",
        latency=design.pipeline.latency_cycles,
        latency_ns=f"{design.pipeline.latency_cycles * design.clock_ns:g}",
        rows="\n".join(_row(way, port) for way, port in ports),
        given=layout(netlist.inputs),
        found=layout(netlist.outputs),
        given_bits=axis.input_bits,
        found_bits=axis.output_bits,
        depth=axis.depth,
        before=show(split.before).strip(),
        after=show(split.after).strip(),
        commands=TEXTS.text(f"commands.{language.value}.md").replace("@{name}", design.name),
    )
    return text


def _row(way: str, port: Vector) -> str:
    bits = f"{port.element_bits - 1}:0"
    step = f"+{port.element_bits}" if port.elements > 1 else ""
    return (
        f"| {way} | `{port.signal.name}` | {port.signal.width} | {port.tensor} | {port.type} "
        f"| {bits} {step} |"
    )


def manifest(
    design: Design, graph: Graph, made: Golden, language: Language, files: tuple[File, ...]
) -> str:
    """Return the manifest of an artefact with these files, as JSON."""
    pipeline = design.pipeline
    axis = AxiStream(design)
    ending = language.value

    def ports(vectors: tuple[Vector, ...]) -> list[dict[str, object]]:
        return [
            {
                "port": each.signal.name,
                "name": each.tensor,
                "source_name": renamed.get(each.tensor, each.tensor),
                "type": each.type,
                "elements": each.elements,
                "element_bits": each.element_bits,
            }
            for each in vectors
        ]

    renamed = dict(graph.renamed)
    content = {
        "format": FORMAT_VERSION,
        "inferon": VERSION,
        "target": "rtl",
        "language": language.title,
        "name": design.name,
        "graph": graph.digest.hex(),
        "core": design.core.digest.hex(),
        "listing": f"{design.name}.inferon",
        "inputs": ports(pipeline.netlist.inputs),
        "outputs": ports(pipeline.netlist.outputs),
        "control": ["clk", "rst", "in_valid", "out_valid"],
        "clock_ns": design.clock_ns,
        "latency_cycles": pipeline.latency_cycles,
        "initiation_interval_cycles": 1,
        "axi_stream": {
            "module": axis.name,
            "input_bits": axis.input_bits,
            "output_bits": axis.output_bits,
            "events_in_fifo": axis.depth,
        },
        "test_benches": [f"{design.name}_test_bench.{ending}", f"{axis.name}_test_bench.{ending}"],
        "golden": [f"{design.name}_golden.hex", f"{design.name}_stream.hex"],
        "golden_events": made.events,
        "renamed": renamed,
        "files": {file.path: hashlib.sha256(file.content).hexdigest() for file in files},
    }
    return json.dumps(content, indent=2) + "\n"
