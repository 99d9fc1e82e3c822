"""The two ways to make jets, A and B: another tune of the shower and another detector.

A model that is trained on A and tested on B meets a shift of domain such as that between two
generators, or between simulation and data.  Every number is published:

==================  ================================  ===================================
setting             A                                 B
==================  ================================  ===================================
tune                Monash 2013 (arXiv:1404.5630)     A14 NNPDF (ATL-PHYS-PUB-2014-021)
alpha_s, FSR        0.1365                            0.127
tracks, sigma/pT    0.5 % (+) 0.015 % pT              1 % (+) 0.05 % pT
track efficiency    0.92                              0.86
photons, sigma/E    2.8 %/sqrt(E) (+) 0.12/E (+)      10 %/sqrt(E) (+) 0.7 %
                    0.3 %
hadrons, sigma/E    85 %/sqrt(E) (+) 7.4 %            50 %/sqrt(E) (+) 3 %
cells               0.0174 and 0.087                  0.025 and 0.1
==================  ================================  ===================================

Detector A is like CMS: S. Chatrchyan et al., JINST 3 (2008) S08004 (tracker, crystals, cells) and
S. Abdullin et al., Eur. Phys. J. C 60 (2009) 359 (pions in the barrel).  Detector B is like ATLAS:
G. Aad et al., JINST 3 (2008) S08003, table 1.1 and section 1.3.  The efficiencies are choices of
ours within what both report for hadrons in jets (arXiv:1405.6569; arXiv:1704.07983).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inferon.physics.detector import Calorimeter, Detector


@dataclass(frozen=True, slots=True)
class JetSetting:
    """A shower and a detector.

    Attributes
    ----------
    name : ``"A"`` or ``"B"``
    tune : Pythia 8 settings
    tune_title : what the card calls them
    detector : used where a detector is asked for
    """

    name: str
    tune: tuple[str, ...]
    tune_title: str
    detector: Detector


_A = JetSetting(
    name="A",
    tune=("Tune:pp = 14",),
    tune_title="Monash 2013",
    detector=Detector(
        name="A",
        track_efficiency=0.92,
        track_abs_eta_max=2.5,
        track_constant=0.005,
        track_slope_per_gev=1.5e-4,
        electromagnetic=Calorimeter(0.028, 0.12, 0.003, 0.0174),
        hadronic=Calorimeter(0.847, 0.0, 0.074, 0.087),
    ),
)

_B = JetSetting(
    name="B",
    tune=("Tune:pp = 21",),
    tune_title="A14 NNPDF",
    detector=Detector(
        name="B",
        track_efficiency=0.86,
        track_abs_eta_max=2.5,
        track_constant=0.01,
        track_slope_per_gev=5e-4,
        electromagnetic=Calorimeter(0.10, 0.0, 0.007, 0.025),
        hadronic=Calorimeter(0.50, 0.0, 0.03, 0.1),
    ),
)

JET_SETTINGS: Mapping[str, JetSetting] = {"A": _A, "B": _B}
