"""A pipeline as one module a layer: what synthesis needs to say how much each layer takes.

The registers of a signal belong to the layer that computes it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from inferon.targets.rtl.expressions import signals
from inferon.targets.rtl.netlist import Assign, Pipeline, Register, Rom, Signal

FACE = "face"
"""The layer of what has none: the cutting of ports."""


@dataclass(slots=True)
class Layer:
    """The logic of one layer, with the signals that come in and go out.

    Attributes
    ----------
    name : in the model
    """

    name: str
    assigns: list[Assign] = field(default_factory=list)
    registers: list[Register] = field(default_factory=list)
    inputs: tuple[Signal, ...] = ()
    outputs: tuple[Signal, ...] = ()

    @property
    def roms(self) -> tuple[Rom, ...]:
        """The tables that the layer reads."""
        found = (getattr(each.value, "rom", None) for each in self.assigns)
        return tuple(dict.fromkeys(rom for rom in found if rom is not None))


def layers_of(pipeline: Pipeline) -> tuple[Layer, ...]:
    """Return the layers in the order in which they first compute something."""
    layers: dict[str, Layer] = {}
    owner: dict[Signal, str] = {}
    for stage in pipeline.stages:
        for assign in stage.assigns:
            name = assign.layer or FACE
            owner[assign.signal] = name
            layers.setdefault(name, Layer(name)).assigns.append(assign)
        for register in stage.registers:
            name = owner.get(register.source, FACE)
            owner[register.signal] = name
            layers.setdefault(name, Layer(name)).registers.append(register)
    _connect(pipeline, layers, owner)
    return tuple(layers.values())


def _connect(pipeline: Pipeline, layers: dict[str, Layer], owner: dict[Signal, str]) -> None:
    """Find what goes in and out of each layer."""
    used: dict[str, dict[Signal, None]] = defaultdict(dict)
    wanted: dict[str, dict[Signal, None]] = defaultdict(dict)
    for name, layer in layers.items():
        read = [s for each in layer.assigns for s in signals(each.value)]
        for signal in (*read, *(each.source for each in layer.registers)):
            if owner.get(signal) != name:
                used[name].setdefault(signal)
                if signal in owner:
                    wanted[owner[signal]].setdefault(signal)
    for each in pipeline.outputs:
        for signal in signals(each.value):
            wanted[owner[signal]].setdefault(signal)
    for name, layer in layers.items():
        layer.inputs, layer.outputs = tuple(used[name]), tuple(wanted[name])
