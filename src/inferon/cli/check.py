"""``inferon check``: everything that keeps a model from being compiled, at once."""

from __future__ import annotations

import typer

from inferon.cli.model import (
    AsJson,
    BatchAxis,
    Bound,
    Dims,
    ExtensionPath,
    Model,
    ModelPath,
    is_listing,
    open_model,
    opened_extension,
    read_axis,
    read_bound,
    read_dims,
)
from inferon.cli.terminal import Terminal, table
from inferon.errors import Gap, Unsupported
from inferon.load import find_gaps
from inferon.targets.cpp import Cpp


def check(
    model: ModelPath,
    batch_axis: BatchAxis = "auto",
    dim: Dims = None,
    bind: Bound = None,
    extension: ExtensionPath = None,
    as_json: AsJson = False,
) -> None:
    """List every gap of a model before compiling it.

    Exit code 3 when there is a gap.
    """
    gaps: tuple[Gap, ...] = ()
    if not is_listing(model):
        axis, values = read_axis(batch_axis), read_bound(bind)
        own = opened_extension(extension)
        gaps = find_gaps(model, batch_axis=axis, dims=read_dims(dim), bind=values, extension=own)
    if not gaps:
        gaps = _gaps_of_target(open_model(model, batch_axis, dim, bind, extension))
    document = {"model": model, "supported": not gaps, "gaps": gaps}
    if not gaps:
        Terminal(as_json).finish(document, f"{model}: no gaps; it compiles to C++")
        return
    rows = [(gap.layer, gap.what, gap.hint) for gap in gaps]
    noun = "gap" if len(gaps) == 1 else "gaps"
    Terminal(as_json).finish(
        document, f"{model}: {len(gaps)} {noun}", table(("layer", "needs", "try"), rows)
    )
    raise typer.Exit(Unsupported.exit_code)


def _gaps_of_target(model: Model) -> tuple[Gap, ...]:
    try:
        Cpp().build(model.graph)
    except Unsupported as error:
        return error.gaps
    return ()
