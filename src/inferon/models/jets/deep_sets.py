"""Deep Sets, small enough for a hardware trigger: a network per particle, their mean, a network.

P. Odagiu et al., "Ultrafast jet classification at the HL-LHC", arXiv:2402.01876: phi has three
layers of 32, the mean runs over the particles, rho has one layer of 32; ReLU throughout.
M. Zaheer et al., "Deep Sets", arXiv:1703.06114, theorem 2: rho(sum of phi(x)) can be every
function of a set.

Departures: a particle has the seven features of ``JetFrame`` (the paper: pT, eta, phi), and the
mean is over the particles that there are (the paper: over all slots, padding included).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from inferon.models.jets.dense import dense, scores
from inferon.models.jets.frame import FEATURE_NAMES, JetFrame
from inferon.models.jets.tagger import Tagger


@dataclass(frozen=True, slots=True)
class DeepSetsShape:
    """Sizes: particles read, widths of phi and of rho's hidden layers."""

    constituents: int = 32
    phi: tuple[int, ...] = (32, 32, 32)
    rho: tuple[int, ...] = (32,)


class DeepSets(Tagger):
    """rho(mean of phi(particle)).

    Parameters
    ----------
    shape : its sizes
    class_names : of the classes it tells apart
    """

    def __init__(self, shape: DeepSetsShape, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.constituents = shape.constituents
        self.frame = JetFrame()
        self.phi = dense(len(FEATURE_NAMES), *shape.phi)
        self.rho = scores(shape.phi[-1], *shape.rho, len(class_names))

    def logits(self, inputs: Tensor) -> Tensor:
        """Return unnormalized scores, shape (N, classes), of raw jets, shape (N, K, 4)."""
        view = self.frame(inputs)
        total = (self.phi(view.features) * view.mask).sum(dim=1)
        particles = view.mask.sum(dim=1).clamp(min=1.0)
        return self.rho(total / particles)
