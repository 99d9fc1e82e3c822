"""Jets to look at: of each class one that is told easily, two between, and one that is misread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inferon.physics.jets import Jets

SCORE_QUANTILES = (0.95, 0.65, 0.35, 0.05)
"""Which jets of a class are shown, by the score of their own class: no one picked them by eye."""

CHARGED_HADRON, NEUTRAL_HADRON, PHOTON, LEPTON = range(4)
KINDS = ("charged hadron", "neutral hadron", "photon", "electron or muon")
"""What a constituent is, by its PDG code."""

_LEPTONS = (11, 13)
_PHOTON = 22
_NEUTRAL = (111, 130, 310, 311, 2112, 3122, 3212, 3322)
"""Absolute PDG codes of neutral hadrons that reach a detector, and of those that decay first
where a generator is told to keep them: pi0, kaons, neutron, Lambda, Sigma0, Xi0."""


@dataclass(frozen=True, slots=True, eq=False)
class ShownJet:
    """One jet of the gallery.

    Attributes
    ----------
    class_name : the true class
    score_name : what the score says
    score : of the model
    pt_gev, mass_gev : of the whole jet
    offset : shape (particles, 2)
        Pseudorapidity and azimuth [rad] of the constituents relative to the jet.
    pt_fraction : shape (particles,)
        Of the jet's transverse momentum.
    kind : shape (particles,), or None where the sample has no PDG codes
        Index into ``KINDS``.
    """

    class_name: str
    score_name: str
    score: float
    pt_gev: float
    mass_gev: float
    offset: NDArray[np.float64]
    pt_fraction: NDArray[np.float64]
    kind: NDArray[np.int64] | None


def gallery(jets: Jets, scores: NDArray[np.float32]) -> tuple[tuple[ShownJet, ...], ...]:
    """Return some jets of each class.

    Parameters
    ----------
    jets : N jets
    scores : shape (N, classes), or (N, 1) for an anomaly score
    """
    rows = []
    for label, name in enumerate(jets.class_names):
        own = np.flatnonzero(jets.label == label)
        if not len(own):
            continue
        column = label if scores.shape[1] > 1 else 0
        ordered = own[np.argsort(scores[own, column], kind="stable")]
        chosen = [ordered[int(q * (len(ordered) - 1))] for q in SCORE_QUANTILES]
        score_name = f"P({name})" if scores.shape[1] > 1 else "score"
        rows.append(
            tuple(_shown(jets, int(i), name, score_name, float(scores[i, column])) for i in chosen)
        )
    return tuple(rows)


def kinds(pdg_id: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the kind of each particle, an index into ``KINDS``."""
    code = np.abs(pdg_id)
    found = np.full(code.shape, CHARGED_HADRON)
    found[np.isin(code, _NEUTRAL)] = NEUTRAL_HADRON
    found[code == _PHOTON] = PHOTON
    found[np.isin(code, _LEPTONS)] = LEPTON
    return found


def _shown(jets: Jets, index: int, name: str, score_name: str, score: float) -> ShownJet:
    constituents = jets.constituents[index].astype(np.float64)
    real = constituents[:, 0] > 0
    pt, eta, phi = constituents[real, :3].T
    turned = phi - float(jets.phi[index])
    offset = np.stack(
        [eta - float(jets.eta[index]), np.arctan2(np.sin(turned), np.cos(turned))], 1
    )
    jet_pt = float(jets.pt_gev[index])
    return ShownJet(
        name,
        score_name,
        score,
        jet_pt,
        float(jets.mass_gev[index]),
        offset,
        pt / jet_pt,
        None if jets.pdg_id is None else kinds(jets.pdg_id[index][real]),
    )
