"""The constant arrays of a project: weights and entries of tables, each once."""

from __future__ import annotations

from dataclasses import dataclass, field

from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.ops.structure import Const
from inferon.ops.table import Table
from inferon.targets.hls.code import Constant
from inferon.targets.hls.naming import stem


@dataclass(slots=True)
class Constants:
    """The constant arrays of a project; mutable because functions bring them."""

    found: dict[Const | Table, Constant] = field(default_factory=dict)

    def array(self, node: Node) -> str:
        """Return the name of a constant's array."""
        op = node.op
        assert isinstance(op, Const)
        remark = ", ".join(filter(None, (str(node.type), node.origin)))
        return self._name(op, f"{stem(node.origin, 'constant')}_c", op.values.array, remark)

    def table(self, node: Node) -> str:
        """Return the name of a table's entries."""
        op = node.op
        assert isinstance(op, Table)
        entries = f"an entry for each {node.inputs[0].type.element}, beginning with the lowest"
        remark = ", ".join(filter(None, (entries, node.origin)))
        return self._name(op, f"{stem(node.origin, 'table')}_c", op.entries.array, remark)

    def _name(self, key: Const | Table, name: str, values: Array, remark: str) -> str:
        if key not in self.found:
            whole = tuple(int(value) for value in values.ravel().tolist())
            name = f"{name}{len(self.found)}"
            self.found[key] = Constant(name, key.element, whole, remark)
        return self.found[key].name
