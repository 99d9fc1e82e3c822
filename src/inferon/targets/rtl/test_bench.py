"""Test benches: what drives a simulator, and what an artefact checks itself with."""

from __future__ import annotations

from inferon.targets.base import File
from inferon.targets.rtl.axi_stream import AxiStream
from inferon.targets.rtl.connections import connections
from inferon.targets.rtl.design import Design, Language
from inferon.targets.rtl.golden import Golden
from inferon.targets.texts import Texts

TEXTS = Texts("inferon.targets.rtl")


def driver(design: Design, language: Language) -> File:
    """Return the bench that reads ``stimuli.hex`` and writes ``responses.hex``."""
    text = TEXTS.filled(
        f"driver.{language.value}",
        name=design.name,
        record_top=_whole_digits(design.input_bits + 1) - 1,
        valid_bit=design.input_bits,
        output_top=design.output_bits - 1,
        latency=design.pipeline.latency_cycles,
        connections=connections(design, language, "given", "found"),
    )
    return File(f"{design.name}_driver.{language.value}", text.encode())


def test_bench(design: Design, golden: Golden, language: Language) -> File:
    """Return the bench that compares the core with ``_golden.hex``."""
    inputs, outputs = design.input_bits, design.output_bits
    text = TEXTS.filled(
        f"test_bench.{language.value}",
        name=design.name,
        record_top=_whole_digits(inputs + outputs + 3) - 1,
        reset_bit=inputs + outputs + 2,
        in_valid_bit=inputs + outputs + 1,
        given_top=inputs + outputs,
        given_low=outputs + 1,
        valid_bit=outputs,
        input_top=inputs - 1,
        output_top=outputs - 1,
        events=golden.answered,
        connections=connections(design, language, "given", "found"),
    )
    return File(f"{design.name}_test_bench.{language.value}", text.encode())


def axis_test_bench(design: Design, golden: Golden, language: Language) -> File:
    """Return the bench that compares the wrapper with ``_stream.hex``."""
    axis = AxiStream(design)
    text = TEXTS.filled(
        f"axis_test_bench.{language.value}",
        name=design.name,
        record_top=_whole_digits(axis.input_bits + axis.output_bits + 1) - 1,
        last_bit=axis.input_bits + axis.output_bits,
        given_top=axis.input_bits + axis.output_bits - 1,
        given_low=axis.output_bits,
        found_top=axis.output_bits - 1,
        events=golden.events,
        events_top=golden.events - 1,
    )
    return File(f"{axis.name}_test_bench.{language.value}", text.encode())


def _whole_digits(bits: int) -> int:
    """Return a width of whole hexadecimal digits."""
    return -(-bits // 4) * 4
