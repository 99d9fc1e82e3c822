"""The autoencoder looks at background only, and its score is the mean squared error."""

from __future__ import annotations

import numpy as np
import pytest

from inferon.errors import UsageError
from tests.absent import require_package

torch = require_package("torch")

from torch import Tensor  # noqa: E402

from inferon.models.jets.autoencoder import Autoencoder, AutoencoderShape  # noqa: E402
from inferon.models.jets.frame import FEATURE_NAMES, JetFrame  # noqa: E402
from tests.models.some_jets import CLASS_NAMES, small, some_jets  # noqa: E402

SLOTS = 9


@pytest.fixture
def raw() -> Tensor:
    return torch.from_numpy(some_jets(40, SLOTS).astype(np.float32))


def test_signal_jets_are_not_looked_at(raw: Tensor) -> None:
    """With signal jets of NaN the same loss, gradients and batch statistics come out."""
    label = torch.arange(40) % 5
    spoilt = torch.where((label > 1)[:, None, None], torch.nan, raw)
    found = []
    for inputs in (raw, spoilt):
        tagger = small("autoencoder", SLOTS).train()
        loss = tagger.loss(inputs, label.to(torch.int8))
        loss.backward()
        state = [loss.detach(), *(weight.grad for weight in tagger.parameters())]
        found.append([*state, *tagger.buffers()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert bool(torch.isfinite(found[0][0]))


@torch.no_grad()
def test_the_score_is_the_mean_squared_error_of_what_is_there(raw: Tensor) -> None:
    tagger = small("autoencoder", SLOTS).double()
    assert isinstance(tagger, Autoencoder)
    wide = raw.double()
    found = tagger(wide)
    assert found.shape == (40, 1)
    names = ("log_pt_rel", "delta_eta", "delta_phi")
    view = JetFrame().double()(wide)
    x = view.features[:, :, [FEATURE_NAMES.index(name) for name in names]]
    x = x * torch.tensor([1.0, 4.0, 4.0], dtype=torch.float64)
    copied = tagger.copy(x.flatten(1)).reshape(x.shape)
    for jet in range(40):
        there = view.mask[jet, :, 0] > 0.0
        expected = ((x - copied)[jet, there] ** 2).mean()
        assert abs(float(found[jet, 0] - expected)) <= 2.0**-53 * 100.0 * float(expected)


def test_a_batch_without_two_background_jets_makes_no_step(raw: Tensor) -> None:
    tagger = small("autoencoder", SLOTS).train()
    loss = tagger.loss(raw[:3], torch.tensor([2, 0, 4]))
    loss.backward()
    assert loss.item() == 0.0
    assert all(not weight.grad.any() for weight in tagger.parameters())


def test_the_names_of_the_background_must_be_classes() -> None:
    with pytest.raises(UsageError, match=r"background g, q is none of .* classes QCD, top"):
        Autoencoder(AutoencoderShape(), ("QCD", "top"))
    tagger = Autoencoder(AutoencoderShape(background=("QCD",)), ("QCD", "top"))
    assert tagger.is_background.tolist() == [True, False]
    assert small("autoencoder", SLOTS).is_background.tolist() == [True, True, *[False] * 3]
    assert CLASS_NAMES[:2] == AutoencoderShape().background


def test_it_learns_to_copy_background_better_than_what_it_never_saw() -> None:
    """Background: five particles close together; the others are spread as wide as the jet."""
    background = some_jets(256, SLOTS, seed=1)
    axis = background[:, :1, 1:3].copy()
    near = axis + 0.2 * (background[:, :, 1:3] - axis)
    anomalies = background.copy()
    background[:, :, 1:3] = np.where(background[:, :, :1] > 0.0, near, 0.0)
    known, odd = (torch.from_numpy(each.astype(np.float32)) for each in (background, anomalies))
    tagger = small("autoencoder", SLOTS).train()
    step = torch.optim.Adam(tagger.parameters(), 1e-2)
    for _ in range(100):
        step.zero_grad()
        tagger.loss(known, torch.zeros(256, dtype=torch.int64)).backward()
        step.step()
    tagger.eval()
    with torch.no_grad():
        assert float(tagger(odd).median()) > 2.0 * float(tagger(known).median())
