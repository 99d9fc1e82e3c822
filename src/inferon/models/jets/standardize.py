"""Zero mean and unit width, measured on the training jets and kept in the model."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardize(nn.Module):
    """Subtracts a mean and multiplies by an inverse width, one of each for a feature.

    Attributes
    ----------
    mean, inverse_width : shape (features,)
        In the units of the features and their inverse; 0 and 1 until ``fit``.
    """

    mean: Tensor
    inverse_width: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("inverse_width", torch.ones(features))

    def fit(self, values: Tensor) -> None:
        """Measure the mean and the standard deviation of ``values``, shape (N, features)."""
        # Double precision: squares of pT in GeV, summed over a sample, use up float32's digits.
        wide = values.double()
        width = wide.std(dim=0, correction=0)
        # A feature that is constant in the sample has no width: it becomes zero, not infinite.
        width = torch.where(width > 0.0, width, 1.0)
        self.mean.copy_(wide.mean(dim=0))
        self.inverse_width.copy_(1.0 / width)

    def forward(self, values: Tensor) -> Tensor:
        """Standardize ``values``, shape (N, features)."""
        return (values - self.mean) * self.inverse_width
