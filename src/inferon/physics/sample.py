"""The sample format: jets with their raw constituents, in one file that any numpy can open.

A file is an ``.npz`` of these arrays (N jets, K constituents each; no pickles):

===============  ============  =========  =============================================
array            dtype         shape      content
===============  ============  =========  =============================================
``pt_gev``       float16       (N, K)     pT [GeV], highest first, 0 for padding
``angle_steps``  int16         (N, K, 2)  eta and phi in steps of 2**-13 (rad), 0 for padding
``jet``          float32       (N, 4)     pT [GeV], eta, phi, mass [GeV] of the whole jet
``label``        int8          (N,)       class index, see ``jet_classes.CLASS_NAMES``
``event_id``     int64         (N,)       jets of one collision share it
``matched``      bool          (N,)       truth matching passed
``card``         uint8         (bytes)    the data card, JSON in UTF-8
===============  ============  =========  =============================================

Both roundings are far below what the physics resolves (pT to 5e-4, angles to 6e-5), and both are
undone exactly: the float32 values that ``load_jets`` returns are *the* raw values, the same on
every machine.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from dataclasses import dataclass, fields, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError, OutputError
from inferon.physics.jet_card import JetCard
from inferon.physics.jet_classes import CLASS_NAMES

ANGLE_STEP = 2.0**-13
"""One unit of a stored angle; int16 then reaches 4.0, past the pseudorapidity of 3 and past pi."""

MAX_EXPANSION = 100
"""A real sample shrinks by less than 2 in its file; padding alone could reach this; more is a
decompression bomb."""

_ARRAYS = {
    "pt_gev": ("float16", 2),
    "angle_steps": ("int16", 3),
    "jet": ("float32", 2),
    "label": ("int8", 1),
    "event_id": ("int64", 1),
    "matched": ("bool", 1),
}


@dataclass(frozen=True, slots=True, eq=False)
class Jets:
    """A sample of N jets with K constituents each.

    Attributes
    ----------
    constituents : float32, shape (N, K, 3)
        Raw pT [GeV], pseudorapidity, azimuth [rad] (absolute, in [-pi, pi]); highest pT first,
        padded with zeros.
    label : int8, shape (N,)
        Class index, see ``jet_classes.CLASS_NAMES``.
    event_id : int64, shape (N,)
        Jets of one collision share it; splits keep such jets together.
    pt_gev, eta, phi, mass_gev : float32, shape (N,)
        The whole jet, with the constituents beyond the K stored ones.
    matched : bool, shape (N,)
        Whether the jet passed the truth matching.
    card : where the jets come from
    """

    constituents: NDArray[np.float32]
    label: NDArray[np.int8]
    event_id: NDArray[np.int64]
    pt_gev: NDArray[np.float32]
    eta: NDArray[np.float32]
    phi: NDArray[np.float32]
    mass_gev: NDArray[np.float32]
    matched: NDArray[np.bool_]
    card: JetCard

    def __len__(self) -> int:
        return len(self.label)

    def select(self, which: NDArray[np.bool_] | NDArray[np.integer]) -> Jets:
        """Keep the jets at a boolean mask or at indices; the card stays the whole sample's."""
        chosen = {
            field.name: getattr(self, field.name)[which]
            for field in fields(self)
            if field.name != "card"
        }
        return replace(self, **chosen)

    def leading(self, count: int) -> NDArray[np.float32]:
        """Return the ``count`` leading constituents, shape (N, count, 3)."""
        if not 1 <= count <= self.constituents.shape[1]:
            raise DataError(
                f"the sample stores {self.constituents.shape[1]} constituents per jet, not {count}"
            )
        return np.ascontiguousarray(self.constituents[:, :count])


def shipped_jets() -> Jets:
    """Load the 20,000 truth-matched jets that come with Inferon.

    4,000 a class, without a detector; see ``data/JETS_CARD.md``.
    """
    with as_file(files("inferon") / "data" / "jets20k.npz") as path:
        return load_jets(path)


def load_jets(path: str | os.PathLike[str]) -> Jets:
    """Read a sample.

    Parameters
    ----------
    path : file that ``save_jets`` or ``inferon data jets`` wrote

    Raises
    ------
    DataError
        The file is absent, is no jet sample, or its content does not have the hash on its card.
    """
    stored, card = _read(Path(path))
    return Jets(
        constituents=_constituents(stored),
        label=stored["label"],
        event_id=stored["event_id"],
        pt_gev=stored["jet"][:, 0],
        eta=stored["jet"][:, 1],
        phi=stored["jet"][:, 2],
        mass_gev=stored["jet"][:, 3],
        matched=stored["matched"],
        card=card,
    )


def save_jets(path: str | os.PathLike[str], jets: Jets) -> Jets:
    """Write a sample; the file appears whole or not at all.

    The bytes depend on the jets and on numpy's and zlib's versions only.

    Parameters
    ----------
    path : file to write or to replace
    jets : the sample; its constituents are rounded to the precision of the format

    Returns
    -------
    The sample as ``load_jets`` will return it.

    Raises
    ------
    OutputError
        The file cannot be written there.
    """
    path = Path(path)
    stored = _stored(jets)
    card = replace(jets.card, content_sha256=content_sha256(stored))
    text = np.frombuffer(card.to_json().encode(), dtype=np.uint8)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, **stored, card=text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        raise OutputError(f"cannot write the sample to {path}: {error.strerror}") from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
    return replace(jets, constituents=_constituents(stored), card=card)


def content_sha256(stored: dict[str, NDArray[Any]]) -> str:
    """Hash the stored arrays: name, dtype, shape, little-endian bytes, in the format's order."""
    digest = hashlib.sha256()
    for name, (dtype, _) in _ARRAYS.items():
        array = stored[name]
        digest.update(f"{name} {dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array, dtype=np.dtype(dtype).newbyteorder("<")).data)
    return digest.hexdigest()


def _stored(jets: Jets) -> dict[str, NDArray[Any]]:
    steps = np.rint(jets.constituents[:, :, 1:].astype(np.float64) / ANGLE_STEP)
    return {
        "pt_gev": jets.constituents[:, :, 0].astype(np.float16),
        "angle_steps": steps.astype(np.int16),
        "jet": np.stack([jets.pt_gev, jets.eta, jets.phi, jets.mass_gev], axis=-1),
        "label": jets.label,
        "event_id": jets.event_id,
        "matched": jets.matched,
    }


def _constituents(stored: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    pt_gev = stored["pt_gev"].astype(np.float32)
    angles = stored["angle_steps"].astype(np.float32) * np.float32(ANGLE_STEP)
    return np.concatenate([pt_gev[:, :, None], angles], axis=-1)


def _read(path: Path) -> tuple[dict[str, NDArray[Any]], JetCard]:
    try:
        _refuse_bomb(path)
        with np.load(path, allow_pickle=False) as archive:
            stored = {name: archive[name] for name in _ARRAYS}
            text = archive["card"].tobytes().decode()
    except FileNotFoundError as error:
        raise DataError(
            f"there is no jet sample at {path}; make one with 'inferon data jets'"
        ) from error
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is not a jet sample ({error}); make one with 'inferon data jets'"
        ) from error
    card = JetCard.from_json(text)
    _check_layout(path, stored)
    if content_sha256(stored) != card.content_sha256:
        raise DataError(f"the arrays of {path} do not have the hash on its card: it was altered")
    return stored, card


def _refuse_bomb(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        expanded = sum(entry.file_size for entry in archive.infolist())
    if expanded > MAX_EXPANSION * path.stat().st_size:
        raise DataError(f"{path} expands to {expanded:,} bytes: that is no jet sample")


def _check_layout(path: Path, stored: dict[str, NDArray[Any]]) -> None:
    jets, constituents = stored["pt_gev"].shape[:1], stored["pt_gev"].shape[1:2]
    tails = {"pt_gev": constituents, "angle_steps": (*constituents, 2), "jet": (4,)}
    for name, (dtype, rank) in _ARRAYS.items():
        array, shape = stored[name], jets + tails.get(name, ())
        if array.dtype != np.dtype(dtype) or array.ndim != rank or array.shape != shape:
            raise DataError(
                f"array {name!r} of {path} is {array.dtype} of shape {array.shape}; "
                f"a jet sample has {dtype} of shape {shape}"
            )
    label = stored["label"]
    if len(label) and not 0 <= int(label.min()) <= int(label.max()) < len(CLASS_NAMES):
        raise DataError(f"labels of {path} are outside 0 to {len(CLASS_NAMES) - 1}")
