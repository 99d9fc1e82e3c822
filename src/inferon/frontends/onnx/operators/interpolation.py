"""Where an element of a resized axis lies in the original one, and what it is a mean of.

The numbers of Resize-19 of the ONNX standard, which are all known at import.  A coordinate is an
affine function of the place, so it is kept as an exact fraction: whether it lies halfway between
two elements is then a fact, not a question of rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm

import numpy as np

from inferon.frontends.onnx.call import Refused
from inferon.frontends.onnx.room import make_room
from inferon.ir.values import Array

HALF = Fraction(1, 2)

COORDINATES = (
    *("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"),
    *("tf_crop_and_resize", "tf_half_pixel_for_nn"),
)
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def meant(number: float) -> Fraction:
    """Return the simple fraction that a float32 stands for: 1/3 for 0.33333334.

    A float32 with 24 bits has few neighbors with denominators up to 1000, so that what rounds to
    it is what someone wrote; any other number is taken as it stands.
    """
    simple = Fraction(number).limit_denominator(1000)
    return simple if np.float32(float(simple)) == np.float32(number) else Fraction(number)


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis that is resized.

    Attributes
    ----------
    length : elements of the original
    size : elements of the result
    scale : result over original
    start, end : the region of interest, as fractions of the original
    """

    length: int
    size: int
    scale: Fraction
    start: Fraction = Fraction(0)
    end: Fraction = Fraction(1)


def _affine(axis: Axis, mode: str) -> tuple[Fraction, Fraction]:
    """Return step and offset with ``original = step * place + offset``."""
    last = axis.length - 1
    width = axis.length * axis.scale  # what the size was rounded from
    pixels = 1 / axis.scale, HALF / axis.scale - HALF
    match mode:
        case "half_pixel":
            return pixels
        case "half_pixel_symmetric":
            return pixels[0], pixels[1] + Fraction(axis.length, 2) * (1 - axis.size / width)
        case "pytorch_half_pixel":
            return pixels if axis.size > 1 else (Fraction(0), Fraction(0))
        case "align_corners":  # the standard's tests divide by the width before it was rounded
            return (Fraction(last) / (width - 1) if width > 1 else Fraction(0)), Fraction(0)
        case "asymmetric":
            return pixels[0], Fraction(0)
        case "tf_half_pixel_for_nn":
            return pixels[0], HALF / axis.scale
        case _:  # tf_crop_and_resize
            if axis.size == 1:
                return Fraction(0), HALF * (axis.start + axis.end) * last
            return (axis.end - axis.start) * last / (axis.size - 1), axis.start * last


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Places ``whole + part / parts`` of each element of a result, exactly; 0 <= part < parts."""

    whole: Array
    part: Array
    parts: int

    @property
    def fraction(self) -> Array:
        """What is behind the whole part, as float64."""
        return np.asarray((self.part / self.parts).astype(np.float64))


EXACT = 1 << 53
"""Smaller integers are exact in int64, and so are their quotients in float64."""

MOST_FRACTIONS = 1 << 18
"""Elements whose places are computed one by one, in integers of any length: about a second."""


def coordinates(axis: Axis, mode: str) -> Coordinates:
    """Return where the elements of the result lie in the original."""
    step, offset = _affine(axis, mode)
    parts = lcm(step.denominator, offset.denominator)
    by, first = int(step * parts), int(offset * parts)
    places = np.arange(axis.size)
    if max(abs(by) * axis.size + abs(first), parts) >= EXACT:
        if axis.size > MOST_FRACTIONS:
            raise Refused(
                f"a Resize to {axis.size} elements at fractions of 1/{parts}",
                "a scale that is a simple fraction",
            )
        places = places.astype(object)
    numerators = by * places + first
    whole = np.asarray(numerators // parts)
    return Coordinates(whole.astype(np.int64), np.asarray(numerators % parts), parts)


def outside(axis: Axis, at: Coordinates) -> Array:
    """Return which elements lie before the first or behind the last of the original."""
    behind = (at.whole > axis.length - 1) | ((at.whole == axis.length - 1) & (at.part > 0))
    return np.asarray((at.whole < 0) | behind, np.bool_)


def nearest(axis: Axis, at: Coordinates, rounding: str) -> Array:
    """Return the place of the nearest element."""
    match rounding:
        case "round_prefer_floor":
            up = 2 * at.part > at.parts
        case "round_prefer_ceil":
            up = 2 * at.part >= at.parts
        case "ceil":
            up = at.part > 0
        case _:  # floor
            up = np.zeros(axis.size, np.bool_)
    return np.asarray(np.clip(at.whole + np.asarray(up, np.int64), 0, axis.length - 1))


def _triangle(t: Array) -> Array:
    return np.clip(1.0 - np.abs(t), 0.0, None)


def _cubic(t: Array, a: float) -> Array:
    """Return the piecewise cubic of R. Keys (1981), equation 4."""
    t = np.abs(t)
    near = ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0
    far = ((a * t - 5.0 * a) * t + 8.0 * a) * t - 4.0 * a
    return np.where(t <= 1.0, near, np.where(t < 2.0, far, 0.0))


@dataclass(frozen=True, slots=True)
class Filter:
    """What is a mean of what.

    Attributes
    ----------
    cubic : the coefficient of the cubic of two elements on each side; None: linear, one element
    antialias : the filter is stretched where the result is smaller than the original
    exclude_outside : only what is inside counts; else the ends go on beyond
    """

    cubic: float | None = None
    antialias: bool = False
    exclude_outside: bool = False


def taps(axis: Axis, at: Coordinates, how: Filter) -> tuple[Array, Array]:
    """Return places (size, n) in the original and their weights (size, n)."""
    stretch = min(1.0, float(axis.scale)) if how.antialias else 1.0
    reach = ceil((1 if how.cubic is None else 2) / stretch)
    make_room((axis.size, 2 * reach), "a table of weights")
    steps = np.arange(1 - reach, 1 + reach)
    t = (steps[None, :] - at.fraction[:, None]) * stretch
    weights = _triangle(t) if how.cubic is None else _cubic(t, how.cubic)
    places = at.whole[:, None] + steps[None, :]
    if how.exclude_outside:
        weights = np.where((places >= 0) & (places < axis.length), weights, 0.0)
    if how.exclude_outside or how.antialias:
        total = weights.sum(axis=1, keepdims=True)
        weights = weights / np.where(total == 0.0, 1.0, total)
    used = (weights != 0.0).any(axis=0)
    used[reach - 1] |= not used.any()
    return np.clip(places, 0, axis.length - 1)[:, used], weights[:, used]
