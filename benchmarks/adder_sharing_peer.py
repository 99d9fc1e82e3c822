"""The same products by da4ml: runs in an environment of its own, without Inferon.

Reads matrices as JSON from standard input and writes what ``da4ml.cmvm.solve`` made of each for
every delay setting: adders as pairs of [value, shift, sign], and outputs.
"""

import json
import sys
import time
from typing import Any

import numpy as np
from da4ml.cmvm import solve

Operand = tuple[int, int, int]


def stage(logic: Any, inputs: list[Any], adders: list[Any], first: int) -> list[Operand | None]:
    """Append one stage's adders and return its outputs."""
    values: list[Operand] = []
    for op in logic.ops:
        if op.opcode == -1:  # a copy of an input
            value, shift, sign = inputs[op.id0]
            values.append((value, shift + logic.inp_shifts[op.id0], sign))
            continue
        if op.opcode not in (0, 1):
            raise ValueError(f"a linear product with the operation {op.opcode}")
        value, shift, sign = values[op.id1]
        adders.append((values[op.id0], (value, shift + op.data, -sign if op.opcode else sign)))
        values.append((first + len(adders) - 1, 0, 1))
    outputs: list[Operand | None] = []
    for number, shift, negative in zip(
        logic.out_idxs, logic.out_shifts, logic.out_negs, strict=True
    ):
        if number < 0:
            outputs.append(None)
            continue
        value, below, sign = values[number]
        outputs.append((value, below + shift, -sign if negative else sign))
    return outputs


def solved(matrix: list[list[int]], low: int, high: int, delay: int) -> dict[str, Any]:
    """Return da4ml's graph of a matrix (outputs, inputs); its costs are of bits, as ours."""
    kernel = np.ascontiguousarray(np.array(matrix, dtype=np.float32).T)
    ranges = [(float(low), float(high), 1.0)] * len(matrix[0])
    start = time.process_time()
    found = solve(kernel, hard_dc=delay, qintervals=ranges, adder_size=1, carry_size=-1)
    seconds = time.process_time() - start
    values: list[Any] = [(number, 0, 1) for number in range(len(matrix[0]))]
    adders: list[Any] = []
    for logic in found.solutions:
        values = stage(logic, values, adders, len(matrix[0]))
    return {"seconds": seconds, "cost": found.cost, "adders": adders, "outputs": values}


def main() -> None:
    asked = json.load(sys.stdin)
    json.dump([solved(**each) for each in asked], sys.stdout)


if __name__ == "__main__":
    main()
