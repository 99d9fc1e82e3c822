"""Products with a constant matrix as adders that many outputs share.

A constant is a few signed digits, so a product with a constant matrix is a long list of sums of
shifted inputs.  `share` finds the sums that occur in many places, keeps the number of adders one
behind another within a bound, and returns an `AdderGraph`.  Only whole numbers and numpy are
needed here: the graph language is not.
"""

from inferon.passes.share.graph import Adder, AdderGraph, InputRange, Operand
from inferon.passes.share.solve import plain, share

__all__ = ["Adder", "AdderGraph", "InputRange", "Operand", "plain", "share"]
