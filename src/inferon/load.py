"""``load``: a model in any format becomes a graph of one event."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from inferon.errors import Gap, Unsupported
from inferon.ir.graph import Graph
from inferon.passes.regroup import REGROUP

LISTING_SUFFIX = ".inferon"
"""The suffix of a listing; everything else is taken for ONNX."""

if TYPE_CHECKING:
    import onnx

    from inferon.extension import Extension

    File = str | os.PathLike[str] | onnx.ModelProto
    Source = File | Any  # a live model: its framework is imported by its owner


def load(
    source: Source,
    example: Any = None,
    *,
    batch_axis: int | str | None = "auto",
    dims: Mapping[str, int] | None = None,
    bind: Mapping[str, Any] | None = None,
    extension: Extension | None = None,
) -> Graph:
    """Load a model as a graph of one event.

    Parameters
    ----------
    source : path of an ``.onnx`` file or of a listing (``.inferon``), or an ``onnx.ModelProto``,
        or a live model: a torch module, a Keras 3 model, a scikit-learn estimator or pipeline
    example : what a live model takes: a tensor or an array (events, ...), a tuple of them, or a
        dictionary by the names of a torch module's ``forward``.  Keras and scikit-learn know their
        shapes and need none
    batch_axis : where the batch is.  "auto": the symbolic leading size that inputs and outputs
        share; a model without one is one event as it stands.  A number: that axis of every input,
        also where the file fixes its size. None: all that the model takes is one event
    dims : bounds of other symbolic sizes by their names in the file: ``{"particles": 64}``
    bind : values of inputs that only state shapes, axes, a number of elements or a condition, by
        their names in the file: ``{"axes": [1]}``.  They become constants
    extension : operators and front-ends of one's own (`inferon.extension`), for this model only

    Returns
    -------
    The graph; event ``i`` of a batch gives what row ``i`` of the model's outputs was.  Attention,
    edge convolutions and GELU are regrouped where that saves work (`inferon.passes.regroup`):
    results move by roundings, within the bound of the graph; a listing stays as it is.  Narrow
    types are held in wider ones (docs/decisions/0003): float16, bfloat16, float8 and float4 are
    f32 inputs and outputs, int4 and int2 are i8, uint4 and uint2 u8.  Each layer's result is
    brought back into the narrow set, and so is an input: a value of the set stays as it is,
    another one is rounded or wrapped as by Cast.  A result whose number of elements depends on the
    event (NonZero, Compress, Unique, NonMaxSuppression) is as long as it can ever be and has zeros
    behind its elements; behind all outputs of the file stands their number, ``<name>_count``.  It
    may go through layers that treat each element by itself, and through Gather as an index; other
    layers refuse it.  Such a graph is of one event: load the model with ``batch_axis=None``.

    Raises
    ------
    InvalidModel
        When the file is no model, damaged, or contradicts itself.
    Unsupported
        When a valid model needs what Inferon lacks; lists every gap by the layer's name.
    UsageError
        When ``batch_axis``, ``dims`` or ``bind`` do not fit the model, or a live one lacks its
        example.
    DataError
        When a live model does not take the example.
    ExtraMissing
        When a live model's exporter is not installed.
    Mismatch
        When a live model's exporter wrote another model than it was given.
    """
    frontend = extension.frontend_for(source) if extension else None
    if frontend is not None:
        return frontend.load(source)
    if _is_listing(source):
        from inferon.frontends.listing import import_listing

        return import_listing(Path(source))
    from inferon.frontends.live import export_live
    from inferon.frontends.onnx import import_model  # the format's own library loads here

    own = extension.operators if extension else {}
    live = export_live(source, example, batch_axis)
    model = source if live is None else live.model
    graph = REGROUP.run(import_model(model, batch_axis, dims, bind, own))
    if live is not None:
        live.confirm(graph)
    return graph


def _is_listing(source: Source) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(source, str | os.PathLike) and Path(source).suffix == LISTING_SUFFIX


def find_gaps(
    source: Source,
    example: Any = None,
    *,
    batch_axis: int | str | None = "auto",
    dims: Mapping[str, int] | None = None,
    bind: Mapping[str, Any] | None = None,
    extension: Extension | None = None,
) -> tuple[Gap, ...]:
    """Return everything that keeps a valid model from being loaded; empty when it loads.

    Parameters are those of `load`.

    Raises
    ------
    InvalidModel
        When the file is no model, damaged, or contradicts itself.
    """
    try:
        load(
            *(source, example),
            batch_axis=batch_axis,
            dims=dims,
            bind=bind,
            extension=extension,
        )
    except Unsupported as error:
        return error.gaps
    return ()
