"""ParticleNet: every particle learns from its nearest neighbors, found anew in each block.

H. Qu and L. Gouskos, "ParticleNet: jet tagging via particle clouds", arXiv:1902.08570.
Section III A, EdgeConv: for a particle x_i with its k nearest neighbors x_i1 ... x_ik,

    x_i' = mean over j of h(x_i, x_ij - x_i)                                      (eq. 1, 2)

where h is three times linear, batch norm, ReLU; a shortcut runs in parallel (figure 1), and ReLU
follows the sum.  Section III B (figure 2): the first block finds neighbors in (eta, phi), later
ones in the features that the block before has learned; then the mean over particles, a dense
layer, dropout 0.1, scores.  ParticleNet-Lite, section III B: ``LITE``.

Departures: the mean over particles leaves padding out, and padding is zero before every block.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu

from inferon.models.jets.frame import FEATURE_NAMES, JetFrame, wrap
from inferon.models.jets.neighbors import check_neighbors, gather, nearest
from inferon.models.jets.tagger import Tagger


@dataclass(frozen=True, slots=True)
class ParticleNetShape:
    """Sizes: particles read, neighbors k, widths of h in each block, the dense layer, dropout."""

    constituents: int = 100
    neighbors: int = 16
    blocks: tuple[tuple[int, ...], ...] = ((64, 64, 64), (128, 128, 128), (256, 256, 256))
    dense: int = 256
    dropout: float = 0.1


LITE = ParticleNetShape(neighbors=7, blocks=((32, 32, 32), (64, 64, 64)), dense=128)
"""ParticleNet-Lite, an order of magnitude cheaper."""


class ParticleNet(Tagger):
    """EdgeConv blocks, a mean over particles, a dense layer.

    Parameters
    ----------
    shape : its sizes
    class_names : of the classes it tells apart
    """

    def __init__(self, shape: ParticleNetShape, class_names: tuple[str, ...]) -> None:
        super().__init__()
        check_neighbors(shape.neighbors, shape.constituents)
        self.constituents = shape.constituents
        self.neighbors = shape.neighbors
        self.frame = JetFrame()
        self.input_norm = nn.BatchNorm1d(len(FEATURE_NAMES))
        inputs = (len(FEATURE_NAMES), *(widths[-1] for widths in shape.blocks))
        self.blocks = nn.ModuleList(
            EdgeConv(width, widths) for width, widths in zip(inputs, shape.blocks, strict=False)
        )
        self.head = nn.Sequential(
            nn.Linear(inputs[-1], shape.dense),
            nn.ReLU(),
            nn.Dropout(shape.dropout),
            nn.Linear(shape.dense, len(class_names)),
        )

    def logits(self, inputs: Tensor) -> Tensor:
        """Return unnormalized scores, shape (N, classes), of raw jets, shape (N, K, 4)."""
        view = self.frame(inputs)
        x = normalized(self.input_norm, view.features) * view.mask
        # Angles to the leading particle: as differences of the raw ones, ties in them stay ties.
        eta, phi = inputs[:, :, 1:3].split(1, dim=2)
        coordinates = torch.cat([eta, wrap(phi - phi[:, :1])], dim=2)
        for block in self.blocks:
            x = block(x, nearest(coordinates, view.mask, self.neighbors)) * view.mask
            coordinates = x
        particles = view.mask.sum(dim=1).clamp(min=1.0)
        return self.head(x.sum(dim=1) / particles)


class EdgeConv(nn.Module):
    """One block: messages from the neighbors, their mean, and a shortcut.

    Parameters
    ----------
    inputs : features of a particle
    widths : of the layers of h
    """

    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        sizes = pairwise((2 * inputs, *widths))
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in sizes)
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths)
        self.shortcut = nn.Linear(inputs, widths[-1], bias=False)
        self.shortcut_norm = nn.BatchNorm1d(widths[-1])

    def forward(self, x: Tensor, neighbors: Tensor) -> Tensor:
        """Return new features, shape (N, K, widths[-1]).

        Parameters
        ----------
        x : shape (N, K, inputs)
        neighbors : places of the neighbors, shape (N, K, k)
        """
        message = relu(normalized(self.norms[0], self._first_layer(x, neighbors)))
        for layer, norm in zip(self.layers[1:], self.norms[1:], strict=True):
            message = relu(normalized(norm, layer(message)))
        return relu(message.mean(dim=2) + normalized(self.shortcut_norm, self.shortcut(x)))

    def _first_layer(self, x: Tensor, neighbors: Tensor) -> Tensor:
        """Return W (x_i, x_j - x_i) = (W_1 - W_2) x_i + W_2 x_j, shape (N, K, k, widths[0]).

        Both products are taken once a particle instead of once an edge.
        """
        first, second = self.layers[0].weight.split(x.shape[2], dim=1)
        return linear(x, first - second)[:, :, None] + gather(linear(x, second), neighbors)


def normalized(norm: nn.Module, values: Tensor) -> Tensor:
    """Apply a batch norm to the last axis; all others are its batch."""
    return norm(values.flatten(0, -2)).view(values.shape)
