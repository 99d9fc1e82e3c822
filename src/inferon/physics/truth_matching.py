"""Which jets are what their process says: the match between a jet and the particle it comes from.

A jet of a ``q`` event may stem from a radiated gluon, and a top quark's jet may have lost a prong.
Such jets carry the wrong or half a label.  A sample keeps them, flagged, so that numbers on clean
jets and on all jets can both be quoted; the fraction that is clean is published with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inferon.physics.jet_classes import JetClass, JetCuts
from inferon.physics.kinematics import delta_r

Direction = tuple[float, float]
"""Rapidity and azimuth [rad]."""


@dataclass(frozen=True, slots=True)
class TruthParticle:
    """A parton of the hard process, or the last copy of a boson or top quark before it decays.

    Attributes
    ----------
    pdg_id : PDG code
    direction : rapidity and azimuth [rad]
    decay_quarks : directions of the quarks it decays to, all the way down; empty if it does not
        decay
    """

    pdg_id: int
    direction: Direction
    decay_quarks: tuple[Direction, ...] = ()


@dataclass(frozen=True, slots=True)
class TruthMatch:
    """How a jet agrees with its label.

    Attributes
    ----------
    is_matched : the jet points at a particle of its class
    is_contained : the jet holds all quarks of the decay of that particle (for a jet that points at
        none: of any of its class); true for a class that does not decay
    """

    is_matched: bool
    is_contained: bool

    @property
    def is_clean(self) -> bool:
        """Both."""
        return self.is_matched and self.is_contained


def truth_match(
    jet: Direction, truth: Sequence[TruthParticle], jet_class: JetClass, cuts: JetCuts
) -> TruthMatch:
    """Compare a jet to the particles of its event's hard process.

    Parameters
    ----------
    jet : rapidity and azimuth [rad] of the jet axis
    truth : particles of the event's hard process
    jet_class : the class that the event's process stands for
    cuts : radii of the match and of the containment
    """
    of_class = [particle for particle in truth if abs(particle.pdg_id) in jet_class.truth_ids]
    near = [
        particle for particle in of_class if delta_r(jet, particle.direction) < cuts.match_radius
    ]
    is_contained = jet_class.decay_quarks == 0 or any(
        _contains_decay(jet, particle, jet_class, cuts) for particle in near or of_class
    )
    return TruthMatch(bool(near), is_contained)


def _contains_decay(
    jet: Direction, particle: TruthParticle, jet_class: JetClass, cuts: JetCuts
) -> bool:
    return len(particle.decay_quarks) == jet_class.decay_quarks and all(
        delta_r(jet, quark) < cuts.containment_radius for quark in particle.decay_quarks
    )
