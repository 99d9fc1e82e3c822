"""Operators as scalars: the interpreter's bits, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from benchmarks.firmware.graphs import graph_of
from benchmarks.firmware.networks import NETWORKS
from inferon.analysis.samples import Samples
from inferon.errors import InvalidGraph, Unsupported
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ir.types import BOOL, FLOAT32, INT32, INT64, Element, Fixed, Int
from inferon.ir.values import Values
from inferon.ops import build as b
from inferon.ops.arithmetic import Add, Max, Min, Mul, Sub
from inferon.ops.convert import Quantize
from inferon.ops.logic import Select
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.scatter import Combine
from inferon.ops.structure import Const
from inferon.ops.table import Table
from inferon.passes.presets import RTL
from inferon.passes.rim import split
from inferon.passes.unroll import Sharing, unroll
from inferon.passes.unroll.order import comparators
from inferon.passes.unroll.size import estimated, operators
from tests.differential.unrolled import check, size_of

NARROW = Fixed(True, 6, 3)
BYTE = Fixed(False, 8, 2)
BIT = Fixed(False, 1, 1)
I8, U8, U64 = Int(True, 8), Int(False, 8), Int(False, 64)


def graph(*outputs: Node) -> Graph:
    """Return the graph of all inputs that some outputs need."""
    found: dict[Node, None] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if not node.inputs and hasattr(node.op, "name"):
            found[node] = None
        stack.extend(node.inputs)
    names = tuple(f"y{i}" for i in range(len(outputs)))
    inputs = tuple(sorted(found, key=lambda node: str(getattr(node.op, "name", ""))))
    return Graph("g", inputs, outputs, names)


def given(name: str, element: Element, *shape: int) -> Node:
    return b.input_(name, shape, element)


# ----------------------------------------------------------------------------------------- sorting


@pytest.mark.parametrize("size", range(1, 10))
def test_the_network_sorts_every_row_of_zeros_and_ones(size: int) -> None:
    """Knuth's 0-1 principle: a network that sorts these sorts everything."""
    rows = np.array(list(product((0, 1), repeat=size)))
    for first in range(1, size + 1):
        keys = rows.copy()
        for x, y in comparators(size, first):
            low, high = keys[:, x] & keys[:, y], keys[:, x] | keys[:, y]
            keys[:, x], keys[:, y] = low, high
        assert np.array_equal(keys[:, :first], np.sort(rows, axis=1)[:, :first])


def test_the_best_of_many_is_a_tree() -> None:
    for size in (2, 5, 16, 31):
        assert len(comparators(size, 1)) == size - 1
    assert len(comparators(16, 16)) == 63  # Batcher's own figure


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [1, 2, 4, 5])
def test_top_k_with_ties(k: int, largest: bool) -> None:
    """Two bits an element: nearly every row has ties, and the lowest index wins."""
    x = given("x", Fixed(True, 2, 2), 5)
    rows = np.array(list(product(range(-2, 2), repeat=5)))
    index = b.top_k(x, k, largest=largest)
    check(graph(index, b.gather(x, index, 0), b.gather(x, index, 0, batch=0)), [rows])


def test_top_k_of_rows_gives_the_elements_without_choosing() -> None:
    x, weight = given("x", NARROW, 3, 6), given("weight", BYTE, 3, 6)
    index = b.top_k(x, 4)
    elements = b.gather(x, index, 1, batch=1)
    others = b.gather(weight, index, 1, batch=1)
    check(graph(index, elements, others))
    assert size_of(check(graph(elements))) < size_of(check(graph(others)))


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("largest", [True, False])
def test_a_sort_keeps_a_constant_that_always_wins(place: int, largest: bool) -> None:
    """Its key is known, and may have an index of zero: then none is there to be cut off."""
    wide = Fixed(True, 5, 3)
    parts = [b.apply(Quantize(wide), given(name, Fixed(True, 3, 1), 1)) for name in "xyz"]
    parts.insert(place, b.constant(np.array([15 if largest else -15]), wide))
    every = b.concat(parts, 0)
    index = b.top_k(every, 3, largest=largest)
    check(graph(index, b.gather(every, index, 0, batch=0)))


def test_an_index_takes_few_bits_at_a_port() -> None:
    made = split(RTL.run(graph(b.top_k(given("x", NARROW, 5), 1))))
    assert str(made.core.outputs[0].type) == "1xu3.0"
    assert str(made.after.outputs[0].type) == "1xi64"


def test_top_k_of_integers_and_of_one() -> None:
    check(graph(b.top_k(given("x", I8, 7), 3), b.top_k(given("y", U64, 2, 1), 1)))


# --------------------------------------------------------------------------------------- selection


@pytest.mark.parametrize("element", [I8, U8, INT64, U64])
@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_gather_by_an_index_at_run_time(element: Int, size: int) -> None:
    """Every index: from the end, from the front, beyond both."""
    x, index = given("x", NARROW, 2, size, 3), given("index", element, 2, 2)
    outputs = [b.gather(x, index, 1), b.gather(x, index, 1, batch=1), b.gather(x, index, 2)]
    events = 256
    rng = np.random.default_rng(size)
    numbers = np.arange(-128, 128) if element.signed else np.arange(256)
    indices = np.stack([np.roll(numbers, k) for k in range(4)], 1).reshape(events, 2, 2)
    ends = (element.lowest, element.highest, -size, size)
    kept = [end for end in ends if element.lowest <= end <= element.highest]
    indices = indices.astype(object)
    indices[: len(kept), 0, 0] = kept
    values = rng.integers(-32, 32, (events, 2, size, 3))
    dtype = np.dtype(f"{'i' if element.signed else 'u'}{element.bits // 8}")
    check(graph(*outputs), [indices.astype(dtype), values])


def test_gather_of_bools_and_integers() -> None:
    index = given("index", I8, 3)
    check(graph(b.gather(given("x", BOOL, 4), index, 0), b.gather(given("y", INT32, 5), index, 0)))


@pytest.mark.parametrize("combine", list(Combine))
def test_scatter_of_integers(combine: Combine) -> None:
    """Indices from -3 to 4 on 4 places: from the end, twice the same, outside."""
    x, updates = given("x", I8, 2, 4), given("updates", I8, 2, 5)
    index = b.sub(b.bit_and(given("index", I8, 2, 5), 7), 3)
    check(graph(b.scatter_(x, index, updates, 1, combine, batch=1)))


# ----------------------------------------------------------------------------------------- loops


def _loop(last: Node, state: Node, step: Node) -> Graph:
    return Graph("body", (state, step), (last,), ("following",))


def test_loops_hand_the_state_from_step_to_step() -> None:
    """The state shifts and adds: a state that is one step late gives other numbers."""
    state, step = given("state", NARROW, 3), given("step", BYTE, 3)
    moved = b.concat([b.slice_(state, 0, 2, 1), b.slice_(state, 0, 0, 2)], 0)
    to = Quantize(NARROW, Rounding.HALF_EVEN, Overflow.WRAP)
    body = _loop(b.apply(to, b.add(moved, step)), state, step)
    first, steps = given("first", NARROW, 3), given("steps", BYTE, 6, 3)
    check(graph(b.fold(body, first, [steps]), b.scan(body, first, [steps])))


def test_a_loop_of_too_many_steps_is_refused() -> None:
    state, step = given("state", NARROW), given("step", NARROW)
    body = _loop(b.apply(Quantize(NARROW), b.add(state, step)), state, step)
    steps = b.broadcast(b.constant(np.array(1), NARROW), (50_000,))
    with pytest.raises(Unsupported, match="a loop of 50,000 steps is 200,000 operators"):
        RTL.run(graph(b.fold(body, given("first", NARROW), [steps])))


def test_a_product_with_constants_among_activations_multiplies_only_those() -> None:
    row = b.constant(np.array([[5, -3, 0, 7]]), NARROW)
    x = b.concat([given("x", NARROW, 2, 4), row], 0)
    wires = check(
        graph(b.product(x, b.transpose(b.concat([given("y", NARROW, 1, 4), row], 0), (1, 0))))
    )
    products = [n for n in wires.graph.nodes() if n.op.spelling() == "mul"]
    both = [n for n in products if all(each.op.spelling() == "input" for each in n.inputs)]
    assert len(both) == 8


def test_a_constant_may_have_more_places_than_its_type() -> None:
    """A constant among squares gives their sum places of its own; times 0 they stay."""
    x = b.concat([given("x", NARROW, 1), b.constant(np.array([5]), NARROW)], 0)
    squares = b.product(b.reshape(x, (1, 2)), b.reshape(x, (2, 1)))
    check(graph(b.product(squares, b.constant(np.array([[1, 0]]), BIT))))


def test_a_loop_in_a_loop() -> None:
    """Sums of rows, wrapped after each element; each row begins where the one before ended."""
    inner_state, element = given("inner", NARROW), given("element", NARROW)
    wrap = Quantize(NARROW)
    inner = _loop(b.apply(wrap, b.add(inner_state, element)), inner_state, element)
    state, row = given("state", NARROW), given("row", NARROW, 4)
    outer = _loop(b.fold(inner, state, [row]), state, row)
    nested = graph(b.scan(outer, given("first", NARROW), [given("rows", NARROW, 3, 4)]))
    RTL.run(nested, Samples(32))  # what each pass promises
    check(nested)


# --------------------------------------------------------------------------------- bools, integers

INTEGERS: dict[str, Callable[[Node, Node], Node]] = {
    "add": b.add,
    "sub": b.sub,
    "mul": b.mul,
    "maximum": b.maximum,
    "minimum": b.minimum,
    "less": b.less,
    "equal": b.equal,
    "bit_and": b.bit_and,
    "bit_or": b.bit_or,
    "bit_xor": b.bit_xor,
    "product": lambda x, y: b.product(x, b.transpose(y, (1, 0))),
    "select": lambda x, y: b.select(b.less(x, y), x, 3),
    "neg": lambda x, y: b.neg(x),
    "absolute": lambda x, y: b.absolute(x),
    "sum": lambda x, y: b.sum_(x, [1]),
    "reduce_max": lambda x, y: b.reduce_max(x, [0]),
    "shift_left": lambda x, y: b.shift_left(x, 3),
    "shift_right": lambda x, y: b.shift_right(x, 3),
    "cast": lambda x, y: b.cast(b.cast(b.mul(x, y), U8), INT64),
    "to bool and back": lambda x, y: b.cast(b.cast(b.shift_right(x, 5), BOOL), INT32),
    "scaled": lambda x, y: b.mul(x, 37),
    "quantize": lambda x, y: b.apply(Quantize(NARROW, Rounding.FLOOR, Overflow.SATURATE), x),
}


@pytest.mark.parametrize("element", [I8, U8, INT32, U64], ids=str)
@pytest.mark.parametrize("name", INTEGERS)
def test_integers_wrap_as_their_types_do(name: str, element: Int) -> None:
    x, y = given("x", element, 3, 4), given("y", element, 3, 4)
    check(graph(INTEGERS[name](x, y)))


def test_truth_values_come_in_are_compared_and_go_out() -> None:
    x, y, z = (given(name, BOOL, 5) for name in "xyz")
    a, c = given("a", NARROW, 5), given("c", BYTE, 5)
    chosen = b.select(x, y, b.not_(z))
    masked = b.sum_(b.select(b.or_(b.and_(x, y), z), a, 0))
    entries = Values(np.arange(256) % 3 == 0)
    in_table = b.apply(Table(entries, BOOL), c)
    outputs = [chosen, b.equal(x, y), masked, b.and_(in_table, x), b.less(y, z)]
    check(graph(*outputs, b.select(b.equal(a, c), a, c), b.cast(x, I8)))


def test_a_mask_times_a_value_is_a_choice() -> None:
    mask = b.select(given("mask", BOOL, 4), b.constant(np.array(1), BIT), 0)
    wires = check(graph(b.mul(mask, given("x", NARROW, 4)), b.mul(given("bit", BIT, 4), mask)))
    assert not [node for node in wires.graph.nodes() if node.op.spelling() == "mul"]


def test_sums_of_signs_count_bits() -> None:
    """Of +1 and -1 the sum takes the bit; both ends are in the constant."""
    one = b.constant(np.array(1), Fixed(True, 2, 2))
    sign = b.select(given("x", BOOL, 7), one, b.neg(one))
    wires = check(graph(b.product(sign, b.constant(np.array([3, -5, 1, 0, 7, 1, -2]), NARROW))))
    chosen = [node for node in wires.graph.nodes() if node.op.spelling() == "select"]
    assert {str(node.type.element) for node in chosen} == {"u1.0"}


def test_a_product_with_a_constant_needs_no_multiplier() -> None:
    factors = b.constant(np.array([3, -7, 0, 12]), NARROW)
    wires = check(graph(b.mul(given("x", NARROW, 4), factors)))
    products = [node for node in wires.graph.nodes() if node.op.spelling() == "mul"]
    assert all(each.inputs[1].op.spelling() == "const" for each in products)


def test_a_symmetric_end_is_cut_also_where_the_type_is_the_same() -> None:
    x = given("x", NARROW, 64)
    cut = b.apply(Quantize(NARROW, Rounding.FLOOR, Overflow.SATURATE_SYMMETRIC), x)
    check(graph(cut), [np.arange(-32, 32)[None]])


def test_a_symmetric_end_is_cut_also_where_nothing_else_is_left() -> None:
    """Everything below zero is rounded to -8, the end that is cut: a constant, and that is 0."""
    below = b.minimum(given("x", NARROW, 4), b.constant(np.array(-1), NARROW))
    to = Fixed(True, 1, 4)
    check(graph(b.apply(Quantize(to, Rounding.FLOOR, Overflow.SATURATE_SYMMETRIC), below)))


def test_an_output_twice_and_an_input_as_an_output() -> None:
    x = given("x", NARROW, 3)
    check(graph(x, b.neg(x), b.neg(x)))


# ----------------------------------------------------------------------------------------- refused


def refused(outputs: list[Node]) -> list[tuple[str, str]]:
    with pytest.raises(Unsupported) as caught:
        unroll(graph(*outputs))
    return [(gap.layer, gap.what) for gap in caught.value.gaps]


def test_everything_without_wires_is_named_at_once() -> None:
    x, i = given("x", NARROW, 4), given("i", INT32, 4)
    run_time = given("r", NARROW)
    many = b.input_("many", (Dim("n", 5),), NARROW)
    floats, row = given("f", FLOAT32, 4), given("row", INT32, 4)
    wide = x
    for _ in range(4):
        wide = b.mul(wide, wide)
    outputs = [
        Node(b.div(i, 3).op, b.div(i, 3).inputs, "half"),
        Node(b.bitcast(i, FLOAT32).op, (i,), "cast"),
        Node(wide.op, wide.inputs, "power"),
        b.add(b.sum_(many), run_time),
        b.less(floats, 0.0),
        b.fold(_loop(b.add(i, row), i, row), i, [given("rows", INT32, 2, 4)]),
    ]
    found = refused(outputs)
    names = [layer for layer, _ in found]
    assert {"half", "cast", "power", "fold"} <= set(names)
    text = "\n".join(what for _, what in found)
    assert "does not divide integers" in text
    assert "a value of 96 bits (s96.48); at most 64" in text
    assert "no run-time sizes" in text
    assert "gives floats" in text


def test_what_is_too_large_is_refused_with_the_estimate_and_the_way_out() -> None:
    weights = np.random.default_rng(0).integers(-128, 128, (400, 400))
    dense = b.constant(weights, Fixed(True, 8, 1))
    h = b.product(given("x", NARROW, 400), dense)
    h = Node(h.op, h.inputs, "large")
    with pytest.raises(Unsupported) as caught:
        unroll(graph(b.add(h, 1.0)))
    (gap,) = caught.value.gaps
    assert gap.layer == "large"
    assert "too large to unroll: about 4" in gap.what
    assert "prune" in gap.hint


def test_the_estimate_is_an_upper_bound_of_about_the_size() -> None:
    rng = np.random.default_rng(1)
    x, y = given("x", NARROW, 4, 8), given("y", NARROW, 8, 4)
    weights = b.constant(rng.integers(-31, 32, (8, 6)), NARROW)
    cases = [
        b.product(x, weights),
        b.product(x, y),
        b.top_k(x, 3),
        b.gather(x, given("index", I8, 5), 1),
        b.reduce_max(x, [0]),
        b.sum_(x),
    ]
    for node in cases:
        wires = unroll(graph(node))
        free = ("input", "const")
        logic = [n for n in wires.graph.nodes() if n.op.spelling() not in free]
        shifts = [n for n in logic if n.op.spelling() == "mul" and not n.inputs[1].inputs]
        estimate = operators(node.op, node, {weights})
        assert estimate / 4 <= len(logic) - len(shifts) <= 2 * estimate, node


def test_tables_of_more_entries_than_the_bound_are_refused() -> None:
    op, x = Table(Values(np.zeros(1 << 17, np.int64)), NARROW), given("x", Fixed(True, 17, 3))
    with pytest.raises(InvalidGraph, match=r"of layer gelu: an index of 17 bits is above .* 16"):
        Node(op, (x,), "gelu")


def test_constants_only() -> None:
    (found,) = interpret(check(graph(b.mul(given("x", NARROW), 0))).graph, [np.arange(3)])
    assert not found.any()


@pytest.mark.parametrize("signed", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("bits", [0, 4, 5])
def test_narrow_products_become_adders(signed: tuple[bool, bool], bits: int) -> None:
    """Products of four bits and six: a multiplier below the threshold, adders from five on."""
    types = Fixed(signed[0], 4, 2), Fixed(signed[1], 6, 1)
    x, y = (b.input_(name, (), each) for name, each in zip("xy", types, strict=True))
    model = graph(b.mul(x, y))
    unrolled = unroll(model, Sharing(multiplier_bits=bits))
    every = [np.arange(each.lowest, each.highest + 1) for each in types]
    data = dict(zip("xy", (each.ravel() for each in np.meshgrid(*every)), strict=True))
    arrays = [data[name] for name in model.input_names]
    found = unrolled.tensors(interpret(unrolled.graph, unrolled.scalars(arrays)))
    assert (found[0] == interpret(model, data)[0]).all()
    multipliers = [
        node
        for node in unrolled.graph.nodes()
        if isinstance(node.op, Mul) and not any(isinstance(i.op, Const) for i in node.inputs)
    ]
    assert len(multipliers) == (bits < 5)


@pytest.mark.parametrize("entries", [(6, 7), (-6, -5), (9, 13)])
def test_bits_that_never_change_are_no_factors(entries: tuple[int, int]) -> None:
    """The high bits of six and seven are both set: what is chosen by them is known."""
    x, y = given("x", BIT, 4), given("y", NARROW, 4)
    narrow = b.apply(Table(Values(np.array(entries)), Fixed(True, 5, 2)), x)
    check(graph(b.mul(narrow, y)))


@pytest.mark.parametrize("name", ["jet_6bit", "autoencoder", "deep_sets", "bragg"])
def test_the_estimate_is_above_what_sharing_leaves(name: str) -> None:
    core = split(RTL.run(graph_of(NETWORKS[name]()))).core
    logic = (Add, Sub, Max, Min, Select, Quantize)
    left = sum(isinstance(node.op, logic) for node in unroll(core).graph.nodes())
    assert left < estimated(core).total() < 3 * left
