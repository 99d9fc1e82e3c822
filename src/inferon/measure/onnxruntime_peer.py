"""ONNX Runtime: the oracle of ``verify`` and the peer of ``bench``; imported nowhere else.

It runs with one thread, as we do.  Timing goes through its IOBinding with arrays that are bound
once, the cheapest way that Python has; what that way costs by itself is measured with a model that
copies one number (`identity_model`).
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from inferon.analysis.accuracy import ONNX_RUNTIME, OURS
from inferon.analysis.bound import agreement
from inferon.errors import ExtraMissing, ToolError
from inferon.interpret import Feed, arranged
from inferon.ir.graph import Graph
from inferon.ir.shape import static
from inferon.ir.values import Array, storage

EVENTS_AT_ONCE = 256
"""Events whose bound is derived together: it keeps several float64 arrays for each node."""


@dataclass(frozen=True, slots=True)
class PeerAgreement:
    """Proof that ONNX Runtime and the artefact are as close as arithmetic allows.

    Both are compared with the real values of the graph, each with the bound that is derived for
    its own order and functions (`inferon.analysis.bound`).

    Attributes
    ----------
    version : of ONNX Runtime
    events : number of events compared
    undecided : events whose result hangs on a tie; their undecided elements are not compared
    worst_peer, worst_ours : largest error as a fraction of its bound; at most 1
    largest_difference : largest absolute difference between the two, over all finite elements
    """

    version: str
    events: int
    undecided: int
    worst_peer: float
    worst_ours: float
    largest_difference: float


@dataclass(frozen=True)
class OnnxRuntime:
    """One export form of a model in ONNX Runtime, on one thread.

    Attributes
    ----------
    model : the file, or its bytes
    graph : the same model as a graph of one event: its names, shapes and batch are compared with
        the file's
    form : what tells this form from others, for tables
    batch : fixes the symbolic batch of the file to so many events; None leaves it symbolic
    bound : values of the file's inputs that the graph holds as constants (``load(bind=...)``)
    """

    model: Path | bytes
    graph: Graph
    form: str = "as exported"
    batch: int | None = None
    bound: Mapping[str, object] = field(default_factory=dict)

    def predict(self, data: Feed) -> tuple[Array, ...]:
        """Return the outputs of events (events, ...), each of shape (events, ...).

        Raises
        ------
        ToolError
            When ONNX Runtime cannot run the model.
        """
        arrays = arranged(self.graph, data)
        events, size = len(arrays[0]), self._events_a_call(len(arrays[0]))
        parts = []
        for start in range(0, events, size):
            chosen = [_at_least(array[start : start + size], size) for array in arrays]
            with _as_tool_error():
                results = self._session.run(None, self._feed(chosen))
            parts.append(self._outputs(results, size))
        joined = (np.concatenate(each)[:events] for each in zip(*parts, strict=True))
        return tuple(joined)

    def timer(self, data: Feed, events: int) -> BoundCall:
        """Return a call on ``events`` events with everything bound, ready to be timed.

        Raises
        ------
        ToolError
            When this form does not take so many events at once, or ONNX Runtime fails.
        """
        arrays = [array[:events] for array in arranged(self.graph, data)]
        if self._events_a_call(events) != events:
            raise ToolError(f"ONNX Runtime: {self.form} does not take {events} events at once")
        with _as_tool_error():
            return BoundCall.make(self._session, self._feed(arrays))

    def forms(self, events: int) -> tuple[OnnxRuntime, ...]:
        """Return this form, and the same with its symbolic batch fixed to so many events."""
        if not self._symbols:
            return (self,)
        return (self, replace(self, form=f"{self.form}, batch fixed", batch=events))

    @cached_property
    def _session(self) -> Any:
        fixed = {} if self.batch is None else dict.fromkeys(self._symbols, self.batch)
        with _as_tool_error():
            return _new_session(self.model, fixed)

    @cached_property
    def _symbols(self) -> tuple[str, ...]:
        """Names of the symbolic leading sizes of the file."""
        plain = self if self.batch is None else replace(self, batch=None)
        leads = [slot.shape[0] for slot in plain._session.get_inputs() if slot.shape]
        return tuple(dict.fromkeys(lead for lead in leads if isinstance(lead, str)))

    def _carries_batch(self) -> list[bool]:
        return [
            len(slot.shape) == node.type.rank + 1
            for slot, node in zip(self._slots, self.graph.inputs, strict=True)
        ]

    @property
    def _slots(self) -> list[Any]:
        """The file's inputs in the order of the graph's."""
        by_name = {slot.name: slot for slot in self._session.get_inputs()}
        theirs = dict(self.graph.renamed)
        names = [theirs.get(name, name) for name in self.graph.input_names]
        for name in names:
            if name not in by_name:
                raise ToolError(f"ONNX Runtime: {name} is part of a sequence, which is not given")
        return [by_name[name] for name in names]

    def _events_a_call(self, events: int) -> int:
        """Return how many events one call takes: all, the file's fixed number, or one."""
        if not all(self._carries_batch()):
            return 1
        sizes = {slot.shape[0] for slot in self._slots}
        fixed = [size for size in sizes if isinstance(size, int)]
        return fixed[0] if fixed else max(1, events)

    def _feed(self, arrays: list[Array]) -> dict[str, Array]:
        given = zip(self._slots, arrays, self._carries_batch(), strict=True)
        fixed = (s for s in self._session.get_inputs() if self.bound.get(s.name) is not None)
        return {
            **{each.name: np.array(self.bound[each.name], _dtype(each.type)) for each in fixed},
            **{
                slot.name: np.ascontiguousarray(_as_typed(slot, array if carries else array[0]))
                for slot, array, carries in given
            },
        }

    def _outputs(self, results: list[Array], events: int) -> list[Array]:
        if len(results) != len(self.graph.outputs):
            raise ToolError(
                "ONNX Runtime: its results have a run-time number of elements, which the graph "
                "holds as a count and an array of fixed length"
            )
        shaped = []
        for result, node in zip(results, self.graph.outputs, strict=True):
            shape = (events, *static(node.type.shape, "an output"))
            array = np.asarray(result).reshape(shape)
            shaped.append(array.astype(storage(node.type.element), copy=False))
        return shaped


def _as_typed(slot: Any, array: Array) -> Array:
    """Return an input in the file's type: a float16 is held in float32 in a graph."""
    if slot.type != "tensor(float16)":
        return array
    with np.errstate(over="ignore"):
        return array.astype(np.float16)


def _dtype(text: str) -> np.dtype[Any]:
    """Return the dtype of ``tensor(int64)``, also of an optional one."""
    name = text.removeprefix("optional(").removeprefix("tensor(").rstrip(")")
    return np.dtype({"float": "float32", "double": "float64"}.get(name, name))


@dataclass(frozen=True)
class BoundCall:
    """A session with its inputs and outputs bound: one call from Python computes all of it."""

    session: Any
    binding: Any
    kept: tuple[Any, ...]

    @classmethod
    def make(cls, session: Any, feed: dict[str, Array]) -> BoundCall:
        """Bind arrays, and outputs of the shapes that a first run gives."""
        runtime = _onnxruntime()
        binding = session.io_binding()
        results = session.run(None, feed)
        inputs = [runtime.OrtValue.ortvalue_from_numpy(array) for array in feed.values()]
        outputs = [runtime.OrtValue.ortvalue_from_numpy(np.asarray(each)) for each in results]
        for name, value in zip(feed, inputs, strict=True):
            binding.bind_ortvalue_input(name, value)
        for slot, value in zip(session.get_outputs(), outputs, strict=True):
            binding.bind_ortvalue_output(slot.name, value)
        return cls(session, binding, (*feed.values(), *results, *inputs, *outputs))

    def time_ns(self, repeats: int, bursts: int) -> Array:
        """Return the nanoseconds of one call, for each burst of ``repeats`` calls."""
        run, binding, clock = self.session.run_with_iobinding, self.binding, time.perf_counter_ns
        times = np.zeros(bursts)
        collecting = gc.isenabled()
        gc.disable()
        try:
            for burst in range(bursts):
                start = clock()
                for _ in range(repeats):
                    run(binding)
                times[burst] = (clock() - start) / repeats
        finally:
            if collecting:
                gc.enable()
        return times


def version() -> str:
    """Return the version of ONNX Runtime.

    Raises
    ------
    ExtraMissing
        When it is not installed.
    """
    return str(_onnxruntime().__version__)


def available() -> bool:
    """Return whether ONNX Runtime can be used here."""
    try:
        version()
    except ExtraMissing:
        return False
    return True


def identity_call() -> BoundCall:
    """Return a call that copies one float: what any call from Python costs."""
    with _as_tool_error():
        session = _new_session(identity_model(), {})
        return BoundCall.make(session, {"x": np.zeros(1, np.float32)})


def identity_model() -> bytes:
    """Return an ONNX model of one Identity on one float32."""
    from onnx import TensorProto, helper

    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    node = helper.make_node("Identity", ["x"], ["y"])
    model = helper.make_model(
        helper.make_graph([node], "identity", ports[:1], ports[1:]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    return bytes(model.SerializeToString())


def compare(peer: OnnxRuntime, ours: tuple[Array, ...], data: Feed) -> PeerAgreement:
    """Prove that ONNX Runtime's outputs and ours keep their derived bounds.

    Parameters
    ----------
    peer : the model in ONNX Runtime
    ours : outputs of the artefact, or of the interpreter, for the same events
    data : as for `inferon.interpret`

    Raises
    ------
    Mismatch
        When an element is farther from its real value than its bound allows.
    """
    arrays = arranged(peer.graph, data)
    theirs = peer.predict(arrays)
    worst_peer = worst_ours = 0.0
    undecided = 0
    for start in range(0, len(arrays[0]), EVENTS_AT_ONCE):
        part = slice(start, start + EVENTS_AT_ONCE)
        events = [array[part] for array in arrays]
        found = agreement(
            peer.graph, events, tuple(each[part] for each in theirs), accuracy=ONNX_RUNTIME
        )
        own = agreement(peer.graph, events, tuple(each[part] for each in ours), accuracy=OURS)
        worst_peer, worst_ours = max(worst_peer, found.worst), max(worst_ours, own.worst)
        undecided += found.undecided
    largest = max(_difference(a, b) for a, b in zip(ours, theirs, strict=True))
    return PeerAgreement(version(), len(arrays[0]), undecided, worst_peer, worst_ours, largest)


def _new_session(model: Path | bytes, fixed: dict[str, int]) -> Any:
    runtime = _onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    for symbol, size in fixed.items():
        options.add_free_dimension_override_by_name(symbol, size)
    source = model if isinstance(model, bytes) else str(model)
    return runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _difference(a: Array, b: Array) -> float:
    with np.errstate(all="ignore"):
        difference = np.abs(a.astype(np.float64) - b.astype(np.float64))
    finite = difference[np.isfinite(difference)]
    return float(finite.max()) if finite.size else 0.0


def _at_least(array: Array, events: int) -> Array:
    """Return the array, its last event repeated until there are enough."""
    missing = events - len(array)
    return array if missing <= 0 else np.concatenate([array, np.repeat(array[-1:], missing, 0)])


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ExtraMissing("onnxruntime", "ort") from error
    return onnxruntime


@contextmanager
def _as_tool_error() -> Iterator[None]:
    """Turn ONNX Runtime's own exceptions, which share no base class, into `ToolError`."""
    _onnxruntime()
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kinds = [kind for kind in vars(state).values() if isinstance(kind, type)]
    theirs: tuple[type[Exception], ...] = tuple(k for k in kinds if issubclass(k, Exception))
    theirs += (RuntimeError, ValueError)
    try:
        yield
    except theirs as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ToolError(f"ONNX Runtime fails on this model: {first}", log=str(error)) from error
