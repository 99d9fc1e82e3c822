"""The value that every generator and loader returns: N jets with their raw constituents."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError
from inferon.physics.jet_card import JetCard

CONSTITUENT_COLUMNS: tuple[str, ...] = ("pt_gev", "eta", "phi", "energy_gev")
"""What the last axis of ``Jets.constituents`` holds, in order; phi in radians."""


@dataclass(frozen=True, slots=True, eq=False)
class Jets:
    """N jets with K constituents each.

    Attributes
    ----------
    title : what the sample is called in tables and figures
    class_names : in the order of the labels
    constituents : float32, shape (N, K, 4)
        Raw pT [GeV], pseudorapidity, azimuth [rad] (absolute, in [-pi, pi]), energy [GeV];
        highest pT first, padded with zeros.
    label : int8, shape (N,)
        Index into ``class_names``.
    event_id : int64, shape (N,)
        Jets of one collision share it; splits keep such jets together.
    pt_gev, eta, phi, mass_gev : float32, shape (N,)
        The whole jet, with the constituents beyond the K stored ones.
    features : float32, shape (N, 16), or None
        The high-level features, see ``high_level_features.FEATURE_NAMES``.
    pdg_id : int32, shape (N, K), or None
        PDG code of each constituent, 0 for padding.
    is_matched : bool, shape (N,), or None
        The jet points at a parton, boson or top quark of its class.
    is_contained : bool, shape (N,), or None
        The jet holds all quarks of that particle's decay; true where nothing decays.
    card : how a generated sample was made; None for a sample of others
    """

    title: str
    class_names: tuple[str, ...]
    constituents: NDArray[np.float32]
    label: NDArray[np.int8]
    event_id: NDArray[np.int64]
    pt_gev: NDArray[np.float32]
    eta: NDArray[np.float32]
    phi: NDArray[np.float32]
    mass_gev: NDArray[np.float32]
    features: NDArray[np.float32] | None = None
    pdg_id: NDArray[np.int32] | None = None
    is_matched: NDArray[np.bool_] | None = None
    is_contained: NDArray[np.bool_] | None = None
    card: JetCard | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def is_clean(self) -> NDArray[np.bool_]:
        """Matched and contained, shape (N,); all true where the sample records no truth."""
        clean = np.ones(len(self), dtype=np.bool_)
        for flag in (self.is_matched, self.is_contained):
            if flag is not None:
                clean &= flag
        return clean

    def select(self, which: NDArray[np.bool_] | NDArray[np.integer[Any]]) -> Jets:
        """Keep the jets at a boolean mask or at indices; the card stays the whole sample's."""
        chosen: dict[str, Any] = {
            field.name: value[which]
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray)
        }
        return replace(self, **chosen)

    def leading(self, count: int) -> NDArray[np.float32]:
        """Return the ``count`` leading constituents, shape (N, count, 4)."""
        if not 1 <= count <= self.constituents.shape[1]:
            raise DataError(
                f"the sample stores {self.constituents.shape[1]} constituents per jet, not {count}"
            )
        return np.ascontiguousarray(self.constituents[:, :count])
