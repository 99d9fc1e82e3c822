"""Validation plots: what is in a sample of jets, class by class.

One figure for the jets, one for their constituents, one for the 16 features; each as SVG and PNG.
A generator that went wrong shows here first: a mass that peaks elsewhere, gluon jets that are no
broader than quark jets.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError, OutputError
from inferon.physics.high_level_features import FEATURE_NAMES
from inferon.physics.jets import Jets
from inferon.physics.kinematics import wrap_phi
from inferon.report.style import (
    WIDTH_IN,
    class_look,
    heading,
    panels,
    plain,
    require_matplotlib,
    settings,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]

BINS = 50

MOST_JETS = 100_000
"""Jets that are drawn: a bin of a class then holds some hundred, known to a few percent."""

TAIL = 0.01
"""The axis leaves out this fraction of a quantity at either end, all classes together."""

PIXELS_PER_IN = 150


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """One quantity to draw.

    Attributes
    ----------
    label : of the axis
    values : shape (entries,)
    jet : shape (entries,)
        Which jet each value is of.
    is_log : whether the bins grow geometrically
    is_count : whether the values are whole numbers
    """

    label: str
    values: Numbers
    jet: NDArray[np.int64]
    is_log: bool = False
    is_count: bool = False


def write_validation_plots(jets: Jets, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Draw a sample.

    Parameters
    ----------
    jets : N jets; those that are not clean are left out
    folder : made if it is not there

    Returns
    -------
    The files written: ``jets``, ``constituents`` and, where the sample has features, ``features``,
    each as ``.svg`` and ``.png``.

    Raises
    ------
    DataError
        The sample has no clean jet.
    ExtraMissing
        matplotlib is not installed.
    OutputError
        The folder cannot be written.
    """
    require_matplotlib()
    jets = jets.select(np.flatnonzero(jets.is_clean)[:MOST_JETS])
    if len(jets) == 0:
        raise DataError(f"{jets.title} has no clean jet to draw")
    figures = {"jets": jet_quantities(jets), "constituents": constituent_quantities(jets)}
    if jets.features is not None:
        figures["features"] = feature_quantities(jets)
    folder = Path(folder)
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, quantities in figures.items():
            written += _saved(folder / name, _figure(jets, quantities), len(quantities))
    except OSError as error:
        raise OutputError(f"cannot write plots to {folder}: {error.strerror}") from error
    return tuple(written)


def jet_quantities(jets: Jets) -> list[Quantity]:
    """Return what is drawn of whole jets."""
    every = np.arange(len(jets))
    if jets.features is None:
        particles = Quantity("stored constituents", _wide(_stored(jets)), every, is_count=True)
    else:
        multiplicity = jets.features[:, FEATURE_NAMES.index("multiplicity")]
        particles = Quantity("constituents", _wide(multiplicity), every, is_count=True)
    lead = jets.constituents[:, 0, 0] / jets.pt_gev
    return [
        Quantity("jet pT [GeV]", _wide(jets.pt_gev), every),
        Quantity("jet mass [GeV]", _wide(jets.mass_gev), every),
        particles,
        Quantity("leading constituent pT / jet pT", _wide(lead), every),
    ]


def _stored(jets: Jets) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.count_nonzero(jets.constituents[:, :, 0], axis=1)
    return counts


def constituent_quantities(jets: Jets) -> list[Quantity]:
    """Return what is drawn of single constituents; angles are to the jet's axis."""
    jet, slot = np.nonzero(jets.constituents[:, :, 0])
    pt, eta, phi, energy = jets.constituents[jet, slot].astype(np.float64).T
    d_eta = eta - jets.eta[jet]
    d_phi = wrap_phi(phi - jets.phi[jet])
    distance = np.hypot(d_eta, d_phi)
    momentum = pt * np.cosh(eta)
    mass = np.sqrt(np.maximum(energy**2 - momentum**2, 0.0))
    slow = momentum < _SLOW_GEV
    return [
        Quantity("constituent pT [GeV]", pt, jet, is_log=True),
        Quantity("constituent Δη", d_eta, jet),
        Quantity("constituent ΔR", distance, jet),
        Quantity(f"constituent mass [GeV], p < {_SLOW_GEV:g} GeV", mass[slow], jet[slow]),
    ]


_SLOW_GEV = 20.0
"""Up to here float32 energies tell a mass to 0.01 GeV: 20 GeV times the root of 2^-22."""


def feature_quantities(jets: Jets) -> list[Quantity]:
    """Return the features, without the one that is equal to another by definition."""
    assert jets.features is not None  # asked by the caller
    every = np.arange(len(jets))
    units = {"mass": "groomed mass [GeV]"}
    return [
        Quantity(units.get(name, name), _wide(column), every, is_count=name == "multiplicity")
        for name, column in zip(FEATURE_NAMES, jets.features.T, strict=True)
        if name != "d2_a1_b1"
    ]


def _wide(values: NDArray[np.floating] | NDArray[np.integer]) -> Numbers:
    return values.astype(np.float64)


def _bin_edges(quantity: Quantity) -> Numbers:
    values = quantity.values[quantity.values > 0.0] if quantity.is_log else quantity.values
    if len(values) == 0:
        return np.linspace(0.0, 1.0, BINS + 1)
    low, high = np.quantile(values, [TAIL, 1.0 - TAIL])
    if quantity.is_count:
        step = max(1.0, np.ceil((high - low) / BINS))
        return np.arange(np.floor(low) - 0.5, high + step + 0.5, step)
    if not low < high:
        low, high = low - 0.5, high + 0.5
    return (
        np.geomspace(low, high, BINS + 1) if quantity.is_log else np.linspace(low, high, BINS + 1)
    )


def _figure(jets: Jets, quantities: Sequence[Quantity]) -> Callable[[Figure], None]:
    def draw(figure: Figure) -> None:
        every = panels(figure, len(quantities), _columns(len(quantities)))
        for axes, quantity in zip(every, quantities, strict=True):
            _draw(axes, quantity, jets)
        handles, labels = every[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(10, len(labels)))
        figure.supylabel("fraction of entries per bin", fontsize=10.5)
        figure.suptitle(heading(jets.title), fontsize=10.5, x=0.01, ha="left")

    return draw


def _draw(axes: Axes, quantity: Quantity, jets: Jets) -> None:
    edges = _bin_edges(quantity)
    for index, name in enumerate(jets.class_names):
        of_class = jets.label[quantity.jet] == index
        count = np.count_nonzero(of_class)
        if count == 0:
            continue
        entries, _ = np.histogram(quantity.values[of_class], edges)
        look = class_look(index)
        axes.stairs(
            entries / count, edges, color=look.color, linestyle=look.dash, label=plain(name)
        )
    axes.set_xlabel(quantity.label)
    axes.set_ylim(bottom=0.0)
    axes.set_xlim(edges[0], edges[-1])
    axes.tick_params(axis="y", labelleft=False)
    if quantity.is_log:
        axes.set_xscale("log")


def _columns(count: int) -> int:
    return 2 if count <= 4 else 3


def _saved(path: Path, draw: Callable[[Figure], None], count: int) -> list[Path]:
    import matplotlib
    from matplotlib.figure import Figure

    rows = -(-count // _columns(count))
    with matplotlib.rc_context(settings(path.name)):
        figure = Figure(figsize=(WIDTH_IN, 0.6 + 1.9 * rows), layout="constrained")
        draw(figure)
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": None})
        figure.savefig(path.with_suffix(".png"), dpi=PIXELS_PER_IN, metadata={"Software": None})
    return [path.with_suffix(".svg"), path.with_suffix(".png")]
