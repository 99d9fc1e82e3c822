"""Products with constant matrices as adders: shared, as plain trees, and by da4ml.

Run: ``python3 benchmarks/adder_sharing.py [--peer PYTHON] [--bits 4,6,8,16]``, PYTHON being that
of an environment with da4ml.  Writes ``adder_sharing.json`` and ``adder_sharing.md`` to
``benchmarks/results``.  Look-up tables of every graph, the peer's too, are counted by one model
(``inferon.passes.share.cost``); depth is in adders.  Exits with 1 where a point of the peer is as
shallow and as small as none of ours, or a graph is not its matrix.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inferon.measure.machine import this_machine
from inferon.measure.record import as_json
from inferon.passes.share import Adder, AdderGraph, InputRange, Operand, plain, share
from inferon.passes.share.graph import Array

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PEER = Path(__file__).with_name("adder_sharing_peer.py")

SHAPES = ((16, 64), (64, 32), (32, 32), (32, 5))  # (inputs, outputs): the jet network's layers
DENSITIES = (0.5, 1.0)
EXTRA = (0, 1, 2, None)
LOW, HIGH = -128, 127


@dataclass(frozen=True, slots=True)
class Case:
    """A matrix of random weights: `bits` each, a part of them not zero."""

    inputs: int
    outputs: int
    bits: int
    density: float

    def matrix(self) -> Array:
        """Return the matrix (outputs, inputs)."""
        rng = np.random.default_rng([self.inputs, self.outputs, self.bits, int(2 * self.density)])
        most = 2 ** (self.bits - 1) - 1
        shape = (self.outputs, self.inputs)
        return rng.integers(-most, most + 1, shape) * (rng.random(shape) < self.density)

    def ranges(self) -> list[InputRange]:
        return [InputRange(LOW, HIGH)] * self.inputs


@dataclass(frozen=True, slots=True)
class Point:
    """One graph of a case."""

    case: Case
    maker: str
    extra_depth: int | None
    adders: int
    luts: int
    depth: int
    seconds: float

    def beats(self, other: "Point") -> bool:
        return self.depth <= other.depth and self.luts <= other.luts


def measured(
    case: Case, maker: str, extra: int | None, graph: AdderGraph, seconds: float
) -> Point:
    """Check a graph against its matrix and return its figures."""
    x = np.random.default_rng(0).integers(LOW, HIGH + 1, (case.inputs, 50))
    if not bool((graph.evaluate(x) == case.matrix() @ x).all()):
        raise ValueError(f"{maker} is not the product with its matrix: {case}")
    return Point(case, maker, extra, len(graph.adders), graph.luts, graph.depth, seconds)


def ours(case: Case) -> list[Point]:
    matrix, ranges = case.matrix(), case.ranges()
    points = [measured(case, "plain", 0, plain(matrix, ranges), 0.0)]
    for extra in EXTRA:
        start = time.process_time()
        graph = share(matrix, ranges, extra)
        seconds = time.process_time() - start
        points.append(measured(case, "inferon", extra, graph, seconds))
    return points


def peers(python: Path, case: Case) -> list[Point]:
    """Return da4ml's points for the same settings, its unbounded one last."""
    numbers = case.matrix().tolist()
    asked = [
        {"matrix": numbers, "low": LOW, "high": HIGH, "delay": -1 if extra is None else extra}
        for extra in EXTRA
    ]
    command = [str(python), str(PEER)]
    run = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True)
    if run.returncode:
        raise OSError(f"{' '.join(command)} failed:\n{run.stderr}")
    return [
        measured(case, "da4ml", extra, graph_of_peer(case, found), found["seconds"])
        for extra, found in zip(EXTRA, json.loads(run.stdout), strict=True)
    ]


def graph_of_peer(case: Case, found: dict[str, Any]) -> AdderGraph:
    """Return a peer's graph in our terms: each value is scaled so that its shifts start at 0."""
    scale = [(0, 1)] * case.inputs

    def scaled(value: int, shift: int, sign: int) -> tuple[int, int, int]:
        return value, shift + scale[value][0], sign * scale[value][1]

    adders = []
    for one, other in found["adders"]:
        left, right = sorted((scaled(*one), scaled(*other)), key=lambda each: -each[2])
        base, sign = min(left[1], right[1]), left[2]
        adders.append(
            Adder(
                Operand(left[0], left[1] - base, False),
                Operand(right[0], right[1] - base, right[2] != sign),
            )
        )
        scale.append((base, sign))
    outputs = []
    for each in found["outputs"]:
        value, shift, sign = scaled(*each) if each else (0, 0, 0)
        outputs.append(Operand(value, shift, sign < 0) if each else None)
    return AdderGraph(tuple(case.ranges()), tuple(adders), tuple(outputs))


def summary(points: list[Point]) -> str:
    """Return the table of the docs: every matrix at the least depth, and what all settings say."""
    lines = [
        "| matrix | bits | density | LUT, plain trees | Inferon | da4ml | saved | depth | CPU s |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for case in dict.fromkeys(each.case for each in points):
        least = {p.maker: p for p in points if p.case == case and p.extra_depth == 0}
        plainly, own, peer = (least.get(maker) for maker in ("plain", "inferon", "da4ml"))
        if plainly and own and peer:
            lines.append(
                f"| {case.inputs} x {case.outputs} | {case.bits} | {case.density} "
                f"| {plainly.luts:,} | {own.luts:,} | {peer.luts:,} "
                f"| {1 - own.luts / peer.luts:.1%} "
                f"| {own.depth}, {peer.depth} | {own.seconds:.2f}, {peer.seconds:.2f} |"
            )
    return "\n".join([*lines, "", *verdict(points)])


def verdict(points: list[Point]) -> list[str]:
    """Return what all delay settings say together."""
    parts = saved(points)
    if not parts:
        return []
    return [
        f"At the depth of each of the peer's {len(parts)} points ours takes {min(parts):.1%} to "
        f"{max(parts):.1%} fewer LUT, median {np.median(parts):.1%}; "
        f"{len(unbeaten(points))} of them have none of ours that is as small and as shallow."
    ]


def unbeaten(points: list[Point]) -> list[Point]:
    """Return the peer's points that none of ours of the same case beats."""
    own = [each for each in points if each.maker == "inferon"]
    return [
        each
        for each in points
        if each.maker == "da4ml" and not any(o.case == each.case and o.beats(each) for o in own)
    ]


def saved(points: list[Point]) -> list[float]:
    """Return which part of its LUTs each point of the peer could save at its depth with ours."""
    own = [each for each in points if each.maker == "inferon"]
    parts = []
    for each in (point for point in points if point.maker == "da4ml"):
        fitting = [o.luts for o in own if o.case == each.case and o.depth <= each.depth]
        parts.append(1 - min(fitting) / each.luts if fitting else float("-inf"))
    return parts


def main() -> int:
    """Measure, write, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="python of an environment with da4ml")
    parser.add_argument("--bits", default="4,6,8,16", help="widths of the weights")
    options = parser.parse_args()
    points: list[Point] = []
    for bits in (int(text) for text in options.bits.split(",")):
        for case in (Case(*shape, bits, density) for density in DENSITIES for shape in SHAPES):
            print(case, file=sys.stderr)
            points += ours(case)
            if options.peer:
                points += peers(options.peer, case)
    better = unbeaten(points)
    print("\n".join([summary(points), *map(str, better)]))
    record = {
        "machine": as_json(this_machine()),
        "peer": "da4ml 0.6.0, adder_size=1, carry_size=-1" if options.peer else None,
        "points": [as_json(asdict(each)) for each in points],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "adder_sharing.json").write_text(json.dumps(record, indent=1) + "\n")
    (RESULTS / "adder_sharing.md").write_text(summary(points) + "\n")
    return 1 if better else 0


if __name__ == "__main__":
    sys.exit(main())
