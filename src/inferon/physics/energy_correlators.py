"""Two- and three-point energy correlators of a jet.

Reference: I. Moult, L. Necib, J. Thaler, arXiv:1609.07483; the notation is theirs.

==============  ==========================================================================
``e2``          sum over pairs of z z R^beta
``e3``          sum over triples of z z z times the product of the three R^beta
``e3_one``      the same with the smallest of the three R^beta only (their 1e3)
``e3_two``      the same with the product of the two smallest R^beta (their 2e3)
==============  ==========================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_BLOCK = 8192
"""Elements worked on at a time: five arrays of them stay in a cache of 512 kB."""


@dataclass(frozen=True, slots=True)
class Correlators:
    """The four sums of one jet at one angular exponent; see the table above."""

    e2: float
    e3: float
    e3_one: float
    e3_two: float


def correlators(
    z: FloatArray, distance: FloatArray, exponents: tuple[int, ...]
) -> tuple[Correlators, ...]:
    """Compute the sums at several angular exponents.

    Parameters
    ----------
    z : shape (n,)
        Share of the transverse momentum of each particle.
    distance : shape (n, n)
        R of each pair, symmetric, 0 on the diagonal.
    exponents : the values of beta, each positive

    Returns
    -------
    One value per exponent.  Fewer than two particles have e2 = 0, fewer than three have e3 = 0.
    """
    first, second = np.triu_indices(len(z), k=1)
    order = np.argsort(distance[first, second], kind="stable")
    first, second = first[order], second[order]
    shortest, two_shortest = _sums_of_third_particle(z, distance, first, second, exponents)
    pair = z[first] * z[second]
    result = []
    for exponent, legs in zip(exponents, two_shortest, strict=True):
        power = distance**exponent
        weighted = power * z
        result.append(
            Correlators(
                e2=float(pair @ power[first, second]),
                # Each triple closes six paths i -> j -> k -> i.
                e3=float(np.sum((weighted @ weighted) * weighted.T)) / 6.0,
                e3_one=float((pair * power[first, second]) @ shortest),
                e3_two=float(pair @ legs),
            )
        )
    return tuple(result)


def _sums_of_third_particle(
    z: FloatArray,
    distance: FloatArray,
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    exponents: tuple[int, ...],
) -> tuple[FloatArray, list[FloatArray]]:
    """For each pair, sums over the third particles with which it is a triple's extreme pair.

    Pairs come in order of distance, so that equal distances have an order, too, and every triple
    has exactly one shortest and one longest pair.

    Returns
    -------
    shortest : sum of z over the k for which the pair is the shortest of its triple
    two_shortest : per exponent, sum of z R^beta R^beta over the k for which it is the longest
    """
    pairs, count = len(first), len(z)
    rank = np.zeros((count, count), dtype=np.int32)
    rank[first, second] = rank[second, first] = np.arange(pairs)
    shortest = np.zeros(pairs)
    two_shortest = [np.zeros(pairs) for _ in exponents]
    step = max(1, _BLOCK // max(count, 1))
    for start in range(0, pairs, step):
        block = slice(start, start + step)
        rank_first, rank_second = rank.take(first[block], 0), rank.take(second[block], 0)
        own = np.arange(start, min(start + step, pairs), dtype=np.int32)[:, None]
        # k equal to one of the pair never counts: one of its two ranks is the pair's own.
        shortest[block] = (np.minimum(rank_first, rank_second) > own) @ z
        legs = distance.take(first[block], 0)
        legs *= distance.take(second[block], 0)
        legs *= np.maximum(rank_first, rank_second) < own
        for exponent, total in zip(exponents, two_shortest, strict=True):
            total[block] = legs**exponent @ z
    return shortest, two_shortest
