"""Small torch networks of the kinds that physics uses, and their export by both exporters."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Any

import onnx
import torch
from torch import nn

Shapes = tuple[tuple[int, ...], ...]


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        kinds = [
            nn.ReLU(),
            nn.GELU(),
            nn.SiLU(),
            nn.ELU(),
            nn.Softplus(),
            nn.Hardswish(),
            nn.Tanh(),
        ]
        for kind in kinds:
            layers += [nn.Linear(8, 8), kind]
        self.body = nn.Sequential(*layers, nn.BatchNorm1d(8), nn.Linear(8, 3), nn.LogSoftmax(-1))

    def forward(self, x: Any) -> Any:
        return self.body(x)


class Cnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
            *(
                nn.MaxPool2d(2),
                nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2),
                nn.LeakyReLU(0.1),
            ),
            *(nn.AvgPool2d(2, padding=1), nn.Conv2d(6, 4, 3, dilation=2, padding=2), nn.Sigmoid()),
        )
        self.head = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        return self.head(self.body(x).mean((2, 3)))


class Waveform(nn.Module):
    """A one-dimensional CNN, as for pulse shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 4, 5, stride=2, padding=2)
        self.second = nn.Conv1d(4, 4, 3, groups=4)
        self.norm = nn.InstanceNorm1d(4, affine=True)
        self.group = nn.GroupNorm(2, 4)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.norm(self.first(x[:, None])))
        return self.group(self.second(x)).flatten(1).amax(-1, keepdim=True)


class DeepSets(nn.Module):
    """Particles with a mask: sum, mean and maximum over those that are there."""

    def __init__(self) -> None:
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 8))
        self.rho = nn.Linear(24, 4)

    def forward(self, x: Any, mask: Any) -> Any:
        weight = mask.unsqueeze(-1)
        y = self.phi(x) * weight
        total = y.sum(1)
        mean = total / weight.sum(1).clamp(min=1.0)
        largest = torch.where(weight > 0.5, y, torch.full_like(y, -1e9)).amax(1)
        return torch.softmax(self.rho(torch.cat([total, mean, largest], -1)), -1)


class Recurrent(nn.Module):
    def __init__(self, kind: str, *, both: bool) -> None:
        super().__init__()
        make = nn.GRU if kind == "gru" else nn.LSTM
        self.cell = make(4, 5, num_layers=2, batch_first=True, bidirectional=both)
        self.head = nn.Linear(5 * (1 + both), 3)

    def forward(self, x: Any) -> Any:
        steps, _ = self.cell(x)
        return self.head(steps[:, -1])


class Transformer(nn.Module):
    def __init__(self, *, masked: bool) -> None:
        super().__init__()
        self.masked = masked
        self.embed = nn.Linear(4, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norms = nn.ModuleList([nn.LayerNorm(8), nn.LayerNorm(8)])
        self.feed = nn.Sequential(nn.Linear(8, 16), nn.GELU(approximate="tanh"), nn.Linear(16, 8))
        self.head = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        padding = x[:, :, 0] < -1.0 if self.masked else None
        x = self.embed(x)
        y = self.norms[0](x)
        y, _ = self.attention(y, y, y, key_padding_mask=padding, need_weights=False)
        x = x + y
        return self.head((x + self.feed(self.norms[1](x))).mean(1))


class EncoderLayer(nn.Module):
    """torch's own layer, as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(
            8, 2, 16, dropout=0.0, batch_first=True, activation="gelu"
        )

    def forward(self, x: Any) -> Any:
        return self.layer(x).amax(1)


class EdgeConv(nn.Module):
    """Convolution over the nearest neighbors; ``flat``: indexed on a (B*N) axis, as in DGCNN."""

    def __init__(self, *, flat: bool) -> None:
        super().__init__()
        self.flat = flat
        self.mlp = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5))

    def forward(self, x: Any) -> Any:
        count, particles, features = x.shape
        square = (x * x).sum(-1)
        distance = square[:, :, None] + square[:, None, :] - 2.0 * x @ x.transpose(1, 2)
        nearest = distance.topk(4, dim=-1, largest=False).indices
        if self.flat:
            start = torch.arange(count).view(-1, 1, 1) * particles
            near = x.reshape(count * particles, features)[(nearest + start).reshape(-1)]
            near = near.reshape(count, particles, 4, features)
        else:
            index = nearest[..., None].expand(-1, -1, -1, features)
            near = x[:, None].expand(-1, particles, -1, -1).gather(2, index)
        center = x[:, :, None].expand(-1, -1, 4, -1)
        return self.mlp(torch.cat([center, near - center], -1)).mean(2).mean(1)


@dataclass(frozen=True)
class Network:
    """One network, the shapes of one event's inputs, and what is known to be undecided."""

    name: str
    module: nn.Module
    inputs: tuple[str, ...]
    shapes: Shapes


def networks() -> list[Network]:
    """Return the networks with repeatable weights."""
    torch.manual_seed(3)
    return [
        Network("mlp", Mlp(), ("x",), ((8,),)),
        Network("cnn", Cnn(), ("x",), ((2, 12, 12),)),
        Network("waveform", Waveform(), ("x",), ((20,),)),
        Network("deep_sets", DeepSets(), ("x", "mask"), ((6, 3), (6,))),
        Network("gru", Recurrent("gru", both=False), ("x",), ((5, 4),)),
        Network("gru_both", Recurrent("gru", both=True), ("x",), ((5, 4),)),
        Network("lstm", Recurrent("lstm", both=False), ("x",), ((5, 4),)),
        Network("lstm_both", Recurrent("lstm", both=True), ("x",), ((5, 4),)),
        Network("transformer", Transformer(masked=False), ("x",), ((6, 4),)),
        Network("transformer_masked", Transformer(masked=True), ("x",), ((6, 4),)),
        Network("encoder_layer", EncoderLayer(), ("x",), ((6, 8),)),
        Network("edge_conv", EdgeConv(flat=False), ("x",), ((7, 3),)),
        Network("edge_conv_flat", EdgeConv(flat=True), ("x",), ((7, 3),)),
    ]


def exported(
    network: Network, *, dynamo: bool, opset: int = 17, integers: bool = False
) -> onnx.ModelProto:
    """Return the network as ONNX with a symbolic batch N in inputs; of int64 where asked for."""
    module = network.module.eval()
    examples = tuple(_example(shape, integers=integers) for shape in network.shapes)
    names = list(network.inputs)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            batch = torch.export.Dim("N", min=2, max=1024)
            shapes = tuple({0: batch} for _ in examples)
            program = torch.onnx.export(
                module,
                examples,
                dynamo=True,
                input_names=names,
                dynamic_shapes=shapes,
                verbose=False,
            )
            return onnx.load_from_string(program.model_proto.SerializeToString())
        torch.onnx.export(
            module,
            examples,
            buffer,
            dynamo=False,
            opset_version=opset,
            input_names=names,
            dynamic_axes={name: {0: "N"} for name in names},
        )
    return onnx.load_from_string(buffer.getvalue())


def _example(shape: tuple[int, ...], *, integers: bool) -> Any:
    return torch.randint(0, 7, (2, *shape)) if integers else torch.randn(2, *shape)
