"""Packed sequences and masked attention of torch; torch is the oracle (15 s)."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.analysis.bound import agreement
from inferon.interpret import interpret
from inferon.load import load
from tests.differential.onnx_oracle import normal

EVENTS, STEPS, WIDTH = 4, 6, 8


class Packed(nn.Module):
    """A recurrent network over sequences of several lengths."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.cell = kind(WIDTH, 5, 2, batch_first=True, bidirectional=True)

    def forward(self, x: Any, lengths: Any) -> Any:
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        steps, last = self.cell(packed)
        y, _ = nn.utils.rnn.pad_packed_sequence(steps, batch_first=True, total_length=STEPS)
        return y, (last[0] if isinstance(last, tuple) else last).transpose(0, 1)


class SelfAttention(nn.Module):
    """torch's own attention; steps see themselves and the past, or what is not padding."""

    def __init__(self, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.attention = nn.MultiheadAttention(WIDTH, 2, batch_first=True)

    def forward(self, x: Any) -> Any:
        later = nn.Transformer.generate_square_subsequent_mask(STEPS) if self.causal else None
        absent = None if self.causal else x[:, :, 0] < -0.5
        return self.attention(
            *(x, x, x),
            key_padding_mask=absent,
            attn_mask=later,
            need_weights=False,
            is_causal=self.causal,
        )[0]


class GroupedAttention(nn.Module):
    """Two heads of queries share one of keys and values."""

    def forward(self, x: Any) -> Any:
        q = x.reshape(-1, STEPS, 2, WIDTH // 2).transpose(1, 2)
        k = q[:, :1]
        return nn.functional.scaled_dot_product_attention(q, k, k, enable_gqa=True)


def exported(
    module: nn.Module, example: tuple[Any, ...], *, dynamo: bool, opset: int
) -> onnx.ModelProto:
    """Return a module as ONNX, with the batch N in axis 0 of every input."""
    names = ["x", "lengths"][: len(example)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not dynamo:
            buffer = io.BytesIO()
            axes = {name: {0: "N"} for name in names}
            how: Any = {"dynamo": False, "input_names": names, "dynamic_axes": axes}
            torch.onnx.export(module, example, buffer, opset_version=opset, **how)
            return onnx.load_from_string(buffer.getvalue())
        batch = torch.export.Dim("N", min=2, max=64)
        shapes = tuple({0: batch} for _ in example)
        how = {"dynamo": True, "input_names": names, "dynamic_shapes": shapes, "verbose": False}
        program = torch.onnx.export(module, example, opset_version=opset, **how)
        return onnx.load_from_string(program.model_proto.SerializeToString())


def keeps_its_bound(module: nn.Module, *data: Any, dynamo: bool, opset: int) -> onnx.ModelProto:
    """Hold torch and the strict interpreter to the bound of the exported module."""
    tensors = tuple(torch.from_numpy(each) for each in data)
    with torch.no_grad():
        results = module(*tensors)
    wanted = results if isinstance(results, tuple) else (results,)
    model = exported(module, tuple(x[:2] for x in tensors), dynamo=dynamo, opset=opset)
    graph = load(model)
    theirs = tuple(each.numpy() for each in wanted)
    assert agreement(graph, list(data), theirs, accuracy=ONNX_RUNTIME).undecided == 0
    agreement(graph, list(data), interpret(graph, list(data)))
    return model


def has(model: onnx.ModelProto, op: str) -> bool:
    return op in {node.op_type for node in model.graph.node}


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_packed_sequences_agree(kind: Any) -> None:
    """The second exporter cannot export them."""
    torch.manual_seed(2)
    lengths = np.array([6, 2, 5, 1], np.int64)
    data = normal(1, EVENTS, STEPS, WIDTH), lengths
    model = keeps_its_bound(Packed(kind).eval(), *data, dynamo=False, opset=17)
    cells = [node for node in model.graph.node if node.op_type == kind.__name__]
    assert all(node.input[4] for node in cells)  # the lengths


OLDER = pytest.param(True, 18, marks=pytest.mark.full)  # as other networks are exported


@pytest.mark.parametrize(("dynamo", "opset"), [(False, 17), OLDER, (True, 23)])
@pytest.mark.parametrize("causal", [False, True], ids=["padded", "causal"])
def test_masked_attention_agrees(causal: bool, dynamo: bool, opset: int) -> None:
    torch.manual_seed(2)
    module = SelfAttention(causal=causal).eval()
    data = normal(1, EVENTS, STEPS, WIDTH)
    assert (data[:, :, 0] < -0.5).any(axis=1).any()
    model = keeps_its_bound(module, data, dynamo=dynamo, opset=opset)
    assert has(model, "Attention") == (opset == 23)


@pytest.mark.parametrize("opset", [pytest.param(18, marks=pytest.mark.full), 23])
def test_grouped_attention_agrees(opset: int) -> None:
    data = normal(1, EVENTS, STEPS, WIDTH)
    model = keeps_its_bound(GroupedAttention(), data, dynamo=True, opset=opset)
    assert has(model, "Attention") == (opset == 23)
