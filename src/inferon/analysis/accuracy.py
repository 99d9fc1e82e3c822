"""How accurate an evaluator's float operations are: what a derived bound takes for granted.

``+ - * / sqrt fma`` are correctly rounded everywhere.  Two things differ from one evaluator to the
next: the order of sums, and the elementary functions.
"""

from __future__ import annotations

from dataclasses import dataclass

from inferon.ir.types import FLOAT32, FLOAT64, Element
from inferon.ops import elementary, elementary_inverse
from inferon.ops.base import Elementary

FLUSHED = 2.0**-126
"""The smallest normal float32: a function may return 0 below it (DESIGN.md section 4)."""


@dataclass(frozen=True, slots=True)
class FunctionError:
    """The error of one elementary function: ``ulp`` units in the last place plus ``absolute``."""

    function: type[Elementary]
    ulp: float
    absolute: float = FLUSHED
    element: Element = FLOAT32


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What is known about an evaluator.

    Attributes
    ----------
    name : for messages
    strict_order : sums and products follow the graph's strands, and fma is where the graph has it;
        otherwise any order, products may be rounded before they are added, and a quotient may be a
        product with the reciprocal
    functions : errors of elementary functions
    ulp : of the functions not listed; None for what each operator states
    """

    name: str
    strict_order: bool
    functions: tuple[FunctionError, ...] = ()
    ulp: float | None = None

    def of(self, op: Elementary, element: Element) -> FunctionError:
        """Return the error of a function in a format."""
        for each in self.functions:
            if isinstance(op, each.function) and element == each.element:
                return each
        ulp = op.ulp_in(element) if self.ulp is None else self.ulp
        return FunctionError(type(op), ulp, FLUSHED if element == FLOAT32 else 0.0, element)


OURS = Accuracy("inferon", strict_order=True)
"""The strict order, and our own functions within the ULP that each states."""

# Where the numbers are from: ONNX Runtime documents no accuracy.  Version 1.32 on x86-64 was
# measured on 8 million float32, uniform in bits and uniform over (-100, 100), (-5, 5), (-1, 1)
# (tests/unit/test_bound.py repeats a part of it): exp 0.86 ulp, log 3.41, sin 2.23, cos 1.92,
# erf 0.99; tanh and sigmoid are rational functions whose relative error is not bounded near
# their zeros: beyond 4 ulp they were off by at most 3.3e-7 and 1.8e-7.  Of the inverse functions
# acos was off by up to 4.3 ulp, asin 4.1, atan 3.6; tan, sinh, cosh, asinh, acosh, atanh by 2.0.
# In float64, on 2 million: exp 1.7 ulp, log 1.5; tanh 7.5; sigmoid, sin and cos were off by up to
# 1.7e-16, 6.3e-16 and 6.3e-16 near their zeros.
_ORT_BOUNDED = 2.0**-20  # 9.5e-7, above three times 3.0e-7
_ORT_BOUNDED64 = 2.0**-49  # 1.8e-15, about three times 6.3e-16
ONNX_RUNTIME = Accuracy(
    "ONNX Runtime",
    strict_order=False,
    functions=(
        FunctionError(elementary.Tanh, 4.0, _ORT_BOUNDED),
        FunctionError(elementary.Sigmoid, 4.0, _ORT_BOUNDED),
        FunctionError(elementary_inverse.Asin, 8.0),
        FunctionError(elementary_inverse.Acos, 8.0),
        *(
            FunctionError(function, 4.0, _ORT_BOUNDED64, FLOAT64)
            for function in (elementary.Tanh, elementary.Sigmoid, elementary.Trigonometric)
        ),
    ),
    ulp=4.0,
)
"""ONNX Runtime on a CPU: any order, functions as measured."""
