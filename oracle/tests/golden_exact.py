"""Exact numbers and their rounding to float, by comparisons of fractions alone.

A finite output of BatchNorm is  numerator / (√radicand + shift) + offset  with fractions throughout. A
comparison with a fraction t multiplies by the positive denominator and then squares; nothing is approximated.
Values that are not finite are the floats INF, -INF and NAN; zero has no sign.
"""

import math
from collections import Counter
from fractions import Fraction
from functools import lru_cache

INF, NAN = math.inf, math.nan
NAN_BITS = 0x7FC00000
INF_CODE = 0x7F800000
# Largest float plus half its unit in the last place, 2^128 − 2^104 + 2^103: from here on results are
# infinite.
OVERFLOW = Fraction(2) ** 128 - Fraction(2) ** 103

# Contents of the corpus, counted while it is computed.
census = Counter()


def sign(q):
    return (q > 0) - (q < 0)


def sign_with_root(p, q, r):
    """Sign of p + q·√r for r >= 0."""
    first, second = sign(p), sign(q) * sign(r)
    if second == 0 or first == second:
        return first
    if first == 0:
        return second
    return first * sign(p * p - q * q * r)


class Exact:
    """numerator / (√radicand + shift) + offset, where √radicand + shift > 0."""

    def __init__(self, numerator, radicand, shift, offset):
        self.numerator, self.radicand, self.shift, self.offset = numerator, radicand, shift, offset

    def compare(self, t):
        """Sign of (self - t)."""
        gap = self.offset - t
        return sign_with_root(self.numerator + gap * self.shift, gap, self.radicand)


def rational(q):
    return Exact(Fraction(0), Fraction(0), Fraction(1), q)


def is_square(q):
    return math.isqrt(q.numerator) ** 2 == q.numerator and math.isqrt(q.denominator) ** 2 == q.denominator


@lru_cache(maxsize=None)
def float_of_code(code):
    """Non-negative finite float with these bits."""
    biased, fraction = code >> 23, code & 0x7FFFFF
    if biased == 0:
        return Fraction(fraction, 2**149)
    return Fraction(0x800000 | fraction) * Fraction(2) ** (biased - 150)


def nearest(value):
    """Bits of the float nearest to `value` (an Exact, INF, -INF or NAN), ties to even; and events to count."""
    if not isinstance(value, Exact):
        return (NAN_BITS if math.isnan(value) else INF_CODE | (0x80000000 if value < 0 else 0)), ()
    s = value.compare(0)
    if s == 0:
        return 0, ("exact zeros",)
    sign_bit = 0x80000000 if s < 0 else 0

    def compare_magnitude(t):
        return value.compare(t) if s > 0 else -value.compare(-t)

    overflow = compare_magnitude(OVERFLOW)
    if overflow >= 0:
        return INF_CODE | sign_bit, ("overflows",) if overflow > 0 else ("overflows", "ties")
    # Largest finite float that is not above the magnitude.
    low, high = 0, INF_CODE
    while high - low > 1:
        middle = (low + high) // 2
        if compare_magnitude(float_of_code(middle)) >= 0:
            low = middle
        else:
            high = middle
    if low == INF_CODE - 1:
        return low | sign_bit, ()  # below the overflow threshold
    order = compare_magnitude((float_of_code(low) + float_of_code(low + 1)) / 2)
    code = low + 1 if order > 0 or (order == 0 and low % 2 == 1) else low
    events = ("ties",) if order == 0 else ()
    if code == 0:
        events += ("nonzero results rounded to zero",)
    elif code < 0x800000:
        events += ("subnormal results",)
    return code | sign_bit, events


def round_bits(value):
    """`nearest` for an element of an answer, which the census counts."""
    bits, events = nearest(value)
    census.update(events)
    return bits


def decode(bits):
    """A float's bits as Fraction, INF, -INF or NAN; both zeros are 0."""
    code = bits & 0x7FFFFFFF
    if code > INF_CODE:
        return NAN
    if code == INF_CODE:
        return -INF if bits >> 31 else INF
    return -float_of_code(code) if bits >> 31 else float_of_code(code)


@lru_cache(maxsize=None)
def encode_nonzero(q):
    return nearest(rational(q))[0]


def encode(value):
    """Bits of the float nearest to a Python number; -0.0 keeps its sign."""
    if isinstance(value, float) and not math.isfinite(value):
        return nearest(value)[0]
    if value == 0:
        return 0x80000000 if math.copysign(1, value) < 0 else 0
    return encode_nonzero(Fraction(value))


def fl32(value):
    """The float nearest to a finite number: a Fraction, or an infinity."""
    return decode(encode(value))


# ---- the extended reals with one zero: 0·∞, ∞ − ∞ and ∞/∞ are NaN


def is_finite(a):
    return isinstance(a, (Fraction, int)) or math.isfinite(a)


def extended_product(a, b):
    if is_finite(a) and is_finite(b):
        return a * b
    if a != a or b != b or sign(a) * sign(b) == 0:
        return NAN
    return INF * (sign(a) * sign(b))


def extended_sum(a, b):
    if is_finite(a) and is_finite(b):
        return a + b
    if is_finite(a):
        return b
    if is_finite(b):
        return a
    return a if a == b else NAN
