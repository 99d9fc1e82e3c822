"""Quantizers for a float model: grids chosen from data, written into the graph as `IntQuant`.

Every step is a power of two, so that what `inferon.passes.exact` makes of the graph has the same
numbers.  Products and tables take narrow operands; sums, maxima and movements work on what comes
out of a product as it is, and what is rounded next is rounded once.
"""

from inferon.passes.quantizers.insert import Inserted, insert
from inferon.passes.quantizers.place import Grain, Key, Place, Role, Widths
from inferon.passes.quantizers.prepare import prepared

__all__ = ["Grain", "Inserted", "Key", "Place", "Role", "Widths", "insert", "prepared"]
