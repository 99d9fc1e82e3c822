"""Fit the polynomials of src/inferon/ops/elementary_format.py and print them with their errors.

    PYTHONPATH=src:. python benchmarks/elementary/fit.py [--check] [NAME ...]

Errors are those of the approximation, in exact arithmetic; rounding errors come on top, and
exhaustive.py and double.py measure both together.  With ``--check`` the exit code is 1 unless the
numbers in the source are these.  A quarter of an hour; names are those of fields, with 32 or 64.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from benchmarks.elementary.minimax import Problem, Real, best_real, best_rounded
from inferon.ops.elementary_format import DOUBLE, SINGLE, Format

DIGITS = 60
NEAR_ZERO = 1e-9
"""Below it a quotient of differences is replaced by its limit."""

SLACK = mp.mpf("1.0001")
"""Reduced arguments pass the ends of their interval by a rounding error."""

REACH = mp.mpf("1.22")
"""Reduced angles pass pi/4 by so much near the largest angle: see angle_reduced."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How many coefficients a polynomial has in float32 and in float64; 0 where it is not used."""

    single: int
    double: int


TERMS = {
    "exp": Terms(5, 11),
    "exp2": Terms(6, 12),
    "log": Terms(9, 0),
    "log_series": Terms(0, 8),
    "log_tail": Terms(0, 9),
    "tanh": Terms(5, 13),
    "erf": Terms(6, 13),
    "erfc": Terms(6, 18),
    "sin": Terms(4, 7),
    "cos": Terms(4, 7),
    "atan": Terms(5, 12),
    "asin": Terms(5, 13),
    "sinh": Terms(4, 7),
    "asinh": Terms(5, 12),
    "atanh": Terms(5, 14),
}
"""One more would gain less than the rounding errors that it costs."""


def problem(name: str, format: Format) -> Problem:
    """Return one fit; ``name`` is that of the field."""
    single = format is SINGLE
    terms = TERMS[name].single if single else TERMS[name].double
    digits: type[np.floating[Any]] = np.float32 if single else np.float64
    half_ln2 = SLACK * mp.log(2) / 2
    angle = REACH * mp.pi / 4
    third, half = mp.mpf(1) / 3, mp.mpf(1) / 2
    # The fits of erf overlap a little around erf_split, and end at erf_one.
    overlap = (mp.mpf("0.93"), mp.mpf("0.92"), mp.mpf("3.93") if single else mp.mpf("5.93"))
    match name:
        case "exp":
            return Problem(_exp, lambda r: r**2 / mp.exp(r), terms, -half_ln2, half_ln2, 1, digits)
        case "exp2":
            end = SLACK * half
            return Problem(_exp2, lambda r: abs(r) / mp.mpf(2) ** r, terms, -end, end, 1, digits)
        case "log":
            weight = lambda f: _ratio(f**2, mp.log1p(f), 0)  # noqa: E731
            return Problem(_log, weight, terms, -third, third, 1, digits)
        case "log_series":
            weight = lambda s: _ratio(s**3, 2 * mp.atanh(s), 0)  # noqa: E731
            return Problem(_log_series, weight, terms, 0, mp.mpf("0.2") * SLACK, 2, digits)
        case "log_tail":
            weight = lambda s: _ratio(s**5, mp.atanh(s), 0)  # noqa: E731
            return Problem(_log_tail, weight, terms, 0, mp.mpf("0.2") * SLACK, 2, digits)
        case "erf":
            weight = lambda x: _ratio(x, mp.erf(x), mp.sqrt(mp.pi) / 2)  # noqa: E731
            return Problem(_erf, weight, terms, 0, overlap[0], 2, digits)
        case "erfc":
            return Problem(
                lambda x: mp.log(mp.erfc(x), 2) / x,
                lambda x: x * mp.erfc(x) * mp.log(2),
                terms,
                overlap[1],
                overlap[2],
                1,
                digits,
            )
        case "cos":
            return Problem(_cos, lambda r: r**2 / mp.cos(r), terms, 0, angle, 2, digits)
        case _:
            function, third_order, high = {
                "tanh": (mp.tanh, -third, mp.mpf(format.tanh_split)),
                "sin": (mp.sin, -mp.mpf(1) / 6, angle),
                "atan": (mp.atan, -third, half),
                "asin": (mp.asin, mp.mpf(1) / 6, half),
                "sinh": (mp.sinh, mp.mpf(1) / 6, mp.mpf(1)),
                "asinh": (mp.asinh, -mp.mpf(1) / 6, half),
                "atanh": (mp.atanh, third, half),
            }[name]
            target, weight = _odd(function, third_order)
            return Problem(target, weight, terms, 0, high, 2, digits)


def _odd(function: Callable[[Real], Real], third_order: Real) -> Any:
    """Return target and weight of p in ``x + x**3 p(x**2)``, for a function with slope 1 at 0."""

    def target(x: Real) -> Real:
        return (function(x) / x - 1) / x**2 if x > NEAR_ZERO else third_order

    return target, lambda x: _ratio(x**3, function(x), 0)


def _ratio(a: Real, b: Real, limit: Real) -> Real:
    return abs(a / b) if b else limit


def _exp(r: Real) -> Real:
    return (mp.expm1(r) - r) / r**2 if abs(r) > NEAR_ZERO else 0.5 + r / 6


def _exp2(r: Real) -> Real:
    return (mp.mpf(2) ** r - 1) / r if abs(r) > NEAR_ZERO else mp.log(2)


def _log(f: Real) -> Real:
    return (mp.log1p(f) - f) / f**2 if abs(f) > NEAR_ZERO else f / 3 - 0.5


def _log_series(s: Real) -> Real:
    return 2 * (mp.atanh(s) - s) / s**3 if s > NEAR_ZERO else mp.mpf(2) / 3


def _log_tail(s: Real) -> Real:
    return (
        ((mp.atanh(s) / s - 1) / s**2 - mp.mpf(1) / 3) / s**2 if s > NEAR_ZERO else mp.mpf("0.2")
    )


def _erf(x: Real) -> Real:
    return mp.erf(x) / x - 1 if x > NEAR_ZERO else 2 / mp.sqrt(mp.pi) - 1


def _cos(r: Real) -> Real:
    return (mp.cos(r) - 1) / r**2 if r > NEAR_ZERO else -mp.mpf(1) / 2


def main() -> int:
    wanted = {
        f"{name}{bits}": (name, format, getattr(terms, size))
        for bits, format, size in ((32, SINGLE, "single"), (64, DOUBLE, "double"))
        for name, terms in TERMS.items()
        if getattr(terms, size)
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the source")
    parser.add_argument("name", nargs="*", choices=[[], *wanted], help=f"of {', '.join(wanted)}")
    arguments = parser.parse_args()
    mp.mp.dps = DIGITS
    differing = []
    for label in arguments.name or wanted:
        name, format, _ = wanted[label]
        here = problem(name, format)
        fit, ideal = best_rounded(here), best_real(here)
        numbers = tuple(here.digits(float(c)) for c in fit.coefficients)
        errors = [f"2^{float(mp.log(each.error, 2)):.2f}" for each in (fit, ideal)]
        print(f"{label} = ({', '.join(str(n) for n in numbers)})")
        print(f"    error {errors[0]}; {errors[1]} before rounding", flush=True)
        if numbers != tuple(here.digits(c) for c in getattr(format, name)):
            differing.append(label)
    if arguments.check and differing:
        print(f"src/inferon/ops/elementary_format.py has other numbers: {', '.join(differing)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
