"""The files of a firmware artefact."""

from __future__ import annotations

import hashlib
import json

from inferon.ir.graph import Graph
from inferon.ir.listing import show
from inferon.targets.base import MANIFEST, File
from inferon.targets.rtl.design import Design, Language
from inferon.targets.rtl.netlist import Vector
from inferon.version import VERSION

FORMAT_VERSION = 1
"""Version of the layout of an artefact's files."""


def package(design: Design, graph: Graph, language: Language) -> tuple[File, ...]:
    """Return everything that ``write`` writes."""
    listing = File(f"{design.name}.inferon", show(graph, constants=True).encode())
    files = (design.source(language), listing)
    return (*files, File(MANIFEST, manifest(design, graph, files).encode()))


def manifest(design: Design, graph: Graph, files: tuple[File, ...]) -> str:
    """Return the manifest of an artefact with these files, as JSON."""
    pipeline = design.pipeline

    def ports(vectors: tuple[Vector, ...]) -> list[dict[str, object]]:
        return [
            {
                "port": each.signal.name,
                "type": each.type,
                "elements": each.elements,
                "element_bits": each.element_bits,
            }
            for each in vectors
        ]

    content = {
        "format": FORMAT_VERSION,
        "inferon": VERSION,
        "target": "rtl",
        "name": design.name,
        "graph": graph.digest.hex(),
        "listing": f"{design.name}.inferon",
        "inputs": ports(pipeline.netlist.inputs),
        "outputs": ports(pipeline.netlist.outputs),
        "clock_ns": design.clock_ns,
        "latency_cycles": pipeline.latency_cycles,
        "initiation_interval_cycles": 1,
        "files": {file.path: hashlib.sha256(file.content).hexdigest() for file in files},
    }
    return json.dumps(content, indent=2) + "\n"
