"""Trained jet taggers as C++: proven, and timed against ONNX Runtime in the same process.

Run: ``python benchmarks/taggers.py RUNS [--data SAMPLE.h5]`` with a folder that ``inferon train``
or ``benchmarks/jets_study.py`` wrote; it writes ``benchmarks/results/taggers.json``.  Every run is
compiled, its bits are compared with the interpreter and its scores with the bound for ONNX
Runtime; then both are timed ``--repeats`` times, in turns.  Numbers are medians over the repeats,
with the lowest and the highest.  ``--only-seed 1`` takes one run of each model; with ``--images
FOLDER`` its ROC curves and its training are drawn (docs/images/jets).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inferon.load import load
from inferon.measure.benchmark import Benchmark, Timing
from inferon.measure.onnxruntime_peer import OnnxRuntime
from inferon.measure.record import as_json
from inferon.report.evidence import Evidence, examine, measure
from inferon.report.figures.roc import Line, roc_figure
from inferon.report.figures.training_curves import loss_figure
from inferon.report.model_inputs import model_inputs
from inferon.report.run_sample import RunSample, sample_of
from inferon.report.runs import find_runs
from inferon.report.style import OURS_LOOK, PEER_LOOK
from inferon.report.svg_text import standing_alone
from inferon.targets.cpp import CppArtifact
from inferon.targets.toolchain import Compiler

RESULT = Path(__file__).resolve().parent / "results" / "taggers.json"
REPEATS = 3


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def repeated(found: Evidence, sample: RunSample, repeats: int) -> list[Benchmark]:
    """Return the times of the evidence, and those of more measurements."""
    graph, artifact = found.graph, found.compiled.artifact
    assert isinstance(artifact, CppArtifact)
    inputs = model_inputs(graph, sample.test_jets(found.run))
    peer = OnnxRuntime(found.run.model, load(found.run.model))
    more = [measure(graph, artifact, inputs, Compiler(), peer) for _ in range(repeats - 1)]
    return [found.benchmark, *more]


def spread(numbers: Sequence[float]) -> list[float]:
    """Return the lowest, the median and the highest."""
    return [round(float(each), 3) for each in np.quantile(numbers, (0.0, 0.5, 1.0))]


def timing(measured: Sequence[Timing]) -> dict[str, object]:
    """Return what some measurements of one batch say."""
    ours = spread([each.ours_ns_per_event for each in measured])
    peer = spread([each.peer_ns_per_event or np.nan for each in measured])
    ratio = spread([each.ratio or np.nan for each in measured])
    return {
        "events": measured[0].events,
        "ours_ns_per_event": ours[1],
        "ours_range": [ours[0], ours[2]],
        "peer_ns_per_event": peer[1],
        "peer_range": [peer[0], peer[2]],
        "ratio": ratio[1],
        "ratio_range": [ratio[0], ratio[2]],
        "peer_form": measured[0].peer_form,
    }


def entry(found: Evidence, benchmarks: Sequence[Benchmark]) -> dict[str, object]:
    """Return the record of one run."""
    first = benchmarks[0]
    batches = min(len(each.timings) for each in benchmarks)
    return {
        "title": found.run.title,
        "seed": found.run.seed,
        "test_jets": found.test_jets,
        "macs": found.cost.macs,
        "parameters": found.cost.parameters,
        "header_bytes": found.header_bytes,
        "weight_bytes": found.weight_bytes,
        "workspace_bytes": found.workspace_bytes,
        "bits": found.bits,
        "onnxruntime": found.peer,
        "changed_decisions": found.changed_decisions,
        "accuracy": found.result.accuracy,
        "macro_auc": found.result.macro_auc,
        "benchmark": {
            "repeats": len(benchmarks),
            "timings": [timing([b.timings[i] for b in benchmarks]) for i in range(batches)],
            "call_overhead_ns": first.call_overhead.median_ns if first.call_overhead else None,
            "machine": first.machine,
            "versions": first.versions,
        },
    }


def draw(found: Evidence, sample: RunSample, folder: Path) -> None:
    """Write the ROC curves and the training of a run as pictures of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    run, results = found.run, found.result.classes
    lines = [
        Line("ONNX Runtime", [[each.peer_curve] for each in results], PEER_LOOK),
        Line(run.title, [[each.curve] for each in results], OURS_LOOK),
    ]
    versus = " and ".join(run.background) or "rest"
    roc = roc_figure("roc", [each.name for each in results], lines, sample.jets.title, versus)
    loss = loss_figure([(run.title, [run])])
    (folder / f"roc-{run.kind}.svg").write_text(standing_alone(roc))
    (folder / f"training-{run.kind}.svg").write_text(standing_alone(loss))


def table(runs: dict[str, dict[str, object]]) -> str:
    """Return medians and their ratio for one jet and for the largest batch, a line a run."""
    lines = [f"{'run':28s} {'jets':>5s} {'Inferon ns':>12s} {'ORT ns':>12s} {'ratio':>7s}"]
    for name, run in runs.items():
        timings = json.loads(json.dumps(as_json(run["benchmark"])))["timings"]
        shown = [each for each in timings if each["events"] in (1, 256, timings[-1]["events"])]
        lines += [
            f"{name:28s} {each['events']:5d} {each['ours_ns_per_event']:12,.0f} "
            f"{each['peer_ns_per_event']:12,.0f} {each['ratio']:7.2f}"
            for each in shown
        ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=RESULT)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--only-seed", type=int)
    parser.add_argument("--images", type=Path)
    options = parser.parse_args()
    runs = [run for run in find_runs(options.runs) if options.only_seed in (None, run.seed)]
    sample = sample_of(runs, options.data)
    entries: dict[str, dict[str, object]] = {}
    drawn: set[str] = set()
    for run in runs:
        found, _ = examine(run, sample.test_jets(run), Compiler(), say)
        say(f"{run.name}: measuring again")
        entries[run.name] = entry(found, repeated(found, sample, options.repeats))
        if options.images and run.kind not in drawn:
            drawn.add(run.kind)
            draw(found, sample, options.images)
        document = {"sample": {"title": sample.jets.title, "sha256": sample.sha256}}
        text = json.dumps(as_json({**document, "runs": entries}), indent=1, allow_nan=False)
        options.out.write_text(text + "\n")  # what is done is kept
    print(table(entries))
    return 0


if __name__ == "__main__":
    sys.exit(main())
