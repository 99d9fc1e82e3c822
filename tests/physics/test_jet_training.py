"""Training and export of a tagger: repeatable, blind to the test jets, free of this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inferon.errors import DataError, Mismatch
from inferon.physics.event_split import split_by_event
from inferon.physics.sample import Jets, shipped_jets
from tests.absent import require_package

torch = require_package("torch")
require_package("onnxscript")
require_package("onnxruntime")

from inferon.training.jet_taggers import DeepSetsTagger, JetFrame, MlpTagger  # noqa: E402
from inferon.training.jets import SHIPPED_TAGGERS, ShippedTagger, make_tagger, train  # noqa: E402
from inferon.training.onnx_export import export_onnx  # noqa: E402


@pytest.fixture(scope="module")
def few_jets() -> Jets:
    return shipped_jets().select(np.arange(1500))


def short(tagger: ShippedTagger) -> ShippedTagger:
    return replace(tagger, schedule=replace(tagger.schedule, epochs=2))


@pytest.mark.parametrize("tagger", SHIPPED_TAGGERS, ids=lambda tagger: tagger.name)
def test_the_same_seed_gives_the_same_bytes(
    tagger: ShippedTagger, few_jets: Jets, tmp_path: Path
) -> None:
    contents = []
    for run in ("first", "second"):
        out = tmp_path / run
        out.mkdir()
        log = make_tagger(short(tagger), few_jets, None, out)
        assert log["largest_difference_onnx_to_torch"] < 1e-5
        assert (out / f"{tagger.name}.json").read_text() == json.dumps(log, indent=1) + "\n"
        contents.append([path.read_bytes() for path in sorted(out.iterdir())])
    assert contents[0] == contents[1]
    assert len(contents[0]) == 2


def test_training_does_not_look_at_the_test_jets(few_jets: Jets) -> None:
    """With other test jets (here: NaN) the same weights come out."""
    split = split_by_event(few_jets.event_id)
    constituents = few_jets.constituents.copy()
    constituents[split.test] = np.nan
    tagger = short(SHIPPED_TAGGERS[0])
    module, epochs = train(tagger, few_jets, split)
    blind, blind_epochs = train(tagger, replace(few_jets, constituents=constituents), split)
    assert epochs == blind_epochs
    weights = zip(module.state_dict().values(), blind.state_dict().values(), strict=True)
    assert all(bool(torch.equal(one, other)) for one, other in weights)


def test_features_of_a_jet_by_hand() -> None:
    """Two particles of 30 and 10 GeV at the seam of azimuth, and an empty slot."""
    jet = torch.tensor([[[30.0, 0.2, 3.1], [10.0, 0.6, -3.1], [0.0, 0.0, 0.0]]])
    view = JetFrame()(jet)
    gap = 2 * np.pi - 6.2  # in azimuth, across the seam
    weight = np.array([0.75, 0.25])
    eta = np.array([-0.1, 0.3])  # the axis is a quarter of 0.4 from the first
    phi = np.array([-0.25 * gap, 0.75 * gap])
    to_axis = eta**2 + phi**2
    to_leading = np.array([0.0, 0.4**2 + gap**2])
    columns = [np.log(weight), eta, phi, np.log(to_axis + 1e-4), np.log(to_leading + 1e-4)]
    expected = np.zeros((3, 5))
    expected[:2] = np.stack(columns, axis=1)
    # Float32 angles near 3.1 are known to 2^-22; the smallest argument of a log is 1e-4.
    assert np.abs(view.particles[0].numpy() - expected).max() < 1e-4
    assert view.mask[0, :, 0].tolist() == [1.0, 1.0, 0.0]
    mass_squared = (weight * to_axis).sum() + 1e-6
    assert np.abs(view.jet[0].numpy() - [np.log(40.0), np.log(mass_squared)]).max() < 1e-5


def test_export_notices_a_model_that_changed(tmp_path: Path, few_jets: Jets) -> None:
    class Shifting(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        """Returns something else at every call, which no graph can express."""

        calls = 0

        def forward(self, constituents: Any) -> Any:
            self.calls += 1
            return constituents + float(self.calls)

    with pytest.raises(Mismatch, match="differs from the torch module by"):
        export_onnx(Shifting(), few_jets.leading(2)[:4], tmp_path / "x.onnx", "torchscript")
    assert not list(tmp_path.iterdir())


def test_export_needs_two_events(tmp_path: Path, few_jets: Jets) -> None:
    module = SHIPPED_TAGGERS[0].build().eval()
    with pytest.raises(DataError, match="two example events"):
        export_onnx(module, few_jets.leading(16)[:1], tmp_path / "x.onnx", "dynamo")


def test_the_two_taggers_use_both_exporters() -> None:
    assert [tagger.exporter for tagger in SHIPPED_TAGGERS] == ["torchscript", "dynamo"]
    assert isinstance(SHIPPED_TAGGERS[0].build(), MlpTagger)
    assert isinstance(SHIPPED_TAGGERS[1].build(), DeepSetsTagger)
