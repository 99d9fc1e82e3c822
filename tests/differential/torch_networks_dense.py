"""Torch networks on plain vectors: every activation, gates, flows, autoencoders, splines."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as f

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": lambda: nn.LeakyReLU(0.1),
    "prelu": lambda: nn.PReLU(6),
    "elu": nn.ELU,
    "selu": nn.SELU,
    "celu": lambda: nn.CELU(0.7),
    "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU(approximate="tanh"),
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": lambda: nn.Softplus(beta=2.0),
    "softsign": nn.Softsign,
    "hardswish": nn.Hardswish,
    "hardsigmoid": nn.Hardsigmoid,
    "hardtanh": nn.Hardtanh,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "tanhshrink": nn.Tanhshrink,
    "softshrink": nn.Softshrink,
    "hardshrink": nn.Hardshrink,
    "threshold": lambda: nn.Threshold(0.1, -0.2),
    "log_sigmoid": nn.LogSigmoid,
    "glu": nn.GLU,
    "softmax": lambda: nn.Softmax(-1),
    "softmin": lambda: nn.Softmin(-1),
    "log_softmax": lambda: nn.LogSoftmax(-1),
}
"""Every activation of torch that has no random numbers in it, by the name of its network."""


def activated(name: str) -> nn.Module:
    """Return a small network that goes through an activation twice."""
    second = 3 if name == "glu" else 6
    make = ACTIVATIONS[name]
    wide = [nn.Linear(4, 6), make(), nn.Linear(second, 6)]
    return nn.Sequential(*wide, nn.PReLU(6) if name == "prelu" else make(), nn.Linear(second, 2))


class Highway(nn.Module):
    """Layers that carry their input past themselves (Srivastava et al. 2015)."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies = nn.ModuleList(nn.Linear(6, 6) for _ in range(2))
        self.gates = nn.ModuleList(nn.Linear(6, 6) for _ in range(2))

    def forward(self, x: Any) -> Any:
        for body, gate in zip(self.bodies, self.gates, strict=True):
            share = torch.sigmoid(gate(x))
            x = share * torch.relu(body(x)) + (1.0 - share) * x
        return x


class FourierFeatures(nn.Module):
    """Sines and cosines of random projections (Tancik et al. 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.randn(3, 6))
        self.head = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, x: Any) -> Any:
        angle = 2.0 * math.pi * x @ self.frequencies
        return self.head(torch.cat([angle.sin(), angle.cos()], -1)).squeeze(-1)


class Film(nn.Module):
    """A condition scales and shifts the features of particles (Perez et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(3, 6), nn.Linear(6, 2)
        self.condition = nn.Linear(2, 12)

    def forward(self, x: Any, condition: Any) -> Any:
        scale, shift = self.condition(condition).unsqueeze(1).chunk(2, -1)
        return self.head(torch.relu((1.0 + scale) * self.body(x) + shift)).mean(1)


class KolmogorovArnold(nn.Module):
    """Sums of cubic B-splines on edges, by the recursion of Cox and de Boor (Liu et al. 2024)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("knots", torch.linspace(-2.2, 2.2, 12))
        self.weights = nn.Parameter(torch.randn(5, 4, 8) * 0.3)
        self.base = nn.Linear(4, 5)

    def forward(self, x: Any) -> Any:
        at, knots = x.unsqueeze(-1), self.knots
        basis = ((at >= knots[:-1]) & (at < knots[1:])).to(x.dtype)
        for order in (1, 2, 3):
            rising = (at - knots[: -order - 1]) / (knots[order:-1] - knots[: -order - 1])
            falling = (knots[order + 1 :] - at) / (knots[order + 1 :] - knots[1:-order])
            basis = rising * basis[..., :-1] + falling * basis[..., 1:]
        return torch.einsum("bik,oik->bo", basis, self.weights) + self.base(f.silu(x))


class MixtureOfExperts(nn.Module):
    """The two experts that a gate prefers, weighted (Shazeer et al. 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(5, 4)
        self.experts = nn.ModuleList(nn.Linear(5, 3) for _ in range(4))

    def forward(self, x: Any) -> Any:
        best, chosen = self.gate(x).topk(2, dim=-1)
        answers = torch.stack([expert(x) for expert in self.experts], 1)
        picked = answers.gather(1, chosen.unsqueeze(-1).expand(-1, -1, 3))
        return (torch.softmax(best, -1).unsqueeze(-1) * picked).sum(1)


class SoftMixture(nn.Module):
    """All experts at once, as one product over a stack of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(5, 4)
        self.weights = nn.Parameter(torch.randn(4, 5, 3) * 0.4)

    def forward(self, x: Any) -> Any:
        answers = torch.tanh(torch.einsum("bi,eio->beo", x, self.weights))
        return (torch.softmax(self.gate(x), -1).unsqueeze(-1) * answers).sum(1)


class CouplingFlow(nn.Module):
    """Affine couplings of halves, and the logarithm of the density (Dinh et al. 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.nets = nn.ModuleList(
            nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 6)) for _ in range(2)
        )

    def forward(self, x: Any) -> Any:
        volume = torch.zeros_like(x[:, 0])
        for net in self.nets:
            kept, moved = x.chunk(2, -1)
            scale, shift = net(kept).chunk(2, -1)
            scale = torch.tanh(scale)
            x = torch.cat([moved * scale.exp() + shift, kept], -1)
            volume = volume + scale.sum(-1)
        density = -0.5 * (x * x + math.log(2.0 * math.pi)).sum(-1) + volume
        return x, density


class AutoregressiveFlow(nn.Module):
    """Masked weights: each number depends on those before it (Papamakarios et al. 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 8)
        degree = torch.arange(8) % 3
        self.register_buffer("mask_1", (degree[:, None] >= torch.arange(4)).float())
        order = torch.arange(8) // 2
        self.register_buffer("mask_2", (order[:, None] > degree).float())

    def forward(self, x: Any) -> Any:
        hidden = torch.relu(f.linear(x, self.first.weight * self.mask_1, self.first.bias))
        out = f.linear(hidden, self.second.weight * self.mask_2, self.second.bias)
        shift, scale = out.reshape(-1, 4, 2).unbind(-1)
        return (x - shift) * torch.exp(-scale)


class SplineFlow(nn.Module):
    """Monotonic rational quadratic splines (Durkan et al. 2019, equation 4)."""

    def __init__(self, bins: int = 4) -> None:
        super().__init__()
        self.bins = bins
        self.net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2 * (3 * bins + 1)))

    def forward(self, x: Any) -> Any:
        kept, moved = x.chunk(2, -1)
        moved = moved.tanh() * 0.5 + 0.5
        out = self.net(kept).reshape(-1, 2, 3 * self.bins + 1)
        widths = torch.softmax(out[..., : self.bins], -1)
        heights = torch.softmax(out[..., self.bins : 2 * self.bins], -1)
        slopes = f.softplus(out[..., 2 * self.bins :])
        left = f.pad(widths.cumsum(-1), (1, 0))
        low = f.pad(heights.cumsum(-1), (1, 0))
        chosen = (moved.unsqueeze(-1) >= left[..., 1:-1]).sum(-1, keepdim=True)
        x0, y0 = left.gather(-1, chosen), low.gather(-1, chosen)
        width, height = widths.gather(-1, chosen), heights.gather(-1, chosen)
        d0, d1 = slopes.gather(-1, chosen), slopes.gather(-1, chosen + 1)
        t = ((moved.unsqueeze(-1) - x0) / width).clamp(0.0, 1.0)
        rise = height / width
        top = height * (rise * t * t + d0 * t * (1.0 - t))
        bottom = rise + (d1 + d0 - 2.0 * rise) * t * (1.0 - t)
        return torch.cat([kept, (y0 + top / bottom).squeeze(-1)], -1)


class Autoencoder(nn.Module):
    """An autoencoder and its anomaly score."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(8, 5), nn.ELU(), nn.Linear(5, 2))
        self.decode = nn.Sequential(nn.Linear(2, 5), nn.ELU(), nn.Linear(5, 8))

    def forward(self, x: Any) -> Any:
        y = self.decode(self.encode(x))
        return y, f.mse_loss(y, x, reduction="none").mean(-1)


class VariationalAutoencoder(nn.Module):
    """At the mean of the latent distribution, with its divergence from the unit one."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.mean, self.log_variance = nn.Linear(8, 6), nn.Linear(6, 2), nn.Linear(6, 2)
        self.decode = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 8), nn.Sigmoid())

    def forward(self, x: Any) -> Any:
        hidden = torch.relu(self.body(x))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        divergence = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum(-1)
        return self.decode(mean), divergence


class Mixer(nn.Module):
    """MLPs over particles and over features by turns (Tolstikhin et al. 2021)."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(5), nn.LayerNorm(5)])
        self.particles = nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 6))
        self.features = nn.Sequential(nn.Linear(5, 8), nn.GELU(), nn.Linear(8, 5))

    def forward(self, x: Any) -> Any:
        x = x + self.particles(self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        return (x + self.features(self.norms[1](x))).mean(1)


class CategoryEmbedding(nn.Module):
    """Numbers beside the embedding of a category that is given as a float."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 3)
        self.head = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2))

    def forward(self, x: Any) -> Any:
        category = (x[:, 0].abs() * 2.0).long().clamp(0, 4)
        return self.head(torch.cat([x[:, 1:], self.table(category)], -1))


class Residual(nn.Module):
    """Blocks with batch normalization and a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.2))
        self.second = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.ReLU())
        self.head = nn.Linear(6, 3)

    def forward(self, x: Any) -> Any:
        x = x + self.first(x)
        return torch.log_softmax(self.head(x + self.second(x)), -1)
