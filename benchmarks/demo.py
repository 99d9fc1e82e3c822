"""The study of the demo for the README: numbers and pictures.

Run: ``python3 benchmarks/demo.py``; writes ``demo.json`` and ``demo.md`` to ``benchmarks/results``
and the pictures ``roc.svg`` and ``throughput.svg`` to ``docs/images``.
"""

import json
import sys
from pathlib import Path

from inferon.report.figures.latency import throughput_figure
from inferon.report.page import record, roc
from inferon.report.run_sample import sample_of
from inferon.report.runs import shipped_runs
from inferon.report.study import Study, study
from inferon.report.svg_text import standing_alone
from inferon.targets.toolchain import Compiler

ROOT = Path(__file__).resolve().parent.parent


def table(found: Study) -> str:
    """Return the table of the README."""
    lines = [
        "| tagger | accuracy | Inferon, one jet | ONNX Runtime | ratio | scores proven in bits |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for run in found.runs:
        timing, right = run.benchmark.timings[0], run.result.accuracy
        assert right is not None
        peer = timing.peer_ns_per_event or 0.0
        lines.append(
            f"| {run.run.title} | {right.value:.3f} ± {right.error:.3f} | "
            f"{timing.ours_ns_per_event / 1000:.2f} µs | {peer / 1000:.1f} µs | "
            f"{timing.ratio or 0.0:.0f} | {run.bits.elements:,} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Run the study and write what the README shows."""
    runs = shipped_runs()
    found = study(runs, sample_of(runs), Compiler(), lambda text: print(text, file=sys.stderr))
    results, images = ROOT / "benchmarks" / "results", ROOT / "docs" / "images"
    for each in (results, images):
        each.mkdir(parents=True, exist_ok=True)
    (results / "demo.json").write_text(json.dumps(record(found), indent=1) + "\n")
    (results / "demo.md").write_text(table(found) + "\n")
    (images / "roc.svg").write_text(standing_alone(roc(found)))
    measured = [(run.run.title, run.benchmark) for run in found.runs]
    (images / "throughput.svg").write_text(standing_alone(throughput_figure(measured)))
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
