"""If, Loop, Scan, sequences and empty tensors: ONNX Runtime event by event, and C++ (25 s)."""

from __future__ import annotations

import io
import logging
import warnings
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import parser

from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.analysis.bound import agreement
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.load import load
from inferon.ops.loop import Fold, Scan
from tests.differential.cpp_pack import BUILDS, check
from tests.differential.onnx_oracle import Array, normal, run

EVENTS = 4
HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
TRUE = "one = Constant<value_int=1>() t = Cast<to=9>(one)"


def turns(number: int) -> str:
    """Return layers that make a trip count ``n`` and a condition ``t`` that holds."""
    return f"n = Constant<value_int={number}>() {TRUE}"


def recurrence(number: int) -> str:
    """Return a Loop with a state, the turn's number in it, and a scan output."""
    return f"""(float[N,3] x) => (float[N,3] y, float[N,{number},3] w) {{ {turns(number)}
        y, s = Loop (n, t, x) <body = b (int64 i, bool c, float[N,3] h)
            => (bool d, float[N,3] g, float[N,3] o)
            {{ d = Identity(c) k = Cast<to=1>(i) q = Add(h, k) g = Tanh(q) o = Mul(g, x) }}>
        w = Transpose<perm=[1,0,2]>(s) }}"""


def scan(number: int, forms: str) -> str:
    """Return a Scan over axis 1 whose results have the turns in axis 1."""
    return f"""(float[N,3] h0, float[N,{number},3] x) => (float[N,3] y, float[N,{number},3] s) {{
        y, s = Scan<num_scan_inputs=1, scan_input_axes=[1], scan_output_axes=[-2] {forms},
            body = b (float[N,3] h, float[N,3] e) => (float[N,3] g, float[N,3] o)
            {{ a = Add(h, e) g = Tanh(a) o = Neg(g) }}>(h0, x) }}"""


MODELS = {
    "if_of_a_shape": """(float[N,4,3] x) => (float[N,3,4] y) { s = Shape(x)
        one = Constant<value_int=1>() length = Gather(s, one)
        four = Constant<value_int=4>() c = Equal(length, four)
        y = If (c) <then_branch = a () => (float[N,3,4] t) { t = Transpose<perm=[0,2,1]>(x) },
            else_branch = e () => (float[N,4,3] u) { u = Neg(x) }> }""",
    "if_at_run_time": """(float[N,3] x, bool c) => (float[N,3] y, float[N,3] z) { q = Abs(x)
        y, z = If (c)
            <then_branch = a () => (float[N,3] t, float[N,3] v) { t = Relu(q) v = Exp(x) },
            else_branch = e () => (float[N,3] u, float[N,3] w) { u = Neg(q) w = Relu(x) }> }""",
    "if_in_if": """(float[N,3] x, bool c, bool d) => (float[N,3] y) {
        y = If (c) <then_branch = a () => (float[N,3] t) { t = If (d)
                <then_branch = aa () => (float[N,3] tt) { tt = Exp(x) },
                 else_branch = ae () => (float[N,3] te) { te = Abs(x) }> },
            else_branch = e () => (float[N,3] u) { u = Neg(x) }> }""",
    "written_out": recurrence(5),
    "kept": recurrence(40),
    "two_states_change_places": f"""(float[N,3] x, float[N,3] z)
        => (float[N,3] y, float[N,3] w, float[N,21,3] v) {{ {turns(21)}
        y, w, o = Loop (n, t, x, z) <body = b (int64 i, bool c, float[N,3] h, float[N,3] k)
            => (bool d, float[N,3] p, float[N,3] q, float[N,3] r)
            {{ d = Identity(c) p = Tanh(k) q = Tanh(k) r = Identity(h) }}>
        v = Transpose<perm=[1,0,2]>(o) }}""",
    "a_state_of_truths": f"""(float[N,3] x) => (float[N,3] y, bool[N,3] w) {{ {turns(20)}
        b0 = Greater(x, x) y, w = Loop (n, t, x, b0)
            <body = b (int64 i, bool c, float[N,3] h, bool[N,3] k)
            => (bool d, float[N,3] p, bool[N,3] q)
            {{ d = Identity(c) p = Tanh(h) q = Not(k) }}> }}""",
    "what_all_turns_share": f"""(float[N,3] x, float[N,3] z) => (float[N,3] y) {{ {turns(30)}
        r = Exp(z) y = Loop (n, t, x) <body = b (int64 i, bool c, float[N,3] h)
            => (bool d, float[N,3] g) {{ d = Identity(c) u = Add(h, r) g = Tanh(u) }}> }}""",
    "an_element_each_turn": f"""(float[N,20,3] x) => (float[N,3] y) {{ {turns(20)}
        ax = Constant<value_ints=[1]>() z = ReduceSum<keepdims=0>(x, ax)
        y = Loop (n, t, z) <body = b (int64 i, bool c, float[N,3] h) => (bool d, float[N,3] g)
            {{ d = Identity(c) e = Gather<axis=1>(x, i) g = Add(h, e) }}> }}""",
    "loop_in_loop": f"""(float[N,3] x) => (float[N,3] y) {{ {turns(20)}
        y = Loop (n, t, x) <body = b (int64 i, bool c, float[N,3] h) => (bool d, float[N,3] g) {{
            d = Identity(c) g = Loop (n, t, h) <body = bb (int64 j, bool cc, float[N,3] k)
                => (bool dd, float[N,3] l) {{ dd = Identity(cc) m = Add(k, h) l = Tanh(m) }}> }}>
        }}""",
    "ends_at_run_time": f"""(float[N,3] x, float most) => (float[N,3] y) {{ {turns(9)}
        y = Loop (n, t, x) <body = b (int64 i, bool c, float[N,3] h) => (bool d, float[N,3] g)
            {{ k = Cast<to=1>(i) below = Less(k, most) two = Constant<value_float=2.0>()
               past = Sub(k, most) again = Greater(past, two) d = Or(below, again)
               g = Add(h, x) }}> }}""",
    "ends_on_a_count": f"""(float[N,3] x) => (float[N,3] y, int64 m) {{ {turns(1)}
        ten = Constant<value_int=10>() y, m = Loop ("", t, x, n)
            <body = b (int64 i, bool c, float[N,3] h, int64 j)
            => (bool d, float[N,3] g, int64 k)
            {{ k = Add(j, n) d = Less(k, ten) g = Add(h, x) }}> }}""",
    "no_turn": """(float[N,3] x) => (float[N,3] y, float[0,N,3] s) { n = Constant<value_int=0>()
        y, s = Loop (n, "", x) <body = b (int64 i, bool c, float[N,3] h)
            => (bool d, float[N,3] g, float[N,3] o)
            { d = Identity(c) g = Tanh(h) o = Neg(h) }> }""",
    "scan": scan(20, ""),
    "scan_backward": scan(20, ", scan_input_directions=[1], scan_output_directions=[1]"),
    "short_scan_backward": scan(4, ", scan_input_directions=[1], scan_output_directions=[1]"),
    "a_map": """(float[N,20,3] x) => (float[N,20,3] y) {
        y = Scan<num_scan_inputs=1, scan_input_axes=[1], scan_output_axes=[1],
            body = b (float[N,3] e) => (float[N,3] o) { o = Exp(e) }>(x) }""",
    "constants_turn_by_turn": """(float[N,3] x) => (float[N,3] y) {
        w = Constant<value_floats=[1.0, 2.0, 3.0, 4.0]>()
        y = Scan<num_scan_inputs=1, body = b (float[N,3] h, float e) => (float[N,3] g) {
            a = Mul(h, e) g = Tanh(a) }>(x, w) }""",
    "parts_of_a_sequence": """(float[N,6] x) => (float[N,6] y, int64 m, float[N,2] z) {
        two = Constant<value_int=2>() back = Constant<value_int=-1>()
        q = SplitToSequence<axis=1>(x, two) m = SequenceLength(q) z = SequenceAt(q, back)
        p = SequenceErase(q, back) o = SequenceInsert(p, z, back)
        y = ConcatFromSequence<axis=1>(o) }""",
    "a_sequence_as_output": """(float[N,3] x) => (seq(float[N,3]) y) {
        r = Relu(x) y = SequenceConstruct(r, x) }""",
    "a_stack": """(float[N,3] x) => (float[N,2,3] y) {
        r = Relu(x) s = SequenceConstruct(r, x) y = ConcatFromSequence<axis=1, new_axis=1>(s) }""",
    "joined_with_nothing": """(float[N,0] e, float[N,3] x) => (float[N,3] y, float[N,0] f) {
        y = Concat<axis=1>(e, x) f = Relu(e) }""",
    "product_over_nothing": """(float[N,2,0] a, float[N,0,3] b) => (float[N,2,3] y) {
        y = MatMul(a, b) }""",
    "reduced_over_nothing": """(float[N,4,0] x) => (float[N,4] y, float[N,4] z) {
        y = ReduceMax<axes=[2], keepdims=0>(x) z = ReduceL1<axes=[2], keepdims=0>(x) }""",
    "input_and_constant_as_outputs": """(float[N,3] x) => (float[N,3] x, float[2] c) {
        c = Constant<value_floats=[1.0, 2.0]>() }""",
    "no_input": "() => (float[2] y) { y = Constant<value_floats=[1.0, 2.0]>() }",
}


def model(name: str) -> onnx.ModelProto:
    return parser.parse_model(f"{HEAD} {name} {MODELS[name]}")


def events_of(graph: Graph) -> list[Array]:
    events = []
    for seed, node in enumerate(graph.inputs):
        shape = [EVENTS, *(int(str(size)) for size in node.type.shape)]
        values = normal(seed, *shape)
        truths = str(node.type.element) == "bool"
        events.append(values > 0 if truths else np.abs(values) * 4 if shape[1:] == [] else values)
    return events


def of_one_event(file: onnx.ModelProto, arrays: list[Array], event: int) -> list[Array]:
    """Return what ONNX Runtime gives for one event, where that is a batch of one."""
    feed = {}
    for slot, array in zip(file.graph.input, arrays, strict=True):
        sizes = [each.dim_param for each in slot.type.tensor_type.shape.dim]
        value = array[event]
        feed[slot.name] = value[None] if sizes[:1] == ["N"] else value
    outputs: list[Any] = []
    given: list[Any] = run(file, {name: np.asarray(value) for name, value in feed.items()})
    for each in given:
        outputs += each if isinstance(each, list) else [each]
    return [np.asarray(each) for each in outputs]


@pytest.mark.parametrize("name", MODELS)
def test_onnx_runtime_keeps_the_bound(name: str) -> None:
    file = model(name)
    graph = load(file)
    arrays = events_of(graph)
    rows = [of_one_event(file, arrays, event) for event in range(EVENTS if arrays else 1)]
    shapes = [tuple(int(str(size)) for size in node.type.shape) for node in graph.outputs]
    columns = zip(zip(*rows, strict=True), shapes, strict=True)
    theirs = tuple(np.stack([each.reshape(shape) for each in column]) for column, shape in columns)
    if not arrays:  # a bound is of events, and this has none
        assert all(
            np.array_equal(*pair) for pair in zip(interpret(graph, []), theirs, strict=True)
        )
        return
    result = agreement(graph, arrays, theirs, accuracy=ONNX_RUNTIME)
    assert result.undecided == 0
    agreement(graph, arrays, interpret(graph, arrays))


def test_the_compiled_bits() -> None:
    check([load(model(name)) for name in MODELS], BUILDS[0])


def test_rows_of_a_loop_that_ends_at_run_time_are_counted() -> None:
    file = parser.parse_model(f"""{HEAD} m
        (float[3] x, float most) => (float[3] y, float[K,3] s) {{
        {turns(9)} y, s = Loop (n, t, x) <body = b (int64 i, bool c, float[3] h)
            => (bool d, float[3] g, float[3] o)
            {{ k = Cast<to=1>(i) d = Less(k, most) g = Add(h, h) o = Neg(h) }}> }}""")
    graph = load(file, batch_axis=None)
    assert graph.output_names == ("y", "s", "s_count")
    x = normal(1, 3)
    for most, taken in ((-1.0, 1), (0.5, 2), (3.5, 5), (20.0, 9)):
        limit = np.array(most, np.float32)
        last, rows = run(file, {"x": x, "most": limit})
        ours, all_rows, count = (each[0] for each in interpret(graph, [x[None], limit[None]]))
        assert count == taken == len(rows)
        assert np.array_equal(ours, last)  # doubling rounds nothing
        assert np.array_equal(all_rows[:taken], rows)
        assert not all_rows[taken:].any()
    check([graph], BUILDS[0])


def loops(graph: Graph) -> list[type]:
    return [type(node.op) for node in graph.nodes() if isinstance(node.op, Fold | Scan)]


def test_long_loops_stay_loops() -> None:
    kept = {name: loops(load(model(name))) for name in MODELS}
    assert kept["kept"] == kept["two_states_change_places"] == [Scan]
    assert kept["scan"] == kept["scan_backward"] == kept["a_map"] == [Scan]
    assert kept["a_state_of_truths"] == kept["what_all_turns_share"] == [Fold]
    assert kept["loop_in_loop"] == kept["an_element_each_turn"] == [Fold]
    short = (
        "written_out",
        "short_scan_backward",
        "ends_at_run_time",
        "ends_on_a_count",
        "no_turn",
    )
    assert not any(kept[name] for name in short)


# ------------------------------------------------------------------------------- what torch writes


class Steps(torch.nn.Module):
    """A recurrence written by hand, whose results are collected in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.layer(x[:, 0]) * 0.0
        found = []
        for i in range(x.size(1)):
            h = torch.tanh(self.layer(x[:, i]) + h)
            found.append(h)
        return torch.stack(found, 1)


class Parts(torch.nn.Module):
    """A list of parts, with a branch on a shape."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.size(1) > 3:
            found = [torch.relu(part).sum(1) for part in x.split(2, dim=1)]
        else:
            found = [x.mean(1)]
        return torch.stack(found, 1)


class While(torch.nn.Module):
    """A loop on a count."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        i, h = 0, x
        while i < 5:
            h = h * 2 + x
            i += 1
        return h


class Branch(torch.nn.Module):
    """A branch on an input."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 3)

    def forward(self, x: torch.Tensor, flag: torch.Tensor) -> torch.Tensor:
        return torch.cond(flag, lambda x: torch.relu(self.layer(x)), lambda x: x * 2, (x,))


def scripted(module: torch.nn.Module, x: torch.Tensor) -> onnx.ModelProto:
    file = io.BytesIO()
    torch.onnx.export(
        torch.jit.script(module),
        (x,),
        file,
        input_names=["x"],
        output_names=["y"],
        dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
        dynamo=False,
        opset_version=17,
    )
    return onnx.load_from_string(file.getvalue())


def operators(graph: onnx.GraphProto) -> set[str]:
    inner = [each.g for node in graph.node for each in node.attribute if each.HasField("g")]
    return {node.op_type for node in graph.node}.union(*map(operators, inner))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("module", "spelled"), [(Steps, "Loop"), (Parts, "If"), (While, "Loop")])
def test_scripts_of_torch(module: type[torch.nn.Module], spelled: str) -> None:
    torch.manual_seed(1)
    live = module().eval()
    x = torch.from_numpy(normal(1, EVENTS, 6, 3))
    file = scripted(live, x)
    assert spelled in operators(file.graph)
    graph = load(file)
    theirs = live(x).detach().numpy()
    agreement(graph, [x.numpy()], (theirs,), accuracy=ONNX_RUNTIME)
    agreement(graph, [x.numpy()], interpret(graph, [x.numpy()]))


def test_a_branch_of_torch() -> None:
    torch.manual_seed(1)
    live, x = Branch().eval(), torch.from_numpy(normal(1, EVENTS, 3))
    batch: Any = ({0: torch.export.Dim("N")}, None)
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            live, (x, torch.tensor(True)), dynamo=True, dynamic_shapes=batch, verbose=False
        )
    logging.disable(logging.NOTSET)
    assert program is not None
    file = program.model_proto
    assert "If" in operators(file.graph)
    flag = file.graph.input[1].name
    for given in (True, False):
        theirs = live(x, torch.tensor(given)).detach().numpy()
        chosen = load(file, bind={flag: given})
        agreement(chosen, [x.numpy()], (theirs,), accuracy=ONNX_RUNTIME)
        both = [x.numpy(), np.full(EVENTS, given)]
        agreement(load(file), both, (theirs,), accuracy=ONNX_RUNTIME)
