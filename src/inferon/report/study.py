"""The study of the shipped taggers: compile, prove, compare, measure, classify."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inferon.analysis.cost import Cost, cost
from inferon.compile import Agreement, Compiled
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.load import load
from inferon.measure.benchmark import Benchmark, benchmark
from inferon.measure.onnxruntime_peer import OnnxRuntime, PeerAgreement, compare
from inferon.measure.onnxruntime_peer import version as peer_version
from inferon.physics.jet_card import JetCard
from inferon.physics.jet_classes import CLASS_NAMES
from inferon.physics.metrics import Estimate, accuracy, auc, background_rejection, roc_curve
from inferon.physics.sample import Jets, shipped_jets
from inferon.report.folder import prepare
from inferon.report.shipped_taggers import ShippedTagger, shipped_taggers
from inferon.targets.cpp import Cpp
from inferon.targets.toolchain import Compiler

BIT_EVENTS = 1000
"""Jets whose bits are compared with the interpreter, alone and in a batch."""

BOUND_EVENTS = 1000
"""Jets that are compared with ONNX Runtime; the two bounds of one jet cost about 5 ms."""

BATCHES = (1, 4, 16, 64, 256, 1024)
"""Jets in one call: one for a trigger, a thousand for offline processing."""

SIGNAL_EFFICIENCY = 0.5
"""At which background rejections are quoted."""

CURVE_POINTS = 400
"""Points of a drawn curve, evenly spaced in signal efficiency: finer than a printed line."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A ROC curve as it is drawn: background against signal efficiency, shapes (points,)."""

    signal_efficiency: NDArray[np.float64]
    background_efficiency: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ClassResult:
    """How well one class is told from the four others.

    Attributes
    ----------
    name : of the class
    auc : area under the ROC curve
    rejection : 1/ε_B at ε_S = ``SIGNAL_EFFICIENCY``
    curve, peer_curve : from the C++ and from ONNX Runtime
    """

    name: str
    auc: Estimate
    rejection: Estimate
    curve: Curve
    peer_curve: Curve


@dataclass(frozen=True, slots=True, eq=False)
class TaggerEvidence:
    """All that was found out about one tagger.

    Attributes
    ----------
    tagger : which one
    graph : what it means
    cost : multiply-adds and parameters
    folder : where its C++ was written
    header_bytes, weight_bytes, workspace_bytes : sizes of the C++
    bits : agreement with the interpreter
    peer : agreement with ONNX Runtime
    benchmark : times of both
    accuracy : of the five-class decision, on the test jets
    changed_decisions : test jets that ONNX Runtime puts into another class than the C++ does
    classes : one-vs-rest results
    """

    tagger: ShippedTagger
    graph: Graph
    cost: Cost
    folder: Path
    header_bytes: int
    weight_bytes: int
    workspace_bytes: int
    bits: Agreement
    peer: PeerAgreement
    benchmark: Benchmark
    accuracy: Estimate
    changed_decisions: int
    classes: tuple[ClassResult, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """The evidence on all taggers, from one run.

    Attributes
    ----------
    taggers : one entry each
    card : where the jets come from
    test_jets : number of jets behind the physics results
    date : of the run
    seconds : that it took
    """

    taggers: tuple[TaggerEvidence, ...]
    card: JetCard
    test_jets: int
    date: str
    seconds: float


def study(out: Path, compiler: Compiler, say: Say = lambda text: None) -> Study:
    """Study the shipped taggers on the shipped jets.

    Parameters
    ----------
    out : folder that gets a folder of C++ for each tagger
    compiler : for the C++
    say : called with one line at each step

    Raises
    ------
    ToolMissing
        When there is no compiler.
    ExtraMissing
        When ONNX Runtime is not installed.
    OutputError
        When the folder cannot be written to.
    Mismatch
        When the C++ differs from the interpreter, or from ONNX Runtime by more than the bound.
    """
    start = time.monotonic()
    peer_version()  # what is missing is said before the work, not after it
    prepare(out)
    say("reading 20,000 jets")
    jets = shipped_jets()
    found = [_examine(tagger, jets, out, compiler, say) for tagger in shipped_taggers()]
    tests = [len(tagger.test_jets(jets)) for tagger in shipped_taggers()]
    seconds = time.monotonic() - start
    return Study(tuple(found), jets.card, min(tests), time.strftime("%Y-%m-%d"), seconds)


def _examine(
    tagger: ShippedTagger, jets: Jets, out: Path, compiler: Compiler, say: Say
) -> TaggerEvidence:
    test = tagger.test_jets(jets)
    inputs = test.leading(tagger.constituents)
    graph = load(tagger.path)
    artifact = Cpp(name=tagger.name, compiler=compiler).build(graph)
    compiled = Compiled(graph, artifact)
    say(f"{tagger.title}: compiling with {compiler.command}")
    compiled.predict(inputs[:1])
    say(f"{tagger.title}: comparing bits with the interpreter")
    bits = compiled.verify(inputs, events=BIT_EVENTS)
    say(f"{tagger.title}: deriving the bound for ONNX Runtime")
    peer = OnnxRuntime(tagger.path, graph)
    scores = artifact.predict(inputs)
    agreement = compare(peer, (scores[0][:BOUND_EVENTS],), inputs[:BOUND_EVENTS])
    say(f"{tagger.title}: measuring, in turns with ONNX Runtime")
    times = benchmark(
        graph, artifact.library, inputs, batches=BATCHES, compiler=compiler, peers=[peer]
    )
    folder = compiled.write(out / f"{tagger.name}_cpp")
    theirs = peer.predict(inputs)[0]
    sizes = {file.path: len(file.content) for file in artifact.files}
    return TaggerEvidence(
        tagger,
        graph,
        cost(graph),
        folder,
        sizes[f"{tagger.name}.hpp"],
        artifact.made.weight_bytes,
        artifact.made.layout.size_bytes,
        bits,
        agreement,
        times,
        accuracy(scores[0], test.label),
        int(np.count_nonzero(scores[0].argmax(axis=1) != theirs.argmax(axis=1))),
        _classes(scores[0], theirs, test.label),
    )


def _classes(scores: Array, peer_scores: Array, label: Array) -> tuple[ClassResult, ...]:
    found = []
    for index, name in enumerate(CLASS_NAMES):
        mine, theirs, signal = scores[:, index], peer_scores[:, index], label == index
        rejection = background_rejection(mine, signal, SIGNAL_EFFICIENCY)
        curves = _curve(mine, signal), _curve(theirs, signal)
        found.append(ClassResult(name, auc(mine, signal), rejection, *curves))
    return tuple(found)


def _curve(score: Array, signal: Array) -> Curve:
    full = roc_curve(score, signal)
    wanted = np.linspace(0.0, 1.0, CURVE_POINTS)
    # At each efficiency the last point that reaches it: the background there is the largest.
    kept = np.searchsorted(full.signal_efficiency, wanted, side="right") - 1
    kept = np.unique(np.append(kept, len(full.signal_efficiency) - 1))
    return Curve(full.signal_efficiency[kept], full.background_efficiency[kept])
