"""Every elementary function on all 2**32 inputs: the stated ULP, and the recorded maxima."""

import json
from pathlib import Path

import pytest

from benchmarks.elementary.exhaustive import FUNCTIONS, RESULTS, program
from inferon.ops.elementary import NUMERICS_VERSION, RealFunction


@pytest.mark.full
@pytest.mark.needs_tool("g++")
@pytest.mark.needs_cpu("avx2", "fma")
@pytest.mark.parametrize(
    ("op", "reference"), FUNCTIONS, ids=lambda each: getattr(each, "spelling", str)()
)
def test_all_inputs(op: RealFunction, reference: str, tmp_path: Path) -> None:
    found = program(op, reference, tmp_path).check()
    assert found.wrong == 0, found
    assert found.max_ulp <= op.ulp, found


@pytest.mark.parametrize("op", [op for op, _ in FUNCTIONS], ids=lambda op: op.spelling())
def test_record_is_of_this_version_and_within_the_bounds(op: RealFunction) -> None:
    record = json.loads(RESULTS.read_text())
    assert record["numerics_version"] == NUMERICS_VERSION
    entry = record[op.spelling()]
    assert entry["wrong"] == 0
    assert 0.9 * op.ulp < entry["max_ulp"] <= op.ulp
