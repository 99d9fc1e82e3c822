"""The record of the models of others is of the table as it stands, and keeps its promise."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
TABLE = BENCHMARKS / "models" / "strangers.toml"
RECORD = BENCHMARKS / "results" / "strangers.json"

FEWEST, FEWEST_VERIFIED = 15, 10
"""What the project promises of models that it has not seen before."""


def test_the_record_is_of_the_table() -> None:
    rows = tomllib.loads(TABLE.read_text())["model"]
    record = json.loads(RECORD.read_text())
    for row, found in zip(rows, record, strict=True):
        for name in ("name", "repository", "commit", "path", "sha256", "license"):
            assert found[name] == row[name]
    assert len({row["sha256"] for row in rows}) == len(rows) >= FEWEST


def test_most_verify_and_none_differs() -> None:
    outcomes = [each["outcome"] for each in json.loads(RECORD.read_text())]
    counts = Counter(each["result"] for each in outcomes)
    assert counts["verified"] >= FEWEST_VERIFIED
    assert counts["differs"] == counts["failed"] == 0
    assert all(each["gaps"] for each in outcomes if each["result"] == "refused")
