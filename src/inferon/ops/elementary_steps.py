"""Steps that the programs of the elementary functions share; each works for both formats.

Reduction of an argument to a small one, polynomials, and signs by their bit.
"""

from __future__ import annotations

import math

from inferon.ir.node import Node
from inferon.ops.build import (
    add,
    bit_and,
    bit_or,
    bit_xor,
    bitcast,
    cast,
    constant_like,
    div,
    equal,
    fma,
    less,
    less_equal,
    maximum,
    minimum,
    mul,
    neg,
    select,
    shift_left,
    shift_right,
    sub,
)
from inferon.ops.elementary_format import format_of


def bits(x: Node) -> Node:
    """Return the bits of a float as an int."""
    return bitcast(x, format_of(x).integer)


def float_of(bits: Node) -> Node:
    """Return the float that has the bits of an int."""
    return bitcast(bits, format_of(bits).element)


def with_sign_of(x: Node, magnitude: Node) -> Node:
    """Return a magnitude, whose sign bit is clear, with the sign of ``x``."""
    return keep_sign_of(x, magnitude)


def keep_sign_of(x: Node, value: Node) -> Node:
    """Return a value that has the sign of ``x`` unless it is 0, and now then, too."""
    return float_of(bit_or(bits(value), sign_of(x)))


def sign_of(x: Node) -> Node:
    """Return the sign bit of a float."""
    return bit_and(bits(x), format_of(x).sign_bit)


def negative(x: Node) -> Node:
    """Return -abs(x)."""
    return float_of(bit_or(bits(x), format_of(x).sign_bit))


def no_more_than(magnitude: Node, end: float) -> Node:
    """Return the smaller of a magnitude and a number, by their bits; the number for NaN.

    Positive floats are in the order of their bits, and the smaller of two ints is found faster.
    """
    return float_of(minimum(bits(magnitude), bits(constant_like(magnitude, end))))


def flip_sign(x: Node, sign_bit: Node) -> Node:
    """Return -x where the bit is set."""
    return float_of(bit_xor(bits(x), sign_bit))


def polynomial(x: Node, coefficients: tuple[float, ...]) -> Node:
    """Return c[0] + c[1] x + c[2] x^2 ... by Horner's rule, one fma for each step."""
    value = fma(coefficients[-1], x, coefficients[-2])
    for each in coefficients[-3::-1]:
        value = fma(value, x, each)
    return value


def odd(x: Node, coefficients: tuple[float, ...]) -> Node:
    """Return x + x^3 p(x^2)."""
    square = mul(x, x)
    return fma(mul(square, x), polynomial(square, coefficients), x)


# ------------------------------------------------------------------------ exponentials


def exp_reduced(x: Node, rounder: float) -> tuple[Node, Node, Node]:
    """Return rounder + n, n and r = x - n ln 2, for n the integer nearest to x / ln 2."""
    format = format_of(x)
    high, low = format.ln2
    count = fma(x, format.log2_e, rounder)
    n = sub(count, rounder)
    return count, n, fma(n, -low, fma(n, -high, x))


def exp_near_zero(r: Node) -> Node:
    """Return e^r for |r| <= ln(2)/2."""
    return fma(fma(polynomial(r, format_of(r).exp), r, 1.0), r, 1.0)


def exp_moderate(x: Node) -> Node:
    """Return e^x where 2^-126 <= e^x <= 2^127 (-1022 and 1023 in float64), and NaN for NaN.

    Elsewhere it has no meaning.  The rounder carries the bias of the exponent, so that the low
    bits of n + rounder, shifted up, are the float 2**n.
    """
    format = format_of(x)
    count, _, r = exp_reduced(x, format.rounder + format.bias)
    return mul(exp_near_zero(r), float_of(shift_left(bits(count), format.mantissa_bits)))


def exp_inside(x: Node) -> Node:
    """Return e^x where that is a normal number; elsewhere it has no meaning, nor for NaN."""
    format = format_of(x)
    count, _, r = exp_reduced(x, format.rounder)
    return times_two_to(exp_near_zero(r), count)


def exp2_of_product(a: Node, b: Node) -> Node:
    """Return 2^(a b) where that is a normal number, without a rounding of the product.

    Elsewhere it has no meaning, nor for NaN.
    """
    format = format_of(a)
    count = fma(a, b, format.rounder)
    r = fma(a, b, sub(format.rounder, count))
    return times_two_to(fma(polynomial(r, format.exp2), r, 1.0), count)


def times_two_to(x: Node, count: Node) -> Node:
    """Return x 2^n, with rounder + n for n, by the bits: both are normal numbers."""
    return float_of(add(bits(x), shift_left(bits(count), format_of(x).mantissa_bits)))


def exp_wide(x: Node, halvings: int = 0) -> Node:
    """Return e^x / 2^halvings for any x: subnormal, 0 and infinite where it has to be."""
    format = format_of(x)
    reach = format.exp_reach
    count, _, r = exp_reduced(minimum(maximum(x, -reach), reach), format.rounder)
    return times_power(exp_near_zero(r), count, halvings)


def times_power(x: Node, count: Node, halvings: int = 0) -> Node:
    """Return x 2^n, with rounder + n for n, in two steps: 2^n itself may be out of range."""
    format = format_of(x)
    n = sub(bits(count), format.rounder_bits + halvings)
    first = shift_right(n, 1)
    return mul(mul(x, power_of_two(first)), power_of_two(sub(n, first)))


def power_of_two(n: Node) -> Node:
    """Return 2^n for an int n in the range of the exponents."""
    format = format_of(n)
    return float_of(shift_left(add(n, format.bias), format.mantissa_bits))


# ------------------------------------------------------------------------ logarithms


def split(normal: Node) -> tuple[Node, Node]:
    """Return the bits of n, shifted to their place, and m, with x = 2^n m and 2/3 <= m < 4/3.

    So n = 0 for x near 1: nothing cancels there.
    """
    format = format_of(normal)
    all_bits = bits(normal)
    exponent_bits = bit_and(sub(all_bits, format.two_thirds_bits), format.exponent_and_sign)
    return exponent_bits, float_of(sub(all_bits, exponent_bits))


def exponent_of(exponent_bits: Node, shift: Node | float = 0.0) -> Node:
    """Return n + shift as a float."""
    format = format_of(exponent_bits)
    scale = 2.0**-format.mantissa_bits
    return fma(cast(exponent_bits, format.element), scale, shift)


def log_of_parts(n: Node, f: Node, low: Node | None = None) -> Node:
    """Return n ln 2 + ln(1 + f) + low for -1/3 <= f <= 1/3; low is about a rounding error."""
    format = format_of(f)
    ln2_high, ln2_low = format.ln2
    if format.log:
        square = mul(f, f)
        series = polynomial(f, format.log)
        if low is None:
            return fma(n, ln2_high, fma(square, series, f))
        return fma(n, ln2_high, add(f, fma(square, series, low)))
    # ln(1 + f) = 2 artanh(s) = 2 s + s r(s^2) with s = f / (2 + f); 2 s = f - s f, and
    # s f = f^2/2 - s f^2/2, so that the rounding errors of s count for little
    s = div(f, add(f, 2.0))
    z = mul(s, s)
    half_square = mul(mul(f, 0.5), f)
    r = mul(z, polynomial(z, format.log_series))
    rest = sub(mul(s, add(half_square, r)), half_square)
    rest = rest if low is None else add(rest, low)
    return fma(n, ln2_high, add(f, fma(n, ln2_low, rest)))


def log_at_ends(x: Node, inside: Node) -> Node:
    """Return a logarithm of x: what is given for positive numbers; infinity and NaN elsewhere."""
    not_positive = select(equal(x, 0.0), constant_like(x, -math.inf), math.nan)
    number = select(less(0.0, x), inside, not_positive)
    return select(less(x, math.inf), number, x)  # infinity and NaN stay


def log_one_plus(x: Node, doublings: Node | None = None) -> Node:
    """Return ln(1 + x), plus ``doublings`` times ln 2; -infinity at -1, NaN below."""
    u = add(x, 1.0)
    lost = select(less(1.0, x), sub(1.0, sub(u, x)), sub(x, sub(u, 1.0)))  # 1 + x = u + lost
    exponent_bits, m = split(u)
    near = equal(exponent_bits, 0)
    n = exponent_of(exponent_bits)
    f = select(near, x, sub(m, 1.0))
    low = select(near, 0.0, div(lost, u))
    return log_at_ends(u, log_of_parts(n if doublings is None else add(n, doublings), f, low))


# ------------------------------------------------------------------------ angles


def angle_reduced(magnitude: Node) -> tuple[Node, Node, Node]:
    """Return n in the low bits of an int, and r and a small error with x = n pi/2 + r + error.

    n is an integer near x / (pi/2), and abs(r) is below 1.22 pi/4: 2/pi is rounded, which moves n
    by up to 0.11 where x is near the limit.  Beyond the limit x is taken as 0.
    """
    format = format_of(magnitude)
    nothing = mul(magnitude, 0.0)  # NaN for infinity and NaN
    x = select(less_equal(magnitude, format.largest_angle), magnitude, nothing)
    count = fma(x, format.two_over_pi, format.rounder)
    n = sub(count, format.rounder)
    high, middle, low = format.half_pi
    first = fma(n, -high, x)  # exact: below 2 and, where n > 0, a multiple of high's last bit
    step = mul(n, middle)
    r = sub(first, step)
    lost_in_r = sub(sub(first, r), step)  # exact: ``first`` is a multiple of the last bit of step
    lost_in_step = fma(n, -middle, step)  # exact
    return bits(count), r, fma(n, -low, add(lost_in_r, lost_in_step))


def sine_and_cosine(r: Node, error: Node) -> tuple[Node, Node]:
    """Return sin(r + error) and cos(r), where the error does not matter."""
    format = format_of(r)
    square = mul(r, r)
    sine = add(r, fma(mul(r, square), polynomial(square, format.sin), error))
    return sine, fma(polynomial(square, format.cos), square, 1.0)


def sine_and_cosine_with_rests(
    r: Node, error: Node
) -> tuple[tuple[Node, Node], tuple[Node, Node]]:
    """Return sin(r + error) and cos(r + error), each with what its last rounding lost."""
    format = format_of(r)
    square = mul(r, r)
    tail = fma(mul(r, square), polynomial(square, format.sin), error)
    sine = add(r, tail)
    series = polynomial(square, format.cos)
    cosine = fma(series, square, 1.0)
    cosine_rest = fma(neg(r), error, fma(series, square, sub(1.0, cosine)))
    return (sine, add(sub(r, sine), tail)), (cosine, cosine_rest)


def quarter_wave(quarter: Node, r: Node, error: Node) -> Node:
    """Return sin(quarter pi/2 + r + error)."""
    sine, cosine = sine_and_cosine(r, error)
    even = equal(bit_and(quarter, 1), 0)
    to_sign = format_of(r).element.bits - 2
    return flip_sign(select(even, sine, cosine), shift_left(bit_and(quarter, 2), to_sign))
