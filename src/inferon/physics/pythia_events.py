"""Events of one jet class out of Pythia 8: visible particles and the truth to match jets to.

The only file that imports ``pythia8mc`` (GPL-2.0-or-later, an optional extra; used as it is).
Reference: C. Bierlich et al., arXiv:2203.11601.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pythia8mc

from inferon.errors import ToolError
from inferon.physics.jet_classes import COLLISION_SETTINGS, JetClass, JetCuts
from inferon.physics.particles import Particles
from inferon.physics.truth_matching import Direction, TruthParticle

_FAILURES_IN_A_ROW = 100
"""Pythia gives up on an event now and then (about 1 in 1e5); this many in a row is a broken
setting."""

_BOTTOM_QUARK, _GLUON, _W_BOSON = 5, 21, 24


@dataclass(frozen=True, slots=True)
class Event:
    """One proton collision.

    Attributes
    ----------
    particles : the final particles that a detector could see (no neutrinos)
    truth : particles of the hard process
    """

    particles: Particles
    truth: tuple[TruthParticle, ...]


def generate_events(
    jet_class: JetClass, tune: tuple[str, ...], cuts: JetCuts, seed: int
) -> Iterator[Event]:
    """Endless events of one class.

    Parameters
    ----------
    jet_class : process to generate
    tune : Pythia 8 settings of shower, hadronization and underlying event
    cuts : window in the boson's pT
    seed : 1 to 900,000,000, Pythia's range

    Raises
    ------
    ToolError
        A setting is refused, or event after event fails.
    """
    pythia = _configured(jet_class.settings(tune), seed)
    # Pythia keeps no reference of its own to the veto: this name must outlive it.
    veto = _BosonPtVeto(jet_class, cuts)
    if jet_class.cuts_boson_pt:
        pythia.setUserHooksPtr(veto)
    for event in _events(pythia, f"of class {jet_class.name} (seed {seed})"):
        yield Event(_visible(event), _truth(event, jet_class))


def minimum_bias(tune: tuple[str, ...], seed: int) -> Iterator[Particles]:
    """Endless inelastic collisions: what pileup consists of.

    Raises
    ------
    ToolError
        A setting is refused, or event after event fails.
    """
    settings = (*COLLISION_SETTINGS, *tune, "SoftQCD:inelastic = on")
    for event in _events(_configured(settings, seed), f"of pileup (seed {seed})"):
        yield _visible(event)


def _configured(settings: tuple[str, ...], seed: int) -> Any:
    pythia = pythia8mc.Pythia("", False)
    own = ("Print:quiet = on", "Random:setSeed = on", f"Random:seed = {seed}")
    for line in (*own, *settings):
        if not pythia.readString(line):
            raise ToolError(f"this Pythia 8 does not know the setting {line!r}")
    return pythia


def _events(pythia: Any, which: str) -> Iterator[Any]:
    if not pythia.init():
        raise ToolError(f"Pythia 8 could not start the process {which}")
    failures = 0
    while failures < _FAILURES_IN_A_ROW:
        if pythia.next():
            failures = 0
            yield pythia.event
        else:
            failures += 1
    raise ToolError(f"Pythia 8 failed {failures} times in a row on events {which}")


class _BosonPtVeto(pythia8mc.UserHooks):  # type: ignore[misc]
    """Keeps hard processes whose boson has the wanted pT, before showers are spent on others."""

    def __init__(self, jet_class: JetClass, cuts: JetCuts) -> None:
        super().__init__()
        self._ids = jet_class.truth_ids
        self._window_gev = (cuts.boson_pt_min_gev, cuts.boson_pt_max_gev)

    def canVetoProcessLevel(self) -> bool:  # noqa: N802 - Pythia's name
        return True

    def doVetoProcessLevel(self, process: Any) -> bool:  # noqa: N802 - Pythia's name
        low, high = self._window_gev
        bosons = [particle for particle in process if particle.idAbs() in self._ids]
        # Both bosons of a pair have the same pT here: the scalar is made at rest in the transverse
        # plane.
        return not (bosons and low < bosons[0].pT() < high)


def _visible(event: Any) -> Particles:
    rows = [
        (each.px(), each.py(), each.pz(), each.e(), each.m(), each.id())
        for each in event
        if each.isFinal() and each.isVisible()
    ]
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    return Particles(table[:, :4], table[:, 4], table[:, 5].astype(np.int32))


def _truth(event: Any, jet_class: JetClass) -> tuple[TruthParticle, ...]:
    """Light partons as the hard process made them (status 23), others at their last copy."""
    if jet_class.decay_quarks == 0:
        return tuple(
            TruthParticle(particle.id(), _direction(particle))
            for particle in event
            if particle.statusAbs() == 23 and (particle.isQuark() or particle.id() == _GLUON)
        )
    last_copies = {
        particle.iBotCopyId(): None
        for particle in event
        if particle.statusAbs() == 22 and particle.idAbs() in jet_class.truth_ids
    }
    return tuple(
        TruthParticle(event[i].id(), _direction(event[i]), tuple(_decay_quarks(event, i)))
        for i in last_copies
    )


def _decay_quarks(event: Any, index: int) -> Iterator[Direction]:
    """Quarks of a decay as the decay made them; a W on the way is followed to its own decay."""
    for daughter in event[index].daughterList():
        particle = event[daughter]
        if particle.idAbs() == _W_BOSON:
            yield from _decay_quarks(event, particle.iBotCopyId())
        elif particle.isQuark() and particle.idAbs() <= _BOTTOM_QUARK:
            yield _direction(particle)


def _direction(particle: Any) -> Direction:
    return (particle.y(), particle.phi())
