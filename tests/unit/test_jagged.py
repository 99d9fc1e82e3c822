"""Awkward arrays through `Compiled.predict`: padded with a mask in pieces, and jagged again."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import inferon
from inferon.compile import Compiled
from inferon.containers import jagged as jagged_module
from inferon.errors import DataError, UsageError
from inferon.ir.node import Node
from inferon.ir.types import BOOL, FLOAT32, INT64, Element
from inferon.ir.values import Array, storage
from inferon.ops import build as b
from tests.absent import needs_package, needs_tool, require_package

pytestmark = [needs_tool("g++"), needs_package("awkward")]

MOST = 6
COUNTS = np.array([3, 0, 6, 1, 9, 6, 2] * 5)
"""Particles of each event; 9 are more than the model has room for."""

VALUES = np.random.default_rng(1).normal(size=(int(COUNTS.sum()), 3)).astype(np.float32)


def _graph(mask: Node | None) -> inferon.Graph:
    """An output for each particle, one for each event, and what the model saw of the mask."""
    x = b.input_("x", (MOST, 3), FLOAT32)
    weights = b.constant(np.random.default_rng(2).normal(size=(3, 2)), FLOAT32)
    rows = b.product(x, weights)
    outputs = [rows, b.sum_(rows, [0])]
    names = ["rows", "total"]
    inputs = [x]
    if mask is not None:
        seen = b.cast(b.reshape(mask, (MOST,)), FLOAT32)
        outputs.append(b.sum_(seen, [0]))
        names.append("seen")
        inputs.append(mask)
    return inferon.Graph("sets", tuple(inputs), tuple(outputs), tuple(names))


@cache
def model(element: Element | None = None, shape: tuple[int, ...] = (MOST,)) -> Compiled:
    mask = None if element is None else b.input_("mask", shape, element)
    return inferon.compile(_graph(mask), inferon.Cpp())


def jets() -> Any:
    return require_package("awkward").unflatten(VALUES, COUNTS)


def padded() -> tuple[Array, Array]:
    """The same by a loop over events."""
    dense = np.zeros((len(COUNTS), MOST, 3), np.float32)
    mask = np.zeros((len(COUNTS), MOST), bool)
    begin = 0
    for event, count in enumerate(COUNTS):
        kept = min(count, MOST)
        dense[event, :kept] = VALUES[begin : begin + kept]
        mask[event, :kept] = True
        begin += count
    return dense, mask


def assert_rows(got: Any, wanted: Array) -> None:
    """Jagged outputs have the rows of the particles and no others."""
    ak = require_package("awkward")
    kept = np.minimum(COUNTS, MOST)
    assert ak.num(got, axis=1).to_list() == kept.tolist()
    flat = np.concatenate([event[:count] for event, count in zip(wanted, kept, strict=True)])
    assert np.asarray(ak.to_numpy(ak.flatten(got, axis=1))).tobytes() == flat.tobytes()


MASKS = [(FLOAT32, (MOST,)), (BOOL, (MOST, 1)), (INT64, (1, MOST))]


@pytest.mark.parametrize("piece_bytes", [1, 400, 1 << 24])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("element", "shape"), MASKS, ids=str)
def test_sets_come_in_and_rows_go_out(
    element: Element,
    shape: tuple[int, ...],
    threads: int,
    piece_bytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jagged_module, "PIECE_BYTES", piece_bytes)
    dense, mask = padded()
    given_mask = mask.reshape(-1, *shape).astype(storage(element))
    compiled = model(element, shape)
    wanted = inferon.interpret(compiled.graph, [dense, given_mask])
    for data in (jets(), [jets()], {"x": jets()}, [jets(), given_mask]):
        rows, total, seen = compiled.predict(data, threads=threads)
        assert_rows(rows, wanted[0])
        assert (total.tobytes(), seen.tobytes()) == (wanted[1].tobytes(), wanted[2].tobytes())
        assert seen.tolist() == np.minimum(COUNTS, MOST).tolist()


def test_without_a_mask_the_rest_is_zero() -> None:
    wanted = inferon.interpret(model().graph, padded()[0])
    rows, total = model().predict(jets())
    assert_rows(rows, wanted[0])
    assert total.tobytes() == wanted[1].tobytes()


def test_outputs_are_sets_where_one_says_so() -> None:
    rows, _ = model().predict(jets(), jagged=inferon.Jagged(outputs=()))
    assert isinstance(rows, np.ndarray)
    assert rows.shape == (len(COUNTS), MOST, 2)
    with pytest.raises(UsageError, match="total"):
        model().predict(jets(), jagged=inferon.Jagged(outputs=("total",)))


def test_fields_of_records_are_columns_in_their_order() -> None:
    ak = require_package("awkward")
    one = jets()
    records = ak.zip({"pt": one[..., 0], "eta": one[..., 1], "phi": one[..., 2]})
    rows, total = model().predict(records)
    wanted = model().predict(jets())
    assert rows.to_list() == wanted[0].to_list()
    assert total.tobytes() == wanted[1].tobytes()
    turned, _ = model().predict(records[["phi", "eta", "pt"]])
    assert turned.to_list() != rows.to_list()


def test_no_events() -> None:
    rows, total = model().predict(jets()[:0])
    assert (len(rows), total.shape) == (0, (0, 2))


def test_regular_arrays_are_plain() -> None:
    ak = require_package("awkward")
    dense, _ = padded()
    rows, _ = model().predict(ak.from_numpy(dense))
    assert rows.tobytes() == inferon.interpret(model().graph, dense)[0].tobytes()


# -------------------------------------------------------------------------------- what is wrong


def test_wrong_sets_are_one_clear_error() -> None:
    ak = require_package("awkward")
    with pytest.raises(DataError, match=r"input x has dtype float64.*astype"):
        model().predict(ak.values_astype(jets(), np.float64))
    with pytest.raises(DataError, match=r"input x has shape .*expected \(events, 6, 3\)"):
        model().predict(jets()[..., :2])
    with pytest.raises(DataError, match=r"input x has to be rows of numbers, none missing"):
        model().predict(ak.mask(jets(), jets()[..., 0] > 0))
    with pytest.raises(DataError, match=r"input x has to be rows of numbers"):
        model().predict(ak.Array([[[1.0], [1.0, 2.0]]]))


def test_a_mask_that_is_not_plain_is_asked_for() -> None:
    compiled = model(FLOAT32)
    with pytest.raises(DataError, match=r"unknown \['q'\]"):
        compiled.predict({"x": jets(), "q": jets()})
    with pytest.raises(DataError, match="number of events"):
        compiled.predict([jets(), np.zeros((3, MOST), np.float32)])
    with pytest.raises(UsageError, match=r"Jagged\(mask='m'\)"):
        compiled.predict(jets(), jagged=inferon.Jagged(mask="m"))
    with pytest.raises(UsageError, match=r"a mask is of shape \(N\)"):
        compiled.predict(jets(), jagged=inferon.Jagged(mask="x"))


@cache
def two_alike() -> Compiled:
    """Which of the inputs is the mask cannot be seen: both have a number for each particle."""
    x, mask = b.input_("x", (MOST,), FLOAT32), b.input_("mask", (MOST,), FLOAT32)
    graph = inferon.Graph("alike", (x, mask), (b.sum_(b.mul(x, mask), [0]),), ("y",))
    return inferon.compile(graph, inferon.Cpp())


def test_a_mask_is_named_where_it_cannot_be_seen() -> None:
    one = jets()[..., 0]
    with pytest.raises(DataError, match=r"Jagged\(mask="):
        two_alike().predict(one)
    wanted = inferon.interpret(
        two_alike().graph, [padded()[0][..., 0], padded()[1].astype(np.float32)]
    )
    for data, jagged in ((one, inferon.Jagged(mask="mask")), ({"x": one}, None)):
        assert two_alike().predict(data, jagged=jagged).tobytes() == wanted[0].tobytes()


def test_sets_of_one_mask_have_equal_counts() -> None:
    x, y = b.input_("x", (MOST, 3), FLOAT32), b.input_("y", (MOST, 2), FLOAT32)
    mask = b.input_("mask", (MOST, 1), FLOAT32)
    total = b.add(b.sum_(b.mul(x, mask), [0, 1]), b.sum_(y, [0, 1]))
    compiled = inferon.compile(
        inferon.Graph("pair", (x, mask, y), (total,), ("z",)), inferon.Cpp()
    )
    one = jets()
    dense, seen = padded()
    wanted = inferon.interpret(
        compiled.graph, [dense, seen[..., None].astype(np.float32), dense[..., :2].copy()]
    )
    assert compiled.predict([one, one[..., :2]]).tobytes() == wanted[0].tobytes()
    with pytest.raises(DataError, match="x and y differ in their numbers of particles"):
        compiled.predict([one, one[:, :2, :2]])
