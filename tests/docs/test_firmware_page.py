"""The page of what firmware can hold names what the code can, and its limits."""

import re
from inspect import isabstract

from inferon.ir.node import Op
from inferon.ops.arithmetic import Div
from inferon.ops.bits import Bitcast
from inferon.ops.loop import Fold, Scan
from inferon.ops.table import MAX_INDEX_BITS
from inferon.passes.exact import curve
from inferon.passes.unroll.integers import NO_WIRES
from inferon.passes.unroll.lower import lower
from inferon.passes.unroll.size import MOST_ELEMENTS, MOST_OPERATORS
from inferon.passes.unroll.unroll import FAMILIES, MOST_BITS
from tests.differential.quantized_layers import LAYERS
from tests.docs.markdown import ROOT

PAGE = (ROOT / "docs" / "reference" / "firmware-operators.md").read_text()


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def first_cells(title: str) -> list[str]:
    return re.findall(r"^\| ([^|]+) \|", section(title), re.MULTILINE)[1:]


def derived(op: type[Op]) -> set[type[Op]]:
    """Return the operators of a kind, without those that a user or a test defined."""
    found = set() if isabstract(op) else {op}
    return found.union(*(derived(each) for each in op.__subclasses__() if is_own(each)))


def is_own(op: type[Op]) -> bool:
    return op.__module__.startswith("inferon.")


def test_the_operators_of_the_page_are_those_that_have_wires() -> None:
    assert FAMILIES
    kinds = [kind for kind in lower.registry if issubclass(kind, Op)]
    known: set[type[Op]] = {op for kind in kinds for op in derived(kind)}
    spelled = {op.spelling() for op in known | {Fold, Scan}}
    assert set(re.findall(r"`(\w+)`", " ".join(first_cells("Operators")))) == spelled
    assert set(NO_WIRES) == {Div, Bitcast}


def test_the_layers_of_the_page_are_those_that_are_tested() -> None:
    assert {name for cell in first_cells("Layers") for name in cell.split(", ")} == set(LAYERS)


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    assert f"{MOST_OPERATORS:,} of them" in " ".join(PAGE.split())
    assert f"more than {MOST_ELEMENTS:,} elements" in " ".join(PAGE.split())
    assert MOST_BITS == 64
    assert (MAX_INDEX_BITS, curve.MAX_INDEX_BITS) == (16, 12)
    assert f"{1 << curve.MAX_INDEX_BITS:,} entries" in PAGE
    assert "at most 12 bits, 4,096 entries" in PAGE
    assert curve.OUTPUT_BITS == 24
