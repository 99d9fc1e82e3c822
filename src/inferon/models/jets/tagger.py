"""What every jet tagger is: what it reads of a sample, its loss, and what it says in the end."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inferon.physics.jets import Jets


class Tagger(nn.Module, ABC):
    """A network from raw jets to class probabilities; its preprocessing is part of it.

    Attributes
    ----------
    constituents : leading constituents of a jet that it reads
    """

    constituents: int

    def inputs(self, jets: Jets) -> NDArray[np.float32]:
        """Return what the model reads of a sample: here (N, constituents, 4), raw."""
        return jets.leading(self.constituents)

    def fit(self, inputs: Tensor) -> None:
        """Measure on the training jets what no gradient finds; most taggers have nothing."""

    @abstractmethod
    def logits(self, inputs: Tensor) -> Tensor:
        """Return unnormalized scores, shape (N, classes)."""

    def loss(self, inputs: Tensor, label: Tensor) -> Tensor:
        """Return what the training makes small: the mean cross entropy, a scalar."""
        return nn.functional.cross_entropy(self.logits(inputs), label)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return class probabilities, shape (N, classes)."""
        return torch.softmax(self.logits(inputs), dim=-1)
