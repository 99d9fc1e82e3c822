"""The nearest neighbors of every particle of a jet, and what stands at their places.

Used by the graph networks.  Ties and padding are defined here, once:

* No particle is its own neighbor.
* Padding is nobody's neighbor as long as there are enough particles.  A particle with fewer than
  ``count`` others gets padding for the missing ones; the caller gives padding features of zero.
* Of two particles at exactly the same distance the one that stands first is taken.
"""

from __future__ import annotations

import torch
from torch import Tensor

from inferon.errors import UsageError

FEW_COORDINATES = 4
"""Up to so many, distances come from differences, which lose no digits for close particles."""


def check_neighbors(count: int, constituents: int) -> None:
    """Refuse more neighbors than a jet has other slots.

    Raises
    ------
    UsageError
        When ``count`` is not below ``constituents``.
    """
    if not 1 <= count < constituents:
        raise UsageError(
            f"a particle among {constituents} constituents has at most {constituents - 1} "
            f"neighbors, not {count}: change the shape's neighbors or constituents"
        )


@torch.no_grad()
def nearest(coordinates: Tensor, mask: Tensor, count: int) -> Tensor:
    """Return where the nearest neighbors of every particle stand, the nearest first.

    Parameters
    ----------
    coordinates : shape (N, K, D)
    mask : shape (N, K, 1)
        1 for a particle, 0 for padding.
    count : neighbors of each, below K

    Returns
    -------
    int64, shape (N, K, count); no gradient passes.
    """
    distance = _ranking_distance(coordinates)
    padded = torch.finfo(distance.dtype).max
    distance = torch.where(mask.transpose(1, 2) > 0.0, distance, padded)
    itself = torch.eye(distance.shape[1], dtype=torch.bool, device=distance.device)
    distance = distance.masked_fill(itself, float("inf"))
    if torch.onnx.is_in_onnx_export():  # ONNX's TopK takes the first of equals, torch's does not
        return distance.topk(count, dim=2, largest=False).indices
    return distance.sort(dim=2, stable=True).indices[:, :, :count]


def _ranking_distance(x: Tensor) -> Tensor:
    """Return what orders the particles j around each i, shape (N, i, j).

    That is |x_i - x_j|^2; with many coordinates without its |x_i|^2, which is the same for all j.
    """
    if x.shape[2] <= FEW_COORDINATES:
        first, *others = (each[:, :, None] - each[:, None] for each in x.unbind(dim=2))
        distance = first * first
        for difference in others:
            distance = distance + difference * difference
        return distance
    return x.square().sum(dim=2)[:, None] - 2.0 * (x @ x.transpose(1, 2))


def gather(values: Tensor, places: Tensor) -> Tensor:
    """Return the values of each particle's neighbors.

    Parameters
    ----------
    values : shape (N, K, C)
    places : shape (N, K, count), as ``nearest`` returns them

    Returns
    -------
    Shape (N, K, count, C).
    """
    jets, slots, channels = values.shape
    count = places.shape[2]
    if torch.onnx.is_in_onnx_export():
        # One jet at a time, as it will run; the same values as below.
        chosen = places.flatten(1)[:, :, None].expand(-1, -1, channels)
        return values.gather(1, chosen).unflatten(1, (slots, count))
    first = torch.arange(0, jets * slots, slots, device=places.device)
    rows = values.flatten(0, 1).index_select(0, (places + first[:, None, None]).flatten())
    return rows.view(jets, slots, count, channels)
