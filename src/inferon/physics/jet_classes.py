"""What the five jet classes are: the process that makes each, and the cuts on every jet.

The settings follow one finding: the polarization of W and Z decides how well they can be tagged.
Bosons from the Standard Model pair production are transverse, which sends one prong along the
boson and hides the other; bosons of a heavy scalar's decay are longitudinal.  So W and Z come from
``gg -> H(2025 GeV) -> VV``.  That H is no physical Higgs boson, only a source of longitudinal
bosons of about 1 TeV.
"""

from __future__ import annotations

from dataclasses import dataclass

COLLISION_SETTINGS: tuple[str, ...] = ("Beams:eCM = 13000.",)
"""Multiparton interactions stay on; the tune is ``JetSetting.tune``."""

_HARD_PT = ("PhaseSpace:pTHatMin = 990.", "PhaseSpace:pTHatMax = 1010.")

_QUARK_DECAYS = "onIfAny = 1 2 3 4 5"


def _longitudinal_boson(pdg_id: int, pair: str) -> tuple[str, ...]:
    return (
        "HiggsSM:gg2H = on",
        "25:m0 = 2025.",
        "25:doForceWidth = on",
        "25:mWidth = 20.",
        "25:mMin = 1990.",
        "25:mMax = 2100.",
        "25:onMode = off",
        f"25:onIfMatch = {pair}",
        f"{pdg_id}:onMode = off",
        f"{pdg_id}:{_QUARK_DECAYS}",
    )


@dataclass(frozen=True, slots=True)
class JetClass:
    """One of the five classes.

    Attributes
    ----------
    name : short name, as printed in tables
    label : class index in samples and in the outputs of the models
    process : Pythia 8 settings of the hard process
    truth_ids : absolute PDG codes of the particles that a jet of this class is matched to
    decay_quarks : quarks of the particle's decay that the jet has to contain (0: the particle does
        not decay)
    cuts_boson_pt : the boson must be in the window of ``JetCuts.boson_pt_*`` in the hard process
    """

    name: str
    label: int
    process: tuple[str, ...]
    truth_ids: tuple[int, ...]
    decay_quarks: int = 0
    cuts_boson_pt: bool = False

    def settings(self, tune: tuple[str, ...]) -> tuple[str, ...]:
        """Every physics setting that Pythia is given for this class, with those of a tune."""
        return COLLISION_SETTINGS + tune + self.process


JET_CLASSES: tuple[JetClass, ...] = (
    JetClass(
        name="q",
        label=0,
        process=(
            "HardQCD:qq2qq = on",
            "HardQCD:gg2qqbar = on",
            "HardQCD:qqbar2qqbarNew = on",
            *_HARD_PT,
        ),
        truth_ids=(1, 2, 3),
    ),
    JetClass(
        name="g",
        label=1,
        process=("HardQCD:gg2gg = on", "HardQCD:qqbar2gg = on", *_HARD_PT),
        truth_ids=(21,),
    ),
    JetClass(
        name="W",
        label=2,
        process=_longitudinal_boson(24, "24 -24"),
        truth_ids=(24,),
        decay_quarks=2,
        cuts_boson_pt=True,
    ),
    JetClass(
        name="Z",
        label=3,
        process=_longitudinal_boson(23, "23 23"),
        truth_ids=(23,),
        decay_quarks=2,
        cuts_boson_pt=True,
    ),
    JetClass(
        name="t",
        label=4,
        process=(
            "Top:gg2ttbar = on",
            "Top:qqbar2ttbar = on",
            "24:onMode = off",
            f"24:{_QUARK_DECAYS}",
            *_HARD_PT,
        ),
        truth_ids=(6,),
        decay_quarks=3,
    ),
)
"""The classes, in the order of their labels."""

CLASS_NAMES: tuple[str, ...] = tuple(jet_class.name for jet_class in JET_CLASSES)


@dataclass(frozen=True, slots=True)
class JetCuts:
    """How particles become jets, and which jets are kept.

    The hard process has a pT of 1000 GeV (for W and Z through ``boson_pt_*``, as a scalar's decay
    knows no pTHat) and every cut on jets is loose around it; pseudorapidity 3 is where a central
    calorimeter ends.
    """

    boson_pt_min_gev: float = 990.0
    boson_pt_max_gev: float = 1010.0
    particle_pt_min_gev: float = 0.5
    particle_abs_eta_max: float = 3.0
    radius: float = 0.8
    leading_jets: int = 2
    jet_pt_min_gev: float = 800.0
    jet_pt_max_gev: float = 1600.0
    jet_abs_eta_max: float = 2.0
    match_radius: float = 0.4
    containment_radius: float = 0.8


JET_CUTS = JetCuts()
"""The cuts of versions 1 and 2 of the generator."""
