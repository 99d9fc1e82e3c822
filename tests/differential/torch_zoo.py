"""What becomes of each torch network and exporter: exported, loaded, bounded; and the table."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from zlib import crc32

import numpy as np
import onnx
import torch

from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.analysis.bound import agreement, bound
from inferon.errors import InferonError, Unsupported
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.load import load
from inferon.targets.cpp import Cpp
from inferon.targets.toolchain import Compiler
from tests.differential.cpp_pack import Pack
from tests.differential.onnx_double import is_close
from tests.differential.onnx_oracle import Array, normal, run
from tests.differential.torch_networks import Network, exported

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
EVENTS = 6
STRICT_EVENTS = 2
"""Events for the strict interpreter, which is slow."""

EXPORTERS = {False: "torchscript", True: "dynamo"}


ANOTHER = "torch writes another network: ONNX Runtime and Inferon agree on it, torch differs"


@dataclass(frozen=True)
class Row:
    """One network through one exporter.

    Attributes
    ----------
    result : "agrees", or what failed and why
    cpp : "equal" where the compiled C++ has the interpreter's bits, or why not
    nodes : of the graph
    worst : largest error of ONNX Runtime over its derived bound
    worst_ours : the same of the interpreter
    undecided : events of ``events`` that no bound decides
    margin : how close the closest call among those was; 0 where none is undecided
    """

    network: str
    exporter: str
    result: str
    cpp: str = ""
    nodes: int = 0
    worst: float = 0.0
    worst_ours: float = 0.0
    events: int = 0
    undecided: int = 0
    margin: float = 0.0

    @property
    def is_good(self) -> bool:
        return self.result == "agrees" and self.cpp == "equal"


def events_of(network: Network, count: int = EVENTS) -> dict[str, Array]:
    """Return random events; a mask has ones and zeros, an adjacency mostly zeros."""
    feed = {}
    for number, (name, shape) in enumerate(zip(network.inputs, network.shapes, strict=True)):
        array = normal(crc32(network.name.encode()) + number, count, *shape)
        if name in ("mask", "adjacency"):
            array = (array > (-0.5 if name == "mask" else 0.3)).astype(np.float32)
        feed[name] = array
    return feed


def judge(network: Network, *, dynamo: bool) -> tuple[Row, Graph | None]:
    """Return what became of a network, and its graph if it was loaded."""
    name, exporter = network.name, EXPORTERS[dynamo]
    try:
        model = exported(network, dynamo=dynamo, opset=18)
        model.graph.name = name
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        line = str(error).splitlines()[0][:120]
        return Row(name, exporter, f"torch does not export it: {line}"), None
    try:
        graph = load(model)
    except Unsupported as error:
        gaps = "; ".join(f"{gap.what}" for gap in error.gaps)
        return Row(name, exporter, f"refused: {gaps}"), None
    except InferonError as error:
        return Row(name, exporter, f"{type(error).__name__}: {error}"), None
    return held(network, exporter, model, graph), graph


def held(network: Network, exporter: str, model: onnx.ModelProto, graph: Graph) -> Row:
    """Hold ONNX Runtime and the interpreter to the bounds that the graph and the events give.

    The graph's real numbers are held to torch's own in float64: to the network before its export.
    """
    feed = events_of(network)
    shapes = [[s for s in node.type.shape if isinstance(s, int)] for node in graph.outputs]
    theirs = [a.reshape(EVENTS, *s) for a, s in zip(run(model, feed), shapes, strict=True)]
    some = {name: array[:STRICT_EVENTS] for name, array in feed.items()}
    nodes = len(graph.nodes())
    try:
        peer = agreement(graph, feed, tuple(theirs), accuracy=ONNX_RUNTIME)
        ours = agreement(graph, some, interpret(graph, some))
    except InferonError as error:
        return Row(network.name, exporter, f"{type(error).__name__}: {error}", nodes=nodes)
    if not is_close(graph, some, in_double(network, some)):
        return Row(network.name, exporter, ANOTHER, nodes=nodes)
    margin = _margin(graph, feed) if peer.undecided else 0.0
    return Row(
        *(network.name, exporter, "agrees", "", nodes, peer.worst, ours.worst),
        *(peer.events, peer.undecided, margin),
    )


def in_double(network: Network, feed: dict[str, Array]) -> list[Array]:
    """Return what torch computes in float64, for the weights as they are in float32."""
    module = copy.deepcopy(network.module).double().eval()
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            results = module(*(torch.from_numpy(array).double() for array in feed.values()))
    finally:
        torch.set_default_dtype(before)
    several = results if isinstance(results, tuple | list) else (results,)
    return [each.numpy() for each in several]


def _margin(graph: Graph, feed: dict[str, Array]) -> float:
    """Return the smallest margin of a call that a bound does not decide."""
    found = bound(graph, feed, accuracy=ONNX_RUNTIME).decisions
    margins = [each.margin[each.undecided] for each in found if each.undecided.any()]
    return float(min((each.min() for each in margins if each.size), default=0.0))


def judged(networks: Sequence[Network], *, dynamo: bool, build: Compiler | None) -> list[Row]:
    """Judge networks, and compile those that loaded as one translation unit.

    ``build`` is None where nothing is to be compiled: then ``cpp`` stays empty.
    """
    pairs = [judge(network, dynamo=dynamo) for network in networks]
    if build is None:
        return [row for row, _ in pairs]
    refused = {row.network: _refusal(graph) for row, graph in pairs if graph is not None}
    taken = tuple(graph for row, graph in pairs if graph and not refused[row.network])
    lines = list(Pack(taken, 8).differences(build)) if taken else []
    return [replace(row, cpp=_cpp(row, graph, refused, lines)) for row, graph in pairs]


def _refusal(graph: Graph) -> str:
    try:
        Cpp().build(graph)
    except Unsupported as error:
        return "; ".join(gap.what for gap in error.gaps)
    return ""


def _cpp(row: Row, graph: Graph | None, refused: dict[str, str], lines: list[str]) -> str:
    if graph is None:
        return ""
    wrong = [line for line in lines if line.startswith(f"{graph.name} ")]
    return refused[row.network] or (wrong[0] if wrong else "equal")


# -------------------------------------------------------------------------------------- the record


def write_record(rows: Sequence[Row], folder: Path = RESULTS) -> None:
    """Write the rows as JSON and as a table, and the table into the page that shows it."""
    record = {"torch": torch.__version__, "onnx": onnx.__version__, "rows": [*map(asdict, rows)]}
    (folder / "torch_zoo.json").write_text(json.dumps(record, indent=1) + "\n")
    (folder / "torch_zoo.md").write_text(rendered(rows))
    if folder.resolve() == RESULTS:
        subprocess.run([sys.executable, str(RESULTS.parent / "tables.py")], check=True)


def rendered(rows: Sequence[Row]) -> str:
    """Return the table: a line for each network, the two exporters side by side."""
    lines = [
        "| network | torchscript | nodes | ORT | ours | dynamo | nodes | ORT | ours |",
        "|---|---|---:|---:|---:|---|---:|---:|---:|",
    ]
    by_name: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_name.setdefault(row.network, {})[row.exporter] = row
    for name, found in by_name.items():
        cells = [cell for each in EXPORTERS.values() for cell in _cells(found.get(each))]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cells(row: Row | None) -> list[str]:
    if row is None:
        return [""] * 4
    if not row.is_good:
        what = row.result if row.result != "agrees" else f"C++: {row.cpp}"
        return [what.replace("|", "/"), *[""] * 3]
    undecided = f" ({row.undecided} of {row.events} events undecided)" if row.undecided else ""
    return [f"agrees{undecided}", str(row.nodes), f"{row.worst:.2g}", f"{row.worst_ours:.2g}"]
