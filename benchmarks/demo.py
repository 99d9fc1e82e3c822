"""The study of the demo for the README: numbers and pictures.

Run: ``python3 benchmarks/demo.py``; writes ``demo.json`` and ``demo.md`` to ``benchmarks/results``
and the pictures ``roc.svg`` and ``throughput.svg`` to ``docs/images``.
"""

import json
import sys
import tempfile
from pathlib import Path

from inferon.report.figures import roc_figure, throughput_figure
from inferon.report.page import record
from inferon.report.study import Study, study
from inferon.targets.toolchain import Compiler

ROOT = Path(__file__).resolve().parent.parent


def table(found: Study) -> str:
    """Return the table of the README."""
    lines = [
        "| tagger | accuracy | Inferon, one jet | ONNX Runtime | ratio | scores proven in bits |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for tagger in found.taggers:
        timing, right = tagger.benchmark.timings[0], tagger.accuracy
        peer = timing.peer_ns_per_event or 0.0
        lines.append(
            f"| {tagger.tagger.title} | {right.value:.3f} ± {right.error:.3f} | "
            f"{timing.ours_ns_per_event / 1000:.2f} µs | {peer / 1000:.1f} µs | "
            f"{timing.ratio or 0.0:.0f} | {tagger.bits.elements:,} |"
        )
    return "\n".join(lines)


def standing_alone(svg: str) -> str:
    """Return a picture of the report, which is part of a page, as a file of its own."""
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return svg.replace("<svg ", f"<svg {spaces} ", 1)


def main() -> int:
    """Run the study and write what the README shows."""
    with tempfile.TemporaryDirectory() as folder:
        found = study(Path(folder), Compiler(), lambda text: print(text, file=sys.stderr))
    results, images = ROOT / "benchmarks" / "results", ROOT / "docs" / "images"
    for each in (results, images):
        each.mkdir(parents=True, exist_ok=True)
    (results / "demo.json").write_text(json.dumps(record(found), indent=1) + "\n")
    (results / "demo.md").write_text(table(found) + "\n")
    (images / "roc.svg").write_text(standing_alone(roc_figure(found.taggers)))
    (images / "throughput.svg").write_text(standing_alone(throughput_figure(found.taggers)))
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
