"""How an instance of a core is connected: its ports are slices of two long vectors."""

from __future__ import annotations

from inferon.targets.rtl.design import Design, Language


def connections(design: Design, language: Language, given: str, found: str) -> str:
    """Return the ports of the core as slices of ``given`` (inputs) and ``found`` (outputs)."""
    netlist = design.pipeline.netlist
    parts = []
    for vector, ports in ((given, netlist.inputs), (found, netlist.outputs)):
        first = 0
        for port in ports:
            last = first + port.signal.width - 1
            if language is Language.VERILOG:
                parts.append(f".{port.signal.name}({vector}[{last}:{first}])")
            else:
                parts.append(f"{port.signal.name} => {vector}({last} downto {first})")
            first = last + 1
    return ",\n        ".join(parts)
