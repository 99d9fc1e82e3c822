"""The hard core of a jet: Cambridge/Aachen declustering and the modified mass-drop tagger.

Plain numpy, so that loaders groom without FastJet; the tests compare the two.
References: Y. L. Dokshitzer et al., arXiv:hep-ph/9707323 (Cambridge/Aachen); M. Dasgupta et al.,
arXiv:1307.0007 (mMDT); A. J. Larkoski et al., arXiv:1402.2657 (soft drop: mMDT is beta = 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import asinh, atan2, pi, sqrt

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Momentum = list[float]
"""px, py, pz, E [GeV]."""


@dataclass(frozen=True, slots=True)
class ClusterTree:
    """The history of a clustering that ended in one jet.

    Attributes
    ----------
    momenta_gev : px, py, pz, E of each node: the n particles, then the n - 1 mergers in order
    parents : the two nodes of each merger; those of node n + m are ``parents[m]``
    """

    momenta_gev: list[Momentum]
    parents: list[tuple[int, int]]


def cambridge_aachen(momenta_gev: FloatArray) -> ClusterTree:
    """Merge the two closest nodes in (rapidity, azimuth) until one is left.

    Merging adds four-momenta; there is no radius, because the particles are those of one jet.
    Among equal distances the pair with the lowest positions is merged.

    Parameters
    ----------
    momenta_gev : shape (n, 4), n > 0
        px, py, pz, E [GeV] with pT > 0.
    """
    count = len(momenta_gev)
    nodes: list[Momentum] = momenta_gev.tolist()
    parents: list[tuple[int, int]] = []
    node_at = list(range(count))
    rapidity, phi = (np.array(axis) for axis in zip(*map(_rapidity_phi, nodes), strict=True))
    distance = squared_distances(rapidity, phi)
    np.fill_diagonal(distance, np.inf)
    for _ in range(count - 1):
        kept, removed = divmod(int(distance.argmin()), count)
        pair = node_at[kept], node_at[removed]
        merged = [first + second for first, second in zip(*(nodes[i] for i in pair), strict=True)]
        node_at[kept] = len(nodes)
        nodes.append(merged)
        parents.append(pair)
        # A removed place is infinitely far from everything.
        rapidity[removed] = np.inf
        distance[removed] = distance[:, removed] = np.inf
        rapidity[kept], phi[kept] = _rapidity_phi(merged)
        row = _squared_distance(rapidity - rapidity[kept], phi - phi[kept])
        row[kept] = np.inf
        distance[kept] = distance[:, kept] = row
    return ClusterTree(nodes, parents)


def modified_mass_drop(momenta_gev: FloatArray, z_cut: float = 0.1) -> NDArray[np.intp]:
    """Which particles the modified mass-drop tagger (soft drop with beta = 0) keeps.

    The Cambridge/Aachen tree is opened from its root; while the softer of the two branches has
    z = pT / (pT + pT of the other) <= z_cut, it is dropped and the harder branch is followed.

    Parameters
    ----------
    momenta_gev : shape (n, 4), n > 0
        px, py, pz, E [GeV] with pT > 0.
    z_cut : 0.1 in the hls4ml jet set

    Returns
    -------
    Indices of the particles that are left, rising.  If every opening is too asymmetric, one
    particle is left: the end of the hardest branch.
    """
    tree = cambridge_aachen(momenta_gev)
    count = len(momenta_gev)
    node = len(tree.momenta_gev) - 1
    while node >= count:
        first, second = tree.parents[node - count]
        pt_first, pt_second = (_pt_gev(tree.momenta_gev[i]) for i in (first, second))
        if min(pt_first, pt_second) > z_cut * (pt_first + pt_second):
            break
        node = first if pt_first >= pt_second else second
    return np.array(sorted(_particles_below(tree, node, count)), dtype=np.intp)


def squared_distances(rapidity: FloatArray, phi: FloatArray) -> FloatArray:
    """Squared distance of every pair in (rapidity, azimuth), shape (n, n)."""
    return _squared_distance(rapidity[:, None] - rapidity, phi[:, None] - phi)


def _squared_distance(d_rapidity: FloatArray, d_phi: FloatArray) -> FloatArray:
    """For azimuths in [-pi, pi], whose difference is at most a full turn."""
    turn = np.abs(d_phi)
    np.minimum(turn, 2.0 * pi - turn, out=turn)
    squared: FloatArray = d_rapidity * d_rapidity + turn * turn
    return squared


def _rapidity_phi(momentum: Momentum) -> tuple[float, float]:
    px, py, pz, energy = momentum
    # An energy that rounding has left below |p| counts as that of a massless particle.
    transverse_mass_squared = max((energy - pz) * (energy + pz), px * px + py * py)
    return asinh(pz / sqrt(transverse_mass_squared)), atan2(py, px)


def _pt_gev(momentum: Momentum) -> float:
    return sqrt(momentum[0] * momentum[0] + momentum[1] * momentum[1])


def _particles_below(tree: ClusterTree, node: int, count: int) -> list[int]:
    found: list[int] = []
    open_nodes = [node]
    while open_nodes:
        node = open_nodes.pop()
        if node < count:
            found.append(node)
        else:
            open_nodes.extend(tree.parents[node - count])
    return found
