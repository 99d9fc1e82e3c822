"""The columns of a sample file: which arrays it holds, in which units, and how exactly.

numpy only; ``sample`` writes these columns to HDF5 and reads them back.

The constituents are rounded far below what the physics resolves (pT to 5e-4 of itself, angles to
6e-5), so that a jet takes few bytes.  The values that come back are *the* raw values, the same on
every machine, and rounding them again changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError
from inferon.physics.jets import Jets
from inferon.physics.particles import PDG_MASS_GEV

Array = NDArray[Any]
Stored = Mapping[str, Array]

ANGLE_STEP = 2.0**-13
"""One unit of a stored angle; int16 then reaches 4.0, past the pseudorapidity of 3 and past pi."""


@dataclass(frozen=True, slots=True)
class Column:
    """One array of a sample file.

    Attributes
    ----------
    path : dataset in the file
    dtype : numpy's name
    tail : sizes after the number of jets; ``"K"`` stands for the constituents stored per jet
    unit : as in the ``unit`` attribute of the dataset
    description : as in the ``description`` attribute of the dataset
    always : whether every sample has it; others may know less of their jets
    """

    path: str
    dtype: str
    tail: tuple[int | str, ...]
    unit: str
    description: str
    always: bool = True


COLUMNS: tuple[Column, ...] = (
    Column("constituents/pt", "float16", ("K",), "GeV", "pT, highest first; 0 for padding"),
    Column("constituents/eta", "int16", ("K",), "2^-13", "pseudorapidity in steps of 2^-13"),
    Column("constituents/phi", "int16", ("K",), "2^-13 rad", "azimuth in steps of 2^-13 rad"),
    Column(
        "constituents/mass",
        "float16",
        ("K",),
        "GeV",
        "mass; absent where all particles have the mass of their kind, see pdg_id",
        False,
    ),
    Column("constituents/pdg_id", "int32", ("K",), "1", "PDG code; 0 for padding", False),
    Column("jets/pt", "float32", (), "GeV", "pT of the whole jet"),
    Column("jets/eta", "float32", (), "1", "pseudorapidity of the whole jet"),
    Column("jets/phi", "float32", (), "rad", "azimuth of the whole jet, in [-pi, pi]"),
    Column("jets/mass", "float32", (), "GeV", "mass of the whole jet"),
    Column("jets/label", "int8", (), "1", "index into the attribute class_names of the file"),
    Column("jets/event_id", "int64", (), "1", "jets of one collision share it"),
    Column("jets/is_matched", "bool", (), "1", "points at the particle its class names", False),
    Column("jets/is_contained", "bool", (), "1", "holds all quarks of that decay", False),
    Column(
        "jets/features",
        "float32",
        (16,),
        "GeV for masses, else 1",
        "high-level features, named by the attribute names; from all constituents of the jet",
        False,
    ),
)
"""All columns, in the order in which the hash of a sample takes them."""


def on_grid(pt_gev: Array, eta: Array, phi: Array, mass_gev: Array) -> NDArray[np.float32]:
    """Return constituents as a sample stores them, so that saving them loses nothing more.

    Parameters
    ----------
    pt_gev, eta, phi, mass_gev : one shape
        Particles; a pT of 0 is padding.

    Returns
    -------
    float32 array of that shape and a last axis of pT [GeV], eta, phi [rad], energy [GeV].
    """
    # By way of float32, as the numbers of a sample that is saved come.
    pt, eta, phi, mass = (
        np.asarray(column).astype(np.float32) for column in (pt_gev, eta, phi, mass_gev)
    )
    pt16 = pt.astype(np.float16)
    return _constituents(pt16, _steps(eta, pt16), _steps(phi, pt16), mass.astype(np.float16))


def stored_columns(jets: Jets) -> dict[str, Array]:
    """Return the columns of a sample that it has, by path, rounded as they are stored.

    Raises
    ------
    DataError
        A constituent is not finite, out of the format's range or out of order.
    """
    columns = _stored_constituents(jets)
    rest = {
        "constituents/pdg_id": jets.pdg_id,
        "jets/pt": jets.pt_gev,
        "jets/eta": jets.eta,
        "jets/phi": jets.phi,
        "jets/mass": jets.mass_gev,
        "jets/label": jets.label,
        "jets/event_id": jets.event_id,
        "jets/is_matched": jets.is_matched,
        "jets/is_contained": jets.is_contained,
        "jets/features": jets.features,
    }
    columns.update({path: value for path, value in rest.items() if value is not None})
    return {column.path: columns[column.path] for column in COLUMNS if column.path in columns}


def raw_constituents(stored: Stored) -> NDArray[np.float32]:
    """Return the constituents of stored columns, shape (N, K, 4).

    Raises
    ------
    DataError
        There is neither a mass nor a kind of each particle.
    """
    pt, eta, phi = (stored[f"constituents/{name}"] for name in ("pt", "eta", "phi"))
    mass, pdg_id = stored.get("constituents/mass"), stored.get("constituents/pdg_id")
    if mass is None:
        if pdg_id is None:
            raise DataError("a sample needs 'constituents/mass' or 'constituents/pdg_id'")
        mass = _mass_of_kind(pdg_id)
    return _constituents(pt, eta, phi, mass)


def content_sha256(stored: Stored) -> str:
    """Hash stored columns: path, dtype, shape, little-endian bytes, in the order of COLUMNS."""
    digest = hashlib.sha256()
    for column in COLUMNS:
        if column.path in stored:
            array = stored[column.path]
            digest.update(f"{column.path} {column.dtype} {array.shape}\n".encode())
            little_endian = np.dtype(column.dtype).newbyteorder("<")
            digest.update(np.ascontiguousarray(array, dtype=little_endian).tobytes())
    return digest.hexdigest()


def _stored_constituents(jets: Jets) -> dict[str, Array]:
    check_constituents(jets.constituents)
    pt, eta, phi, energy = np.moveaxis(jets.constituents, -1, 0)
    pt16 = pt.astype(np.float16)
    eta_steps, phi_steps = _steps(eta, pt16), _steps(phi, pt16)
    mass16 = _stored_mass(pt, eta, energy, jets.pdg_id)
    # The rounded particle has an energy of its own; the mass that is stored is that energy's.
    rounded = _constituents(pt16, eta_steps, phi_steps, mass16)
    pt, eta, _, energy = np.moveaxis(rounded, -1, 0)
    mass16 = _stored_mass(pt, eta, energy, jets.pdg_id)
    mass16[pt16 == 0] = 0
    columns: dict[str, Array] = {
        "constituents/pt": pt16,
        "constituents/eta": eta_steps,
        "constituents/phi": phi_steps,
    }
    if jets.pdg_id is None or not np.array_equal(mass16, _mass_of_kind(jets.pdg_id)):
        columns["constituents/mass"] = mass16
    return columns


def check_constituents(constituents: NDArray[np.float32], source: str = "") -> None:
    """Refuse constituents that are no four-vectors, or not in order.

    Parameters
    ----------
    constituents : shape (N, K, 4)
    source : where they come from, such as " of FILE"

    Raises
    ------
    DataError
        A number is not finite or out of the format's range, a pT is negative, or a jet's
        constituents are not sorted by pT.
    """
    names, limits = ("pT", "eta", "phi", "energy"), np.array([65504.0, 3.999, 3.999, 3.0e38])
    inside = np.abs(constituents) <= limits  # false for NaN
    inside[..., [0, 3]] &= constituents[..., [0, 3]] >= 0.0
    if not inside.all():
        jet, constituent, column = np.argwhere(~inside)[0]
        raise DataError(
            f"jet {jet}{source}: constituent {constituent} has {names[column]} = "
            f"{constituents[jet, constituent, column]}; a sample holds finite numbers, the "
            f"{names[column]} up to {limits[column]:g}"
        )
    rising = np.diff(constituents[..., 0], axis=1) > 0.0
    if rising.any():
        raise DataError(
            f"jet {np.argwhere(rising)[0, 0]}{source}: its constituents are not sorted by pT, "
            "highest first and padding last"
        )


def _steps(angle: Array, pt16: Array) -> NDArray[np.int16]:
    steps = np.rint(np.asarray(angle, dtype=np.float64) / ANGLE_STEP).astype(np.int16)
    steps[pt16 == 0] = 0
    return steps


def _constituents(
    pt16: Array, eta_steps: Array, phi_steps: Array, mass16: Array
) -> NDArray[np.float32]:
    eta = eta_steps.astype(np.float64) * ANGLE_STEP
    energy = _energy(pt16, eta, mass16)
    energy[pt16 == 0] = 0.0
    columns = (pt16, eta, phi_steps.astype(np.float64) * ANGLE_STEP, energy)
    return np.stack([column.astype(np.float32) for column in columns], axis=-1)


def _energy(pt: Array, eta: Array, mass: Array) -> NDArray[np.float32]:
    momentum = pt.astype(np.float64) * np.cosh(eta.astype(np.float64))
    energy: NDArray[np.float32] = np.hypot(momentum, mass.astype(np.float64)).astype(np.float32)
    return energy


def _stored_mass(
    pt: Array, eta: Array, energy: Array, pdg_id: Array | None
) -> NDArray[np.float16]:
    """Return masses that give these float32 energies, or the nearest energies that float16 can.

    A float32 energy does not tell the mass of a fast particle: 500 GeV are known to 3e-5 GeV, and
    so is a mass squared only to 0.03 GeV^2.  Where the mass of the particle's kind gives the
    energy to the bit, that mass is taken.
    """
    momentum = pt.astype(np.float64) * np.cosh(eta.astype(np.float64))
    squared = np.maximum(energy.astype(np.float64) ** 2 - momentum**2, 0.0)
    mass = np.minimum(np.sqrt(squared), 65504.0).astype(np.float16)
    for neighbor in (np.nextafter(mass, np.float16(0)), np.nextafter(mass, np.float16(65504))):
        # Nearest in energy is nearest in the square of the mass.
        now, then = (np.abs(m.astype(np.float64) ** 2 - squared) for m in (mass, neighbor))
        mass = np.where(then < now, neighbor, mass)
    kind_mass = np.zeros_like(mass) if pdg_id is None else _mass_of_kind(pdg_id)
    fits = _energy(pt, eta, kind_mass) == energy
    return np.where(fits, kind_mass, mass)


def _mass_of_kind(pdg_id: Array) -> NDArray[np.float16]:
    masses = np.zeros(pdg_id.shape, dtype=np.float16)
    for code, mass_gev in PDG_MASS_GEV.items():
        masses[np.abs(pdg_id) == code] = mass_gev
    return masses
