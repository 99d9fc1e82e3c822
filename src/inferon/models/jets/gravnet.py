"""GravNet: particles attract each other in a space that the network learns.

S. R. Qasim, J. Kieseler, Y. Iiyama, M. Pierini, "Learning representations of irregular
particle-detector geometry with distance-weighted graph networks", arXiv:1902.07987.
Section 3, for a particle with features x_j:

    s_j = its place, S numbers; f_j = what it sends, F_LR numbers; both linear in x_j
    V(d_jk) = exp(-10 d_jk^2), d_jk = |s_j - s_k|    the potential
    f_k~ = max and mean over the nearest neighbors j of f_j V(d_jk)
    x_k' = tanh(linear(x_k, f_k~)), F_OUT numbers

(The paper prints exp(-d^2); the factor 10 is that of the authors' code: a scale of s.)
Section 4: a block appends the mean over all particles to each one, applies three dense layers with
tanh, then the layer above, then batch norm; the outputs of all blocks together go through a dense
layer with ReLU.

Departures: the paper labels hits, here a jet is labeled: mean and maximum over its particles, then
a linear layer.  Padding sends nothing and is in no mean or maximum over a jet; the mean over
neighbors is over their fixed number, as in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from inferon.models.jets.dense import dense
from inferon.models.jets.frame import FEATURE_NAMES, JetFrame
from inferon.models.jets.neighbors import check_neighbors, gather, nearest
from inferon.models.jets.tagger import Tagger

STEEPNESS = 10.0
"""In the potential exp(-10 d^2)."""


@dataclass(frozen=True, slots=True)
class GravNetShape:
    """Sizes, with the paper's letters.

    Attributes
    ----------
    constituents : particles read
    blocks : how many
    hidden : widths of the dense layers of a block
    space, sent, outputs : S, F_LR, F_OUT
    neighbors : of each particle
    dense : width of the last dense layer
    """

    constituents: int = 128
    blocks: int = 4
    hidden: tuple[int, ...] = (64, 64, 64)
    space: int = 4
    sent: int = 22
    outputs: int = 48
    neighbors: int = 40
    dense: int = 128


class GravNet(Tagger):
    """Blocks of GravNet layers, and a mean and a maximum over particles.

    Parameters
    ----------
    shape : its sizes
    class_names : of the classes it tells apart
    """

    def __init__(self, shape: GravNetShape, class_names: tuple[str, ...]) -> None:
        super().__init__()
        check_neighbors(shape.neighbors, shape.constituents)
        self.constituents = shape.constituents
        self.frame = JetFrame()
        inputs = (len(FEATURE_NAMES), *[shape.outputs] * (shape.blocks - 1))
        self.blocks = nn.ModuleList(Block(width, shape) for width in inputs)
        self.dense = dense(shape.blocks * shape.outputs, shape.dense)
        self.head = nn.Linear(2 * shape.dense, len(class_names))

    def logits(self, inputs: Tensor) -> Tensor:
        """Return unnormalized scores, shape (N, classes), of raw jets, shape (N, K, 4)."""
        view = self.frame(inputs)
        x, mask = view.features, view.mask
        outputs = []
        for block in self.blocks:
            x = block(x, mask)
            outputs.append(x)
        particles = self.dense(torch.cat(outputs, dim=2)) * mask  # not negative: 0 is no maximum
        pooled = [_mean(particles, mask), particles.amax(dim=1, keepdim=True)]
        return self.head(torch.cat(pooled, dim=2)[:, 0])


class Block(nn.Module):
    """The mean of the jet to every particle, dense layers, a GravNet layer, batch norm."""

    def __init__(self, inputs: int, shape: GravNetShape) -> None:
        super().__init__()
        self.dense = dense(2 * inputs, *shape.hidden, activation=nn.Tanh)
        self.layer = GravNetLayer(shape.hidden[-1], shape)
        self.norm = nn.BatchNorm1d(shape.outputs)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return new features, shape (N, K, F_OUT), zero for padding."""
        x = torch.cat([x, _mean(x, mask).expand_as(x)], dim=2)
        x = self.layer(self.dense(x), mask)
        return self.norm(x.flatten(0, 1)).view(x.shape) * mask


class GravNetLayer(nn.Module):
    """What particles send, weighted by their distance in the learned space."""

    def __init__(self, inputs: int, shape: GravNetShape) -> None:
        super().__init__()
        self.neighbors = shape.neighbors
        self.space = nn.Linear(inputs, shape.space)
        self.sent = nn.Linear(inputs, shape.sent)
        self.output = nn.Linear(inputs + 2 * shape.sent, shape.outputs)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return new features, shape (N, K, F_OUT).

        Parameters
        ----------
        x : shape (N, K, inputs)
        mask : shape (N, K, 1)
        """
        place, sent = self.space(x), self.sent(x) * mask
        neighbors = nearest(place, mask, self.neighbors)
        near = gather(torch.cat([place, sent], dim=2), neighbors)
        there, message = near.split([place.shape[2], sent.shape[2]], dim=3)
        distance_squared = (there - place[:, :, None]).square().sum(dim=3, keepdim=True)
        message = message * torch.exp(-STEEPNESS * distance_squared)
        return torch.tanh(
            self.output(torch.cat([x, message.amax(dim=2), message.mean(dim=2)], dim=2))
        )


def _mean(x: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the particles of a jet, shape (N, 1, C)."""
    return (x * mask).sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True).clamp(min=1.0)
