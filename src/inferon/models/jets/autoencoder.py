"""An autoencoder that knows light-quark and gluon jets only: what it cannot copy is an anomaly.

E. Govorkova et al., "Autoencoders on FPGAs for real-time, unsupervised new physics detection at 40
MHz at the Large Hadron Collider", arXiv:2108.03986, section III, the dense autoencoder: 57 inputs,
that is pT, eta and phi of 19 objects, layers of 32, 16, 3, 16, 32 and 57, batch normalization and
leaky ReLU behind each but the last; the anomaly score is the mean squared error.

Departures: the objects are the 19 leading particles of one jet (the paper: missing energy,
leptons and jets of one event); pT is the logarithm of its fraction of the jet and the angles are
relative to the jet's axis, with fixed scales (the paper: standardized on background), so that
nothing is measured on signal; the score is a mean over the particles that there are; plain floats
(the paper: also quantized).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from inferon.errors import UsageError
from inferon.models.jets.frame import FEATURE_NAMES, SCALES, JetFrame
from inferon.models.jets.tagger import Tagger

COORDINATES: tuple[int, ...] = tuple(
    FEATURE_NAMES.index(name) for name in ("log_pt_rel", "delta_eta", "delta_phi")
)
"""The features that are copied."""

ANGLE_SCALE = SCALES[FEATURE_NAMES.index("delta_r")]
"""Multiplied to both angles, which `JetFrame` leaves in radians: what it does to delta R."""

LEAK = 0.3
"""Slope of the leaky ReLU below zero: the default of Keras, in which the paper's model is made."""


@dataclass(frozen=True, slots=True)
class AutoencoderShape:
    """Sizes: particles copied, widths down to the code, and which classes are background."""

    constituents: int = 19
    encoder: tuple[int, ...] = (32, 16, 3)
    background: tuple[str, ...] = ("q", "g")


class Autoencoder(Tagger):
    """Mean squared error between a jet's leading particles and their copy.

    Parameters
    ----------
    shape : its sizes
    class_names : of the sample's classes, in the order of the labels

    Raises
    ------
    UsageError
        When a background class is none of the sample's.
    """

    is_background: Tensor
    scales: Tensor

    def __init__(self, shape: AutoencoderShape, class_names: tuple[str, ...]) -> None:
        super().__init__()
        unknown = sorted(set(shape.background) - set(class_names))
        if unknown:
            raise UsageError(
                f"autoencoder: background {', '.join(unknown)} is none of the sample's classes "
                f"{', '.join(class_names)}; name its background classes in the shape"
            )
        self.constituents = shape.constituents
        self.frame = JetFrame()
        values = shape.constituents * len(COORDINATES)
        widths = (values, *shape.encoder, *reversed(shape.encoder[:-1]))
        self.copy = nn.Sequential(
            *(_layer(*pair) for pair in pairwise(widths)), nn.Linear(widths[-1], values)
        )
        is_background = torch.tensor([name in shape.background for name in class_names])
        self.register_buffer("is_background", is_background, persistent=False)
        scales = torch.tensor([1.0, ANGLE_SCALE, ANGLE_SCALE])
        self.register_buffer("scales", scales, persistent=False)

    def loss(self, inputs: Tensor, label: Tensor) -> Tensor:
        """Return the mean score of the background jets; no other jet is looked at."""
        background = inputs[self.is_background[label.long()]]
        if len(background) < 2:  # batch normalization has nothing to measure: no step
            return torch.stack([weight.sum() for weight in self.parameters()]).sum() * 0.0
        return self(background).mean()

    def logits(self, inputs: Tensor) -> Tensor:
        """Return the anomaly score: it has no classes."""
        return self(inputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the anomaly score, shape (N, 1), of raw jets, shape (N, K, 4)."""
        view = self.frame(inputs)
        particles = view.features[:, :, list(COORDINATES)] * self.scales
        copied = self.copy(particles.flatten(1)).view(-1, *particles.shape[1:])
        error = (particles - copied) * view.mask
        values = view.mask.sum(dim=1).clamp(min=1.0) * len(COORDINATES)
        return (error * error).sum(dim=(1, 2))[:, None] / values


def _layer(inputs: int, outputs: int) -> nn.Sequential:
    """No bias: the batch normalization behind has one."""
    return nn.Sequential(
        nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.LeakyReLU(LEAK)
    )
