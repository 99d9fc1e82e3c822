"""The adders that the search found, once more in a better order.

A value that is used once is no sharing but two terms of the sum that uses it.  Written into that
sum they can be added in the order that makes adders narrow; the number of adders stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from inferon.passes.share.draft import Draft, Term
from inferon.passes.share.graph import Operand
from inferon.passes.share.sums import summed


class Rebuild:
    """A new draft with the values of an old one of which only those used often remain."""

    def __init__(self, old: Draft, new: Draft, rows: Sequence[Sequence[Term]]) -> None:
        """Add every shared value that the rows need to the new draft."""
        self._old, self._new = old, new
        self._uses = self._counted(rows)
        self._terms = [Term(value, 0, 1) for value in range(len(old.inputs))]
        for number, uses in enumerate(self._uses[len(old.inputs) :], start=len(old.inputs)):
            total = self.row(self._operands(number), old.depths[number]) if uses > 1 else None
            self._terms.append(total or Term(number, 0, 1))

    def row(
        self, terms: Sequence[Term], bound: int | None, also: Sequence[Term] = ()
    ) -> Term | None:
        """Append the sum of terms of the old draft, and also some of the new, and return it."""
        parts = [part for term in terms for part in self._parts(term)]
        return summed(self._new, [*parts, *also], bound)

    def _counted(self, rows: Sequence[Sequence[Term]]) -> list[int]:
        uses = [0] * len(self._old.ends)
        for row in rows:
            for term in row:
                uses[term.value] += 1
        for number in reversed(range(len(self._old.inputs), len(uses))):
            if uses[number]:
                for part in self._operands(number):
                    uses[part.value] += 1
        return uses

    def _operands(self, number: int) -> list[Term]:
        adder = self._old.adders[number - len(self._old.inputs)]
        return [_term(adder.left), _term(adder.right)]

    def _parts(self, term: Term) -> list[Term]:
        """Return the terms of the new draft that make a term of the old one."""
        value, shift, sign = term
        if value < len(self._old.inputs) or self._uses[value] > 1:
            known = self._terms[value]
            return [Term(known.value, known.shift + shift, known.sign * sign)]
        below = (Term(v, s + shift, g * sign) for v, s, g in self._operands(value))
        return [part for each in below for part in self._parts(each)]


def _term(operand: Operand) -> Term:
    return Term(operand.value, operand.shift, -1 if operand.negative else 1)
