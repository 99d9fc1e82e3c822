"""The networks of the suite as torch modules: what their files were exported from.

Torch's eager mode is one of the peers, and the files of the later models are made here
(benchmarks/models/make.py).  Names of parameters are those in the files of models a to i.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from inferon.models.jets.particle_transformer import (
    ParticleTransformer,
    ParticleTransformerShape,
)
from inferon.models.jets.particlenet import LITE, ParticleNet
from inferon.physics.jet_classes import CLASS_NAMES

SCORES = 5
"""Outputs of the networks that tell classes apart."""


def mlp(*widths: int) -> nn.Sequential:
    """Return linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Probability(nn.Module):
    """a: an MLP with a sigmoid at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.m = mlp(12, 32, 16, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return one probability for each event."""
        return torch.sigmoid(self.m(x))


class Peak(nn.Module):
    """d1: where a diffraction peak lies, after BraggNN (arXiv:2008.08198) without attention."""

    def __init__(self) -> None:
        super().__init__()
        leaky = [nn.LeakyReLU(0.01) for _ in range(5)]
        self.c = nn.Sequential(
            *(nn.Conv2d(1, 16, 3), leaky[0]),
            *(nn.Conv2d(16, 8, 3), leaky[1]),
            *(nn.Conv2d(8, 2, 3), leaky[2]),
        )
        self.m = nn.Sequential(
            nn.Flatten(),
            *(nn.Linear(50, 16), leaky[3]),
            *(nn.Linear(16, 8), leaky[4]),
            nn.Linear(8, 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return two coordinates of images, shape (N, 1, 11, 11)."""
        return self.m(self.c(x))


class LeNet(nn.Module):
    """d2: LeNet-5's sizes with ReLU and maxima."""

    def __init__(self) -> None:
        super().__init__()
        self.c = nn.Sequential(
            *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        )
        self.m = mlp(400, 120, 84, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return ten scores of images, shape (N, 1, 28, 28)."""
        return self.m(self.c(x).flatten(1))


class Sets(nn.Module):
    """e: Deep Sets (arXiv:1703.06114)."""

    def __init__(self) -> None:
        super().__init__()
        self.phi = nn.Sequential(nn.Sequential(*mlp(3, 16, 64, 64), nn.ReLU()))
        self.rho = mlp(64, 64, SCORES)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores of sets, shape (N, 150, 3)."""
        return self.rho(self.phi(x).sum(1))


class EncoderBlock(nn.Module):
    """One block of f: attention and a network, each normed before and added after."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.o = nn.Linear(width, width)
        self.n1, self.n2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.f1, self.f2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return new tokens, shape (N, tokens, width)."""
        events, tokens, width = x.shape
        size = width // self.heads
        split = self.qkv(self.n1(x)).reshape(events, tokens, 3, self.heads, size)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        weights = torch.softmax(query @ key.transpose(-1, -2) / size**0.5, -1)
        found = (weights @ value).transpose(1, 2).reshape(events, tokens, width)
        x = x + self.o(found)
        return x + self.f2(gelu(self.f1(self.n2(x))))


class Encoder(nn.Module):
    """f: a transformer encoder, the mean over its tokens, scores."""

    def __init__(self) -> None:
        super().__init__()
        self.e = nn.Linear(8, 32)
        self.b = nn.ModuleList(EncoderBlock(32, heads=4, hidden=64) for _ in range(2))
        self.o = nn.Linear(32, SCORES)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores of token sequences, shape (N, 128, 8)."""
        x = self.e(x)
        for block in self.b:
            x = block(x)
        return self.o(x.mean(1))


class LastStep(nn.Module):
    """g and j: scores of the last state of a recurrent layer."""

    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.g = layer
        self.o = nn.Linear(width, SCORES)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores of sequences, shape (N, steps, features)."""
        states, _ = self.g(x)
        return self.o(states[:, -1])


class Edges(nn.Module):
    """One block of i: EdgeConv (arXiv:1801.07829) on the nearest neighbors."""

    def __init__(self, inputs: int, width: int, neighbors: int) -> None:
        super().__init__()
        self.neighbors = neighbors
        self.m = nn.Sequential(*mlp(2 * inputs, width, width, width), nn.ReLU())

    def forward(self, x: Tensor, coordinates: Tensor) -> Tensor:
        """Return new features of points, shape (N, points, width)."""
        squares = (coordinates * coordinates).sum(-1, keepdim=True)
        products = coordinates @ coordinates.transpose(1, 2)
        distances = squares + squares.transpose(1, 2) - 2.0 * products
        nearest = (-distances).topk(self.neighbors + 1, dim=-1).indices[:, :, 1:]
        events, points, features = x.shape
        places = nearest.reshape(events, -1, 1).expand(-1, -1, features)
        there = x.gather(1, places).reshape(events, points, self.neighbors, features)
        here = x[:, :, None].expand(-1, -1, self.neighbors, -1)
        return self.m(torch.cat([here, there - here], dim=-1)).mean(2)


class PointCloud(nn.Module):
    """i: two EdgeConv blocks, the mean over points, scores."""

    def __init__(self) -> None:
        super().__init__()
        self.e1, self.e2 = Edges(8, 32, 8), Edges(32, 64, 8)
        self.o = mlp(64, 64, SCORES)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores of points, shape (N, 64, 8)."""
        x = self.e1(x, x[:, :, :2])
        x = self.e2(x, x)
        return self.o(x.mean(1))


class Strain(nn.Module):
    """l: a 1-D CNN on strain of two detectors.

    Filters and kernels of D. George and E. A. Huerta, arXiv:1701.00008, figure 4: 16, 32 and 64
    filters of 16, 8 and 8 samples, a pool and a ReLU behind each, 64 hidden units.  Their input
    has 8,192 samples: on 200 the filters have no dilation, and the pools halve.
    """

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for inputs, filters, samples in ((2, 16, 16), (16, 32, 8), (32, 64, 8)):
            blocks += [nn.Conv1d(inputs, filters, samples), nn.MaxPool1d(2), nn.ReLU()]
        self.c = nn.Sequential(*blocks)
        self.m = mlp(64 * 17, 64, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores of signal and noise for windows, shape (N, 2, 200)."""
        return self.m(self.c(x).flatten(1))


def autoencoder() -> nn.Module:
    """Return h: an autoencoder of three bottleneck values."""
    return mlp(57, 32, 16, 3, 16, 32, 57)


PART_SMALL = ParticleTransformerShape(
    constituents=32,
    embedding=(64, 256, 64),
    pair=(32, 32, 32),
    heads=4,
    blocks=4,
    class_blocks=1,
    dropout=0.0,
)
"""m: half the paper's widths, blocks and heads, on 32 particles."""


def _gru() -> nn.Module:
    return LastStep(nn.GRU(6, 20, batch_first=True), 20)


def _lstm() -> nn.Module:
    return LastStep(nn.LSTM(6, 32, batch_first=True), 32)


NETWORKS: Mapping[str, Callable[[], nn.Module]] = MappingProxyType(
    {
        "a_mlp12": Probability,
        "b_jet16": lambda: mlp(16, 64, 32, 32, SCORES),
        "c_mlp256": lambda: mlp(256, 256, 256, 10),
        "d1_bragg": Peak,
        "d2_lenet": LeNet,
        "e_deepsets": Sets,
        "f_transf": Encoder,
        "g_gru": _gru,
        "h_autoenc": autoencoder,
        "i_pnet": PointCloud,
        "j_lstm": _lstm,
        "k_pnetlite": lambda: ParticleNet(LITE, CLASS_NAMES),
        "l_strain": Strain,
        "m_part": lambda: ParticleTransformer(PART_SMALL, CLASS_NAMES),
    }
)
"""Every network of the suite, with random weights, by the stem of its files."""
