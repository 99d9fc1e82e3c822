"""The named pipelines: which passes lead to which target."""

from __future__ import annotations

from inferon.passes.decompose import DECOMPOSE
from inferon.passes.firmware import FIRMWARE
from inferon.passes.fold import FOLD
from inferon.passes.in_float import IN_FLOAT
from inferon.passes.turns import TURNS
from inferon.pipeline import Pipeline

CPU = Pipeline("cpu", (DECOMPOSE, IN_FLOAT, FOLD))
"""From a source model to what the C++ target prints, bit for bit."""

RTL = Pipeline("rtl", (DECOMPOSE, TURNS, FOLD, FIRMWARE))
"""From an exact graph to one whose tensors become wires, bit for bit."""

HLS = Pipeline("hls", (FOLD,))
"""From the core of an exact graph to what the HLS target prints, bit for bit."""
