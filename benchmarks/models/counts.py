"""Counts what one event of each model takes; writes ``benchmarks/results/models.md``.

Run: ``python3 benchmarks/models/counts.py``, then ``python3 benchmarks/tables.py``.  Nothing is
timed: the counts follow from the graphs that C++ is printed from.
"""

from pathlib import Path

import inferon
from inferon.analysis.cost import cost
from inferon.analysis.work import work
from inferon.bench.models import MODELS, SuiteModel
from inferon.passes.presets import CPU

HERE = Path(__file__).resolve().parent
RESULT = HERE.parent / "results" / "models.md"
HEADINGS = (
    *("file", "network", "input", "multiply-adds", "in C++"),
    *("elementary functions", "weights, bytes"),
)
MARKS = ("---", "---", "---", "--:", "--:", "---", "--:")


def row(model: SuiteModel) -> tuple[str, ...]:
    graph = inferon.load(HERE / f"{model.stem}.onnx")
    done = work(CPU.run(graph))
    functions = ", ".join(f"{each.count:,} {each.function.name}" for each in done.functions)
    size = " x ".join(map(str, graph.inputs[0].type.shape))
    macs = (f"{cost(graph).macs:,}", f"{done.macs:,}")
    counts = (*macs, functions or "-", f"{done.weight_bytes:,}")
    return model.stem, model.network, size, *counts


def table() -> str:
    lines = [HEADINGS, MARKS, *map(row, MODELS)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    RESULT.write_text(table())
