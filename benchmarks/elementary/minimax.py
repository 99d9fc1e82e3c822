"""Minimax fits with coefficients that are float32 or float64 numbers.

Remez's exchange (E. Ya. Remez, C. R. Acad. Sci. Paris 198 (1934) 2063) on a grid of Chebyshev
points.  Rounding all coefficients of the best polynomial at once wastes accuracy, so they are
rounded one by one: after each, the others are fitted anew, and make up for the rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

Real = Any  # an mpmath number

GRID = 1200
"""Points; the error between them is below 1 % of the maximum for the degrees here."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Find the polynomial in ``x**step`` of the least largest weight * (target - polynomial).

    ``digits`` is the numpy type that the coefficients have.
    """

    target: Callable[[Real], Real]
    weight: Callable[[Real], Real]
    terms: int
    low: Real
    high: Real
    step: int = 1
    digits: type[np.floating[Any]] = np.float32


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients, lowest power first, and the largest weighted error on the grid."""

    coefficients: tuple[Real, ...]
    error: Real


def best_rounded(problem: Problem) -> Fit:
    """Return the better of two fits: coefficients rounded from the lowest or the highest on."""
    samples = _Samples.of(problem)
    orders = (range(problem.terms), reversed(range(problem.terms)))
    fits = (_rounded(samples, order, problem.digits) for order in orders)
    return min(fits, key=lambda fit: fit.error)


def best_real(problem: Problem) -> Fit:
    """Return the fit with coefficients of full precision."""
    return _exchange(_Samples.of(problem), {})


@dataclass(frozen=True, slots=True)
class _Samples:
    """The problem on its grid; ``powers[k][j]`` is the j-th power at the k-th point."""

    target: list[Real]
    weight: list[Real]
    powers: list[list[Real]]

    @staticmethod
    def of(problem: Problem) -> _Samples:
        low, high = mp.mpf(problem.low), mp.mpf(problem.high)
        angles = [mp.pi * k / (GRID - 1) for k in range(GRID)]
        points = [(low + high - (high - low) * mp.cos(angle)) / 2 for angle in angles]
        powers = [[x ** (problem.step * j) for j in range(problem.terms)] for x in points]
        return _Samples(
            [problem.target(x) for x in points], [problem.weight(x) for x in points], powers
        )

    @property
    def terms(self) -> int:
        return len(self.powers[0])

    def errors(self, coefficients: dict[int, Real]) -> list[Real]:
        """Return the weighted error at every point; absent coefficients are zero."""
        rows = zip(self.weight, self.target, self.powers, strict=True)
        return [w * (t - sum(c * p[j] for j, c in coefficients.items())) for w, t, p in rows]


def _rounded(samples: _Samples, order: Iterable[int], digits: type[np.floating[Any]]) -> Fit:
    fixed: dict[int, Real] = {}
    for j in order:
        fit = _exchange(samples, fixed)
        fixed[j] = mp.mpf(float(digits(float(fit.coefficients[j]))))
    return _exchange(samples, fixed)


def _exchange(samples: _Samples, fixed: dict[int, Real]) -> Fit:
    """Fit the coefficients that are not fixed."""
    free = [j for j in range(samples.terms) if j not in fixed]
    rest = samples.errors(fixed)
    chosen = [round((GRID - 1) * k / max(1, len(free))) for k in range(len(free) + 1)]
    chosen[0], chosen[-1] = 1, GRID - 2  # a weight may vanish at an end
    coefficients, errors = dict(fixed), rest
    for _ in range(30 if free else 0):
        coefficients, level = _leveled(samples, fixed, free, chosen, rest)
        errors = samples.errors(coefficients)
        peaks = _alternating_peaks(errors, len(free) + 1)
        if len(peaks) <= len(free) or max(map(abs, errors)) < abs(level) * mp.mpf("1.0005"):
            break
        chosen = peaks
    largest = max(map(abs, errors))
    return Fit(tuple(coefficients[j] for j in range(samples.terms)), largest)


def _leveled(
    samples: _Samples, fixed: dict[int, Real], free: list[int], chosen: list[int], rest: list[Real]
) -> tuple[dict[int, Real], Real]:
    """Solve for errors that are equal in size and alternate in sign at the chosen points."""
    size = len(chosen)
    matrix, right = mp.matrix(size, size), mp.matrix(size, 1)
    for row, k in enumerate(chosen):
        for column, j in enumerate(free):
            matrix[row, column] = samples.weight[k] * samples.powers[k][j]
        matrix[row, size - 1] = (-1) ** row
        right[row] = rest[k]
    solution = mp.lu_solve(matrix, right)
    return {**fixed, **dict(zip(free, solution, strict=False))}, solution[size - 1]


def _alternating_peaks(errors: list[Real], wanted: int) -> list[int]:
    """Return where the error peaks, one point for each run of equal sign, the largest ones."""
    peaks: list[int] = []
    for k, error in enumerate(errors):
        if error == 0:
            continue
        if not peaks or (error > 0) != (errors[peaks[-1]] > 0):
            peaks.append(k)
        elif abs(error) > abs(errors[peaks[-1]]):
            peaks[-1] = k
    while len(peaks) > wanted:
        peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
    return peaks
