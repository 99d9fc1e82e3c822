"""How many values a standard operator takes and gives, by its definition in ONNX."""

from __future__ import annotations

import onnx

from inferon.frontends.onnx.read import Layer


def miscounted(layer: Layer, opset: int) -> str | None:
    """Return what is wrong with the number of a layer's inputs or outputs; None where it fits.

    Operators that ONNX does not define have no number.  Optional values at the end may be left
    out, or be named by an empty text.

    Parameters
    ----------
    layer : of the model
    opset : version of the operator set of the layer's domain
    """
    try:
        schema = onnx.defs.get_schema(layer.op, opset, layer.domain)
    except onnx.defs.SchemaError:
        return None
    taken = _wrong(layer.inputs, schema.min_input, schema.max_input)
    given = _wrong(layer.outputs, schema.min_output, schema.max_output)
    if taken is not None:
        return f"{layer.op} takes {taken}"
    return None if given is None else f"{layer.op} gives {given}"


def _wrong(names: tuple[str, ...], least: int, most: int) -> str | None:
    """Return how many names there should be, where there are fewer or more."""
    number = max((i for i, name in enumerate(names, 1) if name), default=0)
    if number > most:
        return f"at most {most} values, not {number}"
    return f"at least {least} values, not {len(names)}" if len(names) < least else None
