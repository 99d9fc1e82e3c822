"""A jet tagger trained at 6 bits with Brevitas, exported as QONNX.

Run in an environment with Inferon (extra ``train``) and Brevitas::

    pip install 'inferon[train]' brevitas==0.13.4 onnxoptimizer
    python examples/brevitas/train.py jet_tagger_6bit.onnx

The network is the MLP of arXiv:1804.06913 on 16 high-level features.  All scales are powers of
two, so that the firmware has the trained model's numbers.  The weights of the epoch with the least
validation loss are exported; the test jets are looked at once, at the end.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from brevitas.export import export_qonnx
from brevitas.nn import QuantIdentity, QuantLinear, QuantReLU
from brevitas.quant import (
    Int8ActPerTensorFixedPoint,
    Int8WeightPerTensorFixedPoint,
    Int16Bias,
    Uint8ActPerTensorFixedPoint,
)
from torch import nn

from inferon.training.jet_sample import SHIPPED, JetSample, open_sample, split_sample

WEIGHT_BITS = 6
ACTIVATION_BITS = 6
INPUT_BITS = 8
HIDDEN = (64, 32, 32)
EPOCHS = 60
BATCH = 256
LEARNING_RATE = 5e-3
SEED = 1


class JetTagger(nn.Module):
    """Dense layers of 6-bit weights and activations on standardized features."""

    def __init__(self, mean: torch.Tensor, width: torch.Tensor, classes: int) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("width", width)
        layers: list[nn.Module] = [
            QuantIdentity(
                Int8ActPerTensorFixedPoint, bit_width=INPUT_BITS, return_quant_tensor=True
            )
        ]
        sizes = (len(mean), *HIDDEN)
        for rows, columns in pairwise(sizes):
            layers += [
                _dense(rows, columns),
                QuantReLU(
                    act_quant=Uint8ActPerTensorFixedPoint,
                    bit_width=ACTIVATION_BITS,
                    return_quant_tensor=True,
                ),
            ]
        self.layers = nn.Sequential(*layers, _dense(sizes[-1], classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scores of the classes before the softmax, (events, classes)."""
        return self.layers((x - self.mean) / self.width)


def _dense(rows: int, columns: int) -> QuantLinear:
    return QuantLinear(
        rows,
        columns,
        bias=True,
        weight_quant=Int8WeightPerTensorFixedPoint,
        weight_bit_width=WEIGHT_BITS,
        bias_quant=Int16Bias,
    )


def trained(sample: JetSample) -> JetTagger:
    """Return the tagger of the epoch with the least validation loss."""
    x, y = _arrays(sample, sample.train)
    vx, vy = _arrays(sample, sample.validation)
    torch.manual_seed(SEED)
    mean, width = x.mean(0), x.std(0)
    model = JetTagger(mean, width, len(sample.jets.class_names))
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=1e-2)
    steps = EPOCHS * (len(x) // BATCH)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    best, state = np.inf, {}
    for epoch in range(EPOCHS):
        model.train()
        for rows in torch.randperm(len(x)).split(BATCH)[: len(x) // BATCH]:
            optimizer.zero_grad()
            nn.functional.cross_entropy(_plain(model(x[rows])), y[rows]).backward()
            optimizer.step()
            rate.step()
        model.eval()
        with torch.no_grad():
            loss = float(nn.functional.cross_entropy(_plain(model(vx)), vy))
        if loss < best:
            best, state = loss, {k: v.clone() for k, v in model.state_dict().items()}
        print(f"epoch {epoch}: validation loss {loss:.4f}", file=sys.stderr)
    model.load_state_dict(state)
    return model.eval()


def _plain(scores: Any) -> torch.Tensor:
    """Return a tensor without its scale."""
    value: torch.Tensor = getattr(scores, "value", scores)
    return value


def _arrays(sample: JetSample, chosen: Any) -> tuple[torch.Tensor, torch.Tensor]:
    jets = sample.jets
    assert jets.features is not None
    return torch.from_numpy(jets.features[chosen]), torch.from_numpy(jets.label[chosen]).long()


def main() -> int:
    """Train, export, and print the accuracy on test jets."""
    torch.set_num_threads(1)
    sample = split_sample(open_sample(SHIPPED), SHIPPED, train=0.7, validation=0.1, seed=SEED)
    model = trained(sample)
    x, y = _arrays(sample, sample.test)
    with torch.no_grad():
        right = (_plain(model(x)).argmax(1) == y).float()
    error = float(right.std() / len(right) ** 0.5)
    print(f"accuracy on {len(right)} test jets: {float(right.mean()):.4f} +- {error:.4f}")
    export_qonnx(
        model,
        x[:1],
        export_path=str(Path(sys.argv[1])),
        input_names=["features"],
        output_names=["scores"],
        dynamic_axes={"features": {0: "N"}, "scores": {0: "N"}},
        dynamo=False,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
