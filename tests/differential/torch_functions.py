"""Single torch functions as modules: the many spellings that an exporter may choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as f


class Applied(nn.Module):
    """A function of the inputs and of some modules."""

    def __init__(self, function: Callable[..., Any], *modules: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(modules)

    def forward(self, *inputs: Any) -> Any:
        return self.function(self.parts, *inputs)


def _pairs(x: Any) -> Any:
    """Return differences of angles of all pairs, in (-pi, pi)."""
    return torch.remainder(x[:, :, None] - x[:, None] + torch.pi, 2 * torch.pi) - torch.pi


def _causal(x: Any) -> Any:
    later = torch.ones(6, 6).tril() == 0
    return torch.softmax((x @ x.transpose(1, 2)).masked_fill(later, -torch.inf), -1) @ x


def _piecewise(x: Any) -> Any:
    pieces = [f.mish, f.selu, f.celu, f.hardsigmoid, f.softsign, f.relu6, f.elu, f.gelu]
    return sum(piece(x) for piece in pieces)


FLOATS: dict[str, tuple[Applied, tuple[int, ...]]] = {
    "squeeze_of_an_axis": (Applied(lambda m, x: m[0](x).squeeze(-1), nn.Linear(4, 1)), (4,)),
    "squeeze": (Applied(lambda m, x: m[0](x).sigmoid().squeeze(), nn.Linear(4, 1)), (4,)),
    "simple_rnn": (Applied(lambda m, x: m[0](x)[0], nn.RNN(4, 5, batch_first=True)), (6, 4)),
    "sequence_first": (Applied(lambda m, x: m[0](x.transpose(0, 1))[0][-1], nn.GRU(4, 5)), (6, 4)),
    "two_outputs": (Applied(lambda m, x: (m[0](x), x.sum(1)), nn.Linear(4, 2)), (4,)),
    "batch_norm_of_sequences": (
        Applied(lambda m, x: m[0](x.transpose(1, 2)).transpose(1, 2), nn.BatchNorm1d(4)),
        (6, 4),
    ),
    "einsum": (Applied(lambda _, x: torch.einsum("bij,bkj->bik", x, x)), (6, 4)),
    "running_sum": (Applied(lambda _, x: x.cumsum(1)), (6,)),
    "norm": (Applied(lambda _, x: x / x.norm(dim=-1, keepdim=True)), (6, 4)),
    "normalize": (Applied(lambda _, x: f.normalize(x, dim=-1)), (6, 4)),
    "standard_deviation": (
        Applied(lambda _, x: (x - x.mean(1, True)) / x.std(1, keepdim=True)),
        (6,),
    ),
    "variance": (Applied(lambda _, x: x.var(1, unbiased=False)), (6,)),
    "logic": (Applied(lambda _, x: ((x > 0) & (x < 1) | ~(x < 2)).float().sum(1)), (6,)),
    "sort": (Applied(lambda _, x: x.sort(1, descending=True)[0]), (6,)),
    "largest_and_where": (Applied(lambda _, x: x.max(1)), (6,)),
    "where_smallest": (Applied(lambda _, x: x.argmin(1)), (6,)),
    "angle": (Applied(lambda _, x: torch.atan2(x, x + 1)), (6,)),
    "angles": (Applied(lambda _, x: _pairs(x)), (5,)),
    "logarithm": (Applied(lambda _, x: torch.log1p(x.abs())), (6,)),
    "clamp": (Applied(lambda _, x: x.clamp(-0.5, 0.5) + x.clamp(min=0)), (6,)),
    "roll": (Applied(lambda _, x: x.roll(1, 1)), (6,)),
    "causal_attention": (Applied(lambda _, x: _causal(x)), (6, 4)),
    "pad": (Applied(lambda _, x: f.pad(x, (1, 2))), (6,)),
    "pool_to_one": (Applied(lambda _, x: f.adaptive_avg_pool2d(x, 1).flatten(1)), (2, 4, 4)),
    "pool_to_two": (Applied(lambda _, x: f.adaptive_avg_pool2d(x, 2).flatten(1)), (2, 4, 4)),
    "gate": (Applied(lambda _, x: f.glu(x)), (6,)),
    "slope_of_each_channel": (Applied(lambda m, x: m[0](x), nn.PReLU(6)), (6,)),
    "chunk": (Applied(lambda _, x: torch.cat(x.chunk(3, -1)[::-1], -1)), (6,)),
    "product": (Applied(lambda _, x: torch.where(x > 0, x, 0.5 * x).prod(1)), (3,)),
    "mean_of_two_axes": (Applied(lambda _, x: x.mean((1, 2))), (6, 4)),
    "log_sum_exp": (Applied(lambda _, x: x.logsumexp(1)), (6,)),
    "stack": (Applied(lambda _, x: torch.stack([x, x * 2], 1).flatten(1)), (6,)),
    "repeat": (Applied(lambda _, x: x.unsqueeze(1).repeat(1, 3, 1)), (6,)),
    "index": (Applied(lambda _, x: x[:, [2, 0, 1]]), (6,)),
    "reverse": (Applied(lambda _, x: x.flip(1)), (6,)),
    "activations": (Applied(lambda _, x: _piecewise(x)), (6,)),
}
"""Function and shape of one event's float32 input, by name."""

INTEGERS: dict[str, tuple[Applied, tuple[int, ...]]] = {
    "embedding": (Applied(lambda m, i: m[0](i).sum(1), nn.Embedding(7, 3)), (5,)),
    "one_hot": (Applied(lambda _, i: f.one_hot(i, 7).float().sum(1)), (5,)),
}
"""Function and shape of one event's int64 input, of numbers below 7."""

REFUSED: dict[str, tuple[Applied, tuple[int, ...], str]] = {
    "noise": (
        Applied(lambda _, x: x + torch.rand_like(x)),
        (6,),
        "random numbers of RandomUniformLike",
    ),
}
"""Function, shape of one event's input, and the gap."""
