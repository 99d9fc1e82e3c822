"""Fourier transforms and what goes with them: DFT, STFT, windows, the mel scale.

A transform of fixed length is a product with a constant matrix, whose numbers are computed in
float64 and rounded once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferon.frontends.onnx.call import Call, Operator, Refused, Table, constant_array, fixed_shape
from inferon.frontends.onnx.limits import MAX_FOLDED_ELEMENTS
from inferon.frontends.onnx.tensors import DTYPES, type_name
from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.base import require

_AXIS_BECAME_AN_INPUT = 20
"""Opset in which the axis of DFT became an input, and the last one the default."""


@dataclass(frozen=True, slots=True)
class Transform:
    """A Fourier transform of one length.

    Attributes
    ----------
    length : of the signal, in time
    inverse : from frequencies to times
    onesided : only frequencies 0 to length // 2, as of a real signal
    parts : 1 for real input, 2 for complex input
    """

    length: int
    inverse: bool
    onesided: bool
    parts: int

    @property
    def bins(self) -> int:
        """How many frequencies there are."""
        return self.length // 2 + 1 if self.onesided else self.length

    @property
    def given(self) -> int:
        """How many elements the transform takes."""
        return self.bins if self.inverse else self.length

    def matrix(self) -> Array:
        """Return (given, parts, results, parts of the result) in float64."""
        n = self.length
        results = n if self.inverse else self.bins
        if 4 * self.given * results > MAX_FOLDED_ELEMENTS:
            raise Refused(
                f"a transform of {self.given} to {results} elements",
                f"products of at most {MAX_FOLDED_ELEMENTS // 4}",
            )
        steps = np.outer(np.arange(self.given), np.arange(results)) % n
        turn = np.exp((2j if self.inverse else -2j) * np.pi * np.arange(n) / n)
        quarter = 4 * np.arange(n) % n == 0
        turn[quarter] = np.round(turn[quarter].real) + 1j * np.round(turn[quarter].imag)
        factors = turn[steps]
        if self.inverse:
            factors = factors / n
            if self.onesided:  # the other frequencies are conjugates, and end in twice the real
                twice = np.full(self.given, 2.0)
                twice[0] = 1.0
                twice[n - n // 2 :] = 1.0  # the middle of an even length is its own conjugate
                factors = factors * twice[:, None]
        real, imaginary = factors.real, factors.imag
        of_real = np.stack([real, imaginary], -1)
        of_imaginary = np.stack([-imaginary, real], -1)
        whole = np.stack([of_real, of_imaginary][: self.parts], 1)
        return whole[..., :1] if self.inverse and self.onesided else whole


def _parts(x: Node) -> int:
    parts = x.type.shape[-1] if x.type.rank >= 2 else 0
    require(parts in (1, 2), "{} has no last axis of real and imaginary parts", x.type)
    return 2 if parts == 2 else 1


def _dft(call: Call) -> Node:
    x = call.node(0)
    inverse, onesided = bool(call.integer("inverse", 0)), bool(call.integer("onesided", 0))
    parts = _parts(x)
    axis = call.axis(_dft_axis(call), x.type.rank)
    require(axis < x.type.rank - 1, "axis {} holds the parts of numbers", axis)
    require(not (onesided and not inverse and parts == 2), "onesided takes real signals")
    length = fixed_shape(x, "DFT")[axis]
    default = 2 * (length - 1) if inverse and onesided else length
    number = call.numbers(1, "length")[0] if call.has(1) else default
    require(number >= 1, "a transform of length {}", number)
    transform = Transform(number, inverse, onesided, parts)
    matrix = b.constant(transform.matrix(), x.type.element)
    order = [each for each in range(x.type.rank - 1) if each != axis] + [axis, x.type.rank - 1]
    signal = b.transpose(_fitted(x, axis, transform.given), order)
    value = b.product(signal, matrix, contract=2)
    return b.transpose(value, [order.index(each) for each in range(x.type.rank)])


def _dft_axis(call: Call) -> int:
    if call.opset < _AXIS_BECAME_AN_INPUT:
        return call.integer("axis", 1)
    return call.numbers(2, "axis")[0] if call.has(2) else -2


def _fitted(x: Node, axis: int, size: int) -> Node:
    """Cut an axis, or go on with zeros."""
    length = fixed_shape(x, "DFT")[axis]
    x = b.slice_(x, axis, 0, min(length, size))
    return b.pad(x, axis, 0, size - min(length, size))


def _stft(call: Call) -> Node:
    """Multiply every frame of the signal (B, L, parts) with the windowed matrix."""
    x = call.node(0)
    parts = _parts(x)
    require(x.type.rank == 3, "takes (batch, length, parts), not {}", x.type)
    step = call.numbers(1, "step")[0]
    window = call.node(2) if call.has(2) else None
    default = fixed_shape(x if window is None else b.expand(window, 0), "STFT")[1]
    length = call.numbers(3, "length")[0] if call.has(3) else default
    require(min(step, length) >= 1, "frames of {} every {}", length, step)
    fits = window is None or window.type.shape == (length,)
    require(fits, "the window does not fit frames of {}", length)
    onesided = bool(call.integer("onesided", 1))
    require(not onesided or parts == 1, "onesided takes real signals")
    matrix = Transform(length, False, onesided, parts).matrix()
    frames = b.window(x, 1, length, step)  # (B, frames, parts, length)
    known = None if window is None else constant_array(window)
    if known is not None:
        matrix = known.astype(np.float64)[:, None, None, None] * matrix
    elif window is not None:
        frames = b.mul(frames, window)
    factors = b.constant(np.ascontiguousarray(matrix.swapaxes(0, 1)), x.type.element)
    return b.product(frames, factors, contract=2)


def _window(*coefficients: float) -> Operator:
    """Return the operator of a window that is a sum of cosines with alternating signs."""

    def operator(call: Call) -> Node:
        size = call.numbers(0, "size")[0]
        _check_length(size)
        dtype = _result_type(call)
        period = size if call.integer("periodic", 1) else size - 1
        angle = 2.0 * np.pi * np.arange(size) / max(1, period)
        terms = [(-1) ** k * a * np.cos(k * angle) for k, a in enumerate(coefficients)]
        return b.constant(np.sum(terms, axis=0).astype(dtype))

    return operator


def _check_length(size: int) -> None:
    require(size >= 1, "a size of {}", size)
    if size > MAX_FOLDED_ELEMENTS:
        raise Refused(f"a constant of {size} elements", f"at most {MAX_FOLDED_ELEMENTS}")


def _result_type(call: Call) -> np.dtype[np.generic]:
    number = call.integer("output_datatype", 1)
    if number not in DTYPES:
        raise Refused(f"{call.layer.op} of {type_name(number)}", "float32")
    return DTYPES[number]


def _mel_weights(call: Call) -> Node:
    """Return triangles over frequencies, evenly spaced in mel (MelWeightMatrix-17)."""
    bands, length, rate = (call.numbers(i, "number")[0] for i in range(3))
    low, high = (float(call.array(i, "edge").ravel()[0]) for i in (3, 4))
    rows = length // 2 + 1
    _check_length(bands)
    _check_length(length)
    _check_length(rows * bands)
    dtype = _result_type(call)
    require(rate >= 1 and 0.0 <= low < high, "edges of {} and {} Hz at {} Hz", low, high, rate)
    ends = [2595.0 * np.log10(1.0 + each / 700.0) for each in (low, high)]
    # the standard's own step leaves one band free at the upper edge: it divides by bands + 2
    mel = ends[0] + np.arange(bands + 2) * (ends[1] - ends[0]) / (bands + 2)
    hertz = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    edges = np.floor((length + 1) * hertz / rate)
    require(bool(edges[-1] < rows + 1), "the upper edge lies beyond {} Hz", rate / 2)
    left, center, right = edges[:-2], edges[1:-1], edges[2:]
    place = np.arange(rows)[:, None]
    rising = (place - left) / np.maximum(center - left, 1.0)
    falling = (right - place) / np.maximum(right - center, 1.0)
    flank = np.where((place >= left) & (place < center), rising, 0.0)
    flank = np.where((place >= center) & (place < right), falling, flank)
    return b.constant(np.where(place == center, 1.0, flank).astype(dtype))


TABLE: Table = {
    "DFT": _dft,
    "STFT": _stft,
    "HannWindow": _window(0.5, 0.5),
    "HammingWindow": _window(25.0 / 46.0, 21.0 / 46.0),
    "BlackmanWindow": _window(0.42, 0.5, 0.08),
    "MelWeightMatrix": _mel_weights,
}
