"""Layers become nodes, one after the other, at one batch; what is missing is collected."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from inferon.errors import Gap, InvalidGraph, InvalidModel
from inferon.frontends.naming import label
from inferon.frontends.onnx.arity import miscounted
from inferon.frontends.onnx.call import (
    Behind,
    Call,
    Counted,
    Nothing,
    Operator,
    Rebinding,
    Refused,
    Several,
    Value,
    constant_array,
)
from inferon.frontends.onnx.counted import carried
from inferon.frontends.onnx.empty import settled
from inferon.frontends.onnx.folding import fold
from inferon.frontends.onnx.limits import (
    FIRST_OPSET,
    LAST_OPSET,
    MAX_TENSOR_ELEMENTS,
)
from inferon.frontends.onnx.narrow import NARROW, NarrowTensor, brought_back
from inferon.frontends.onnx.narrow_results import Types, in_their_sets, result_types
from inferon.frontends.onnx.read import Absent, Layer, Model, Slot, Subgraph
from inferon.frontends.onnx.room import check_layers, extent
from inferon.frontends.onnx.table import OPERATORS
from inferon.frontends.onnx.tensors import Foreign
from inferon.frontends.onnx.versions import UNVERSIONED, is_read
from inferon.ir.node import Node
from inferon.ir.shape import Shape
from inferon.ops.base import Elementary
from inferon.ops.structure import Input


@dataclass(slots=True)
class Translation:
    """The values of a model at one batch.

    Attributes
    ----------
    values : by their name in the file; in a sub-graph those of the graphs around it, too
    origins : the layer that made a node first
    gaps : what is missing
    inner : translations of sub-graphs, in the order in which they were made
    narrow : the element types of values that are held in wider ones, by the values' names
    """

    values: ChainMap[str, Value] = field(default_factory=ChainMap)
    origins: dict[Node, str] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    inner: list[tuple[Subgraph, Translation]] = field(default_factory=list)
    narrow: ChainMap[str, int] = field(default_factory=ChainMap)

    def shape(self, name: str) -> Shape | None:
        """Return the shape of a value, if it is known."""
        value = self.values.get(name)
        return value.type.shape if isinstance(value, Node) else None

    def outputs(self, model: Model) -> list[str]:
        """Return the names of the outputs; each tensor of a sequence becomes one, ``name[0]``.

        Behind them come the counts of bounded outputs, ``name_count``.
        """
        found, counts = [], []
        for slot in model.outputs:
            value = self.values.get(slot.name)
            if isinstance(value, Counted):
                name = f"{slot.name}_count"
                while name in self.values:
                    name += "_"
                counts.append(name)
                self.values[slot.name], self.values[counts[-1]] = value.value, value.count
            if not isinstance(value, Several):
                found.append(slot.name)
                continue
            for i, part in enumerate(value.parts):
                found.append(f"{slot.name}[{i}]")
                self.values[found[-1]] = part
        return [*found, *counts]

    def within(self, body: Subgraph) -> Translation:
        """Return the beginning of a sub-graph's translation, which sees the values so far."""
        inner = Translation(self.values.new_child(), self.origins, self.gaps)
        inner.narrow = self.narrow.new_child()
        self.inner.append((body, inner))
        return inner

    def of_body(self, layer: Layer) -> Types:
        """Return the narrow types of what a layer's sub-graph gives; empty where it has none."""
        bodies = [each for each in layer.attributes.values() if isinstance(each, Subgraph)]
        for body, inner in reversed(self.inner):
            if any(body is each for each in bodies):
                return [inner.narrow.get(slot.name) for slot in body.outputs]
        return ()

    def twin(self, body: Subgraph, number: int) -> Translation | None:
        """Return the sub-graph translated at this place, if it was the same one."""
        found = self.inner[number : number + 1]
        return found[0][1] if found and found[0][0] is body else None


class LayerError(InvalidModel):
    """A layer contradicts itself; ``layer`` is its label."""

    def __init__(self, layer: str, message: str) -> None:
        super().__init__(f"layer {layer}: {message}")
        self.layer = layer


Guess = Callable[[Layer, str, Translation], Node | None]
"""A stand-in for one result of a layer that could not be translated."""


def translate(
    model: Model,
    inputs: Mapping[str, Node],
    *,
    guide: Translation | None = None,
    rebinding: Rebinding | None = None,
    guess: Guess | None = None,
) -> Translation:
    """Translate every layer.

    Parameters
    ----------
    model : the checked model
    inputs : a node for each input, by its name in the file
    guide : the translation at another batch
    rebinding : replace a fixed batch by another
    guess : values to go on with behind a gap; layers that do not fit them are passed over

    Raises
    ------
    LayerError
        When shapes or types of a layer do not fit.
    """
    done = Translation()
    done.values.update({name: settled(node) for name, node in inputs.items()})
    _enter(model.inputs, done)
    _Run(model, rebinding, guess).graph(model, done, guide)
    return done


def _enter(slots: Sequence[Slot], done: Translation) -> None:
    """Bring inputs of narrow types into their sets; what is in the set stays as it is."""
    for slot in slots:
        value = done.values.get(slot.name)
        if slot.data_type in NARROW and isinstance(value, Node):
            done.narrow[slot.name] = slot.data_type
            done.values[slot.name] = settled(brought_back(value, slot.data_type))


@dataclass(slots=True)
class _Run:
    """What is the same for every graph of a model; ``layers`` counts those of sub-graphs."""

    model: Model
    rebinding: Rebinding | None
    guess: Guess | None
    layers: int = 0

    def graph(self, graph: Model | Subgraph, done: Translation, guide: Translation | None) -> None:
        """Translate the layers of a graph whose inputs have their values."""
        for name, constant in graph.constants.items():
            if isinstance(constant, Foreign):
                done.gaps.append(_foreign(name, constant))
            elif isinstance(constant, Absent):
                done.values[name] = Nothing()
            elif isinstance(constant, NarrowTensor):
                done.values[name], done.narrow[name] = constant.node, constant.data_type
            else:
                done.values[name] = constant
        for layer in graph.layers:
            try:
                self.layer(layer, done, guide)
            except InvalidModel:
                if self.guess is None:
                    raise
            if self.guess is not None:
                _go_on(layer, done, self.guess)

    def subgraph(
        self,
        body: Subgraph,
        operands: Sequence[Value],
        around: Translation,
        guide: Translation | None,
    ) -> list[Value]:
        """Return the outputs of a sub-graph; see `Call.translate`."""
        self.layers += max(1, len(body.layers))
        check_layers(self.layers)
        twin = None if guide is None else guide.twin(body, len(around.inner))
        inner = around.within(body)
        for slot, value in zip(body.inputs, operands, strict=True):
            inner.values[slot.name] = value
        inner.narrow.update({s.name: s.data_type for s in body.inputs if s.data_type in NARROW})
        self.graph(body, inner, twin)
        if any(slot.name not in inner.values for slot in body.outputs):
            raise Behind
        return [inner.values[slot.name] for slot in body.outputs]

    def trial(
        self,
        body: Subgraph,
        operands: Sequence[Value],
        around: Translation,
        guide: Translation | None,
    ) -> list[Value] | None:
        """Return the outputs of a sub-graph; None, without a trace, where it has gaps."""
        gaps, inner = len(around.gaps), len(around.inner)
        values = None
        with suppress(Behind, Refused, InvalidModel):
            values = self.subgraph(body, operands, around, guide)
        if values is None or len(around.gaps) > gaps:
            del around.gaps[gaps:], around.inner[inner:]
            return None
        return values

    def layer(self, layer: Layer, done: Translation, guide: Translation | None) -> None:
        """Translate one layer."""
        function = operator_of(self.model, layer)
        if isinstance(function, Gap):
            done.gaps.append(function)
            return
        if any(name and name not in done.values for name in layer.needs):
            return  # behind a gap: its operator has been checked, its shapes cannot be
        opset = self.model.opsets.get(layer.domain, 1)
        wrong = None if (layer.domain, layer.op) in self.model.own else miscounted(layer, opset)
        if wrong is not None:
            raise LayerError(layer.label, wrong)
        call = Call(
            layer,
            tuple(done.values[name] if name else None for name in layer.inputs),
            opset,
            tuple(guide.shape(name) if guide and name else None for name in layer.inputs),
            self.rebinding,
            lambda body, operands: self.subgraph(body, operands, done, guide),
            lambda body, operands: self.trial(body, operands, done, guide),
            tuple(done.narrow.get(name) for name in layer.inputs),
            len(done.values.maps),
        )
        values = _values(function, call, done)
        if values is not None:
            types = result_types(layer, call.narrow, call.opset, done.of_body(layer))
            values, kinds = in_their_sets(layer, values, types)
            _keep(layer, values, done)
            pairs = zip(layer.outputs, kinds, strict=False)
            done.narrow.update({name: kind for name, kind in pairs if kind is not None})


def _foreign(name: str, constant: Foreign) -> Gap:
    hint = "whole numbers as labels" if constant.type_name == "string" else "float32 weights"
    return Gap(label(name), f"a weight of {constant.type_name}", hint)


def _go_on(layer: Layer, done: Translation, guess: Guess) -> None:
    """Put guesses in the place of what is missing."""
    for name in layer.outputs:
        node = guess(layer, name, done) if name and name not in done.values else None
        if node is not None:
            done.values[name] = node


def operator_of(model: Model, layer: Layer) -> Operator | Gap:
    """Return the function of a layer's operator, or what is missing."""
    name = layer.op if not layer.domain else f"{layer.domain}::{layer.op}"
    own = model.own.get((layer.domain, layer.op))
    if own is not None and layer.domain in model.opsets:
        return own
    if (layer.domain, layer.op) in model.functions:
        hint = "inline the model's functions with onnx.inliner.inline_local_functions"
        return Gap(layer.label, f"the model's own function {label(name)}", hint)
    function = OPERATORS.get((layer.domain, layer.op))
    if layer.domain not in model.opsets and not (function and layer.domain in UNVERSIONED):
        return Gap(layer.label, f"operator {label(name)}, whose domain the model does not import")
    version = model.opsets.get(layer.domain, 1)
    if function and layer.domain == "" and not is_read(layer.op, version):
        hint = f"an export with opset {FIRST_OPSET} to {LAST_OPSET}"
        return Gap(layer.label, f"operator {label(name)} of opset {version}", hint)
    hint = _HINTS.get(layer.op, "" if layer.domain in _STANDARD else _OWN)
    return function or Gap(layer.label, f"operator {label(name)}", hint)


_STANDARD = frozenset(domain for domain, _ in OPERATORS)
_OWN = "a function of your own in an extension (inferon.extension)"


_HINTS = {
    "ImageDecoder": "pixels: images are decoded before the model, by a library for files",
    "ZipMap": "convert with options={'zipmap': False}",
    "Attention": "an export with opset 20, which spells attention as MatMul and Softmax",
}


def _values(function: Operator, call: Call, done: Translation) -> list[Value] | None:
    """Return the results of a layer; None where it has a gap, which is noted."""
    layer = call.layer
    try:
        result = carried(function, call)
        values = [result] if isinstance(result, Value) else list(result)
        _check(values)
    except Behind:
        return None
    except Refused as refused:
        done.gaps.append(Gap(layer.label, refused.what, refused.hint))
        return None
    except InvalidGraph as error:
        if isinstance(getattr(error.node, "op", None), Elementary):
            done.gaps.append(
                Gap(layer.label, f"{layer.op} of other types than float32", "float32")
            )
            return None
        raise LayerError(layer.label, str(error)) from None
    except (IndexError, ValueError, ArithmeticError):  # of operands that no exporter writes
        shown = ", ".join(str(node.type) for node in call.operands if isinstance(node, Node))
        raise LayerError(layer.label, f"{layer.op} does not take {shown}") from None
    for name in call.unasked():
        done.gaps.append(Gap(layer.label, f"attribute {label(name)} of {layer.op}"))
    return values


def _check(values: Sequence[Value]) -> None:
    """Refuse values that are too large."""
    for value in values:
        if not isinstance(value, Node):
            continue
        number = extent(value.type.shape)
        if number > MAX_TENSOR_ELEMENTS:
            raise Refused(f"a value of {number} elements", f"at most {MAX_TENSOR_ELEMENTS}")


def _keep(layer: Layer, values: Sequence[Value], done: Translation) -> None:
    if len(values) < len([name for name in layer.outputs if name]):
        raise LayerError(
            layer.label, f"{layer.op} has {len(values)} results, not {len(layer.outputs)}"
        )
    constant = all(_is_constant(done.values[name]) for name in layer.needs if name)
    for name, value in zip(layer.outputs, values, strict=False):
        if isinstance(value, Node):
            value = fold(settled(value)) if constant else settled(value)
        if name:
            done.values[name] = value
        for node in (value.value, value.count) if isinstance(value, Counted) else (value,):
            if isinstance(node, Node):
                _own(node, layer.label, done.origins)


def _is_constant(value: Value) -> bool:
    return isinstance(value, Node) and constant_array(value) is not None


def _own(root: Node, origin: str, origins: dict[Node, str]) -> None:
    """Write the layer's name behind every node that it made first."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node in origins or isinstance(node.op, Input):
            continue
        origins[node] = origin
        stack.extend(node.inputs)
