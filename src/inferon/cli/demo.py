"""``inferon demo``: the whole road of two jet taggers on real jets, with a report."""
from __future__ import annotations
from inferon.cli.model import AsJson
def demo(as_json: AsJson = False) -> None:
    """Work in progress."""
