"""JEDI-net: an interaction network; every particle feels every other one.

E. A. Moreno et al., "JEDI-net: a jet identification algorithm based on interaction networks",
arXiv:1908.05318, section 4, in the variant with the sum over particles (there: JEDI-net with
sum O).  For particles x_1 ... x_K with P features, and all ordered pairs of two different ones:

    E_rs = f_R(x_r, x_s)           the effect of a sender on a receiver, D_E numbers
    O_r  = f_O(x_r, sum_s E_rs)    a particle after all effects, D_O numbers
    scores = phi_C(sum_r O_r)

Each of the three networks has two hidden layers, h and h/2 wide; f_R and f_O end with their
activation.  The sizes are the ones that the authors' search found best for the summed variant with
50 particles (as their public code lists them): h = 50, D_E = 12, D_O = 14, ReLU in f_R and f_O,
SELU in phi_C.

Departures: P = 7 features of ``JetFrame`` (the paper: 16, among them px, py and pz), and padding
neither sends nor receives (in the paper its zeros do).  The pairs are formed without the matrices
R_R and R_S of the paper: f_R's first layer is linear, so it acts on receivers and senders apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu

from inferon.models.jets.dense import dense, scores
from inferon.models.jets.frame import FEATURE_NAMES, JetFrame
from inferon.models.jets.tagger import Tagger


@dataclass(frozen=True, slots=True)
class JediNetShape:
    """Sizes: particles read, h, D_E and D_O of the paper."""

    constituents: int = 50
    hidden: int = 50
    effects: int = 12
    outputs: int = 14


class JediNet(Tagger):
    """phi_C(sum over receivers of f_O(receiver, sum over senders of f_R(receiver, sender))).

    Parameters
    ----------
    shape : its sizes
    class_names : of the classes it tells apart
    """

    others: Tensor

    def __init__(self, shape: JediNetShape, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.constituents = shape.constituents
        self.frame = JetFrame()
        features, hidden = len(FEATURE_NAMES), (shape.hidden, shape.hidden // 2)
        self.pair = nn.Linear(2 * features, shape.hidden)  # the first layer of f_R
        self.relation = dense(*hidden, shape.effects)  # the others
        self.object = dense(features + shape.effects, *hidden, shape.outputs)
        self.classifier = scores(shape.outputs, *hidden, len(class_names), activation=nn.SELU)
        others = 1.0 - torch.eye(shape.constituents)  # no particle acts on itself
        self.register_buffer("others", others[:, :, None], persistent=False)

    def logits(self, inputs: Tensor) -> Tensor:
        """Return unnormalized scores, shape (N, classes), of raw jets, shape (N, K, 4)."""
        view = self.frame(inputs)
        x, mask = view.features, view.mask
        effects = self.relation(self._pairs(x)) * (mask[:, None] * self.others)  # (N, r, s, D_E)
        received = effects.sum(dim=2)
        outputs = self.object(torch.cat([x, received], dim=2)) * mask
        return self.classifier(outputs.sum(dim=1))

    def _pairs(self, x: Tensor) -> Tensor:
        """Return f_R's first layer for all pairs, shape (N, receiver, sender, h)."""
        receiver, sender = self.pair.weight.split(x.shape[2], dim=1)
        from_receiver = linear(x, receiver, self.pair.bias)
        return relu(from_receiver[:, :, None] + linear(x, sender)[:, None])
