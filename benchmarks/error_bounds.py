"""How tight are the derived error bounds?  Table of docs/decisions/0002-derived-error-bounds.md.

Each network of benchmarks/models runs in ONNX Runtime on normal random events; its errors are
compared with the bound derived for it.  Prints the table; ``--json FILE`` also writes the numbers.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.analysis.bound import bound
from inferon.load import load

MODELS = Path(__file__).parent / "models"
NETWORKS = {
    "a_mlp12": 64,
    "b_jet16": 64,
    "c_mlp256": 64,
    "d1_bragg": 64,
    "d2_lenet": 64,
    "e_deepsets": 64,
    "f_transf": 16,
    "g_gru": 64,
    "i_pnet": 16,
}
"""Events for each; fewer where one has millions of products."""


@dataclass(frozen=True)
class Row:
    """Medians over the elements of decided events; the largest ratio of an error to its bound."""

    model: str
    events: int
    undecided: int
    value: float
    bound: float
    error: float
    worst_ratio: float
    events_per_second: float


def measure(model: str, events: int) -> Row:
    path = MODELS / f"{model}.onnx"
    graph = load(path)
    (node,) = graph.inputs
    shape = tuple(size for size in node.type.shape if isinstance(size, int))
    data = np.random.default_rng(0).standard_normal((events, *shape)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {session.get_inputs()[0].name: data})
    start = time.perf_counter()
    limits = bound(graph, data, accuracy=ONNX_RUNTIME)
    seconds = time.perf_counter() - start
    decided = ~limits.undecided
    value, allowed = limits.values[0][decided], limits.errors[0][decided]
    error = np.abs(got[decided] - value)
    return Row(
        model=model,
        events=events,
        undecided=int(limits.undecided.sum()),
        value=float(np.median(np.abs(value))),
        bound=float(np.median(allowed)),
        error=float(np.median(error)),
        worst_ratio=float((error / allowed).max()),
        events_per_second=events / seconds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the numbers there")
    file = parser.parse_args().json
    rows = [measure(model, events) for model, events in NETWORKS.items()]
    print(f"ONNX Runtime {onnxruntime.__version__}\n")
    print("| model | value | bound | error | largest error / bound | undecided | events/s |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row.model} | {row.value:.2g} | {row.bound:.1e} | {row.error:.1e} | "
            f"{row.worst_ratio:.1g} | {row.undecided} of {row.events} | "
            f"{row.events_per_second:.0f} |"
        )
    if file is not None:
        file.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
