"""``inferon verify``: C++ or firmware has the interpreter's bits; ONNX Runtime keeps the bound."""

from __future__ import annotations

from typing import Annotated

import typer

import inferon
from inferon.cli.model import (
    AsJson,
    BatchAxis,
    Bound,
    CompilerName,
    DataPath,
    Dims,
    ExtensionPath,
    March,
    Model,
    ModelPath,
    cpp,
    open_model,
    read_events,
    sensible_events,
)
from inferon.cli.target import (
    ClockOption,
    DialectName,
    DialectOption,
    Firmware,
    Kind,
    KindOption,
    needs_exact,
    refuse_others,
)
from inferon.cli.terminal import Terminal
from inferon.compile import VERIFIED_EVENTS, Compiled
from inferon.errors import ExtraMissing, ToolError
from inferon.ir.values import Array
from inferon.measure.onnxruntime_peer import PeerAgreement, compare


def verify(
    model: ModelPath,
    data: DataPath = None,
    events: Annotated[
        int | None, typer.Option(metavar="N", help="At most so many events; 1000 by default.")
    ] = None,
    target: KindOption = Kind.CPP,
    dialect: DialectOption = DialectName.VITIS,
    clock_ns: ClockOption = 5.0,
    compiler: CompilerName = "g++",
    march: March = "auto",
    batch_axis: BatchAxis = "auto",
    dim: Dims = None,
    bind: Bound = None,
    extension: ExtensionPath = None,
    as_json: AsJson = False,
) -> None:
    """Prove the C++, or firmware, equal to the interpreter, in bits.

    ONNX Runtime, where it is installed, is compared with C++ too: within the bound that is derived
    from the graph and the events. Firmware is made of the model on integers; the fastest installed
    simulator runs it.
    """
    refuse_others(target, {"--march": march != "auto"})
    terminal = Terminal(as_json)
    opened = open_model(model, batch_axis, dim, bind, extension)
    graph = opened.graph
    if needs_exact(target, graph):
        made = inferon.exact(graph)
        terminal.say(str(made))
        graph = made.graph
    if events is None:
        events = VERIFIED_EVENTS if data else sensible_events(graph, VERIFIED_EVENTS)
    inputs = read_events(graph, data, events, special=True)
    if target.is_firmware:
        chosen = Firmware("", dialect, clock_ns, "", compiler).target(target)
    else:
        chosen = cpp(compiler, march)
    compiled = inferon.compile(graph, chosen)
    terminal.say("simulating" if target.is_simulated else f"compiling with {compiler}")
    agreement = compiled.verify(inputs, events=events)
    peer, why_not = None, f"--target {target} has the bits of the model on integers"
    if not target.is_firmware:
        if data is None:  # NaN and infinities have no bound: the comparison takes none of them
            inputs = read_events(graph, None, events, special=False)
        peer, why_not = _peer(opened, compiled, inputs)
    terminal.finish(
        {
            "model": model,
            "data": data,
            "target": target,
            "interpreter": agreement,
            "onnxruntime": peer,
            "onnxruntime_not_compared": why_not,
        },
        f"interpreter   {agreement}, alone and in a batch",
        f"ONNX Runtime  {_sentence(peer) if peer else f'not compared: {why_not}'}",
    )


def _peer(
    model: Model, compiled: Compiled, inputs: list[Array]
) -> tuple[PeerAgreement | None, str]:
    """Return the agreement with ONNX Runtime, or why there is none to be had."""
    if model.peer is None:
        return None, "a listing is nothing that it reads"
    try:
        return compare(model.peer, compiled.artifact.predict(inputs), inputs), ""
    except (ExtraMissing, ToolError) as error:
        return None, str(error)


def _sentence(peer: PeerAgreement) -> str:
    undecided = f", {peer.undecided} of them undecided" if peer.undecided else ""
    return (
        f"{peer.events} events{undecided}: within the derived bound; largest error "
        f"{peer.worst_peer:.2g} of its bound (ours {peer.worst_ours:.2g})"
    )
