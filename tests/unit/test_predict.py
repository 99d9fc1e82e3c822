"""`Compiled.predict`: whose memory it reads, with how many threads, and what it gives back.

Every test runs through the compiled binding and through ctypes, which stands in where Python's
headers are absent.
"""

from __future__ import annotations

import array
import dataclasses
import sys
import sysconfig
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import inferon
from inferon.compile import Compiled
from inferon.errors import DataError, UsageError
from inferon.ir.types import BOOL, FLOAT32, FLOAT64, INT64, Element
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.targets.cpp import binding, library
from inferon.targets.cpp.call import PIECE_BYTES, Call
from tests.absent import needs_package, needs_tool, require_package

pytestmark = needs_tool("g++")

FEATURES = 12
LAYOUT_EVENTS = 37
"""Two tiles and some events more."""


@cache
def network() -> inferon.Graph:
    """A layer, so that there are tiles, and two outputs."""
    rng = np.random.default_rng(3)
    x = b.input_("x", (FEATURES,), FLOAT32)
    weights = b.constant(rng.normal(size=(FEATURES, 9)), FLOAT32)
    hidden = b.product(x, weights)
    return inferon.Graph("layer", (x,), (hidden, b.sum_(x, [0])), ("hidden", "total"))


@pytest.fixture(params=["binding", "ctypes"])
def compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Compiled:
    if request.param == "ctypes":
        monkeypatch.setattr(library, "bound", lambda *arguments: None)
    elif not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        pytest.skip("package absent: Python.h")
    made = inferon.compile(network(), inferon.Cpp())
    made.predict(events(1))
    return made


def events(count: int) -> Array:
    return np.random.default_rng(count).normal(size=(count, FEATURES)).astype(np.float32)


def expected(x: Array) -> tuple[Array, ...]:
    return inferon.interpret(network(), x)


def assert_same(got: Any, wanted: tuple[Array, ...]) -> None:
    for mine, theirs in zip(got, wanted, strict=True):
        assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape)
        assert mine.tobytes() == theirs.tobytes()


# ------------------------------------------------------------------------------------ whose memory


class ByArray:
    """An array of another package, behind numpy's protocol."""

    def __init__(self, held: Array) -> None:
        self.held = held

    def __array__(self, dtype: object = None, copy: bool | None = None) -> Array:
        return self.held


class ByDlpack:
    """One behind DLPack alone."""

    def __init__(self, held: Array) -> None:
        self.held = held

    def __dlpack__(self, **options: Any) -> object:
        return self.held.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.held.__dlpack_device__()


def read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


def misaligned(x: Array) -> Array:
    raw = np.zeros(x.nbytes + 1, np.uint8)
    moved = raw[1:].view(x.dtype).reshape(x.shape)
    moved[...] = x
    assert not moved.flags.aligned
    return moved


def spread(x: Array) -> Array:
    wide = np.full((2 * len(x), 2 * FEATURES), np.nan, np.float32)
    wide[::2, ::2] = x
    return wide[::2, ::2]


IN_PLACE: dict[str, Callable[[Array], Any]] = {
    "an array": lambda x: x,
    "a read-only array": read_only,
    "a list of one array": lambda x: [x],
    "by name": lambda x: {"x": x},
    "a view of events": lambda x: np.concatenate([x, x])[len(x) :],
    "a memoryview": lambda x: x.data,
    "array.array": lambda x: memoryview(array.array("f", x.ravel())).cast("B").cast("f", x.shape),
    "__array__": ByArray,
    "DLPack": ByDlpack,
}

CONVERTED: dict[str, Callable[[Array], Any]] = {
    "columns": np.asfortranarray,
    "strides": spread,
    "backwards": lambda x: x[::-1].copy()[::-1],
    "misaligned": misaligned,
    "the other order of bytes": lambda x: x.astype(">f4"),
}


@pytest.mark.parametrize("kind", [*IN_PLACE, *CONVERTED])
@pytest.mark.parametrize("threads", [1, 2])
def test_every_kind_of_array_is_read(compiled: Compiled, kind: str, threads: int) -> None:
    x = events(LAYOUT_EVENTS)
    given = (IN_PLACE | CONVERTED)[kind](x)
    assert_same(compiled.predict(given, threads=threads), expected(x))


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.uint16, np.bool_])
def test_a_dtype_that_the_inputs_contains_is_converted(compiled: Compiled, dtype: Any) -> None:
    x = (3 * events(LAYOUT_EVENTS)).astype(dtype)
    assert_same(compiled.predict(x), expected(x.astype(np.float32)))


@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.complex64, "U3", object])
def test_a_dtype_that_would_be_rounded_is_refused(compiled: Compiled, dtype: Any) -> None:
    with pytest.raises(DataError, match=r"input x .*(expected float32|Python objects)"):
        compiled.predict(events(2).astype(dtype))


WRONG_SHAPES = [(), (FEATURES,), (2, FEATURES + 1), (2, FEATURES, 1)]


@pytest.mark.parametrize("shape", WRONG_SHAPES, ids=str)
def test_a_wrong_shape_is_one_clear_error(compiled: Compiled, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"input x has shape .*expected \(events, 12\)"):
        compiled.predict(np.zeros(shape, np.float32))


MANY = 40_000
"""2 MB of events: what a copy of them would add to the peak of memory."""


def peak_bytes(compute: Callable[[], object]) -> int:
    """Return how much numpy (and Python) held at most beyond what it held before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = compute()
        peak = tracemalloc.get_traced_memory()[1] - before
        assert kept is not None
        return peak
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", IN_PLACE)
def test_nothing_is_copied(compiled: Compiled, kind: str, threads: int) -> None:
    given = IN_PLACE[kind](events(MANY))
    outputs = MANY * (9 + 1) * 4
    peak = peak_bytes(lambda: compiled.predict(given, threads=threads))
    assert outputs <= peak < outputs + MANY * FEATURES * 4 // 8


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", CONVERTED)
def test_a_conversion_takes_a_bounded_piece(compiled: Compiled, kind: str, threads: int) -> None:
    x = CONVERTED[kind](events(MANY))
    peak = peak_bytes(lambda: compiled.predict(x, threads=threads))
    pieces = 2 * threads * PIECE_BYTES  # numpy may hold a piece of its own beside each
    assert peak < MANY * (9 + 1) * 4 + pieces + 100_000


def test_what_a_call_holds_is_given_back(compiled: Compiled) -> None:
    x = events(3)
    before = sys.getrefcount(x)
    tracemalloc.start()
    try:
        compiled.predict(x)
        start = tracemalloc.get_traced_memory()[0]
        for _ in range(1000):
            hidden, total = compiled.predict(x)
        held = tracemalloc.get_traced_memory()[0] - start
    finally:
        tracemalloc.stop()
    assert sys.getrefcount(x) == before
    assert sys.getrefcount(hidden) == sys.getrefcount(total) == 2
    assert held < 20_000  # a leak of one small array a call would be 100,000


# ----------------------------------------------------------------------------------- several ports


PORTS: dict[Element, Any] = {FLOAT32: np.float32, FLOAT64: float, INT64: int, BOOL: bool}


def test_inputs_of_every_kind_come_in_any_form() -> None:
    nodes = [b.input_(f"x{i}", (2, 3), element) for i, element in enumerate(PORTS)]
    x, y, k, chosen = nodes
    outputs = (b.select(chosen, x, b.neg(x)), b.add(y, 1.0), b.bit_and(k, 5), b.less(x, 0.0))
    graph = inferon.Graph("ports", tuple(nodes), outputs, ("a", "b", "c", "d"))
    rng = np.random.default_rng(0)
    data = [(9 * rng.normal(size=(5, 2, 3))).astype(dtype) for dtype in PORTS.values()]
    made = inferon.compile(graph, inferon.Cpp())
    wanted = inferon.interpret(graph, data)
    assert_same(made.predict(data), wanted)
    assert_same(made.predict(tuple(data)), wanted)
    assert_same(made.predict(dict(zip(graph.input_names, data, strict=True))), wanted)
    data[1] = np.zeros((4, 2, 3))
    with pytest.raises(DataError, match=r"number of events: \[4, 5\]"):
        made.predict(data)


def test_numbers_without_an_axis() -> None:
    x = b.input_("x", (), FLOAT32)
    made = inferon.compile(inferon.Graph("plain", (x,), (b.add(x, 1.0),), ("y",)), inferon.Cpp())
    np.testing.assert_array_equal(made.predict(np.array([1, 2], np.float32)), [2, 3])
    with pytest.raises(DataError, match="shape"):
        made.predict(np.float32(1.0).reshape(()))


# ----------------------------------------------------------------------------------------- threads


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [1, 15, 16, 17, 40, 130])
def test_no_number_of_threads_changes_a_bit(compiled: Compiled, count: int, threads: int) -> None:
    x = events(count)
    assert_same(compiled.predict(x, threads=threads), expected(x))


@pytest.mark.parametrize("threads", [1, 2])
def test_no_events_have_no_outputs(compiled: Compiled, threads: int) -> None:
    hidden, total = compiled.predict(events(0), threads=threads)
    assert (hidden.shape, total.shape) == ((0, 9), (0,))


@pytest.mark.parametrize("threads", [0, -1])
def test_a_number_of_threads_that_is_none(compiled: Compiled, threads: int) -> None:
    with pytest.raises(UsageError, match="1 or more"):
        compiled.predict(events(2), threads=threads)


def test_calls_at_once_do_not_disturb_each_other(compiled: Compiled) -> None:
    parts = [events(count) for count in range(1, 60)]
    with ThreadPoolExecutor(4) as pool:
        for x, got in zip(parts, pool.map(compiled.predict, parts), strict=True):
            assert_same(got, expected(x))


def slow() -> Compiled:
    """Half a millisecond an event."""
    x = b.input_("x", (300, 300), FLOAT32)
    return inferon.compile(
        inferon.Graph("slow", (x,), (b.reduce_max(b.product(x, x), [0, 1]),), ("y",)),
        inferon.Cpp(),
    )


LONG_S = 0.3
"""A call that lasts so long: far more than a scheduler keeps a thread waiting."""


def long_events(made: Compiled) -> Array:
    x = np.zeros((8, 300, 300), np.float32)
    made.predict(x)
    start = time.perf_counter()
    made.predict(x)
    count = int(len(x) * LONG_S / (time.perf_counter() - start)) + 1
    return np.broadcast_to(x[:1], (count, 300, 300)).copy()


@pytest.mark.parametrize("way", ["binding", "ctypes"])
def test_python_runs_while_the_model_computes(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks of this thread in the middle half of a call of another one: nobody holds the lock."""
    if way == "ctypes":
        monkeypatch.setattr(library, "bound", lambda *arguments: None)
    made = slow()
    x = long_events(made)
    span: list[float] = []

    def call() -> None:
        span.append(time.perf_counter())
        made.predict(x)
        span.append(time.perf_counter())

    worker = threading.Thread(target=call)
    ticks = []
    worker.start()
    while worker.is_alive():
        ticks.append(time.perf_counter())
        time.sleep(0.001)
    quarter = (span[1] - span[0]) / 4
    assert any(span[0] + quarter < tick < span[1] - quarter for tick in ticks)


def test_two_threads_compute_at_once() -> None:
    """The second range begins long before the first one is done, in a thread of its own.

    A lock that a call holds would let the second begin when the first is over. The ratio of CPU
    time to wall time says the same on an idle machine only.
    """
    made = slow()
    x = np.concatenate([long_events(made)] * 2)
    call: Call = made.artifact.library.call  # type: ignore[attr-defined]
    spans: dict[int, tuple[float, float]] = {}

    def timed(*arguments: object) -> None:
        start = time.perf_counter()
        call.function(*arguments)
        spans[threading.get_ident()] = start, time.perf_counter()

    dataclasses.replace(call, function=timed).in_pieces([x], 2)
    (first, end), (second, _) = sorted(spans.values())
    assert second < first + (end - first) / 4


@pytest.mark.parametrize("way", ["binding", "ctypes"])
def test_each_thread_has_its_own_workspace(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of milliseconds that go through the workspace, at once."""
    if way == "ctypes":
        monkeypatch.setattr(library, "bound", lambda *arguments: None)
    made = slow()
    x = np.random.default_rng(0).normal(size=(48, 300, 300)).astype(np.float32)
    wanted = made.predict(x)
    for _ in range(5):
        assert made.predict(x, threads=4).tobytes() == wanted.tobytes()
        with ThreadPoolExecutor(4) as pool:
            got = np.concatenate(list(pool.map(made.predict, np.split(x, 8))))
        assert got.tobytes() == wanted.tobytes()


# ----------------------------------------------------------------------------- without the binding


def test_without_headers_there_is_no_binding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    binding._extension.cache_clear()
    try:
        made = inferon.compile(network(), inferon.Cpp())
        assert_same(made.predict(events(5)), expected(events(5)))
        (tmp_path / "Python.h").write_text("#error these are no headers\n")
        binding._extension.cache_clear()
        made = inferon.compile(network(), inferon.Cpp())
        assert_same(made.predict(events(5)), expected(events(5)))
    finally:
        binding._extension.cache_clear()


def test_a_binding_is_made_where_it_can_be() -> None:
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        pytest.skip("package absent: Python.h")
    made = inferon.compile(network(), inferon.Cpp())
    direct = made.artifact.library.direct  # type: ignore[attr-defined]
    assert type(direct).__name__ == "builtin_function_or_method"
    assert direct() is None
    assert direct(events(2), events(2)) is None


def test_more_arrays_than_a_binding_holds() -> None:
    inputs = tuple(b.input_(f"x{i}", (2,), FLOAT32) for i in range(binding.MOST_ARRAYS))
    graph = inferon.Graph("wide", inputs, (b.concat(list(inputs), 0),), ("y",))
    data = [np.full((3, 2), i, np.float32) for i in range(len(inputs))]
    made = inferon.compile(graph, inferon.Cpp())
    np.testing.assert_array_equal(made.predict(data), np.concatenate(data, 1))


# ------------------------------------------------------------------------------------------- torch


@needs_package("torch")
def test_tensors_give_tensors(compiled: Compiled) -> None:
    torch = require_package("torch")
    x = events(LAYOUT_EVENTS)
    for tensor in (torch.from_numpy(x), torch.from_numpy(x.T.copy()).T):
        for given in (tensor, [tensor], {"x": tensor}):
            outputs = compiled.predict(given)
            assert all(isinstance(output, torch.Tensor) for output in outputs)
            assert_same([output.numpy() for output in outputs], expected(x))
    assert compiled.predict(torch.from_numpy(x), threads=2)[0].shape == (LAYOUT_EVENTS, 9)


@needs_package("torch")
def test_tensors_are_verified(compiled: Compiled) -> None:
    torch = require_package("torch")
    assert compiled.verify(torch.from_numpy(events(7))).events == 7
    assert compiled.verify({"x": torch.from_numpy(events(7))}, events=3).events == 3


@needs_package("torch")
def test_a_tensor_is_read_where_it_lies(compiled: Compiled) -> None:
    torch = require_package("torch")
    tensor = torch.from_numpy(events(MANY))
    compiled.predict(tensor)
    outputs = MANY * (9 + 1) * 4
    assert peak_bytes(lambda: compiled.predict(tensor)) < outputs + MANY * FEATURES * 4 // 8


@needs_package("torch")
def test_a_tensor_that_cannot_be_read(compiled: Compiled) -> None:
    torch = require_package("torch")
    with pytest.raises(DataError, match=r"input x .*x\.detach\(\)"):
        compiled.predict(torch.zeros(2, FEATURES, requires_grad=True))
    with pytest.raises(DataError, match=r"input x .*x\.cpu\(\)"):
        compiled.predict(torch.zeros(2, FEATURES, device="meta"))
    with pytest.raises(DataError, match=r"input x .*expected float32"):
        compiled.predict(torch.zeros(2, FEATURES, dtype=torch.float64))
