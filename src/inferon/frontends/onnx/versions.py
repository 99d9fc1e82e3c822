"""Which definitions of an operator its function reads, by version of the operator set.

The functions follow the change log of ONNX from opset 11.  Many operators meant the same before:
those that did not change at all, and those whose change added a type, a default or an optional
input.  The others are refused by version.
"""

from __future__ import annotations

import onnx

from inferon.frontends.onnx.limits import FIRST_OPSET, LAST_OPSET
from inferon.frontends.onnx.operators import channels_last, qonnx

BROADCASTING = 7
"""Since opset 7 elementwise operators broadcast as numpy does; before, by an attribute."""

UNVERSIONED = frozenset((*qonnx.DOMAINS, channels_last.DOMAIN))
"""Domains that exporters use without importing them; there is one version of each."""

OLDER: dict[str, int] = {
    **dict.fromkeys(("ArgMax", "ArgMin", "Hardmax", "Softmax", "LogSoftmax"), BROADCASTING),
    **dict.fromkeys(("Concat", "Flatten", "Gather", "DepthToSpace", "Cast"), BROADCASTING),
    **dict.fromkeys(("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"), BROADCASTING),
    **dict.fromkeys(("Gemm", "MatMul", "PRelu", "BatchNormalization", "Dropout"), BROADCASTING),
    **dict.fromkeys(("Equal", "Greater", "Less", "Max", "Min", "Sum", "Mean"), BROADCASTING),
    **dict.fromkeys(("Squeeze", "Unsqueeze", "Split", "Constant"), BROADCASTING),
    **dict.fromkeys(("If", "Loop"), BROADCASTING),
    **dict.fromkeys((f"Reduce{name}" for name in ("Sum", "Mean", "Max", "Min")), BROADCASTING),
    **dict.fromkeys((f"Reduce{name}" for name in ("Prod", "L1", "L2")), BROADCASTING),
    **dict.fromkeys((f"Reduce{name}" for name in ("LogSum", "LogSumExp")), BROADCASTING),
    **{"ReduceSumSquare": BROADCASTING, "Scan": 8, "Scatter": 9, "Compress": 9, "OneHot": 9},
    **{"MaxUnpool": 9, "Upsample": 9, "Slice": 10, "TopK": 10, "NonMaxSuppression": 10},
}
"""First opset of operators whose definition at opset 11 came later than what is read, too."""


def is_read(op: str, version: int) -> bool:
    """Return whether the definition of a standard operator in an opset is one that is read."""
    if version > LAST_OPSET or version < 1:
        return False
    if version >= FIRST_OPSET:
        return True
    try:
        since = onnx.defs.get_schema(op, max_inclusive_version=FIRST_OPSET).since_version
    except onnx.defs.SchemaError:  # it came later
        return False
    return version >= min(since, OLDER.get(op, since))
