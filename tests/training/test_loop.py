"""The loop with all that has a state: batch norm, dropout, AdamW, a learning rate, turned jets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.absent import require_package
from tests.training.few_jets import few_jets, tiny

torch = require_package("torch")
for package in ("pydantic", "yaml", "onnxruntime"):
    require_package(package)

from inferon.models.jets.catalog import build  # noqa: E402
from inferon.physics.jets import Jets  # noqa: E402
from inferon.training.loop import (  # noqa: E402
    SILENT,
    Clock,
    Epoch,
    Loop,
    Part,
    Trained,
    Watcher,
    reproducible,
)
from inferon.training.run_settings import read_settings  # noqa: E402

SETTINGS = """
title: Tiny ParticleNet
tagger: particlenet
shape: {constituents: 8, neighbors: 3, blocks: [[6, 6], [8]], dense: 8, dropout: 0.2}
schedule: {epochs: 4, batch: 64}
augmentation: turn
"""
CPU = torch.device("cpu")


class Stop(Exception):
    """What ends a run early, as Ctrl-C would."""


def part(jets: Jets) -> Part:
    return Part(torch.from_numpy(jets.leading(8)), torch.from_numpy(jets.label).long())


def train(folder: Path, watcher: Watcher = SILENT, seed: int = 1) -> tuple[Any, Trained]:
    """Train in a process of its own, as far as random numbers go."""
    settings = read_settings(tiny(folder, SETTINGS), seed=seed)
    with reproducible(seed, 1, CPU):
        module = build(settings.tagger, settings.sizes(), few_jets().class_names)
        loop = Loop(
            module,
            settings,
            part(few_jets().select(np.arange(1000))),
            part(few_jets().select(np.arange(1000, 1500))),
            checkpoint=folder / "checkpoint.pt",
            sample_sha256="ab",
            device=CPU,
        )
        trained = loop.run(watcher, Clock())
    return module, trained


def stop_after(number: int) -> Watcher:
    def stop(epoch: Epoch) -> None:
        if epoch.epoch == number:
            raise Stop

    return Watcher(on_epoch=stop)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Trained, Path]:
    folder = tmp_path_factory.mktemp("whole")
    return (*train(folder), folder)


def state(folder: Path) -> Any:
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def same(one: Any, other: Any) -> bool:
    """Equal to the last bit, down to the tensors."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor):
        return bool(torch.equal(one, other))
    return bool(one == other)


def without_cost(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key != "spent"}


@pytest.mark.parametrize("stops", [(1,), (3,), (1, 2, 4)], ids=str)
def test_a_loop_that_was_interrupted_has_the_state_of_a_whole_one(
    whole: tuple[Any, Trained, Path], tmp_path: Path, stops: tuple[int, ...]
) -> None:
    for number in stops:
        with pytest.raises(Stop):
            train(tmp_path, stop_after(number))
    module, trained = train(tmp_path)
    expected, expected_trained, folder = whole
    assert same(without_cost(state(tmp_path)), without_cost(state(folder)))
    assert same(module.state_dict(), expected.state_dict())
    assert trained.history == expected_trained.history


@pytest.mark.parametrize("part", ["random", "order", "rate", "optimizer", "module"])
def test_every_part_of_the_state_matters(
    whole: tuple[Any, Trained, Path], tmp_path: Path, part: str
) -> None:
    """Were it forgotten, the test above would fail: with the part of a younger state it does."""
    states = []
    for number in (1, 2):
        with pytest.raises(Stop):
            train(tmp_path, stop_after(number))
        states.append(state(tmp_path))
    torch.save({**states[1], part: states[0][part]}, tmp_path / "checkpoint.pt")
    _, trained = train(tmp_path)
    assert trained.history[:2] == whole[1].history[:2]
    assert trained.history[2:] != whole[1].history[2:]


def test_the_learning_rate_goes_up_and_down(whole: tuple[Any, Trained, Path]) -> None:
    rates = [epoch.learning_rate for epoch in whole[1].history]
    highest = 2e-3
    assert rates[0] < highest / 20  # it starts at a 25th
    assert highest > rates[1] > rates[2] > rates[3] > 0.0  # its peak is in the first epoch


def test_the_best_weights_are_kept(tmp_path: Path) -> None:
    module, trained = train(tmp_path)
    losses = [epoch.validation_loss for epoch in trained.history]
    assert trained.best_epoch == 1 + losses.index(min(losses))
    assert same(state(tmp_path)["best"], module.state_dict())
    assert not module.training


def test_a_step_goes_downhill(whole: tuple[Any, Trained, Path]) -> None:
    losses = [epoch.train_loss for epoch in whole[1].history]
    assert losses[-1] < losses[0]
