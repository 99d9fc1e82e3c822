"""Models that others made: compiled and verified, or refused with the complete list of gaps.

Run: ``python3 benchmarks/strangers.py FOLDER [--only NAME]``, where FOLDER holds, anywhere below
it, the files that ``benchmarks/models/strangers.toml`` lists with repository, commit and hash;
writes ``strangers.json`` and ``strangers.md`` to ``benchmarks/results``.  Each model is loaded as
it is, compiled, compared with the interpreter in bits (events alone and in a batch, NaN and
infinities among them), and with ONNX Runtime within the bound that is derived from the graph.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import time
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import inferon
from inferon.analysis.cost import cost
from inferon.analysis.samples import Samples
from inferon.compile import Compiled
from inferon.errors import InferonError, Mismatch, ToolError, Unsupported
from inferon.ir.graph import Graph
from inferon.ir.types import Int
from inferon.ir.values import Array
from inferon.measure.onnxruntime_peer import OnnxRuntime, compare
from inferon.measure.record import as_json

HERE = Path(__file__).resolve().parent
TABLE = HERE / "models" / "strangers.toml"
RESULTS = HERE / "results"

EVENTS = 7
"""Events of each model: one of every kind that `Samples` draws."""

SECONDS = 900
"""A model that takes longer is written down as such."""

SHOWN_GAPS = 5
"""Gaps of one model on the terminal; the record has all."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A model file of others, as the table states it."""

    name: str
    what: str
    repository: str
    commit: str
    path: str
    sha256: str
    license: str
    bind: dict[str, int] = field(default_factory=dict)
    range: dict[str, list[int]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the file is."""
        return f"{self.repository}/blob/{self.commit}/{self.path}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a model.

    Attributes
    ----------
    result : "verified"; "undecided" (equal to the interpreter in bits, and every event hangs on a
        tie, so that no bound holds); "bits" (equal to the interpreter, and no ONNX Runtime to
        compare with); "refused", "differs", or "failed"
    detail : why, where it is not verified
    gaps : everything that is missing, where it is refused
    worst : largest error of ONNX Runtime over the bound derived for it
    undecided : events without a bound
    difference : largest difference of C++ and ONNX Runtime over the largest output, on one event
        of normal numbers
    """

    result: str
    detail: str = ""
    gaps: tuple[str, ...] = ()
    layers: int = 0
    macs: int = 0
    parameters: int = 0
    worst: float | None = None
    undecided: int | None = None
    difference: float | None = None
    seconds: float = 0.0


def strangers() -> list[Stranger]:
    """Return the table."""
    return [Stranger(**row) for row in tomllib.loads(TABLE.read_text())["model"]]


def outcome(stranger: Stranger, file: Path) -> Outcome:
    """Load, compile and verify one model."""
    try:
        graph = inferon.load(file, bind=stranger.bind)
        compiled = inferon.compile(graph, inferon.Cpp(name=stranger.name))
    except Unsupported as error:
        gaps = tuple(str(gap) for gap in error.gaps)
        return Outcome("refused", error.gaps[0].what, gaps)
    spent = cost(graph)
    sizes = {"layers": len({node.origin for node in graph.nodes()}), "macs": spent.macs}
    facts: dict[str, Any] = {**sizes, "parameters": spent.parameters}
    events = _events(graph, stranger, special=True)
    try:
        compiled.verify(events, events=EVENTS)
        plain = _events(graph, stranger, special=False)
        peer = OnnxRuntime(file, graph, bound=stranger.bind)
        found = compare(peer, compiled.artifact.predict(plain), plain)
        apart = difference(compiled, peer, plain)
    except Mismatch as error:
        return Outcome("differs", str(error), **facts)
    except ToolError as error:
        return Outcome("bits", _without_paths(str(error), file), **facts)
    facts |= {"worst": found.worst_peer, "undecided": found.undecided, "difference": apart}
    return Outcome("verified" if found.undecided < EVENTS else "undecided", "", **facts)


def difference(compiled: Compiled, peer: OnnxRuntime, events: list[Array]) -> float:
    """Return the largest difference of C++ and ONNX Runtime, relative to the largest output."""
    first = [array[:1] for array in events]  # the first event of `Samples` is of normal numbers
    pairs = zip(compiled.artifact.predict(first), peer.predict(first), strict=True)
    return max(
        float(np.abs(ours - theirs).max(initial=0) / max(np.abs(theirs).max(initial=0), 1e-30))
        for ours, theirs in pairs
    )


def _without_paths(message: str, file: Path) -> str:
    """Return the first line of a message, without this machine's folders."""
    return message.splitlines()[0].replace(str(file), file.name)


def _events(graph: Graph, stranger: Stranger, *, special: bool) -> list[Array]:
    """Return random events; whole numbers from the range that the table states."""
    rng = np.random.default_rng(0)
    arrays = []
    for node, array in zip(
        graph.inputs, Samples(EVENTS, special=special).draw(graph), strict=True
    ):
        low, high = next(iter(stranger.range.values()), [0, 1])
        whole = isinstance(node.type.element, Int)
        arrays.append(
            rng.integers(low, high, array.shape, array.dtype, endpoint=True) if whole else array
        )
    return arrays


def _alone(stranger: Stranger, file: Path) -> Outcome:
    """Return the outcome from a process of its own, which may be stopped."""
    start = time.perf_counter()
    command = [sys.executable, __file__, str(file), "--child", stranger.name]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome("failed", f"took longer than {SECONDS} s", seconds=SECONDS)
    seconds = round(time.perf_counter() - start, 1)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Outcome("failed", _without_paths(last, file), seconds=seconds)
    return Outcome(**{**json.loads(done.stdout), "seconds": seconds})


def _files(folder: Path) -> dict[str, Path]:
    """Return the model files below a folder by their hash."""
    found = sorted(folder.rglob("*.onnx"))
    return {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in found}


def table(rows: list[tuple[Stranger, Outcome]]) -> str:
    """Return the table of the documentation."""
    lines = [
        "| model | what it is | license | result | multiply-adds | error / bound | difference |",
        "|---|---|---|---|--:|--:|--:|",
    ]
    for stranger, found in rows:
        name = f"[{stranger.name.replace('_', ' ')}]({stranger.url})"
        cells = (name, stranger.what, stranger.license, _result(found), *_numbers(found))
        lines.append(f"| {' | '.join(cells)} |")
    counts = Counter(found.result for _, found in rows)
    shown = ", ".join(f"{number} {result}" for result, number in counts.most_common())
    return "\n".join([*lines, "", f"{len(rows)} models: {shown}."]) + "\n"


def _result(found: Outcome) -> str:
    if found.result == "bits":
        return "bits; ONNX Runtime does not take it"
    if found.result == "verified" and found.undecided:
        return f"verified, {found.undecided} of {EVENTS} events undecided"
    return f"{found.result}: {found.detail}" if found.detail else found.result


def _numbers(found: Outcome) -> tuple[str, str, str]:
    return (
        f"{found.macs:,}" if found.macs else "",
        f"{found.worst:.2g}" if found.worst is not None and found.result == "verified" else "",
        f"{found.difference:.1g}" if found.difference is not None else "",
    )


def main() -> int:
    """Judge every model of the table whose file is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        stranger = next(each for each in strangers() if each.name == options.child)
        print(json.dumps(as_json(outcome(stranger, options.folder))))
        return 0
    files = _files(options.folder)
    rows = []
    for stranger in strangers():
        if options.only and options.only not in stranger.name:
            continue
        file = files.get(stranger.sha256)
        found = _alone(stranger, file) if file else Outcome("failed", "the file is not here")
        print(
            f"{stranger.name:28} {found.result:9} {found.seconds:6.1f} s  {found.detail}",
            flush=True,
        )
        for gap in found.gaps[:SHOWN_GAPS]:
            print(f"    {gap}")
        rows.append((stranger, found))
    if not options.only:
        record = [{**as_json(s), "outcome": as_json(o)} for s, o in rows]  # type: ignore[dict-item]
        (RESULTS / "strangers.json").write_text(json.dumps(record, indent=1) + "\n")
        (RESULTS / "strangers.md").write_text(table(rows))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InferonError as error:
        sys.exit(f"{type(error).__name__}: {error}")
