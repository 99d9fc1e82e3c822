"""``load``: a model in any format becomes a graph of one event."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from inferon.errors import Gap
from inferon.ir.graph import Graph

LISTING_SUFFIX = ".inferon"
"""The suffix of a listing; everything else is taken for ONNX."""

if TYPE_CHECKING:
    import onnx

    Source = str | os.PathLike[str] | onnx.ModelProto


def load(
    source: Source, *, batch_axis: int | str | None = "auto", dims: Mapping[str, int] | None = None
) -> Graph:
    """Load a model as a graph of one event.

    Parameters
    ----------
    source : path of an ``.onnx`` file or of a listing (``.inferon``), or an ``onnx.ModelProto``
    batch_axis : where the batch is.  "auto": the symbolic leading size that inputs and outputs
        share; a model without one is one event as it stands.  A number: that axis of every input,
        also where the file fixes its size. None: all that the model takes is one event
    dims : bounds of other symbolic sizes by their names in the file: ``{"particles": 64}``

    Returns
    -------
    The graph; event ``i`` of a batch gives what row ``i`` of the model's outputs was.

    Raises
    ------
    InvalidModel
        When the file is no model, damaged, or contradicts itself.
    Unsupported
        When a valid model needs what Inferon lacks; lists every gap by the layer's name.
    UsageError
        When ``batch_axis`` or ``dims`` do not fit the model.
    """
    if _is_listing(source):
        from inferon.frontends.listing import import_listing

        return import_listing(Path(source))
    from inferon.frontends.onnx import import_model  # the format's own library loads here

    return import_model(source, batch_axis, dims)


def _is_listing(source: Source) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(source, str | os.PathLike) and Path(source).suffix == LISTING_SUFFIX


def find_gaps(
    source: Source, *, batch_axis: int | str | None = "auto", dims: Mapping[str, int] | None = None
) -> tuple[Gap, ...]:
    """Return everything that keeps a valid model from being loaded; empty when it loads.

    Parameters are those of `load`.

    Raises
    ------
    InvalidModel
        When the file is no model, damaged, or contradicts itself.
    """
    if _is_listing(source):
        load(source)
        return ()
    from inferon.frontends.onnx import find_gaps as gaps_of_onnx

    return gaps_of_onnx(source, batch_axis, dims)
