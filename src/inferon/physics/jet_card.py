"""The data card of a jet sample: where its jets come from, as a value, as JSON, as a page."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

from inferon.errors import DataError
from inferon.physics.detector import Calorimeter, Detector
from inferon.physics.jet_classes import JetCuts


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a sample is made by; the same recipe and size give the same jets.

    Attributes
    ----------
    generator_version : changes whenever the same seed gives other jets
    pythia, fastjet : versions of the Python packages
    seed : the user's seed
    setting : ``"A"`` or ``"B"``, see ``jet_setting``
    tune_title : tune of Pythia 8
    detector : what smeared the particles; None for the particles themselves
    pileup : mean number of other collisions overlaid
    matched_only : jets that are not clean are left out
    constituents : particles stored per jet
    cuts : cuts on particles, jets and matching
    """

    generator_version: int
    pythia: str
    fastjet: str
    seed: int
    setting: str
    tune_title: str
    detector: Detector | None
    pileup: float
    matched_only: bool
    constituents: int
    cuts: JetCuts


@dataclass(frozen=True, slots=True)
class ClassTally:
    """What one class cost.

    Attributes
    ----------
    name : class name
    settings : Pythia 8 settings
    events : collisions generated
    jets_in_cuts : leading jets that passed the cuts
    jets_matched : of these, jets that point at a particle of their class
    jets_clean : of these, jets that also hold its whole decay
    jets_kept : jets in the sample
    """

    name: str
    settings: tuple[str, ...]
    events: int
    jets_in_cuts: int
    jets_matched: int
    jets_clean: int
    jets_kept: int

    @property
    def matched_fraction(self) -> tuple[float, float]:
        """Matched fraction of the jets in the cuts, and its binomial standard error."""
        return _binomial(self.jets_matched, self.jets_in_cuts)

    @property
    def clean_fraction(self) -> tuple[float, float]:
        """Clean fraction of the jets in the cuts, and its binomial standard error."""
        return _binomial(self.jets_clean, self.jets_in_cuts)

    def __add__(self, other: ClassTally) -> ClassTally:
        return ClassTally(
            self.name,
            self.settings,
            self.events + other.events,
            self.jets_in_cuts + other.jets_in_cuts,
            self.jets_matched + other.jets_matched,
            self.jets_clean + other.jets_clean,
            self.jets_kept + other.jets_kept,
        )


def _binomial(passed: int, tried: int) -> tuple[float, float]:
    fraction = passed / tried
    return fraction, sqrt(fraction * (1.0 - fraction) / tried)


@dataclass(frozen=True, slots=True)
class JetCard:
    """The data card.

    Attributes
    ----------
    recipe : how the sample is made
    classes : one tally per class, in the order of the labels
    content_sha256 : hash of the stored columns (see ``sample_layout.content_sha256``), empty
        before a sample is saved
    """

    recipe: Recipe
    classes: tuple[ClassTally, ...]
    content_sha256: str = ""

    @property
    def title(self) -> str:
        """What the sample is called."""
        recipe = self.recipe
        tune = "" if recipe.setting == "A" else f" ({recipe.tune_title})"
        detector = "no detector" if recipe.detector is None else f"detector {recipe.detector.name}"
        pileup = f", pileup {recipe.pileup:g}" if recipe.pileup else ""
        return f"Pythia 8 jets{tune}, {detector}{pileup}"

    def to_json(self) -> str:
        """Spell the card as JSON, keys in a fixed order."""
        return json.dumps({"title": self.title, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> JetCard:
        """Read the card that ``to_json`` wrote.

        Raises
        ------
        DataError
            The text is no such card.
        """
        try:
            return cls._from_tree(json.loads(text))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise DataError(
                f"the data card of the sample cannot be read ({type(error).__name__}: {error}); "
                "make the sample anew with 'inferon data jets'"
            ) from error

    @classmethod
    def _from_tree(cls, tree: dict[str, Any]) -> JetCard:
        recipe = dict(tree["recipe"])
        cuts = JetCuts(**recipe.pop("cuts"))
        detector = _detector(recipe.pop("detector"))
        classes = tuple(
            ClassTally(**{**tally, "settings": tuple(tally["settings"])})
            for tally in tree["classes"]
        )
        return cls(
            Recipe(cuts=cuts, detector=detector, **recipe), classes, str(tree["content_sha256"])
        )

    def to_markdown(self) -> str:
        """Spell the card as a page to read."""
        recipe, cuts = self.recipe, self.recipe.cuts
        kept = sum(tally.jets_kept for tally in self.classes)
        choice = (
            "clean jets only (matched and contained)"
            if recipe.matched_only
            else "clean jets and the others on the way to them, flagged"
        )
        return "\n".join(
            [
                f"# {self.title}: {kept:,} jets",
                "",
                f"Five classes ({', '.join(tally.name for tally in self.classes)}), {choice}. "
                f"Proton collisions at 13 TeV from Pythia 8 ({recipe.pythia}), tune "
                f"{recipe.tune_title}, multiparton interactions on, {_detector_words(recipe)} and "
                f"{_pileup_words(recipe)}; jets from FastJet {recipe.fastjet}.",
                "",
                f"- generator version {recipe.generator_version}, setting {recipe.setting}, "
                f"seed {recipe.seed}",
                f"- W and Z: {cuts.boson_pt_min_gev:.0f} < pT < {cuts.boson_pt_max_gev:.0f} GeV "
                "of the boson in the hard process; q, g, t: the same window in pTHat",
                f"- visible particles with pT > {cuts.particle_pt_min_gev} GeV and "
                f"|eta| < {cuts.particle_abs_eta_max}; anti-kT, R = {cuts.radius}",
                f"- the {cuts.leading_jets} leading jets, if {cuts.jet_pt_min_gev:.0f} < pT < "
                f"{cuts.jet_pt_max_gev:.0f} GeV and |eta| < {cuts.jet_abs_eta_max}",
                f"- matched: distance in (y, phi) to the parton, boson or top quark below "
                f"{cuts.match_radius}; a q jet comes from u, d or s",
                f"- contained: all quarks of the decay within {cuts.containment_radius}",
                f"- stored: the {recipe.constituents} constituents of highest pT, as pT "
                "(float16, relative error < 2^-11), eta and phi (steps of 2^-13, error <= 2^-14) "
                "and PDG code, which tells the mass; the 16 features are computed from all "
                "constituents, unrounded",
                f"- SHA-256 of the stored columns: `{self.content_sha256}`",
                "",
                "| class | events | jets in the cuts | matched | clean | kept | matched fraction "
                "| clean fraction |",
                "|---|--:|--:|--:|--:|--:|--:|--:|",
                *(_table_row(tally) for tally in self.classes),
                "",
                "Matching and containment remove hard jets (a radiated gluon, a lost prong) and "
                "so make the task easier: numbers on clean jets do not compare to numbers on all "
                "jets.",
                "",
                "## Settings of Pythia 8",
                "",
                *(f"- {tally.name}: {_settings(tally)}" for tally in self.classes),
                "",
                "W and Z come from a heavy scalar, which is no physical Higgs boson but a source "
                "of longitudinal bosons.",
                "",
                "Cite Pythia 8 (arXiv:2203.11601) and FastJet (arXiv:1111.6097, hep-ph/0512210) "
                "when you use these jets.",
                "",
            ]
        )


def _detector(tree: dict[str, Any] | None) -> Detector | None:
    if tree is None:
        return None
    parts = {name: Calorimeter(**tree[name]) for name in ("electromagnetic", "hadronic")}
    return Detector(**{**tree, **parts})


def _detector_words(recipe: Recipe) -> str:
    return "no detector" if recipe.detector is None else f"detector {recipe.detector.name}"


def _pileup_words(recipe: Recipe) -> str:
    if not recipe.pileup:
        return "no pileup"
    return (
        f"pileup of {recipe.pileup:g} collisions on average, overlaid without their charged "
        "particles inside the tracker"
    )


def _table_row(tally: ClassTally) -> str:
    matched, matched_error = tally.matched_fraction
    clean, clean_error = tally.clean_fraction
    return (
        f"| {tally.name} | {tally.events} | {tally.jets_in_cuts} | {tally.jets_matched} | "
        f"{tally.jets_clean} | {tally.jets_kept} | {matched:.3f} ± {matched_error:.3f} | "
        f"{clean:.3f} ± {clean_error:.3f} |"
    )


def _settings(tally: ClassTally) -> str:
    return ", ".join(f"`{line}`" for line in tally.settings)
