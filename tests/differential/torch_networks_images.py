"""Torch networks on grids in one, two and three dimensions."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as f


def strided() -> nn.Module:
    """Return a CNN with strides and an average over what is left."""
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 6, 3, stride=(2, 1)), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)),
    )


def dilated() -> nn.Module:
    """Return a CNN whose receptive field grows by dilation; padding is by reflection."""
    return nn.Sequential(
        *(nn.Conv2d(1, 3, 3, dilation=2, padding=2, padding_mode="reflect"), nn.ReLU()),
        *(nn.Conv2d(3, 3, 3, dilation=(1, 3)), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()),
        nn.Linear(9, 2),
    )


class Grouped(nn.Module):
    """Groups, and channels that are shuffled between them (Zhang et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 8, 3, groups=2), nn.Conv2d(8, 4, 1, groups=4)
        self.head = nn.Linear(16, 2)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.first(x))
        x = x.unflatten(1, (2, 4)).transpose(1, 2).flatten(1, 2)
        return self.head(f.max_pool2d(torch.relu(self.second(x)), 2).flatten(1))


def separable() -> nn.Module:
    """Return depthwise and pointwise convolutions by turns (Howard et al. 2017)."""
    return nn.Sequential(
        *(nn.Conv2d(3, 3, 3, groups=3, padding=1), nn.BatchNorm2d(3), nn.ReLU6()),
        *(nn.Conv2d(3, 6, 1), nn.BatchNorm2d(6), nn.Hardswish()),
        *(nn.Conv2d(6, 6, 3, groups=6, stride=2), nn.Hardswish(), nn.Flatten(), nn.Linear(24, 2)),
    )


def transposed() -> nn.Module:
    """Return a generator of images from a vector."""
    return nn.Sequential(
        *(nn.Linear(4, 16), nn.Unflatten(1, (4, 2, 2)), nn.ReLU()),
        *(nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1), nn.ReLU()),
        *(nn.ConvTranspose2d(3, 1, 4, stride=2, padding=1), nn.Sigmoid()),
    )


def waveform() -> nn.Module:
    """Return a one-dimensional CNN, and back to the length it began with."""
    return nn.Sequential(
        *(nn.Conv1d(1, 4, 5, stride=2, padding=2), nn.GroupNorm(2, 4), nn.SiLU()),
        *(nn.MaxPool1d(3, stride=1, padding=1), nn.Conv1d(4, 4, 3, padding="same"), nn.Mish()),
        nn.ConvTranspose1d(4, 1, 4, stride=2, padding=1),
    )


def shower() -> nn.Module:
    """Return a three-dimensional CNN, as for showers in a calorimeter."""
    return nn.Sequential(
        *(nn.Conv3d(1, 3, 3, padding=1), nn.BatchNorm3d(3), nn.ReLU(), nn.MaxPool3d(2)),
        *(nn.Conv3d(3, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2)),
    )


def volume() -> nn.Module:
    """Return a transposed convolution in three dimensions."""
    return nn.Sequential(
        *(nn.Conv3d(1, 2, 2, stride=2), nn.Tanh(), nn.AvgPool3d((1, 2, 1))),
        nn.ConvTranspose3d(2, 1, 2, stride=2),
    )


class ResidualImage(nn.Module):
    """A block of a residual network with a projected shortcut (He et al. 2016)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
            *(nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(2, 4, 1, stride=2, bias=False), nn.BatchNorm2d(4))
        self.head = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        return self.head(torch.relu(self.body(x) + self.shortcut(x)).mean((2, 3)))


class UNet(nn.Module):
    """Down, up, and a bridge; ``learned``: up by a transposed convolution (Ronneberger 2015)."""

    def __init__(self, *, learned: bool) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU())
        self.bottom = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
        up: nn.Module = nn.ConvTranspose2d(4, 3, 2, stride=2)
        if not learned:
            up = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4, 3, 1))
        self.up = up
        self.head = nn.Conv2d(6, 1, 3, padding=1)

    def forward(self, x: Any) -> Any:
        x = self.down(x)
        return self.head(torch.cat([x, self.up(self.bottom(x))], 1))


class Bilinear(nn.Module):
    """Coarse features are brought to the size of the image by bilinear interpolation."""

    def __init__(self) -> None:
        super().__init__()
        self.coarse = nn.Conv2d(1, 2, 3, stride=2, padding=1)
        self.head = nn.Conv2d(2, 1, 1)

    def forward(self, x: Any) -> Any:
        up = f.interpolate(self.coarse(x), size=(6, 6), mode="bilinear", align_corners=False)
        return self.head(torch.relu(up)) + x


class SqueezeExcite(nn.Module):
    """Channels are weighted by what all of the image says (Hu et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(2, 6, 3, padding=1)
        self.weigh = nn.Sequential(
            *(nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 2, 1), nn.ReLU()),
            *(nn.Conv2d(2, 6, 1), nn.Sigmoid()),
        )
        self.head = nn.Linear(6, 2)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.body(x))
        return self.head((x * self.weigh(x)).amax((2, 3)))


class Patches(nn.Module):
    """A transformer on the patches of an image (Dosovitskiy et al. 2021), a class token first."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, 8, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.position = nn.Parameter(torch.randn(1, 5, 8) * 0.1)
        self.layer = nn.TransformerEncoderLayer(
            8, 2, 12, dropout=0.0, batch_first=True, norm_first=True, activation="gelu"
        )
        self.head = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        patches = self.embed(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(x.shape[0], -1, -1), patches], 1) + self.position
        return self.head(self.layer(tokens)[:, 0])


class PixelShuffle(nn.Module):
    """Super-resolution: channels become pixels (Shi et al. 2016)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 4, 1))

    def forward(self, x: Any) -> Any:
        return f.pixel_shuffle(self.body(x), 2)
