"""A hundred networks built from torch, through both of its exporters.

Each is loaded, held to ONNX Runtime within the derived bound, and compiled to C++ with the bits of
the interpreter.  The old exporter takes all of them here (80 s of one core); the new one, which
needs seconds for each, takes one of every kind, and all of them with ``--full``, where the table
of docs/reference/torch-networks.md is recorded, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.differential.cpp_pack import BUILDS, require
from tests.differential.torch_networks import Network
from tests.differential.torch_networks_all import all_networks
from tests.differential.torch_zoo import ANOTHER, Row, judged, write_record

NETWORKS = all_networks()
GROUP = 9
GROUPS = [NETWORKS[i : i + GROUP] for i in range(0, len(NETWORKS), GROUP)]

TORCH_CANNOT = {
    ("mlp_threshold", "torchscript"): "torch does not export it: Unsupported: ONNX export of oper",
    ("lorentz", "torchscript"): "torch does not export it: Exporting the operator 'aten::sinh' to",
    # of messages that arrive at the same particle, the old exporter keeps one
    ("messages_index_add", "torchscript"): ANOTHER,
}
"""What torch itself does not write; when it does, the entry has to go."""

ONE_OF_EVERY_KIND = (
    *("mlp", "mlp_threshold", "mlp_gelu", "mixture_of_experts", "spline_flow", "unet", "cnn_1d"),
    *("lstm_one_layer", "masked_sets", "encoder_pre_norm", "hashed_attention", "edge_conv"),
    *("messages_index_add", "interaction_network", "particle_net", "lorentz"),
)
"""Networks that go through the new exporter in every run."""


def failures(rows: Sequence[Row], *, compiled: bool = True) -> list[str]:
    """Return a line for each row that is not as it should be."""
    lines = []
    for row in rows:
        reason = TORCH_CANNOT.get((row.network, row.exporter))
        if reason is not None:
            good = row.result.startswith(reason)
        else:
            good = row.is_good if compiled else row.result == "agrees"
        if not good or row.undecided:
            lines.append(str(row))
    return lines


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0].name)
def test_networks_agree_and_compile(group: list[Network]) -> None:
    require(BUILDS[0])
    assert failures(judged(group, dynamo=False, build=BUILDS[0])) == []


@pytest.mark.parametrize("name", ONE_OF_EVERY_KIND)
def test_one_of_every_kind_agrees_through_the_new_exporter(name: str) -> None:
    chosen = [network for network in NETWORKS if network.name == name]
    assert len(chosen) == 1
    assert failures(judged(chosen, dynamo=True, build=None), compiled=False) == []


@pytest.mark.full
def test_every_network_through_both_exporters(
    pytestconfig: pytest.Config, count_cases: Callable[[int], None]
) -> None:
    require(BUILDS[0])
    rows = [
        row
        for dynamo in (False, True)
        for group in GROUPS
        for row in judged(group, dynamo=dynamo, build=BUILDS[0])
    ]
    folder = pytestconfig.getoption("--record")
    if folder:
        write_record(rows, Path(folder))
    count_cases(len(rows))
    assert failures(rows) == []


def test_a_row_that_is_wrong_is_named() -> None:
    good = Row("a", "dynamo", "agrees", "equal")
    refused = Row("b", "dynamo", "refused: operator Magic")
    other_bits = Row("c", "dynamo", "agrees", "c in batches of 1, output y: event 0")
    exported_now = Row("lorentz", "torchscript", "agrees", "equal")
    found = failures([good, refused, other_bits, exported_now])
    assert [line.split("'")[1] for line in found] == ["b", "c", "lorentz"]
