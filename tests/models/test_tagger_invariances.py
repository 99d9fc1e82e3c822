"""What a tagger may not see: the order of a set, empty slots, where in phi the jet is.

Every tagger of the catalog is held against it, in float64.  The only differences allowed are those
of rounding, whose size is measured: evaluated in float32, the same tagger on the same jets differs
from float64 by rounding alone, and float64 rounds ``2**29`` times finer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from math import pi

import numpy as np
import pytest

from tests.absent import require_package

torch = require_package("torch")

from torch import Tensor  # noqa: E402

from inferon.models.jets import frame  # noqa: E402
from inferon.models.jets.catalog import CATALOG  # noqa: E402
from inferon.models.jets.tagger import Tagger  # noqa: E402
from tests.models.some_jets import (  # noqa: E402
    NO_PARTICLES,
    PARTICLE_TAGGERS,
    Array,
    in_range,
    small,
    some_jets,
)

ORDERED = frozenset({"mixer", "autoencoder"})
"""Taggers whose weights belong to the rank of a particle in pT."""

SLOTS, JETS = 24, 48

FINER = 2.0**-29
"""The unit of float64 over that of float32."""

RESERVE = 16.0
"""The largest of the some 200 differences in float32 stands for a sixteenth of any."""

JETS_AT_HAND = some_jets(JETS, SLOTS)

each_tagger = pytest.mark.parametrize("name", PARTICLE_TAGGERS)
each_set = pytest.mark.parametrize("name", [n for n in PARTICLE_TAGGERS if n not in ORDERED])


@dataclass(frozen=True)
class Reference:
    """A tagger, its scores in float64, and how far rounding may change them."""

    tagger: Tagger
    scores: Array
    bound: Array

    def worst(self, changed: Array) -> float:
        """Return the largest difference of other jets' scores in units of its bound."""
        return float((np.abs(logits(self.tagger, changed) - self.scores) / self.bound).max())


@cache
def reference(name: str) -> Reference:
    tagger = small(name, SLOTS)
    with torch.no_grad():
        rough = tagger.logits(torch.from_numpy(JETS_AT_HAND.astype(np.float32))).numpy()
    exact = logits(tagger.double(), JETS_AT_HAND)
    bound = RESERVE * FINER * np.abs(rough - exact).max(axis=0)
    # or no test could fail: jets differ by far more than that
    assert (exact.std(axis=0) > 1e4 * bound).all()
    return Reference(tagger, exact, bound)


def logits(tagger: Tagger, raw: Array) -> Array:
    with torch.no_grad():
        return np.asarray(tagger.logits(torch.from_numpy(raw)).numpy())


def shuffled(raw: Array) -> Array:
    """Return the jets with their particles in another order; padding stays last."""
    rng = np.random.default_rng(5)
    changed = raw.copy()
    for jet in changed:
        particles = int((jet[:, 0] > 0.0).sum())
        jet[:particles] = jet[rng.permutation(particles)]
    return changed


def turned(raw: Array, angle: float) -> Array:
    """Return the jets rotated about the beam; their particles stay in [-pi, pi]."""
    changed = raw.copy()
    changed[:, :, 2] = np.where(raw[:, :, 0] > 0.0, in_range(raw[:, :, 2] + angle), 0.0)
    return changed


def at_the_seam(raw: Array) -> Array:
    """Return the jets turned so that each one's leading particle is at pi."""
    changed = raw.copy()
    phi = in_range(raw[:, :, 2] - raw[:, :1, 2] + pi)
    changed[:, :, 2] = np.where(raw[:, :, 0] > 0.0, phi, 0.0)
    assert (np.ptp(changed[:, :, 2], axis=1) > pi).mean() > 0.75  # they lie on both sides
    return changed


def test_every_tagger_is_known_here() -> None:
    assert set(PARTICLE_TAGGERS) >= ORDERED
    assert {NO_PARTICLES, *PARTICLE_TAGGERS} == set(CATALOG)


@each_set
def test_the_order_of_the_particles_does_not_matter(name: str) -> None:
    assert reference(name).worst(shuffled(JETS_AT_HAND)) <= 1.0


@pytest.mark.parametrize("name", sorted(ORDERED))
def test_where_weights_belong_to_ranks_the_order_matters(name: str) -> None:
    assert reference(name).worst(shuffled(JETS_AT_HAND)) > 1e4


@each_set
def test_more_slots_do_not_matter(name: str) -> None:
    known, larger = reference(name), small(name, SLOTS + 8).double()
    larger.load_state_dict(known.tagger.state_dict())
    wider = np.pad(JETS_AT_HAND, ((0, 0), (0, 8), (0, 0)))
    assert (np.abs(logits(larger, wider) - known.scores) <= known.bound).all()


@each_tagger
def test_angles_in_empty_slots_do_not_matter(name: str) -> None:
    """A slot is empty when its pT is zero, whatever else it holds; to the bit."""
    filled = JETS_AT_HAND.copy()
    empty = filled[:, :, 0] == 0.0
    filled[empty, 1:3] = np.random.default_rng(2).uniform(-3.0, 3.0, (int(empty.sum()), 2))
    known = reference(name)
    assert np.array_equal(logits(known.tagger, filled), known.scores)


@each_tagger
def test_where_in_phi_a_jet_is_does_not_matter(name: str) -> None:
    for angle in (0.5, pi / 2.0, pi, -2.5):
        assert reference(name).worst(turned(JETS_AT_HAND, angle)) <= 1.0


@each_tagger
def test_the_seam_of_phi_does_not_matter(name: str) -> None:
    assert reference(name).worst(at_the_seam(JETS_AT_HAND)) <= 1.0


def test_a_forgotten_wrap_is_seen_at_the_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    known = reference("deep-sets")
    monkeypatch.setattr(frame, "wrap", lambda angle: angle)
    assert known.worst(at_the_seam(JETS_AT_HAND)) > 1e4


def test_a_forgotten_mask_is_seen_by_more_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deep Sets with the mean over all slots sees how many there are."""
    tagger = reference("deep-sets").tagger
    view = frame.JetFrame.forward

    def without_mask(self: frame.JetFrame, raw: Tensor) -> frame.JetView:
        seen = view(self, raw)
        return replace(seen, mask=torch.ones_like(seen.mask))

    monkeypatch.setattr(frame.JetFrame, "forward", without_mask)
    wider = np.pad(JETS_AT_HAND, ((0, 0), (0, 8), (0, 0)))
    difference = np.abs(logits(tagger, JETS_AT_HAND) - logits(tagger, wider))
    assert (difference.max(axis=0) > 1e4 * reference("deep-sets").bound).all()


@each_tagger
def test_empty_lone_and_full_jets_have_finite_scores(name: str) -> None:
    raw = some_jets(4, SLOTS).astype(np.float32)
    raw[1] = 0.0
    raw[2, 1:] = 0.0
    raw[3, :, 1:3] = 0.0  # all particles on the axis
    tagger = small(name, SLOTS)
    with torch.no_grad():
        result = tagger(torch.from_numpy(raw)).numpy()
    assert result.shape == (4, 1 if name == "autoencoder" else 5)
    assert np.isfinite(result).all()
    if result.shape[1] > 1:  # rounding of a softmax of five
        assert (np.abs(result.sum(axis=1) - 1.0) < 5.0 * 2.0**-23).all()


@each_tagger
def test_odd_jets_leave_the_gradients_finite(name: str) -> None:
    raw = some_jets(8, SLOTS).astype(np.float32)
    raw[1] = 0.0
    raw[2, 1:] = 0.0
    tagger = small(name, SLOTS).train()
    tagger.loss(torch.from_numpy(raw), torch.tensor([0, 1, 0, 1, 2, 3, 4, 0])).backward()
    gradients = [weight.grad for weight in tagger.parameters() if weight.grad is not None]
    assert gradients
    assert all(bool(torch.isfinite(each).all()) for each in gradients)
