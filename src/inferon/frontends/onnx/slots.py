"""The inputs of a model at one batch, and what cannot be known about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from inferon.errors import Gap, UsageError
from inferon.frontends.naming import Names, label
from inferon.frontends.onnx.limits import MAX_TENSOR_ELEMENTS
from inferon.frontends.onnx.read import Model, Slot, Symbolic, describe
from inferon.frontends.onnx.room import extent
from inferon.frontends.onnx.tensors import held_in
from inferon.ir.node import Node
from inferon.ir.shape import MAX_ELEMENTS, Dim, Shape, Size
from inferon.ir.types import Element
from inferon.ops import build as b


@dataclass(frozen=True, slots=True)
class Batch:
    """Where the batch sits in the inputs.

    Attributes
    ----------
    axis : of every input that carries it
    inputs : names of these inputs
    fixed : the size in the file; None where it is symbolic
    symbol : its name in the file; may be empty
    """

    axis: int
    inputs: frozenset[str]
    fixed: int | None
    symbol: str

    def __str__(self) -> str:
        return f"the batch {label(self.symbol)}" if self.symbol else "the batch"


def find_batch(
    model: Model, batch_axis: int | str | None, dims: Mapping[str, Dim]
) -> Batch | None:
    """Return the batch: by default the symbolic leading size that inputs and outputs share."""
    if batch_axis is None:
        return None
    if batch_axis == "auto":
        return _symbolic(model, dims)
    if not isinstance(batch_axis, int) or batch_axis < 0:
        raise UsageError(
            f"batch_axis is {batch_axis!r}: give 'auto', None, or the number of an axis"
        )
    return _stated(model, batch_axis)


def _symbolic(model: Model, dims: Mapping[str, Dim]) -> Batch | None:
    leads = {slot.name: slot.shape[0] for slot in model.inputs if slot.shape}
    symbols = [size for size in leads.values() if not isinstance(size, int) and size not in dims]
    if not symbols:
        return None
    shared = {slot.shape[0] for slot in model.outputs if slot.shape}
    symbol = next((each for each in symbols if each in shared), symbols[0])
    carriers = frozenset(
        name for name, size in leads.items() if size == symbol and not isinstance(size, int)
    )
    return Batch(0, carriers, None, str(symbol or ""))


def _stated(model: Model, axis: int) -> Batch:
    sizes = {
        slot.name: slot.shape[axis]
        for slot in model.inputs
        if slot.shape and len(slot.shape) > axis
    }
    if not sizes:
        raise UsageError(f"no input has an axis {axis} for the batch")
    if len(set(sizes.values())) > 1:
        shown = ", ".join(f"{label(name)}: {size}" for name, size in sizes.items())
        raise UsageError(f"the inputs disagree on the batch in axis {axis}: {shown}")
    size = next(iter(sizes.values()))
    fixed = size if isinstance(size, int) else None
    return Batch(axis, frozenset(sizes), fixed, size if isinstance(size, str) else "")


def bounds(dims: Mapping[str, int]) -> dict[str, Dim]:
    """Return a dimension for each name in the file, with a safe name and its bound."""
    names = Names()
    found = {}
    for name, bound in dims.items():
        if type(bound) is not int or not 1 <= bound <= MAX_ELEMENTS:
            raise UsageError(
                f"the bound of {label(str(name))} is {bound!r}: give a whole number, 1 or more"
            )
        found[name] = Dim(names.identifier(name, "size"), bound)
    return found


def check_dims(model: Model, dims: Mapping[str, int]) -> None:
    """Refuse a bound for a name that no input has."""
    known = {size for slot in model.inputs for size in slot.shape or () if isinstance(size, str)}
    for name in dims:
        if name not in known:
            shown = ", ".join(sorted(label(each) for each in known)) or "none"
            raise UsageError(f"no input has a size called {label(str(name))}; there are: {shown}")


def slot_gaps(model: Model, batch: Batch | None, dims: Mapping[str, Dim]) -> Iterator[Gap]:
    """Yield what cannot be known about the inputs."""
    for slot in model.inputs:
        name = label(slot.name)
        if slot.sequence:
            hint = f"bind={{'{name}': [[3], [5]]}} with the shapes of its tensors"
            yield Gap(name, "an input that is a sequence of tensors", hint)
            continue
        if slot.data_type == 0:
            yield Gap(name, "an input that is no tensor", "the tensors as inputs of their own")
            continue
        if held_in(slot.data_type) is None:
            yield Gap(name, f"an input of {describe(slot.data_type)}", "float32")
        if slot.shape is None:
            yield Gap(
                name, "an input without a shape", "an export that states the shapes of inputs"
            )
            continue
        for axis, size in enumerate(slot.shape):
            if not isinstance(size, int) and size not in dims and not _carries(batch, slot, axis):
                yield _unknown_size(name, axis, size)
        number = extent(tuple(_bound(size, dims) for size in slot.shape))
        if number > MAX_TENSOR_ELEMENTS:
            yield Gap(name, f"an input of {number} elements", f"at most {MAX_TENSOR_ELEMENTS}")


def _bound(size: Symbolic, dims: Mapping[str, Dim]) -> int:
    """Return the largest that a size can be; 1 where it is the batch, or unknown."""
    if isinstance(size, int):
        return size
    return dims[size].max if isinstance(size, str) and size in dims else 1


def _carries(batch: Batch | None, slot: Slot, axis: int) -> bool:
    return batch is not None and axis == batch.axis and slot.name in batch.inputs


def _unknown_size(name: str, axis: int, size: Symbolic) -> Gap:
    if size is None:
        hint = f"bind={{'{name}.{axis}': 128}} with its size for 128"
        return Gap(name, f"the size of axis {axis} is unknown and has no name", hint)
    shown = label(str(size))
    hint = f"bind={{'{shown}': 128}} with its size for 128, or dims=... with the largest size"
    return Gap(name, f"the size {shown} of axis {axis} is known at run time only", hint)


def event_shape(slot: Slot, batch: Batch | None, dims: Mapping[str, Dim]) -> Shape:
    """Return the shape of one event's input."""
    shape = slot.shape or ()
    return tuple(
        _known(size, dims) for axis, size in enumerate(shape) if not _carries(batch, slot, axis)
    )


def batch_shape(slot: Slot, batch: Batch | None, dims: Mapping[str, Dim], size: int) -> Shape:
    """Return the shape of an input that holds ``size`` events."""
    shape = slot.shape or ()
    return tuple(
        size if _carries(batch, slot, axis) else _known(each, dims)
        for axis, each in enumerate(shape)
    )


def _known(size: Symbolic, dims: Mapping[str, Dim]) -> Size:
    return size if isinstance(size, int) else dims[str(size)]


def event_inputs(
    model: Model, batch: Batch | None, dims: Mapping[str, Dim], names: Names
) -> tuple[Node, ...]:
    """Return the inputs of the event graph, in the file's order."""
    return tuple(
        b.input_(
            names.identifier(slot.name, "input"), event_shape(slot, batch, dims), _element(slot)
        )
        for slot in model.inputs
    )


def one_event(
    model: Model, batch: Batch | None, inputs: Sequence[Node], dims: Mapping[str, Dim]
) -> dict[str, Node]:
    """Return the inputs as the file's layers see them when the batch is one event."""
    return {
        slot.name: b.reshape(node, batch_shape(slot, batch, dims, 1))
        for slot, node in zip(model.inputs, inputs, strict=True)
    }


def many_events(
    model: Model, batch: Batch, inputs: Sequence[Node], dims: Mapping[str, Dim], size: int
) -> dict[str, Node]:
    """Return inputs that hold ``size`` events each."""
    return {
        slot.name: b.input_(
            str(getattr(node.op, "name", "")), batch_shape(slot, batch, dims, size), _element(slot)
        )
        for slot, node in zip(model.inputs, inputs, strict=True)
    }


def _element(slot: Slot) -> Element:
    element = held_in(slot.data_type)
    assert element is not None, "slot_gaps comes first"
    return element
