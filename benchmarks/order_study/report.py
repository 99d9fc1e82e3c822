"""Write the tables of docs/decisions/0001-strict-float-order.md from results.json, or print all.

    python -m benchmarks.order_study.report [--all] [results.json]

The number of a candidate is the 5th percentile of its bursts with its fastest schedule; the free
order is the fastest of everything that ran, with -ffast-math and chains begun with the bias too.
A price is candidate / free in the same build, and the higher one of the two compilers.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "decisions" / "0001-strict-float-order.md"
COMPILERS = ("g++", "clang++")
LEVELS = ("x86-64-v3", "x86-64-v4")
Best = dict[tuple[str, str, str, str], float]  # build, problem, layout, order -> ns

PRODUCTS = ("1", "2s", "2c", "4s", "4c", "8s")
SETS = ("1,1,1", "1,4s,1", "1,4s,8", "1,4s,16", "2s,2s,8", "4s,4s,8")
FEW = ("1", "2s", "4s")
STRANDS = ("1", "4", "8", "16")
LATENCY, THROUGHPUT = "one dependent", "one"
TABLES: dict[str, tuple[tuple[str, ...], list[tuple[str, str, str]]]] = {
    "products": (
        PRODUCTS,
        [
            ("12-32-16-8-1, one event, dependent calls", "mlp12", LATENCY),
            ("12-32-16-8-1, one event, calls may overlap", "mlp12", THROUGHPUT),
            ("12-32-16-8-1, batch of 256", "mlp12", "batch"),
            ("256-256-256-10, one event", "mlp256", LATENCY),
            ("256-256-256-10, batch of 256", "mlp256", "batch"),
            ("1 x K x 16, K = 150 known at run time", "runtime150", LATENCY),
        ],
    ),
    "sets": (
        SETS,
        [
            ("Deep Sets 150x3, one event", "deepsets", LATENCY),
            ("Deep Sets 150x3, batch of 256", "deepsets", "batch"),
        ],
    ),
    "sums": (
        STRANDS,
        [
            ("150 rows of 64, lanes across", "sum150 across", LATENCY),
            ("32 rows of 64, lanes across", "sum32 across", LATENCY),
            ("64 sums over 150, lanes along", "sum150 along", LATENCY),
            ("64 sums over 32, lanes along", "sum32 along", LATENCY),
            ("one sum over 150, lanes along", "sum150 single", LATENCY),
            ("one sum over 32, lanes along", "sum32 single", LATENCY),
        ],
    ),
    "rows": (
        FEW,
        [
            (f"{rows} x {n} x {n}", f"{rows}rows{n}", LATENCY)
            for rows in (1, 2, 4, 8)
            for n in (16, 32, 64)
        ],
    ),
}


def fastest(results: dict[str, Any]) -> Best:
    """Over schedules. The plain loops count where -ffast-math let the compiler reorder them."""
    best: Best = {}
    for row in results["timings"]:
        build = row["build"].removesuffix(" -ffast-math")
        if row["order"] == "free" and build == row["build"]:
            continue
        for order in ("free", row["order"]):
            key = (build, row["problem"], row["layout"], order)
            best[key] = min(best.get(key, float("inf")), row["p05_ns"])
    return best


def price(best: Best, level: str, problem: str, layout: str, order: str) -> str:
    prices = []
    for build in (f"{compiler} {level}" for compiler in COMPILERS):
        ns = best.get((build, problem, layout, order))
        if ns is None:
            return "-"  # not a candidate for this problem
        prices.append(ns / best[build, problem, layout, "free"])
    return f"{max(prices):.2f}"


def compact(best: Best, name: str) -> str:
    """AVX2 / AVX-512 in each cell: the free order in ns (faster compiler), then the prices."""
    orders, rows = TABLES[name]
    lines = [
        "| | free, ns | " + " | ".join(orders) + " |",
        "|---" * (len(orders) + 2) + "|",
    ]
    for title, problem, layout in rows:
        free = [
            _digits(min(best[f"{c} {level}", problem, layout, "free"] for c in COMPILERS))
            for level in LEVELS
        ]
        prices = [
            " / ".join(price(best, level, problem, layout, order) for level in LEVELS)
            for order in orders
        ]
        lines.append(f"| {title} | {' / '.join(free)} | " + " | ".join(prices) + " |")
    return "\n".join(lines)


def full(best: Best, problem: str, layout: str, orders: tuple[str, ...]) -> str:
    """Nanoseconds of every build and, in brackets, the price."""
    builds = [f"{c} {level}" for level in LEVELS for c in COMPILERS]
    lines = [f"\n{problem}, {layout}", f"{'':>10}" + "".join(f"{b:>22}" for b in builds)]
    for order in (*orders, "free"):
        cells = ""
        for build in builds:
            ns = best.get((build, problem, layout, order), float("nan"))
            ratio = ns / best[build, problem, layout, "free"]
            cells += f"{_digits(ns)} ({ratio:.2f})".rjust(22)
        lines.append(f"{order:>10}" + cells)
    return "\n".join(lines)


def _digits(ns: float) -> str:
    return f"{ns:.0f}" if ns >= 100 else f"{ns:.1f}"


def conditions(results: dict[str, Any]) -> str:
    checks = results["bits_equal"]
    kernels = sum(c["kernels"] for c in checks)
    values = sum(c["kernels"] * c["values"] for c in checks)
    return (
        f"{results['machine']}; {', '.join(results['compilers'].values())}; "
        f"{results['flags']} -march=x86-64-v3 and -march=x86-64-v4; {results['rounds']} bursts "
        f"each. {kernels} kernels ({len(checks)} problems and orders, in every build, layout and "
        f"schedule) gave the bits of the numpy model: {values:,} outputs compared byte by byte."
    )


def fill(page: str, name: str, text: str) -> str:
    pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
    filled, count = re.subn(pattern, lambda m: f"{m[1]}{text}\n{m[2]}", page, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{PAGE.name} has {count} places for the table {name}, not one")
    return filled


def main() -> None:
    parser = argparse.ArgumentParser(description="Tables of the order study.")
    parser.add_argument("results", nargs="?", type=Path, default=HERE / "results.json")
    parser.add_argument("--all", action="store_true", help="print every build's nanoseconds")
    options = parser.parse_args()
    results = json.loads(options.results.read_text())
    best = fastest(results)
    if options.all:
        for orders, rows in TABLES.values():
            for _, problem, layout in rows:
                print(full(best, problem, layout, orders))
        return
    page = fill(PAGE.read_text(), "conditions", conditions(results))
    for name in TABLES:
        page = fill(page, name, compact(best, name))
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
