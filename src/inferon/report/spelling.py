"""How numbers are written in reports: as many digits as they are known to."""

from __future__ import annotations

from math import floor, isfinite, log10

from markupsafe import Markup

from inferon.physics.metrics import Estimate

SMALLEST_PLAIN = 1e-3
"""Numbers below are written with a power of ten."""

NONE = "–"
"""Where a table has no number."""


def thousands(number: float) -> str:
    """Return 12,345."""
    return f"{number:,.0f}"


def significant(number: float) -> Markup:
    """Return 0.0037, or 3.0 × 10⁻⁶ for what is smaller: two significant digits."""
    if number == 0.0 or abs(number) >= SMALLEST_PLAIN:
        return Markup("{}").format(f"{number:#.2g}".rstrip("."))
    mantissa, _, exponent = f"{number:.1e}".partition("e")
    power = f"{int(exponent)}".replace("-", "−")
    return Markup("{}\u202f×\u202f10<sup>{}</sup>").format(mantissa, power)


def estimate(found: Estimate | None, digits: int) -> str:
    """Return 0.8931 ± 0.0072."""
    if found is None or not isfinite(found.value):
        return NONE
    if not isfinite(found.error):
        return f"{found.value:.{digits}f}"
    return f"{found.value:.{digits}f} ± {found.error:.{digits}f}"


def rejection(found: Estimate | None) -> str:
    """Return 52.7 ± 6.6, to two digits of the error, at most two behind the point."""
    if found is None or not isfinite(found.value) or not isfinite(found.error):
        return NONE
    places = min(2, max(0, 1 - floor(log10(found.error)))) if found.error > 0 else 1
    return f"{found.value:,.{places}f} ± {found.error:,.{places}f}"


def minutes(number: float) -> str:
    """Return 3.2 min, or 2.1 h for what is longer than two hours."""
    return f"{number:.1f} min" if number < 120 else f"{number / 60:.1f} h"
