"""Check the elementary functions on all 2**32 inputs and write the maxima to exhaustive.json.

    PYTHONPATH=src:. python benchmarks/elementary/exhaustive.py [NAME ...]

Each function is printed as C++ from its decomposition, compiled, and compared with the function of
the C library in double precision, whose error of about 1e-16 is nothing against an ULP of 6e-8.
One process; one to three minutes a function.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.elementary.straight_line import PRELUDE, straight_line
from inferon.ir.values import Array
from inferon.ops import elementary, elementary_inverse
from inferon.ops.elementary import RealFunction

HERE = Path(__file__).parent
RESULTS = HERE / "exhaustive.json"

FLAGS = (
    "-std=c++17",
    "-O3",
    "-march=x86-64-v3",
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
    "-Werror",
)
# Compilers see no SIMD form of a selection while a comparison may trap; ours look at no flags.
SIMD_FLAGS = ("-fno-trapping-math", "-fno-math-errno")

FUNCTIONS: tuple[tuple[RealFunction, str], ...] = (
    (elementary.Exp(), "std::exp(x)"),
    (elementary.Decay(), "std::exp(-std::fabs(x))"),
    (elementary.Log(), "std::log(x)"),
    (elementary.Sigmoid(), "x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x))"),
    (elementary.Tanh(), "std::tanh(x)"),
    (elementary.Erf(), "std::erf(x)"),
    (elementary.Sin(), "std::sin(x)"),
    (elementary.Cos(), "std::cos(x)"),
    (elementary.Tan(), "std::tan(x)"),
    (elementary.Expm1(), "std::expm1(x)"),
    (elementary.Log1p(), "std::log1p(x)"),
    (elementary.Sinh(), "std::sinh(x)"),
    (elementary.Cosh(), "std::cosh(x)"),
    (elementary_inverse.Asin(), "std::asin(x)"),
    (elementary_inverse.Acos(), "std::acos(x)"),
    (elementary_inverse.Atan(), "std::atan(x)"),
    (elementary_inverse.Asinh(), "std::asinh(x)"),
    (elementary_inverse.Acosh(), "std::acosh(x)"),
    (elementary_inverse.Atanh(), "std::atanh(x)"),
)
"""Each function with its reference in double precision."""


@dataclass(frozen=True, slots=True)
class Maximum:
    """The largest error in ULP and its place; the number of wrong special cases, and the first."""

    max_ulp: float
    at: float
    wrong: int
    first_wrong: str


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled check of one function."""

    path: Path

    def check(self, first: int = 0, last: int = 2**32) -> Maximum:
        """Compare the inputs with bits ``first`` to ``last - 1``."""
        return Maximum(**json.loads(self._run("check", str(first), str(last))))

    def map(self, x: Array) -> Array:
        """Return the results for float32 inputs."""
        return np.frombuffer(self._run("map", data=x.astype(np.float32).tobytes()), np.float32)

    def ns_per_value(self) -> float:
        """Return the time of one value in a loop that the compiler made SIMD code of."""
        return float(self._run("time"))

    def _run(self, *arguments: str, data: bytes = b"") -> bytes:
        return subprocess.run(
            [str(self.path), *arguments], input=data, stdout=subprocess.PIPE, check=True
        ).stdout


def program(op: RealFunction, reference: str, folder: Path) -> Program:
    """Print and compile the check of one function."""
    limit = "INFINITY" if math.isinf(op.limit) else op.limit.hex()
    text = (
        f"{PRELUDE}\n"
        f"static const double LIMIT = {limit}, SMALLEST = {op.smallest.hex()};\n\n"
        f"static double reference(double x) {{ return {reference}; }}\n\n"
        f"{straight_line(op, 'ours')}"
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "function.inc").write_text(text)
    binary = folder / "exhaustive"
    source = [str(HERE / "exhaustive.cpp"), f"-I{folder}", "-o", str(binary)]
    subprocess.run(["g++", *FLAGS, *SIMD_FLAGS, *source], check=True)
    return Program(binary)


def main() -> None:
    names = [op.spelling() for op, _ in FUNCTIONS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", choices=[[], *names], help=f"of {', '.join(names)}")
    chosen = parser.parse_args().name or names
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found["numerics_version"] = elementary.NUMERICS_VERSION
    for op, reference in FUNCTIONS:
        if op.spelling() not in chosen:
            continue
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            built = program(op, reference, Path(folder))
            result, ns = built.check(), built.ns_per_value()
        found[op.spelling()] = {
            **asdict(result),
            "ns_per_value_avx2": ns,
        }
        took = time.perf_counter() - start
        print(f"{op.spelling():8} {result}  {ns} ns  ({took:.0f} s)", file=sys.stderr, flush=True)
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
