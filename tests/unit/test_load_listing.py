"""Graphs as text files: written by ``show``, loaded by ``load``."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferon.errors import InferonError, InvalidModel, ListingError
from inferon.ir.listing import show
from inferon.load import find_gaps, load

MODELS = Path(__file__).parents[2] / "benchmarks" / "models"


@pytest.mark.parametrize("name", ["a_mlp12", "d1_bragg_dyn", "f_transf", "g_gru", "i_pnet_dyn"])
def test_a_loaded_model_survives_its_listing(name: str, tmp_path: Path) -> None:
    graph = load(MODELS / f"{name}.onnx")
    path = tmp_path / "model.inferon"
    path.write_text(show(graph, constants=True))
    again = load(path)
    assert again == graph
    assert [node.origin for node in again.nodes()] == [node.origin for node in graph.nodes()]
    assert find_gaps(path) == ()


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.inferon"
    path.write_text('graph g\n  %0: 3xf32 = input("x")\n  %1: 3xf32 = magic(%0)\n  return y=%1\n')
    with pytest.raises(ListingError, match="line 3") as caught:
        load(path)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"PK\x03\x04" + bytes(range(256))])
def test_what_is_no_text_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.inferon"
    path.write_bytes(content)
    with pytest.raises(InferonError) as caught:
        load(path)
    assert caught.value.exit_code == 3
    assert len(str(caught.value).splitlines()) == 1


def test_a_listing_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.inferon"
    with path.open("wb") as file:
        file.truncate(3 << 30)
    with pytest.raises(InvalidModel, match="above the limit"):
        load(path)
