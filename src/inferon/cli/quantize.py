"""``inferon quantize``: a trained model as integers, in a listing, with what that lost."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

import inferon
from inferon.cli.model import (
    AsJson,
    BatchAxis,
    Bound,
    Dims,
    ExtensionPath,
    ModelPath,
    is_listing,
    open_model,
    read_events,
)
from inferon.cli.terminal import Terminal
from inferon.errors import DataError, UsageError
from inferon.ir.graph import Graph
from inferon.ir.listing import show
from inferon.ir.values import Array
from inferon.ops.mantissa import Rounding
from inferon.whole_file import write_whole

if TYPE_CHECKING:
    from inferon.quantization import Metric, Quantized  # loads with the first use of the verb

ALL = 1 << 40
"""Events of a file; no file has more."""


class MetricName(Enum):
    """Metrics of the command line."""

    AUC = "auc"
    ACCURACY = "accuracy"
    MEAN_SQUARED_ERROR = "mse"


class GrainName(Enum):
    """What shares a step, on the command line."""

    TENSOR = "tensor"
    CHANNEL = "channel"
    WEIGHT = "weight"


class RoundingName(Enum):
    """Roundings of the command line."""

    HALF_UP = "half-up"
    HALF_EVEN = "half-even"


def quantize(
    model: ModelPath,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE.inferon", help="The listing to write.")
    ],
    calibration: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Training events: .npy, .npz, or a jet sample (.h5)."),
    ] = None,
    metric: Annotated[
        MetricName | None, typer.Option(help="What to compare before and after.")
    ] = None,
    validation: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="X Y", help="Events for the metric, others than those above; labels (.npy)."
        ),
    ] = None,
    weights: Annotated[int, typer.Option(help="Bits of weights.")] = 8,
    activations: Annotated[int, typer.Option(help="Bits of values between layers.")] = 8,
    mean_weights: Annotated[
        float | None,
        typer.Option(metavar="BITS", help="Bits of weights on average; layers share them."),
    ] = None,
    mean_activations: Annotated[
        float | None, typer.Option(metavar="BITS", help="The same for values between layers.")
    ] = None,
    inputs: Annotated[
        int | None, typer.Option(help="Bits of the inputs; those of activations by default.")
    ] = None,
    outputs: Annotated[
        int | None, typer.Option(help="Bits of the outputs; as wide as they come by default.")
    ] = None,
    arguments: Annotated[int, typer.Option(help="Bits of arguments of tables.")] = 10,
    grain: Annotated[
        GrainName, typer.Option(help="Which weights share a step.")
    ] = GrainName.TENSOR,
    rounding: Annotated[
        RoundingName, typer.Option(help="Of weights and activations, to the nearest.")
    ] = RoundingName.HALF_UP,
    hls4ml: Annotated[
        Path | None,
        typer.Option(
            metavar="CONFIG.yml", help="In place of all above: the types of this configuration."
        ),
    ] = None,
    batch_axis: BatchAxis = "auto",
    dim: Dims = None,
    bind: Bound = None,
    extension: ExtensionPath = None,
    as_json: AsJson = False,
) -> None:
    """Turn a trained model into integers, and say what each layer lost.

    The listing is a model for all other verbs.
    """
    terminal = Terminal(as_json)
    if not is_listing(out):
        raise UsageError(f"--out is {out}: give NAME.inferon, by which verbs know a listing")
    if hls4ml is not None:
        _finish(terminal, model, out, inferon.from_hls4ml(model, hls4ml), None)
        return
    if calibration is None:
        raise UsageError("--calibration FILE is missing: events that the grids are chosen on")
    if (metric is None) != (validation is None):
        raise UsageError("--metric and --validation X Y go together")
    graph = open_model(model, batch_axis, dim, bind, extension).graph
    made = inferon.quantize(
        graph,
        calibration=read_events(graph, calibration, ALL, special=False),
        metric=_metric(graph, metric, validation),
        weights=weights if mean_weights is None else inferon.Budget(mean_bits=mean_weights),
        activations=(
            activations if mean_activations is None else inferon.Budget(mean_bits=mean_activations)
        ),
        inputs=inputs,
        outputs=outputs,
        arguments=arguments,
        grain=inferon.Grain[grain.name],
        rounding=Rounding[rounding.name],
    )
    _finish(terminal, model, out, made.graph, made)


def _finish(
    terminal: Terminal, model: Path, out: Path, graph: Graph, made: Quantized | None
) -> None:
    write_whole(out, f"{show(graph, constants=True)}\n".encode("ascii"))
    loss = None if made is None else made.loss
    terminal.finish(
        {"model": model, "listing": out, "nodes": len(graph.nodes()), "loss": loss},
        *([] if loss is None else [str(loss)]),
        f"{out}: an exact graph of {len(graph.nodes())} nodes",
    )


def _metric(
    graph: Graph, name: MetricName | None, files: tuple[Path, Path] | None
) -> Metric | None:
    if name is None or files is None:
        return None
    x, y = files
    makers: dict[MetricName, Callable[[Any, Any], Metric]] = {
        MetricName.AUC: inferon.auc,
        MetricName.ACCURACY: inferon.accuracy,
        MetricName.MEAN_SQUARED_ERROR: inferon.mean_squared_error,
    }
    return makers[name](read_events(graph, x, ALL, special=False), _labels(y))


def _labels(path: Path) -> Array:
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path} holds no array of labels: {error}") from error
    if not isinstance(found, np.ndarray):
        raise DataError(f"{path} holds several arrays: save the labels alone, as .npy")
    return found
