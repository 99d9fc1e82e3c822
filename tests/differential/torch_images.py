"""Single torch functions of images and signals: convolutions, pools, resizing, sampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as f

Case = tuple[nn.Module, tuple[int, ...]]


def _module(module: nn.Module, *shape: int) -> Case:
    return module, shape


class Function(nn.Module):
    """A function of one tensor."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


def _function(function: Callable[[Any], Any], *shape: int) -> Case:
    return Function(function), shape


class UNet(nn.Module):
    """Two levels down and up again, with both ways to grow and connections across."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU())
        self.deep = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, padding=1), nn.ReLU())
        self.bottom = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, padding=1), nn.SiLU())
        self.grow = nn.ConvTranspose2d(8, 8, 2, stride=2)
        self.join = nn.Sequential(nn.Conv2d(16, 4, 3, padding=1), nn.ReLU())
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x: Any) -> Any:
        first = self.down(x)
        second = self.deep(first)
        up = self.join(torch.cat([self.grow(self.bottom(second)), second], 1))
        up = f.interpolate(up, scale_factor=2, mode="bilinear", align_corners=False)
        return self.head(torch.cat([up, first], 1))


def _spatial_transformer(x: Any) -> Any:
    """Turn and shift an image by an angle that depends on it."""
    turn = x.mean((1, 2, 3))
    row = torch.stack([torch.cos(turn), torch.sin(turn), 0.3 * turn], -1)
    other = torch.stack([-torch.sin(turn), torch.cos(turn), 0.1 + 0.0 * turn], -1)
    grid = f.affine_grid(torch.stack([row, other], 1), [x.shape[0], 2, 5, 4], align_corners=True)
    return f.grid_sample(x, grid, align_corners=True)


def _sampled(x: Any, **how: Any) -> Any:
    """Sample an image where its own first channels say, beyond all its edges."""
    grid = 1.2 * x[:, :2].permute(0, 2, 3, 1)
    return f.grid_sample(x, grid, **how)


TRANSPOSED: dict[str, Case] = {
    "transposed_1d": _module(nn.ConvTranspose1d(3, 4, 3), 3, 7),
    "transposed_1d_of_stride_8": _module(nn.ConvTranspose1d(2, 3, 16, stride=8, padding=4), 2, 6),
    "transposed_1d_of_gaps": _module(nn.ConvTranspose1d(2, 3, 2, stride=4), 2, 6),
    "transposed_2d": _module(nn.ConvTranspose2d(3, 4, 2, stride=2), 3, 5, 4),
    "transposed_2d_of_odd_kernel": _module(
        nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1), 3, 5, 4
    ),
    "transposed_2d_of_many_taps": _module(
        nn.ConvTranspose2d(2, 4, (4, 5), stride=(2, 3), padding=(1, 2), bias=False), 2, 4, 5
    ),
    "transposed_2d_dilated": _module(
        nn.ConvTranspose2d(3, 4, 3, stride=2, dilation=(2, 3), padding=1), 3, 4, 5
    ),
    "transposed_2d_of_groups": _module(nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), 4, 4, 5),
    "transposed_2d_of_channels": _module(nn.ConvTranspose2d(4, 4, 4, stride=2, groups=4), 4, 4, 3),
    "transposed_3d": _module(
        nn.ConvTranspose3d(2, 3, 3, stride=2, padding=1, output_padding=(1, 0, 1)), 2, 3, 4, 2
    ),
}
CONVOLUTIONS: dict[str, Case] = {
    "convolution_3d": _module(nn.Conv3d(2, 4, 3, stride=(1, 2, 1), padding=(1, 0, 2)), 2, 5, 5, 4),
    "convolution_3d_of_groups": _module(nn.Conv3d(4, 4, 2, groups=4, dilation=2), 4, 4, 5, 4),
    "same_padding": _module(nn.Conv2d(2, 3, (4, 3), padding="same"), 2, 6, 5),
    "padded_by_reflection": _module(nn.Conv1d(2, 3, 3, padding=2, padding_mode="reflect"), 2, 6),
    "padded_around": _module(nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), 2, 4, 5),
    "of_each_step": _function(
        lambda x: f.conv2d(x.flatten(0, 1), torch.ones(3, 2, 2, 2)).unflatten(0, (-1, 3)),
        *(3, 2, 4, 5),
    ),
    "unet": _module(UNet(), 1, 12, 8),
}
POOLS: dict[str, Case] = {
    "max_pool_1d": _module(nn.MaxPool1d(3, 2, padding=1), 2, 9),
    "max_pool_up": _module(nn.MaxPool2d(3, 2, ceil_mode=True), 2, 8, 7),
    "max_pool_dilated": _module(nn.MaxPool2d(2, 1, dilation=(2, 3)), 2, 6, 7),
    "max_pool_3d": _module(nn.MaxPool3d(2, 2, ceil_mode=True), 2, 5, 4, 3),
    "max_pool_and_where": _module(nn.MaxPool2d(3, 2, padding=1, return_indices=True), 2, 7, 6),
    "average_pool_1d": _module(nn.AvgPool1d(3, 2, padding=1), 2, 9),
    "average_pool_up": _module(nn.AvgPool2d(3, 2, ceil_mode=True, padding=1), 2, 8, 7),
    "average_pool_of_inside": _module(nn.AvgPool2d(3, 2, 1, count_include_pad=False), 2, 8, 7),
    "average_pool_3d": _module(nn.AvgPool3d(2, (2, 1, 2)), 2, 5, 4, 6),
    "norm_pool": _module(nn.LPPool2d(2, 3, stride=2), 2, 8, 7),
    "adaptive_average": _module(nn.AdaptiveAvgPool2d((2, 3)), 2, 6, 6),
    "adaptive_average_3d": _module(nn.AdaptiveAvgPool3d(1), 2, 3, 4, 5),
    "adaptive_max": _function(lambda x: f.adaptive_max_pool2d(x, 3), 2, 6, 9),
}
RESIZES: dict[str, Case] = {
    "nearest": _function(lambda x: f.interpolate(x, scale_factor=2), 2, 4, 5),
    "nearest_1d": _function(lambda x: f.interpolate(x, scale_factor=3), 2, 5),
    "nearest_3d": _function(lambda x: f.interpolate(x, scale_factor=2), 2, 3, 2, 3),
    "nearest_to_size": _function(lambda x: f.interpolate(x, size=(7, 3)), 2, 4, 5),
    "linear": _function(lambda x: f.interpolate(x, scale_factor=2, mode="linear"), 2, 5),
    "bilinear": _function(lambda x: f.interpolate(x, scale_factor=2, mode="bilinear"), 2, 4, 5),
    "bilinear_down": _function(
        lambda x: f.interpolate(x, scale_factor=0.5, mode="bilinear"), 2, 8, 6
    ),
    "bilinear_to_corners": _function(
        lambda x: f.interpolate(x, size=(7, 9), mode="bilinear", align_corners=True), 2, 4, 5
    ),
    "trilinear": _function(
        lambda x: f.interpolate(x, scale_factor=2, mode="trilinear"), 1, 3, 2, 3
    ),
    "bicubic": _function(lambda x: f.interpolate(x, scale_factor=2, mode="bicubic"), 2, 4, 5),
    "bicubic_to_corners": _function(
        lambda x: f.interpolate(x, size=(7, 9), mode="bicubic", align_corners=True), 1, 4, 5
    ),
    "pixel_shuffle": _module(nn.PixelShuffle(2), 8, 3, 4),
    "pixel_unshuffle": _module(nn.PixelUnshuffle(2), 2, 4, 6),
}
PADS: dict[str, Case] = {
    "pad_with_a_number": _function(lambda x: f.pad(x, (1, 2, 0, 3), value=1.5), 2, 4, 5),
    "pad_and_cut": _function(lambda x: f.pad(x, (-1, 2, 1, -2)), 2, 4, 5),
    "pad_by_reflection": _function(lambda x: f.pad(x, (2, 3, 1, 0), mode="reflect"), 2, 4, 5),
    "pad_with_edges": _function(lambda x: f.pad(x, (2, 3, 1, 0), mode="replicate"), 2, 4, 5),
    "pad_around": _function(lambda x: f.pad(x, (2, 3, 1, 0), mode="circular"), 2, 4, 5),
}
SAMPLES: dict[str, Case] = {
    "spatial_transformer": _function(_spatial_transformer, 2, 6, 5),
    "sampled": _function(lambda x: _sampled(x, align_corners=False), 2, 4, 5),
    "sampled_at_borders": _function(
        lambda x: _sampled(x, align_corners=True, padding_mode="border"), 2, 4, 5
    ),
    "sampled_by_reflection": _function(
        lambda x: _sampled(x, align_corners=False, padding_mode="reflection"), 2, 4, 5
    ),
    "sampled_cubic": _function(
        lambda x: _sampled(x, align_corners=False, mode="bicubic"), 2, 4, 5
    ),
    "sampled_nearest": _function(
        lambda x: _sampled(x, align_corners=False, mode="nearest"), 2, 4, 5
    ),
}
IMAGES: dict[str, Case] = {**TRANSPOSED, **CONVOLUTIONS, **POOLS, **RESIZES, **PADS, **SAMPLES}
"""Module and shape of one event's float32 input, by name."""
