"""How accurate an evaluator's float operations are: what a derived bound takes for granted.

``+ - * / sqrt fma`` are correctly rounded everywhere.  Two things differ from one evaluator to the
next: the order of sums, and the elementary functions.
"""

from __future__ import annotations

from dataclasses import dataclass

from inferon.ops import elementary
from inferon.ops.base import Elementary

FLUSHED = 2.0**-126
"""The smallest normal float32: a function may return 0 below it (DESIGN.md section 4)."""


@dataclass(frozen=True, slots=True)
class FunctionError:
    """The error of one elementary function: ``ulp`` units in the last place plus ``absolute``."""

    function: type[Elementary]
    ulp: float
    absolute: float = FLUSHED


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

    def of(self, op: Elementary) -> FunctionError:
        """Return the error of a function."""
        stated = FunctionError(type(op), op.ulp if self.ulp is None else self.ulp)
        return next((each for each in self.functions if isinstance(op, each.function)), stated)


OURS = Accuracy("inferon", strict_order=True)
"""The strict order, and our own functions within the ULP that each states."""

# Where the numbers are from: ONNX Runtime documents no accuracy.  Version 1.32 on x86-64 was
# measured on 8 million float32, uniform in bits and uniform over (-100, 100), (-5, 5), (-1, 1)
# (tests/unit/test_bound.py repeats a part of it): exp 0.86 ulp, log 3.41, sin 2.23, cos 1.92,
# erf 0.99; tanh and sigmoid are rational functions whose relative error is not bounded near
# their zeros: beyond 4 ulp they were off by at most 3.3e-7 and 1.8e-7.
_ORT_BOUNDED = 2.0**-20  # 9.5e-7, above three times 3.0e-7
ONNX_RUNTIME = Accuracy(
    "ONNX Runtime",
    strict_order=False,
    functions=(
        FunctionError(elementary.Tanh, 4.0, _ORT_BOUNDED),
        FunctionError(elementary.Sigmoid, 4.0, _ORT_BOUNDED),
    ),
    ulp=4.0,
)
"""ONNX Runtime on a CPU: any order, functions as measured."""
