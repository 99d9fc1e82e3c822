"""Exact graphs: a quantized float model as integers, with floats at the rim only.

Every value is read as ``whole number * step``.  Multiplying by a constant changes the step, linear
operators compute on the whole numbers, and the only place where bits are lost is a rounding: there
the step of what comes in, divided by the step of what goes out, is one constant multiplication.
"""

from inferon.passes.exact.walk import Exact, Quantizer, exact_graph

__all__ = ["Exact", "Quantizer", "exact_graph"]
