"""The tables of the firmware benchmark, and what they say: who is smaller at no more stages.

Works on the record that ``run.py`` writes; measures nothing.
"""

from __future__ import annotations

from statistics import median
from typing import Any


def table(found: dict[str, Any]) -> str:
    """Return the table of the docs."""
    lines = [
        "| network | who | setting | stages | LUT | FF | carry | levels | CPU s to RTL |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for record in found["networks"].values():
        for own in record["ours"]:
            deep = "any" if own["extra_depth"] is None else f"+{own['extra_depth']}"
            setting = f"{own['clock_ns']:g} ns, depth {deep}"
            lines.append(_row(record["title"], "Inferon", setting, own))
        lines += [
            _row(record["title"], "da4ml", f"cutoff {peer['cutoff']}", peer)
            for peer in record["da4ml"]
        ]
    lines += [
        "",
        "| network | Inferon | da4ml | hls4ml | hls4ml compiles | bits equal |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for record in found["networks"].values():
        peers = [p["emulation_ms"] for p in record["da4ml"]]
        other = record.get("hls4ml", {})
        equal = [record["proof"]["equal"], *(p["equal"] for p in record["da4ml"])]
        equal += [other["equal"]] if other else []
        lines.append(
            f"| {record['title']} | {record['proof']['emulation_ms']:.2f} ms | "
            f"{_shown(min(peers, default=None))} | {_shown(other.get('emulation_ms'))} | "
            f"{_shown(other.get('compile_s'), 's')} | {'all' if all(equal) else 'NO'} |"
        )
    return "\n".join([*lines, *(("", said) if (said := verdict(found)) else ())])


def _shown(value: float | None, unit: str = "ms") -> str:
    return "" if value is None else f"{value:.1f} {unit}"


def _row(title: str, who: str, setting: str, point: dict[str, Any]) -> str:
    return (
        f"| {title} | {who} | {setting} | {point['stages']} | {point['lut']:,} | "
        f"{point['ff']:,} | {point['carry']:,} | {point['levels']} | {point['seconds']:.1f} |"
    )


def verdict(found: dict[str, Any]) -> str:
    """Return how many tables ours saves at each point of the peer, in no more stages."""
    saved: list[float] = []
    missing: list[str] = []
    for record in found["networks"].values():
        for peer in record["da4ml"]:
            rivals = [own["lut"] for own in record["ours"] if own["stages"] <= peer["stages"]]
            if rivals:
                saved.append(1 - min(rivals) / peer["lut"])
            if not any(lut <= peer["lut"] for lut in rivals):
                missing.append(f"{record['title']} at cutoff {peer['cutoff']}")
    if not saved:
        return ""
    points = (
        f"In no more stages than each of the peer's {len(saved)} points ours takes "
        f"{min(saved):.1%} to {max(saved):.1%} fewer LUT, median {median(saved):.1%}"
    )
    if missing:
        return f"{points}; none of ours is as small and as short as {', '.join(missing)}."
    return f"{points}."
