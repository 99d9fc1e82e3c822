"""Nanoseconds per event on the benchmark models: our C++ against ONNX Runtime, form by form.

Run: ``python3 benchmarks/one_event.py [--batches 1,256]``; writes ``one_event.json`` and
``one_event.md`` to ``benchmarks/results`` and exits with 1 where one event of an MLP, set or RNN
is not faster than ONNX Runtime.  Both are measured in turns in one process.  ONNX Runtime runs the
same export form, with its batch free or fixed, whichever is faster, on pre-made values; what that
call costs from Python is measured too, and granted to it in the last column.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import inferon
from inferon.measure.benchmark import Benchmark, benchmark
from inferon.measure.onnxruntime_peer import OnnxRuntime
from inferon.measure.record import as_json
from inferon.targets.cpp.target import CppArtifact
from inferon.targets.toolchain import Compiler

HERE = Path(__file__).resolve().parent
MODELS = HERE / "models"
RESULTS = HERE / "results"
FORMS = (".onnx", ".static1.onnx", "_dyn.onnx")
"""TorchScript exporter with a free batch, the same with batch 1, dynamo exporter."""

FASTER = ("a_mlp12", "b_jet16", "c_mlp256", "e_deepsets", "g_gru")
"""MLPs, sets and RNNs: what has to be faster than ONNX Runtime at one event in each form."""

OTHERS = ("d1_bragg", "d2_lenet", "f_transf", "i_pnet")


@dataclass(frozen=True, slots=True)
class Row:
    """The measurement of one file."""

    file: str
    benchmark: Benchmark


def measure(stem: str, form: str, batches: list[int]) -> Row:
    """Measure one export form against ONNX Runtime."""
    file = MODELS / f"{stem}{form}"
    graph = inferon.load(file)
    compiler = Compiler()
    artifact = inferon.compile(graph, inferon.Cpp(compiler=compiler)).artifact
    assert isinstance(artifact, CppArtifact)
    data = np.load(MODELS / f"{stem}.npz", allow_pickle=False)["x"]
    if graph.inputs[0].type.rank == data.ndim:  # one event as it stands, with its axis of size 1
        data = data[:, None]
    peers = [OnnxRuntime(file, graph)]
    result = benchmark(
        graph, artifact.library, data, batches=batches, compiler=compiler, peers=peers
    )
    return Row(file.name, result)


def table(rows: list[Row]) -> str:
    """Return the table of the documentation."""
    lines = [
        "| model | events | Inferon, ns/event | ONNX Runtime, ns/event | ratio | less its call |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        for timing in row.benchmark.timings:
            ours, peer = timing.ours_ns_per_event, timing.peer_ns_per_event
            net = row.benchmark.net_ratio(timing)
            if peer is None or timing.ratio is None or net is None:
                continue
            lines.append(
                f"| {row.file} | {timing.events} | {ours:,.0f} | {peer:,.0f} | "
                f"{timing.ratio:.1f} | {net:.1f} |"
            )
    return "\n".join(lines)


def main() -> int:
    """Measure, write, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", default="1,256")
    batches = [int(text) for text in parser.parse_args().batches.split(",")]
    rows = []
    for stem in (*FASTER, *OTHERS):
        for form in FORMS:
            print(f"{stem}{form}", file=sys.stderr)
            static = form == ".static1.onnx"
            rows.append(measure(stem, form, [1] if static else batches))
    RESULTS.mkdir(exist_ok=True)
    record = [{"file": row.file, "benchmark": as_json(row.benchmark)} for row in rows]
    (RESULTS / "one_event.json").write_text(json.dumps(record, indent=1) + "\n")
    text = table(rows)
    (RESULTS / "one_event.md").write_text(text + "\n")
    print(text)
    slower = [
        row.file
        for row in rows
        if row.file.startswith(FASTER)
        and (row.benchmark.net_ratio(row.benchmark.timings[0]) or 0) <= 1
    ]
    print(f"slower than ONNX Runtime at one event: {slower or 'none'}")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
