"""Bounds that are checked before anything is allocated: what a hostile file may cost.

They keep the reading of any file under 5 s and 1 GB, and are far above every trigger model.
"""

from __future__ import annotations

MAX_FILE_BYTES = 1 << 27
"""Bytes of a model file, and of its external data: file, its copies and arrays stay below 1 GB."""

MAX_LAYERS = 50_000
"""Layers in one model, branches and bodies included; 50,000 take seconds to walk."""

MAX_DEPTH = 12
"""Graphs inside each other (If in Loop in If ...); exporters write three."""

MAX_UNROLLED_LAYERS = 10_000
"""Layers of branches and loop bodies that are translated, all turns of all loops together."""

MAX_TURNS = 10_000
"""Turns of a loop that stays a loop, with those of the loops in it: about a second for so many
small ones in the interpreter, which compares events at import."""

MAX_RANK = 16
"""Axes of one tensor; numpy itself stops at 64, and no known model has more than 8."""

MAX_TENSOR_ELEMENTS = 1 << 24
"""Elements of one value of one event: 128 MB in float64."""

MAX_BATCH_ELEMENTS = 1 << 26
"""Elements of all values together while events are compared with a batch: 512 MB in float64."""

MAX_COMPARED_TURNS = 1 << 22
"""Nodes of loops that are computed one by one while events are compared: minutes, as it stands."""

MAX_FOLDED_ELEMENTS = 1 << 22
"""Elements of a constant that is computed at import; beyond it the layer stays in the graph."""

MAX_FOLDED_PRODUCTS = 1 << 22
"""Multiplications in a product of constants that is computed at import: about a second."""

MAX_NAME_LETTERS = 1 << 16
"""Letters of one name in the file."""

MAX_ATTRIBUTE_VALUES = 1 << 20
"""Numbers in one attribute."""

FIRST_OPSET, LAST_OPSET = 11, 28
"""Versions of the operator set whose change log this front-end follows."""
