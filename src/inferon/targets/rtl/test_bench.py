"""Test benches: what drives a simulator, and what an artefact checks itself with."""

from __future__ import annotations

from inferon.targets.base import File
from inferon.targets.rtl.design import Design, Language
from inferon.targets.texts import Texts

TEXTS = Texts("inferon.targets.rtl")


def driver(design: Design, language: Language) -> File:
    """Return the bench that reads ``stimuli.hex`` and writes ``responses.hex``."""
    netlist = design.pipeline.netlist
    input_bits = sum(port.signal.width for port in netlist.inputs)
    output_bits = sum(port.signal.width for port in netlist.outputs)
    values = {
        "name": design.name,
        "record_top": 4 * _digits(input_bits + 1) - 1,
        "valid_bit": input_bits,
        "input_top": input_bits - 1,
        "output_top": output_bits - 1,
        "latency": design.pipeline.latency_cycles,
        "connections": connections(design, language),
    }
    text = TEXTS.filled(f"driver.{language.value}", **values)
    return File(f"{design.name}_driver.{language.value}", text.encode())


def _digits(bits: int) -> int:
    return -(-bits // 4)


def connections(design: Design, language: Language) -> str:
    """Return how the ports of the core are slices of ``given`` and ``found``."""
    netlist = design.pipeline.netlist
    parts = []
    for vector, ports in (("given", netlist.inputs), ("found", netlist.outputs)):
        first = 0
        for port in ports:
            last = first + port.signal.width - 1
            if language is Language.VERILOG:
                parts.append(f".{port.signal.name}({vector}[{last}:{first}])")
            else:
                parts.append(f"{port.signal.name} => {vector}({last} downto {first})")
            first = last + 1
    return ",\n        ".join(parts)
