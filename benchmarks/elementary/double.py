"""Check the elementary functions of float64 on samples and write the maxima to double.json.

    PYTHONPATH=src:. python benchmarks/elementary/double.py [--count N] [NAME ...]

Each function is printed as C++ from its decomposition, compiled, and compared with the function of
the C library in long double, whose error of about 1e-19 is nothing against an ULP of 2e-16.  N
samples (2 million) of each of six kinds: any bits, any exponent, ranges around 0, neighbors of
multiples of pi/2 up to the limit, neighbors of the numbers at which a program changes, subnormals.
About a quarter of a minute a function.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.elementary.exhaustive import FLAGS, SIMD_FLAGS
from benchmarks.elementary.exhaustive import FUNCTIONS as FUNCTIONS32
from benchmarks.elementary.straight_line import PRELUDE, straight_line
from inferon.ir.types import FLOAT64
from inferon.ir.values import Array
from inferon.ops.base import Elementary
from inferon.ops.elementary import NUMERICS_VERSION, RealFunction
from inferon.ops.elementary_format import DOUBLE
from inferon.ops.power import RealPower

HERE = Path(__file__).parent
RESULTS = HERE / "double.json"
COUNT, SEED = 2_000_000, 1

FUNCTIONS: tuple[tuple[Elementary, str], ...] = (*FUNCTIONS32, (RealPower(), "std::pow(x, y)"))
"""Each function with its reference in long double."""

TURNS = (
    *(2.0**-1074, DOUBLE.smallest_normal, 0.25, 0.5, 2 / 3, 1.0, 4 / 3, 2.0, 3.0),
    *(1 + math.sqrt(2), math.sqrt(0.5), math.sqrt(2), 2.0**28, 2.0**53, DOUBLE.largest_angle),
    *(DOUBLE.tanh_split, DOUBLE.tanh_one, DOUBLE.erf_split, DOUBLE.erf_one),
    *(-DOUBLE.lowest_exp, DOUBLE.highest_exp, 710.4758600739439, 745.1332191019411),
    *(n * math.log(2) / 2 for n in range(1, 60, 2)),  # exp rounds to another integer
)


@dataclass(frozen=True, slots=True)
class Maximum:
    """The largest error in ULP and its place; the number of wrong special cases, and the first."""

    max_ulp: float
    at: str
    wrong: int
    first_wrong: str
    samples: int


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled check of one function."""

    path: Path

    def check(self, count: int, seed: int = SEED) -> Maximum:
        """Compare ``count`` samples of each kind."""
        found = json.loads(self._run("check", str(count), str(seed)))
        second = found.pop("with")
        found["at"] += f" {second}" if float.fromhex(second) else ""
        return Maximum(**found)

    def map(self, *x: Array) -> Array:
        """Return the results for float64 operands."""
        data = np.stack([each.astype(np.float64) for each in x], axis=-1)
        return np.frombuffer(self._run("map", data=data.tobytes()), np.float64)

    def ns_per_value(self) -> float:
        """Return the time of one value in a loop that the compiler may make SIMD code of."""
        return float(self._run("time"))

    def _run(self, *arguments: str, data: bytes = b"") -> bytes:
        return subprocess.run(
            [str(self.path), *arguments], input=data, stdout=subprocess.PIPE, check=True
        ).stdout


def program(op: Elementary, reference: str, folder: Path) -> Program:
    """Print and compile the check of one function."""
    limit = op.limit_in(FLOAT64) if isinstance(op, RealFunction) else math.inf
    names = [f"{{kind}} {each}" for each in (*op.operands, "")[:2]]
    arguments = ", ".join(op.operands)
    reference_head, ours_head = (
        ", ".join(each.format(kind=kind) for each in names) for kind in ("long double", "double")
    )
    text = (
        f"{PRELUDE}\n"
        f"static const int OPERANDS = {len(op.operands)};\n"
        f"static const double LIMIT = {'INFINITY' if math.isinf(limit) else limit.hex()};\n"
        f"static const double TURNS[] = {{{', '.join(each.hex() for each in TURNS)}}};\n\n"
        f"static long double reference({reference_head}) {{ return {reference}; }}\n\n"
        f"{straight_line(op, 'function', FLOAT64)}\n"
        f"static inline double ours({ours_head}) {{ return function({arguments}); }}\n"
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "function.inc").write_text(text)
    binary = folder / "double"
    source = [str(HERE / "double.cpp"), f"-I{folder}", "-o", str(binary)]
    subprocess.run(["g++", *FLAGS, *SIMD_FLAGS, *source], check=True)
    return Program(binary)


def main() -> None:
    names = [op.spelling() for op, _ in FUNCTIONS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="samples of each kind")
    parser.add_argument("name", nargs="*", choices=[[], *names], help=f"of {', '.join(names)}")
    arguments = parser.parse_args()
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found["numerics_version"] = NUMERICS_VERSION
    for op, reference in FUNCTIONS:
        if arguments.name and op.spelling() not in arguments.name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            built = program(op, reference, Path(folder))
            result, ns = built.check(arguments.count), built.ns_per_value()
        found[op.spelling()] = {**asdict(result), "ns_per_value_avx2": ns}
        print(f"{op.spelling():10} {result}  {ns} ns", file=sys.stderr, flush=True)
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
