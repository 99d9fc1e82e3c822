"""The manifest: what an artefact is, for programs that find it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ops.elementary import NUMERICS_VERSION
from inferon.targets.base import File
from inferon.targets.cpp.program import Program
from inferon.targets.cpp.view import Buffer
from inferon.version import VERSION

FORMAT_VERSION = 1
"""Version of the layout of an artefact's files."""


def manifest(made: Program, source: Graph, files: Sequence[File]) -> str:
    """Return the manifest of an artefact with these files, as JSON."""
    renamed = dict(source.renamed)

    def ports(
        buffers: Sequence[Buffer], nodes: Sequence[Node], names: Sequence[str]
    ) -> list[dict[str, object]]:
        return [
            {
                "argument": buffer.name,
                "name": name,
                "source_name": renamed.get(name, name),
                "shape": [str(s) if not isinstance(s, int) else s for s in node.type.shape],
                "type": str(node.type.element),
            }
            for buffer, node, name in zip(buffers, nodes, names, strict=True)
        ]

    content = {
        "format": FORMAT_VERSION,
        "inferon": VERSION,
        "numerics": NUMERICS_VERSION,
        "target": "cpp",
        "name": made.name,
        "graph": source.digest.hex(),
        "listing": f"{made.name}.inferon",
        "inputs": ports(made.plan.inputs, source.inputs, source.input_names),
        "outputs": ports(made.plan.outputs, source.outputs, source.output_names),
        "ragged": _ragged(made),
        "workspace_bytes": made.workspace_bytes,
        "weight_bytes": len(made.blob()),
        "baseline": ["x86-64-v3", "AArch64"],
        "environment": "round to nearest even, no FTZ, no DAZ",
        "golden": f"{made.name}_golden.hpp",
        "renamed": renamed,
        "files": {
            file.path: hashlib.sha256(file.content).hexdigest()
            for file in sorted(files, key=lambda f: f.path)
        },
    }
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _ragged(made: Program) -> dict[str, object] | None:
    """Return the arguments that ``evaluate_ragged`` takes as rows, and those it makes itself."""
    if made.ragged is None:
        return None
    names = [buffer.name for buffer in made.plan.inputs]
    mask, count = made.ragged.mask, made.ragged.count
    return {
        "most": made.ragged.most,
        "values": [names[place] for place in sorted(made.ragged.values)],
        "mask": None if mask is None else names[mask],
        "count": None if count is None else names[count],
    }
