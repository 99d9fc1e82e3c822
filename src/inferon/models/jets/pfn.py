"""The Particle Flow Network: Deep Sets with a sum and a wide latent space.

P. T. Komiske, E. M. Metodiev, J. Thaler, "Energy flow networks: deep sets for particle jets",
arXiv:1810.05165, equation 1.1: F(sum of Phi(p)) over the particles.  Its sizes: Phi has
100, 100 and 256 nodes, F three times 100, ReLU; that makes the 82 thousand parameters which
arXiv:1902.09914 lists for it in top tagging.

Departure: a particle has the seven features of ``JetFrame`` (the paper: pT, rapidity and azimuth,
normalized and centered).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from inferon.models.jets.dense import dense, scores
from inferon.models.jets.frame import FEATURE_NAMES, JetFrame
from inferon.models.jets.tagger import Tagger


@dataclass(frozen=True, slots=True)
class PfnShape:
    """Sizes: particles read, widths of Phi (the last: the latent space) and of F."""

    constituents: int = 128
    phi: tuple[int, ...] = (100, 100, 256)
    f: tuple[int, ...] = (100, 100, 100)


class Pfn(Tagger):
    """F(sum of Phi(particle)).

    Parameters
    ----------
    shape : its sizes
    class_names : of the classes it tells apart
    """

    def __init__(self, shape: PfnShape, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.constituents = shape.constituents
        self.frame = JetFrame()
        self.phi = dense(len(FEATURE_NAMES), *shape.phi)
        self.f = scores(shape.phi[-1], *shape.f, len(class_names))

    def logits(self, inputs: Tensor) -> Tensor:
        """Return unnormalized scores, shape (N, classes), of raw jets, shape (N, K, 4)."""
        view = self.frame(inputs)
        return self.f((self.phi(view.features) * view.mask).sum(dim=1))
