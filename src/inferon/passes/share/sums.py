"""The sum of the terms that nothing shares: a tree within the depth bound."""

from __future__ import annotations

from bisect import insort

from inferon.passes.share.draft import Draft, Term


def summed(draft: Draft, terms: list[Term]) -> Term | None:
    """Append the adders of a sum, the shallowest terms first, and return it; None of no terms.

    Adding the two shallowest terms first gives the least depth that a sum of them can have.
    """
    waiting = sorted((draft.depths[term.value], term.shift, term) for term in terms)
    while len(waiting) > 1:
        (*_, one), (*_, other) = waiting.pop(0), waiting.pop(0)
        total = draft.join(one, other)
        insort(waiting, (draft.depths[total.value], total.shift, total))
    return waiting[0][-1] if waiting else None
