"""Fully connected layers in a row, as most taggers have them several times."""

from __future__ import annotations

from itertools import pairwise

from torch import nn


def dense(*widths: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return linear layers, an activation behind each of them.

    Parameters
    ----------
    *widths : of the input, then of each layer
    activation : class of the activation
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers)


def scores(*widths: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return linear layers, an activation behind each but the last, which gives the scores."""
    return dense(*widths, activation=activation)[:-1]
