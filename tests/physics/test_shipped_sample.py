"""The shipped jets are what their card says; what physics says of them is ``test_jet_physics``."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from math import hypot

import numpy as np
import pytest

from inferon.physics.high_level_features import FEATURE_NAMES, high_level_features
from inferon.physics.jet_card import JetCard
from inferon.physics.jet_classes import CLASS_NAMES, JET_CLASSES, JET_CUTS
from inferon.physics.jet_setting import JET_SETTINGS
from inferon.physics.jets import Jets
from inferon.physics.particles import PDG_MASS_GEV
from inferon.physics.sample import shipped_jets
from tests.absent import needs_package

pytestmark = needs_package("h5py")

SHA256_OF_VERSION_1 = "3b44a80841ddfe873e55a9e9b125ea3ec1a2d946fb6ba39c0bebfa6e33d66813"
"""On the card of the 20,000 jets that version 1 of the generator made from the same seed."""


@pytest.fixture(scope="module")
def jets() -> Jets:
    return shipped_jets()


@pytest.fixture(scope="module")
def card(jets: Jets) -> JetCard:
    assert jets.card is not None
    return jets.card


def test_size_and_balance(jets: Jets) -> None:
    assert jets.class_names == CLASS_NAMES == ("q", "g", "W", "Z", "t")
    assert jets.constituents.shape == (20_000, 32, 4)
    assert jets.constituents.dtype == np.float32
    assert np.bincount(jets.label).tolist() == [4000] * 5
    # The classes take turns, so every prefix is balanced.
    assert jets.label[:10].tolist() == [0, 1, 2, 3, 4] * 2
    assert jets.is_matched is not None
    assert jets.is_contained is not None
    assert jets.is_clean.all()


def test_file_fits_in_five_megabytes() -> None:
    content = (files("inferon") / "data" / "jets20k.h5").read_bytes()
    assert len(content) <= 5_000_000


def test_card_on_disk_is_the_card_in_the_file(card: JetCard) -> None:
    page = (files("inferon") / "data" / "JETS_CARD.md").read_text(encoding="utf-8")
    assert page == card.to_markdown()
    assert card.recipe.cuts == JET_CUTS
    assert (card.recipe.setting, card.recipe.seed) == ("A", 1)
    assert card.recipe.detector is None
    tune = JET_SETTINGS["A"].tune
    assert [tally.settings for tally in card.classes] == [c.settings(tune) for c in JET_CLASSES]
    assert [tally.jets_kept for tally in card.classes] == [4000] * 5


def test_the_jets_are_those_of_version_1(jets: Jets) -> None:
    """The same seed gave the same collisions, jets and constituents, bit for bit."""
    pt, eta, phi, _ = np.moveaxis(jets.constituents, -1, 0)
    steps = np.stack([eta, phi], axis=-1) * np.float32(2**13)
    whole = np.stack([jets.pt_gev, jets.eta, jets.phi, jets.mass_gev], axis=-1)
    columns = {
        "pt_gev float16": pt.astype(np.float16),
        "angle_steps int16": steps.astype(np.int16),
        "jet float32": whole,
        "label int8": jets.label,
        "event_id int64": jets.event_id,
        "matched bool": jets.is_clean,
    }
    digest = hashlib.sha256()
    for name, array in columns.items():
        digest.update(f"{name} {array.shape}\n".encode() + np.ascontiguousarray(array).tobytes())
    assert digest.hexdigest() == SHA256_OF_VERSION_1


def test_constituents_are_sorted_and_padded_with_zeros(jets: Jets) -> None:
    pt, eta, phi, energy = np.moveaxis(jets.constituents, -1, 0)
    assert np.isfinite(jets.constituents).all()
    assert (np.diff(pt, axis=1) <= 0.0).all()
    padding = pt == 0.0
    assert padding.any()
    assert (eta[padding] == 0.0).all()
    assert (phi[padding] == 0.0).all()
    assert (energy[padding] == 0.0).all()
    # pT > 0.5 GeV and |eta| < 3 before rounding: pT moves by 2^-11 of itself, angles by 2^-14.
    assert (pt[~padding] >= 0.5 * (1 - 2**-11)).all()
    assert (np.abs(eta) <= 3.0 + 2**-14).all()
    assert (np.abs(phi) <= np.pi + 2**-14).all()


def test_jets_are_within_the_cuts(jets: Jets) -> None:
    assert (jets.pt_gev >= JET_CUTS.jet_pt_min_gev).all()
    assert (jets.pt_gev <= JET_CUTS.jet_pt_max_gev).all()
    assert (np.abs(jets.eta) < JET_CUTS.jet_abs_eta_max).all()
    assert (np.abs(jets.phi) <= np.float32(np.pi)).all()


def test_constituents_make_up_the_jet(jets: Jets) -> None:
    """A jet with free slots holds all its constituents: their sum is the jet's momentum.

    pT is rounded by at most 2^-11 of itself along the particle and an angle by 2^-14 across it, so
    the vector sum moves by less than hypot(2^-11, 2^-14) of the scalar sum of pT; the jet's own
    float32 numbers add 2^-22.
    """
    whole = jets.select(jets.constituents[:, -1, 0] == 0.0)
    assert len(whole) > 1000
    pt, _, phi, _ = np.moveaxis(whole.constituents.astype(np.float64), -1, 0)
    px = (pt * np.cos(phi)).sum(1) - whole.pt_gev * np.cos(whole.phi.astype(np.float64))
    py = (pt * np.sin(phi)).sum(1) - whole.pt_gev * np.sin(whole.phi.astype(np.float64))
    assert (np.hypot(px, py) < (hypot(2**-11, 2**-14) + 2**-22) * pt.sum(1)).all()


def test_each_particle_has_the_mass_of_its_kind(jets: Jets) -> None:
    """E^2 = p^2 + m^2, each stored to float32: both sides agree to 2 roundings of E^2.

    The mass is a float16, within 2^-11 of that of its kind.
    """
    assert jets.pdg_id is not None
    pt, eta, _, energy = np.moveaxis(jets.constituents.astype(np.float64), -1, 0)
    squared = energy**2 - (pt * np.cosh(eta)) ** 2
    seen = set()
    for code, mass_gev in PDG_MASS_GEV.items():
        of_kind = np.abs(jets.pdg_id) == code
        bound = 2 * 2.0**-24 * energy[of_kind] ** 2 + 2 * 2.0**-11 * mass_gev**2
        assert (np.abs(squared[of_kind] - mass_gev**2) <= bound).all()
        seen |= {code} if of_kind.any() else set()
    assert set(np.unique(np.abs(jets.pdg_id))) - {0} == seen
    assert ((jets.pdg_id == 0) == (pt == 0.0)).all()


def test_the_features_agree_with_the_constituents_where_all_are_stored(jets: Jets) -> None:
    """Jets of fewer than 32 particles: the same mass, whatever the rounding does to it.

    Moving each pT by 2^-11 of itself moves the groomed mass of a boson by less than 1 %.
    """
    assert jets.features is not None
    stored = np.count_nonzero(jets.constituents[:, :, 0], axis=1)
    mass = FEATURE_NAMES.index("mass")
    multiplicity = jets.features[:, FEATURE_NAMES.index("multiplicity")]
    assert (stored == np.minimum(multiplicity, 32)).all()
    chosen = np.flatnonzero((stored < 32) & (jets.features[:, mass] > 60.0))[:200]
    assert len(chosen) == 200
    for index in chosen:
        again = high_level_features(jets.constituents[index])
        assert abs(again[mass] / jets.features[index, mass] - 1.0) < 0.01
