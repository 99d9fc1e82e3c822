"""torch: a live module goes through torch's own ONNX exporter, in memory.

The new exporter (``dynamo=True``) sees the whole program.  The old one follows a single trace and
is asked only where the new one fails for another reason than values that steer the program.
"""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
import torch

from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.errors import DataError, ExtraMissing, Gap, Unsupported, UsageError
from inferon.frontends.exported import Example, Exported, as_float32
from inferon.frontends.quiet import quiet, quiet_process

OLD_OPSET = 20
"""The newest operator set that torch's old exporter writes."""

CONFIRMED_EVENTS = 2
"""Events of the example that the import is held to."""

TORCH = replace(ONNX_RUNTIME, name="torch")
"""torch's functions on a CPU (SLEEF, at most 2 ulp) are within what is granted to ONNX Runtime."""

BATCH = "batch"
"""Name of the symbolic size in the exported model."""


@dataclass(frozen=True, slots=True)
class TorchCall:
    """How a module is called.

    Attributes
    ----------
    names, tensors : of the inputs, in order
    positional : in order, or by keyword
    starred : how many come before ``*args``; None where there is none
    axis : of the batch; None where all is one event
    """

    names: tuple[str, ...]
    tensors: tuple[Any, ...]
    positional: bool
    starred: int | None
    axis: int | None

    @property
    def args(self) -> tuple[Any, ...]:
        """What is given in order."""
        return self.tensors if self.positional else ()

    @property
    def kwargs(self) -> dict[str, Any]:
        """What is given by name."""
        return {} if self.positional else dict(zip(self.names, self.tensors, strict=True))

    @property
    def shown(self) -> str:
        """The example in words, for messages."""
        each = zip(self.names, self.tensors, strict=True)
        return ", ".join(f"{name} {_shown(tensor)}" for name, tensor in each)

    def twice(self) -> TorchCall:
        """Return the call with every event twice: whether a module takes another batch."""
        axis = self.axis or 0
        return replace(self, tensors=tuple(torch.cat([t, t], axis) for t in self.tensors))

    def dynamic_shapes(self) -> Any:
        """Return which axis is symbolic, in the structure that torch.export asks for."""
        if self.axis is None:
            return None
        batch = torch.export.Dim(BATCH, min=2, max=1 << 20)
        shapes = [{self.axis: batch} for _ in self.tensors]
        if not self.positional:
            return dict(zip(self.names, shapes, strict=True))
        if self.starred is None:
            return tuple(shapes)
        return (*shapes[: self.starred], tuple(shapes[self.starred :]))


def export_torch(module: Any, example: Any, batch_axis: int | str | None) -> Exported:
    """Return a module in ONNX; see `inferon.load`.

    The module is put in evaluation mode for the export, and restored.

    Raises
    ------
    UsageError
        When there is no example, or ``batch_axis`` does not fit it.
    DataError
        When the module does not take the example.
    Unsupported
        When neither exporter can write the module.
    ExtraMissing
        When ``onnxscript``, which torch's exporter needs, is not installed.
    """
    with quiet():
        call = _called(module, example, batch_axis)
    return export_called(module, call, type(module).__name__)


def export_called(module: Any, call: TorchCall, name: str) -> Exported:
    """Return a module in ONNX as a call uses it; ``name`` is that of the model."""
    with _evaluating(module), torch.no_grad(), quiet():
        results = _run(module, call, name)
        _takes_other_batches(module, call, name)
        model = _exported(module, call, tuple(results), name)
    model.graph.name = name
    return Exported(model, name, _example(call, list(results.values())))


@contextlib.contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    """Put a module and its parts in evaluation mode; each gets its own mode back."""
    modes = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        yield
    finally:
        for part, training in modes:
            part.training = training


# ----------------------------------------------------------------------------------------- example


def _called(module: Any, example: Any, batch_axis: int | str | None) -> TorchCall:
    """Return the example as tensors where the module's weights are, by the names of forward."""
    name = type(module).__name__
    if example is None:
        raise UsageError(
            f"a torch module does not state its shapes: load({name.lower()}, example), with a "
            "tensor or an array of some events, or a tuple of them, the batch in axis 0"
        )
    weights = [*module.parameters(), *module.buffers()]
    device = weights[0].device if weights else None
    positional = not isinstance(example, Mapping)
    values = list(example.values()) if isinstance(example, Mapping) else listed(example)
    tensors = [tensor_of(value, device) for value in values]
    starred, names = None, tuple(map(str, example)) if isinstance(example, Mapping) else ()
    if positional:
        names, starred = _names(module, len(tensors))
    axis = axis_of_batch(batch_axis)
    if axis is not None:
        tensors = batched(names, tensors, axis)
    return TorchCall(names, tuple(tensors), positional, starred, axis)


def listed(example: Any) -> list[Any]:
    """Return the inputs of an example: one, or a sequence of several."""
    return list(example) if isinstance(example, Sequence) else [example]


def axis_of_batch(batch_axis: int | str | None) -> int | None:
    """Return the axis of the batch in a live model: 0 unless it is said."""
    if batch_axis is None:
        return None
    if batch_axis == "auto":
        return 0
    if not isinstance(batch_axis, int) or batch_axis < 0:
        raise UsageError(
            f"batch_axis is {batch_axis!r}: give 'auto', None, or the number of an axis"
        )
    return batch_axis


def tensor_of(value: Any, device: Any) -> Any:
    """Return a tensor or an array of numbers as a tensor on a device."""
    if isinstance(value, torch.Tensor):
        return value.detach().to(device)
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiub":
        return torch.from_numpy(np.array(as_float32(np.asarray(value)))).to(device)
    raise DataError(
        f"an example of {type(value).__name__}: give a torch tensor or a numpy array of numbers, "
        "or a tuple or dictionary of them; what is no tensor belongs into the module"
    )


def _names(module: Any, count: int) -> tuple[tuple[str, ...], int | None]:
    """Return names for so many positional inputs, and where ``*args`` begins, if it is reached."""
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except ValueError:  # of a module that was traced or scripted
        return tuple(["x"] if count == 1 else [f"x_{i}" for i in range(count)]), None
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    star = next((p.name for p in parameters if p.kind == p.VAR_POSITIONAL), None)
    if star is None and count > len(named):
        raise DataError(
            f"the example has {count} inputs, but {type(module).__name__}.forward takes "
            f"{len(named)}: {', '.join(named)}"
        )
    more = [f"{star}_{i}" for i in range(count - len(named))]
    plain = ["x" if name == "input" else name for name in named[:count]]  # as of nn.Sequential
    return (*plain, *more), len(named) if star is not None else None


def batched(names: Sequence[str], tensors: Sequence[Any], axis: int) -> list[Any]:
    """Return tensors with the same number of events in an axis, two or more: 1 would be fixed."""
    sizes = {}
    for name, tensor in zip(names, tensors, strict=True):
        if tensor.ndim <= axis:
            raise DataError(
                f"the example {name} is {_shown(tensor)}, without an axis {axis} for the batch: "
                "give some events, or batch_axis=None for one event as it stands"
            )
        sizes[name] = tensor.shape[axis]
    if len(set(sizes.values())) > 1:
        shown = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        raise DataError(f"the inputs of the example hold different numbers of events: {shown}")
    if 0 in sizes.values():
        raise DataError("the example holds no events")
    if 1 in sizes.values():
        return [torch.cat([tensor, tensor], axis) for tensor in tensors]
    return list(tensors)


def _run(module: Any, call: TorchCall, name: str) -> dict[str, Any]:
    """Return the module's results by name, or raise `DataError`."""
    try:
        results = module(*call.args, **call.kwargs)
    except Exception as error:  # noqa: BLE001 - a module may raise anything
        raise DataError(f"{name} does not take {call.shown}: {_first_line(error)}") from None
    named = _named_results(results)
    for each in named.values():
        if not isinstance(each, torch.Tensor):
            raise DataError(
                f"{name} returns {type(each).__name__}: give a module that returns a tensor, or a "
                "tuple or dictionary of tensors"
            )
    return named


def _takes_other_batches(module: Any, call: TorchCall, name: str) -> None:
    """Raise `DataError` when a module takes its example, but not twice as many events."""
    if call.axis is None:
        return
    try:
        _run(module, call.twice(), name)
    except DataError:
        raise DataError(
            f"{name} takes {call.shown}, but no other number of events in axis {call.axis}: give "
            "an example with the batch there, or batch_axis=None for one event as it stands"
        ) from None


def _named_results(results: Any) -> dict[str, Any]:
    if isinstance(results, torch.Tensor):
        return {"y": results}
    if isinstance(results, Mapping):
        return {str(name): each for name, each in results.items() if each is not None}
    if not isinstance(results, tuple | list):
        return {"y": results}
    names = getattr(results, "_fields", [f"y_{i}" for i in range(len(results))])
    pairs = zip(names, results, strict=True)
    return {name: each for name, each in pairs if each is not None}


def _example(call: TorchCall, results: Sequence[Any]) -> Example | None:
    """Return the first events as arrays; None where the batch is not in front."""
    if call.axis not in (None, 0):
        return None
    whole = call.axis is None
    inputs, outputs = (
        tuple(
            (each.detach()[None] if whole else each.detach()[:CONFIRMED_EVENTS]).cpu().numpy()
            for each in some
        )
        for some in (call.tensors, results)
    )
    return Example(TORCH, inputs, outputs)


# ------------------------------------------------------------------------------------------ export


def _exported(
    module: Any, call: TorchCall, outputs: tuple[str, ...], name: str
) -> onnx.ModelProto:
    try:
        return _by_new(module, call, outputs)
    except ModuleNotFoundError as error:
        if error.name == "onnxscript":
            raise ExtraMissing("onnxscript", "torch") from None
        new: Exception = error
    except Exception as error:  # noqa: BLE001 - an exporter may raise anything
        new = error
    reason = Gap(name, f"torch's exporter fails: {_deepest(new)}", "")
    if _steered_by_values(new):
        hint = "torch.where instead of if, masks instead of selections"
        raise Unsupported([replace(reason, hint=hint)]) from None
    try:
        with quiet_process():  # it prints past sys.stdout and sys.stderr
            return _by_old(module, call, outputs)
    except Exception as old:  # noqa: BLE001 - an exporter may raise anything
        also = Gap(name, f"torch's old exporter fails, too: {_deepest(old)}", "an ONNX file")
        raise Unsupported([reason, also]) from None


def _by_new(module: Any, call: TorchCall, outputs: tuple[str, ...]) -> onnx.ModelProto:
    program = torch.onnx.export(
        module,
        call.args,
        kwargs=call.kwargs or None,
        dynamo=True,
        input_names=list(call.names),
        output_names=list(outputs),
        dynamic_shapes=call.dynamic_shapes(),
        verbose=False,
    )
    return onnx.load_from_string(program.model_proto.SerializeToString())


def _by_old(module: Any, call: TorchCall, outputs: tuple[str, ...]) -> onnx.ModelProto:
    buffer = io.BytesIO()
    axes = {} if call.axis is None else {name: {call.axis: BATCH} for name in call.names}
    torch.onnx.export(
        module,
        call.args,
        buffer,
        kwargs=call.kwargs or None,
        dynamo=False,
        opset_version=OLD_OPSET,
        input_names=list(call.names),
        output_names=list(outputs),
        dynamic_axes=axes,
    )
    return onnx.load_from_string(buffer.getvalue())


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _steered_by_values(error: BaseException) -> bool:
    """Return whether the program's course depends on values: one trace of it would be wrong."""
    marks = ("data-dependent", "Dynamic control flow", "DataDependent")
    return any(
        mark in f"{type(each).__name__}: {each}" for each in _chain(error) for mark in marks
    )


def _deepest(error: BaseException) -> str:
    *_, last = _chain(error)
    return _first_line(last)


def _first_line(error: BaseException) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    text = f"{type(error).__name__}: {line}" if line else type(error).__name__
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 3]}..."


_LETTERS = 200
"""Letters of someone else's message that fit into ours."""


def _shown(tensor: Any) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}[{', '.join(map(str, tensor.shape))}]"
