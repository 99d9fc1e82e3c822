"""The MLP-Mixer on jets: dense layers across particles and across features in turn.

I. Tolstikhin et al., "MLP-Mixer: an all-MLP architecture for vision", arXiv:2105.01601, equation 1
and figure 1, with a jet's particles in the place of an image's patches:

    U = X + W2 GELU(W1 LayerNorm(X))    across the K particles, for each channel
    Y = U + W4 GELU(W3 LayerNorm(U))    across the C channels, for each particle

before them a linear embedding of each particle, behind them LayerNorm, the mean over particles and
a linear classifier.  C. Sun et al., "Fast jet tagging with MLP-Mixers on FPGAs", arXiv:2503.03103,
brought it to jets: the particles are ordered by pT, and the weights of a slot belong to its rank,
so that it is no function of a set.  Empty slots hold zeros.

Departures from the first paper: sizes for jets, in the proportions of its table 1 (hidden widths
C / 2 across particles, 4 C across channels).  Departures from the second: its models are quantized
and have batch normalization and ReLU, fewer layers, and a skip connection in one place only.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from inferon.models.jets.frame import FEATURE_NAMES, JetFrame
from inferon.models.jets.tagger import Tagger


@dataclass(frozen=True, slots=True)
class MixerShape:
    """Sizes: particles read (K), channels (C), hidden widths of both kinds of mixing, layers."""

    constituents: int = 64
    channels: int = 64
    particle_hidden: int = 32
    channel_hidden: int = 256
    layers: int = 4


class MixerLayer(nn.Module):
    """Equation 1: one mixing across particles, one across channels, each with a skip connection.

    Parameters
    ----------
    shape : sizes of the whole network
    """

    def __init__(self, shape: MixerShape) -> None:
        super().__init__()
        self.particle_norm = nn.LayerNorm(shape.channels)
        self.across_particles = _mixing(shape.constituents, shape.particle_hidden)
        self.channel_norm = nn.LayerNorm(shape.channels)
        self.across_channels = _mixing(shape.channels, shape.channel_hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Mix ``x``, shape (N, K, C)."""
        x = x + self.across_particles(self.particle_norm(x).transpose(1, 2)).transpose(1, 2)
        return x + self.across_channels(self.channel_norm(x))


class Mixer(Tagger):
    """Embedding, mixer layers, mean over the slots, linear classifier.

    Parameters
    ----------
    shape : its sizes
    class_names : of the classes it tells apart
    """

    def __init__(self, shape: MixerShape, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.constituents = shape.constituents
        self.frame = JetFrame()
        self.embedding = nn.Linear(len(FEATURE_NAMES), shape.channels)
        self.layers = nn.Sequential(*(MixerLayer(shape) for _ in range(shape.layers)))
        self.norm = nn.LayerNorm(shape.channels)
        self.classifier = nn.Linear(shape.channels, len(class_names))

    def logits(self, inputs: Tensor) -> Tensor:
        """Return unnormalized scores, shape (N, classes), of raw jets, shape (N, K, 4)."""
        x = self.layers(self.embedding(self.frame(inputs).features))
        return self.classifier(self.norm(x).mean(dim=1))


def _mixing(width: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
