"""The sum of terms that nothing shares: a tree of narrow adders within a depth bound."""

from __future__ import annotations

from bisect import insort

from inferon.passes.share.cost import width
from inferon.passes.share.draft import Draft, Term

_Waiting = list[tuple[int, Term]]
"""Terms with the position above their highest bit, the lowest first."""


def summed(draft: Draft, terms: list[Term], bound: int | None) -> Term | None:
    """Append the adders of a sum and return it; None of no terms.

    The two terms that reach least high are added first, so that adders are narrow.  Where that
    would make the tree deeper than `bound`, the next two that do not are.
    """
    waiting = sorted((_top(draft, term), term) for term in terms)
    room = None if bound is None else (1 << bound) - sum(draft.load(term) for term in terms)
    while len(waiting) > 1:
        first, second, taken = _next(draft, waiting, room)
        (_, other), (_, one) = waiting.pop(second), waiting.pop(first)
        if room is not None:
            room -= taken
        total = draft.join(one, other)
        insort(waiting, (_top(draft, total), total))
    return waiting[0][1] if waiting else None


def _next(draft: Draft, waiting: _Waiting, room: int | None) -> tuple[int, int, int]:
    """Return the places of the two terms to add, and the room that they take.

    There is always such a pair: the room is right for the two shallowest terms.
    """
    loads = [draft.load(term) for _, term in waiting]
    for second in range(1, len(waiting)):
        fitting = [
            (draft.luts(waiting[first][1], waiting[second][1]), first)
            for first in range(second)
            if room is None or abs(loads[first] - loads[second]) <= room
        ]
        if fitting:
            _, first = min(fitting)
            return first, second, abs(loads[first] - loads[second])
    raise AssertionError("a sum does not fit into its depth bound")


def _top(draft: Draft, term: Term) -> int:
    return term.shift + width(draft.ends[term.value])
