"""What is found out about one trained model: compiled, proven, timed, and judged on its jets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inferon.analysis.cost import Cost, cost
from inferon.compile import Agreement, Compiled
from inferon.ir.graph import Graph
from inferon.load import load
from inferon.measure.benchmark import Benchmark, benchmark
from inferon.measure.onnxruntime_peer import OnnxRuntime, PeerAgreement, compare
from inferon.physics.jets import Jets
from inferon.report.bit_widths import Width, bit_widths, exact_form
from inferon.report.classification import Classification, classification
from inferon.report.layer_errors import LayerError, QuantizerError, layer_errors, quantizer_errors
from inferon.report.model_inputs import model_inputs
from inferon.report.runs import Run
from inferon.targets.cpp import Cpp, CppArtifact
from inferon.targets.toolchain import Compiler

Scores = NDArray[np.float32]
Say = Callable[[str], None]
Proof = TypeVar("Proof")

MOST_EVENTS, LEAST_EVENTS = 1000, 16
"""Jets whose bits are compared with the interpreter, and whose bounds are derived."""

PROOF_S = 8.0
"""Time for each of the two comparisons: large models compare fewer jets, and the page says how
many."""

PILOT_EVENTS = 8

ERROR_EVENTS = 200
"""Jets behind the errors of the layers: enough for a median and a worst case."""

BATCHES = (1, 4, 16, 64, 256, 1024)
"""Jets in one call: one for a trigger, a thousand for offline processing."""

LONGEST_CALL_NS = 1e8
"""A batch whose call would last longer, here 0.1 s, is left out: it tells nothing new."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """All that was found out about one run.

    Attributes
    ----------
    run : which one
    test_jets : number of jets behind ``result``
    graph : what the model means
    cost : multiply-adds and parameters
    compiled : its C++
    header_bytes, weight_bytes, workspace_bytes : sizes of the C++
    bits : agreement with the interpreter
    peer : agreement with ONNX Runtime
    benchmark : times of both
    result : what the scores of the C++ say about the test jets
    changed_decisions : test jets that ONNX Runtime puts into another class than the C++ does
    layer_errors : of its layers
    widths, quantizer_errors : of its form on integers; empty for a model that stays float
    """

    run: Run
    test_jets: int
    graph: Graph
    cost: Cost
    compiled: Compiled
    header_bytes: int
    weight_bytes: int
    workspace_bytes: int
    bits: Agreement
    peer: PeerAgreement
    benchmark: Benchmark
    result: Classification
    changed_decisions: int
    layer_errors: tuple[LayerError, ...]
    widths: tuple[Width, ...]
    quantizer_errors: tuple[QuantizerError, ...]


def examine(
    run: Run,
    test: Jets,
    compiler: Compiler,
    say: Say,
    batches: Sequence[int] = BATCHES,
) -> tuple[Evidence, Scores]:
    """Compile, prove, time and judge one model.

    Parameters
    ----------
    run : the model
    test : jets that had no part in its training
    compiler : for the C++
    say : called with one line at each step
    batches : jets in one call, for each measurement

    Returns
    -------
    The evidence, and the scores of the C++, shape (N, classes).

    Raises
    ------
    Mismatch
        When the C++ differs from the interpreter, or from ONNX Runtime by more than the bound.
    DataError
        When the sample is not what the model takes.
    Unsupported, InvalidModel, ToolError
        When the model cannot be loaded or compiled.
    """
    graph = load(run.model)
    inputs = model_inputs(graph, test)
    artifact = Cpp(name=identifier(run.name), compiler=compiler).build(graph)
    compiled = Compiled(graph, artifact)
    say(f"{run.name}: compiling with {compiler.command}")
    (scores,) = artifact.predict(inputs)
    say(f"{run.name}: comparing bits with the interpreter")
    bits = _paced(len(test), lambda events: compiled.verify(inputs, events=events))
    say(f"{run.name}: deriving the bound for ONNX Runtime")
    peer = OnnxRuntime(run.model, graph)
    (theirs,) = peer.predict(inputs)
    near = _paced(len(test), lambda events: compare(peer, (scores[:events],), inputs[:events]))
    say(f"{run.name}: measuring, in turns with ONNX Runtime")
    times = measure(graph, artifact, inputs, compiler, peer, batches)
    say(f"{run.name}: looking at its layers and its scores")
    return Evidence(
        run,
        len(test),
        graph,
        cost(graph),
        compiled,
        *_sizes(artifact),
        bits,
        near,
        times,
        classification(scores, theirs, test.label, test.class_names, run.background),
        int(np.count_nonzero(scores.argmax(axis=1) != theirs.argmax(axis=1))),
        *_inside(graph, inputs[:ERROR_EVENTS]),
    ), scores


def identifier(name: str) -> str:
    """Return a name for C++: ``deep_sets_seed1`` for ``deep-sets-seed1``."""
    kept = "".join(each if each.isascii() and each.isalnum() else "_" for each in name.lower())
    return kept if kept[:1].isalpha() else f"m_{kept}"


def _paced(most: int, prove: Callable[[int], Proof]) -> Proof:
    """Prove for as many events as there is time for."""
    prove(1)  # what is made once, such as the bound's plan, is not each jet's
    start = time.process_time()  # of this process: others may be busy
    prove(min(most, PILOT_EVENTS))
    seconds = (time.process_time() - start) / PILOT_EVENTS
    events = int(PROOF_S / max(seconds, 1e-9))
    return prove(min(most, max(LEAST_EVENTS, min(MOST_EVENTS, events))))


def measure(
    graph: Graph,
    artifact: CppArtifact,
    inputs: NDArray[np.float32],
    compiler: Compiler,
    peer: OnnxRuntime,
    batches: Sequence[int] = BATCHES,
) -> Benchmark:
    """Time a model and ONNX Runtime in turns, in those batches whose calls are short."""
    alone_ns = float(artifact.library.time_ns(inputs, events=1, repeats=3, bursts=3).min())
    short = [each for each in batches if each == 1 or each * alone_ns <= LONGEST_CALL_NS]
    return benchmark(
        graph, artifact.library, inputs, batches=short, compiler=compiler, peers=[peer]
    )


def _sizes(artifact: CppArtifact) -> tuple[int, int, int]:
    """Return the bytes of the header, the weights and the workspace."""
    header = next(len(file.content) for file in artifact.files if file.path.endswith(".hpp"))
    return header, artifact.made.weight_bytes, artifact.made.workspace_bytes


def _inside(
    graph: Graph, inputs: NDArray[np.float32]
) -> tuple[tuple[LayerError, ...], tuple[Width, ...], tuple[QuantizerError, ...]]:
    errors, exact = layer_errors(graph, inputs), exact_form(graph)
    if exact is None:
        return errors, (), ()
    return errors, bit_widths(exact, inputs), quantizer_errors(exact, inputs)
