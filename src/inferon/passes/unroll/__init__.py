"""From tensors to wires: an exact graph as scalars."""

from inferon.passes.unroll.adders import Sharing
from inferon.passes.unroll.unroll import Port, Unrolled, unroll
from inferon.passes.unroll.wiring import wire_type

__all__ = ["Port", "Sharing", "Unrolled", "unroll", "wire_type"]
