"""Write the table of the elementary functions' errors: benchmarks/results/elementary.md.

PYTHONPATH=src:. python benchmarks/elementary/table.py
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.elementary import double, exhaustive
from inferon.ir.types import FLOAT32, FLOAT64

TABLE = Path(__file__).parent.parent / "results" / "elementary.md"
HEAD = (
    "| function | float32: stated ULP | largest of all 2³² | ns "
    "| float64: stated ULP | largest of the samples | ns |\n"
    "|---|---|---|---|---|---|---|\n"
)


def table() -> str:
    """Return the table: what each function states, the largest error found, and its time."""
    every = json.loads(exhaustive.RESULTS.read_text())
    sampled = json.loads(double.RESULTS.read_text())
    in_float32 = {op.spelling() for op, _ in exhaustive.FUNCTIONS}
    rows = []
    for op, _ in double.FUNCTIONS:
        name = op.spelling()
        cells = ["", "", ""]
        if name in in_float32:
            cells = _cells(op.ulp_in(FLOAT32), every[name])
        cells += _cells(op.ulp_in(FLOAT64), sampled[name])
        rows.append(f"| `{name}` | {' | '.join(cells)} |\n")
    return HEAD + "".join(rows)


def _cells(stated: float, entry: dict[str, float]) -> list[str]:
    return [f"{stated:g}", f"{entry['max_ulp']:.3f}", f"{entry['ns_per_value_avx2']:.2f}"]


if __name__ == "__main__":
    TABLE.write_text(table())
