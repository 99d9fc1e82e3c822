"""Fit the polynomials of src/inferon/ops/elementary.py and print them with their errors.

    PYTHONPATH=src:. python benchmarks/elementary/fit.py [--check]

Errors are those of the approximation, in exact arithmetic; rounding errors come on top, and
exhaustive.py measures both together.  With ``--check`` the exit code is 1 unless the numbers in
the source are these.  About a minute.
"""

from __future__ import annotations

import argparse
import sys

import mpmath as mp
import numpy as np

from benchmarks.elementary.minimax import Problem, Real, best_float32, best_real
from inferon.ops import elementary

DIGITS = 40
NEAR_ZERO = 1e-9
"""Below it a quotient of differences is replaced by its limit."""

SLACK = mp.mpf("1.0001")
"""Reduced arguments pass the ends of their interval by a rounding error."""

REACH = mp.mpf("1.22")
"""Reduced angles pass pi/4 by so much near the largest angle: see _angle_reduced."""


def problems() -> dict[str, Problem]:
    """Return the fits by the name of the constant in the source."""
    half_ln2 = SLACK * mp.log(2) / 2
    angle = REACH * mp.pi / 4
    third = mp.mpf(1) / 3
    return {
        "EXP": Problem(_exp, lambda r: r**2 / mp.exp(r), 5, -half_ln2, half_ln2),
        "LOG": Problem(_log, lambda f: _ratio(f**2, mp.log1p(f), 0), 9, -third, third),
        "TANH": Problem(
            _tanh, lambda x: _ratio(x**3, mp.tanh(x), 0), 5, 0, elementary.TANH_SPLIT, step=2
        ),
        "ERF": Problem(
            _erf, lambda x: _ratio(x, mp.erf(x), mp.sqrt(mp.pi) / 2), 6, 0, ERF_HIGH, step=2
        ),
        "ERFC": Problem(
            lambda x: mp.log(mp.erfc(x)) / x, lambda x: x * mp.erfc(x), 6, ERFC_LOW, ERFC_HIGH
        ),
        "SIN": Problem(_sin, lambda r: _ratio(r**3, mp.sin(r), 0), 4, 0, angle, step=2),
        "COS": Problem(_cos, lambda r: r**2 / mp.cos(r), 4, 0, angle, step=2),
    }


# The fits of erf overlap a little around ERF_SPLIT, and end a little beyond ERF_ONE.
ERF_HIGH, ERFC_LOW, ERFC_HIGH = mp.mpf("0.93"), mp.mpf("0.92"), mp.mpf("3.93")


def _ratio(a: Real, b: Real, limit: Real) -> Real:
    return abs(a / b) if b else limit


def _exp(r: Real) -> Real:
    return (mp.expm1(r) - r) / r**2 if abs(r) > NEAR_ZERO else 0.5 + r / 6


def _log(f: Real) -> Real:
    return (mp.log1p(f) - f) / f**2 if abs(f) > NEAR_ZERO else f / 3 - 0.5


def _tanh(x: Real) -> Real:
    return (mp.tanh(x) / x - 1) / x**2 if x > NEAR_ZERO else -mp.mpf(1) / 3


def _erf(x: Real) -> Real:
    return mp.erf(x) / x - 1 if x > NEAR_ZERO else 2 / mp.sqrt(mp.pi) - 1


def _sin(r: Real) -> Real:
    return (mp.sin(r) / r - 1) / r**2 if r > NEAR_ZERO else -mp.mpf(1) / 6


def _cos(r: Real) -> Real:
    return (mp.cos(r) - 1) / r**2 if r > NEAR_ZERO else -mp.mpf(1) / 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the source")
    check = parser.parse_args().check
    mp.mp.dps = DIGITS
    differing = []
    for name, problem in problems().items():
        fit, ideal = best_float32(problem), best_real(problem)
        numbers = tuple(np.float32(float(c)) for c in fit.coefficients)
        errors = [f"2^{float(mp.log(each.error, 2)):.2f}" for each in (fit, ideal)]
        print(f"{name} = ({', '.join(str(n) for n in numbers)})")
        print(f"    error {errors[0]}; {errors[1]} before rounding", flush=True)
        if numbers != tuple(np.float32(c) for c in getattr(elementary, name)):
            differing.append(name)
    if check and differing:
        print(f"src/inferon/ops/elementary.py has other numbers: {', '.join(differing)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
