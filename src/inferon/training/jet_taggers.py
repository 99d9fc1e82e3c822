"""The two shipped jet taggers as torch modules: raw constituents in, class probabilities out.

All preprocessing is part of the model: whoever runs it hands over pT [GeV], eta and phi [rad] as
they come from the reconstruction.  Deep Sets: M. Zaheer et al., arXiv:1703.06114; energy-weighted
sums over particles: P. T. Komiske et al., arXiv:1810.05165.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from math import pi

import torch
from torch import Tensor, nn

FEATURES = 5
"""Per constituent: log of the pT fraction, eta and phi relative to the jet axis, and the logs of
the squared distances to the axis and to the leading constituent."""

JET_FEATURES = 2
"""Per jet: log of the summed pT, log of (mass / pT)^2."""

SMALLEST_DISTANCE_SQUARED = 1e-4
"""Added to squared distances before their log: 0.01 rad, about what a tracker's jets resolve."""

SMALLEST_MASS_SQUARED = 1e-6
"""Floor of (mass / pT)^2: 1 GeV at 1 TeV, below the mass of any jet; keeps the log finite."""


@dataclass(frozen=True, slots=True)
class MlpShape:
    """Sizes of the MLP tagger."""

    constituents: int = 16
    hidden: tuple[int, ...] = (64, 64, 32)
    dropout: float = 0.1


@dataclass(frozen=True, slots=True)
class DeepSetsShape:
    """Sizes of the Deep Sets tagger: the network per particle and the network per jet."""

    constituents: int = 32
    particle: tuple[int, ...] = (64, 64)
    jet: tuple[int, ...] = (64, 32)


@dataclass(frozen=True, slots=True)
class JetView:
    """A jet seen from its own axis.

    Attributes
    ----------
    mask : shape (N, K, 1)
        1 for a particle, 0 for padding.
    weight : shape (N, K, 1)
        Fraction of the summed pT.
    particles : shape (N, K, FEATURES)
        Zero for padding.
    jet : shape (N, JET_FEATURES)
    """

    mask: Tensor
    weight: Tensor
    particles: Tensor
    jet: Tensor


class JetFrame(nn.Module):
    """Turns raw constituents into features relative to the pT-weighted axis of the jet."""

    def forward(self, constituents: Tensor) -> JetView:
        """Compute the features.

        Parameters
        ----------
        constituents : shape (N, K, 3)
            pT [GeV], eta, phi [rad]; highest pT first, zero padded.
        """
        pt = constituents[:, :, 0:1]
        eta = constituents[:, :, 1:2]
        phi = constituents[:, :, 2:3]
        mask = (pt > 0.0).to(pt.dtype)
        total = pt.sum(dim=1, keepdim=True)
        total = torch.where(total > 0.0, total, 1.0)
        weight = pt / total
        log_weight = torch.log(torch.where(pt > 0.0, weight, 1.0))
        # Angles to the leading particle first, so that the mean azimuth has no seam at pi.
        eta = eta - eta[:, 0:1]
        phi = _wrap(phi - phi[:, 0:1])
        to_leading = eta * eta + phi * phi
        eta = (eta - (weight * eta).sum(dim=1, keepdim=True)) * mask
        phi = (phi - (weight * phi).sum(dim=1, keepdim=True)) * mask
        to_axis = eta * eta + phi * phi
        log_distances = torch.log(torch.cat([to_axis, to_leading], 2) + SMALLEST_DISTANCE_SQUARED)
        # For massless collinear particles this is the pT-weighted mean squared distance.
        mass_squared = (weight * to_axis).sum(dim=1) + SMALLEST_MASS_SQUARED
        return JetView(
            mask=mask,
            weight=weight,
            particles=torch.cat([log_weight, eta, phi, log_distances * mask], dim=2),
            jet=torch.cat([torch.log(total[:, 0]), torch.log(mass_squared)], dim=1),
        )


def _wrap(angle: Tensor) -> Tensor:
    return angle - (2.0 * pi) * torch.round(angle * (0.5 / pi))


class Standardize(nn.Module):
    """Subtracts a mean and multiplies by an inverse width, both measured on the training jets."""

    center: Tensor
    inverse_width: Tensor

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(shape))
        self.register_buffer("inverse_width", torch.ones(shape))

    def fit(self, values: Tensor) -> None:
        """Measure over the leading axis of ``values``, shape (N, *shape)."""
        self.center.copy_(values.mean(dim=0))
        self.inverse_width.copy_(1.0 / values.std(dim=0).clamp_min(1e-3))

    def forward(self, values: Tensor) -> Tensor:
        """Standardize ``values``, shape (N, *shape)."""
        return (values - self.center) * self.inverse_width


class Tagger(nn.Module, ABC):
    """What the taggers share: probabilities are the softmax of ``logits``."""

    constituents: int

    @abstractmethod
    def logits(self, constituents: Tensor) -> Tensor:
        """Unnormalized scores, shape (N, classes), of raw jets, shape (N, constituents, 3)."""

    @abstractmethod
    def fit_scales(self, constituents: Tensor) -> None:
        """Measure the means and widths of the features on training jets."""

    def forward(self, constituents: Tensor) -> Tensor:
        """Class probabilities, shape (N, classes), of raw jets, shape (N, constituents, 3)."""
        return torch.softmax(self.logits(constituents), dim=-1)


class MlpTagger(Tagger):
    """A multilayer perceptron on the leading constituents, in order of pT."""

    def __init__(self, shape: MlpShape, classes: int) -> None:
        super().__init__()
        self.constituents = shape.constituents
        inputs = shape.constituents * FEATURES + JET_FEATURES
        self.frame = JetFrame()
        self.scale = Standardize(inputs)
        self.network = _dense(inputs, *shape.hidden, classes, dropout=shape.dropout)

    def logits(self, constituents: Tensor) -> Tensor:
        """Unnormalized scores."""
        return self.network(self.scale(self._features(constituents)))

    def fit_scales(self, constituents: Tensor) -> None:
        """Measure the means and widths of the features on training jets."""
        self.scale.fit(self._features(constituents))

    def _features(self, constituents: Tensor) -> Tensor:
        view = self.frame(constituents)
        return torch.cat([view.particles.flatten(1), view.jet], dim=1)


class DeepSetsTagger(Tagger):
    """A network per particle, its mean and pT-weighted sum over the jet, a network per jet."""

    def __init__(self, shape: DeepSetsShape, classes: int) -> None:
        super().__init__()
        self.constituents = shape.constituents
        self.frame = JetFrame()
        self.particle_scale = Standardize(FEATURES)
        self.jet_scale = Standardize(JET_FEATURES)
        self.particle_network = _dense(FEATURES, *shape.particle)
        self.jet_network = _dense(2 * shape.particle[-1] + JET_FEATURES, *shape.jet, classes)

    def logits(self, constituents: Tensor) -> Tensor:
        """Unnormalized scores."""
        view = self.frame(constituents)
        hidden = torch.relu(self.particle_network(self.particle_scale(view.particles)))
        mean = (hidden * view.mask).sum(dim=1) * (1.0 / self.constituents)
        weighted = (hidden * view.weight).sum(dim=1)
        return self.jet_network(torch.cat([mean, weighted, self.jet_scale(view.jet)], dim=1))

    def fit_scales(self, constituents: Tensor) -> None:
        """Measure the means and widths of the features on training jets."""
        view = self.frame(constituents)
        self.particle_scale.fit(view.particles[view.mask[:, :, 0] > 0.0])
        self.jet_scale.fit(view.jet)


def _dense(*widths: int, dropout: float = 0.0) -> nn.Sequential:
    """Linear layers with ReLU, and dropout where there is any, between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        if dropout:
            layers += [nn.Dropout(dropout)]
    last_linear = max(i for i, layer in enumerate(layers) if isinstance(layer, nn.Linear))
    return nn.Sequential(*layers[: last_linear + 1])
