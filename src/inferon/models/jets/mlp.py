"""The multilayer perceptron on 16 high-level features: the first jet tagger on an FPGA.

J. Duarte et al., "Fast inference of deep neural networks in FPGAs for particle physics",
arXiv:1804.06913, its jet substructure case: 16 features, three hidden layers of 64, 32 and 32
with ReLU, softmax over five classes; 4,389 parameters.  The features (masses, multiplicity, energy
correlators) are those of ``inferon.physics.high_level_features``; their means and widths, which
the paper takes out beforehand, are measured in ``fit`` and stay in the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from inferon.errors import DataError
from inferon.models.jets.dense import scores
from inferon.models.jets.standardize import Standardize
from inferon.models.jets.tagger import Tagger
from inferon.physics.jets import Jets

FEATURES = 16
"""High-level features of a jet."""


@dataclass(frozen=True, slots=True)
class MlpShape:
    """Widths of the hidden layers."""

    hidden: tuple[int, ...] = (64, 32, 32)


class Mlp(Tagger):
    """Dense layers on the standardized high-level features.

    Parameters
    ----------
    shape : its sizes
    class_names : of the classes it tells apart
    """

    def __init__(self, shape: MlpShape, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.constituents = 0  # it sees them through the features only
        self.standardize = Standardize(FEATURES)
        self.network = scores(FEATURES, *shape.hidden, len(class_names))

    def inputs(self, jets: Jets) -> NDArray[np.float32]:
        """Return the high-level features of a sample, shape (N, 16).

        Raises
        ------
        DataError
            When the sample has none.
        """
        if jets.features is None:
            raise DataError(
                f"{jets.title} has no high-level features, which the MLP reads: make a sample "
                "with them (inferon data jets) or train a tagger that reads particles"
            )
        return np.ascontiguousarray(jets.features)

    def fit(self, inputs: Tensor) -> None:
        """Measure the means and widths of the features."""
        self.standardize.fit(inputs)

    def logits(self, inputs: Tensor) -> Tensor:
        """Return unnormalized scores, shape (N, classes), of features, shape (N, 16)."""
        return self.network(self.standardize(inputs))
