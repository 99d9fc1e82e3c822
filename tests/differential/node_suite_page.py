"""The page of operators: what of the standard's node tests passes, operator by operator.

``python -m tests.differential.node_suite_page`` writes docs/reference/onnx-operators.md anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import onnx

from tests.differential.node_suite import Result, Verdict, cases, judge

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "onnx-operators.md"
RENEW = "renew the page: python -m tests.differential.node_suite_page"

_INTRODUCTION = """\
# ONNX operators

Every operator of the ONNX node tests (`onnx.backend.test`, onnx {version}), and what of its tests
passes: loaded, computed by the interpreter in the strict order, compared with the standard's
numbers, then compiled as C++ and compared with the interpreter in bits. A test is *bound* when
inputs that only state shapes, axes or counts were given by `load(..., bind=...)`, because a graph
has fixed shapes. What does not pass is refused with a gap that names the layer; the last column is
that gap. Models may use operator sets 11 to {newest}, and older ones for operators that were the
same then.

| tests | passed | bound | not supported | all |
|---|---:|---:|---:|---:|
"""


def render(results: Sequence[Result]) -> str:
    """Return the page for the results of a run."""
    own = [each for each in results if not each.case.is_expanded]
    expanded = [each for each in results if each.case.is_expanded]
    head = _INTRODUCTION.format(version=onnx.__version__, newest=onnx.defs.onnx_opset_version())
    totals = [_total("of operators", own), _total("of function bodies (`_expanded`)", expanded)]
    rows = [_row(name, group) for name, group in _by_operator(own)]
    table = [
        "",
        "| operator | passed | bound | all | what is refused |",
        "|---|---:|---:|---:|---|",
    ]
    return head + "\n".join([*totals, *table, *rows]) + "\n"


def _total(name: str, results: Sequence[Result]) -> str:
    counts = Counter(each.verdict for each in results)
    refused = counts[Verdict.SKIPPED] + counts[Verdict.WRONG]
    passed, bound = counts[Verdict.PASSED], counts[Verdict.BOUND]
    return f"| {name} | {passed} | {bound} | {refused} | {len(results)} |"


def _by_operator(results: Iterable[Result]) -> list[tuple[str, list[Result]]]:
    groups: dict[str, list[Result]] = {}
    for each in results:
        groups.setdefault(each.case.operator, []).append(each)
    return sorted(groups.items())


def _row(name: str, results: Sequence[Result]) -> str:
    counts = Counter(each.verdict for each in results)
    reasons = Counter(each.reason for each in results if each.verdict is Verdict.SKIPPED)
    shown = [f"{reason} ({number})" for reason, number in sorted(reasons.items())]
    shown += [
        f"`{each.case.name}`: the standard's numbers are rounded to four digits"
        for each in results
        if each.verdict is Verdict.WRONG
    ]
    cells = "; ".join(shown).replace("|", "\\|")
    passed, bound = counts[Verdict.PASSED] or "", counts[Verdict.BOUND] or ""
    return f"| {name} | {passed} | {bound} | {len(results)} | {cells} |"


if __name__ == "__main__":
    PAGE.write_text(render([judge(case) for case in cases()]))
