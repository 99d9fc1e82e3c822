"""A training run: repeatable to the bit, resumable anywhere, blind to the test jets."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inferon.errors import DataError, OutputError, UsageError
from inferon.physics.jets import Jets
from tests.absent import require_package
from tests.training.few_jets import QUICK, few_jets, tiny

torch = require_package("torch")
for package in ("pydantic", "yaml", "onnxruntime"):
    require_package(package)

from inferon.training.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from inferon.training.jet_sample import split_sample  # noqa: E402
from inferon.training.loop import Epoch, Progress, Watcher  # noqa: E402
from inferon.training.run import COST, Run, train_run  # noqa: E402
from inferon.training.run_settings import read_settings  # noqa: E402

AUTOENCODER = """
title: Tiny autoencoder
tagger: autoencoder
shape: {constituents: 8, encoder: [8, 2]}
schedule: {epochs: 2, batch: 64}
"""


def run(
    folder: Path,
    jets: Jets | None = None,
    *,
    text: str = QUICK,
    sha256: str = "ab" * 32,
    most: int | None = None,
    watcher: Watcher | None = None,
    **changes: Any,
) -> Run:
    """Train the tiny network below a folder."""
    settings = read_settings(tiny(folder, text), jets=most, **changes)
    return train_run(
        settings,
        jets or few_jets(),
        folder / "run",
        sample_sha256=sha256,
        watcher=watcher or Watcher(),
    )


def compared(run: Run) -> dict[str, Any]:
    """The record without what a run costs."""
    return {key: value for key, value in run.record.items() if key not in COST}


def weights(folder: Path) -> dict[str, Any]:
    state = load_checkpoint(folder / "run" / "tiny-seed1" / "checkpoint.pt")
    assert state is not None
    found: dict[str, Any] = state["module"]
    return found


def equal_weights(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nothing has interrupted."""
    return run(tmp_path_factory.mktemp("whole"))


def test_the_folder_holds_the_run(whole: Run) -> None:
    assert whole.is_new
    names = {path.name for path in whole.folder.iterdir()}
    assert names == {"settings.yaml", "checkpoint.pt", "model.onnx", "run.json"}
    record = json.loads((whole.folder / "run.json").read_text())
    assert record == whole.record
    assert record["name"] == whole.folder.name == "tiny-seed1"
    assert record["class_names"] == list(few_jets().class_names)
    assert [epoch["epoch"] for epoch in record["history"]] == [1, 2, 3]
    losses = [epoch["validation_loss"] for epoch in record["history"]]
    assert record["best_epoch"] == 1 + int(np.argmin(losses))
    assert record["test"]["matched"]["accuracy"]["value"] > 0.3  # chance is 0.2
    module_settings = read_settings(str(whole.folder / "settings.yaml"))
    assert module_settings.model_dump(mode="json") == record["settings"]


def test_the_sizes_of_the_parts_are_written_down(whole: Run) -> None:
    split = whole.record["split"]
    sample = split_sample(
        few_jets(), "x", train=split["train"], validation=split["validation"], seed=split["seed"]
    )
    for part in ("train", "validation", "test", "test_all"):
        assert split["jets"][part] == np.count_nonzero(getattr(sample, part))


def test_the_exported_model_scores_what_the_record_says(whole: Run) -> None:
    import onnxruntime

    sample = split_sample(few_jets(), "x", train=0.7, validation=0.1, seed=1)
    test = few_jets().select(sample.test)
    session = onnxruntime.InferenceSession(
        (whole.folder / "model.onnx").read_bytes(), providers=["CPUExecutionProvider"]
    )
    (scores,) = session.run(["scores"], {"features": test.features})
    right = np.count_nonzero(scores.argmax(axis=1) == test.label)
    logged = whole.record["test"]["matched"]
    assert logged["jets"] == len(test)
    # Two scores of one jet may be equal up to rounding: one jet may fall to the other side.
    assert abs(right - logged["accuracy"]["value"] * len(test)) <= 1.0 + 1e-9


def test_the_same_seed_gives_the_same_bytes(whole: Run, tmp_path: Path) -> None:
    again = run(tmp_path)
    assert compared(again) == compared(whole)
    model = (again.folder / "model.onnx").read_bytes()
    assert model == (whole.folder / "model.onnx").read_bytes()


def test_another_seed_gives_another_model(whole: Run, tmp_path: Path) -> None:
    other = run(tmp_path, seed=2)
    assert other.folder.name == "tiny-seed2"
    assert other.record["history"] != whole.record["history"]


class Stop(Exception):
    """What ends a run early, as Ctrl-C would."""


def after_epoch(number: int) -> Watcher:
    def stop(epoch: Epoch) -> None:
        if epoch.epoch == number:
            raise Stop

    return Watcher(on_epoch=stop)


def in_epoch(number: int) -> Watcher:
    def stop(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (number, progress.steps // 2):
            raise Stop

    return Watcher(on_step=stop)


@pytest.mark.parametrize(
    "interruptions",
    [
        [after_epoch(1)],
        [in_epoch(1)],
        [in_epoch(2), after_epoch(2), in_epoch(3), after_epoch(3)],
    ],
    ids=["after the first", "before the first checkpoint", "four times"],
)
def test_an_interrupted_run_ends_like_a_whole_one(
    whole: Run, tmp_path: Path, interruptions: list[Watcher]
) -> None:
    for watcher in interruptions:
        with pytest.raises(Stop):
            run(tmp_path, watcher=watcher)
        assert not (tmp_path / "run" / "tiny-seed1" / "run.json").exists()
    resumed = run(tmp_path)
    assert compared(resumed) == compared(whole)
    for name in ("model.onnx", "settings.yaml"):
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_epochs_on_disk_are_not_trained_again(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        run(tmp_path, watcher=after_epoch(2))
    seen: list[int] = []
    run(tmp_path, watcher=Watcher(on_epoch=lambda epoch: seen.append(epoch.epoch)))
    assert seen == [3]


def test_a_finished_run_is_read_and_not_repeated(tmp_path: Path) -> None:
    first = run(tmp_path, epochs=1)
    before = {path.name: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    again = run(tmp_path, epochs=1)
    assert not again.is_new
    assert again.record == first.record
    assert {path.name: path.stat().st_mtime_ns for path in first.folder.iterdir()} == before


def test_other_settings_in_the_same_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        run(tmp_path, watcher=after_epoch(1))
    text = QUICK.replace("hidden: [8]", "hidden: [16]")
    with pytest.raises(
        OutputError,
        match=r"holds a run of other settings \(jets was 60000, is 700; shape\.hidden "
        r"was \[8\], is \[16\]\): take another -o",
    ):
        run(tmp_path, text=text, most=700)


@pytest.mark.parametrize("finished", [False, True])
def test_another_sample_in_the_same_folder_is_refused(tmp_path: Path, finished: bool) -> None:
    if finished:
        run(tmp_path, epochs=1)
    else:
        with pytest.raises(Stop):
            run(tmp_path, epochs=1, watcher=after_epoch(1))
    with pytest.raises(OutputError, match="holds a run on another sample"):
        run(tmp_path, epochs=1, sha256="cd" * 32)


def test_the_same_sample_at_another_path_goes_on(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        run(tmp_path, data="here.h5", watcher=after_epoch(1))
    assert run(tmp_path, data="there.h5").is_new


def test_a_damaged_checkpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        run(tmp_path, watcher=after_epoch(1))
    path = tmp_path / "run" / "tiny-seed1" / "checkpoint.pt"
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"no zip at all"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"is no checkpoint that can be read .* delete"):
            run(tmp_path)


def test_a_checkpoint_of_objects_is_not_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"module": Path("x")}, path)
    with pytest.raises(DataError, match="is no checkpoint that can be read"):
        load_checkpoint(path)


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"epoch": 1})
    with pytest.raises(AttributeError):
        save_checkpoint(path, {"epoch": lambda: None})  # cannot be stored
    assert load_checkpoint(path) == {"epoch": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint.pt"]
    with pytest.raises(OutputError, match="cannot write"):
        save_checkpoint(tmp_path / "none" / "checkpoint.pt", {})


def replaced(jets: Jets, chosen: np.ndarray[Any, Any]) -> Jets:
    """The same jets, but those chosen have the particles and features of the jet before."""
    assert jets.features is not None
    raw, features = jets.constituents.copy(), jets.features.copy()
    raw[chosen] = np.roll(raw[chosen], 1, axis=0)
    features[chosen] = np.roll(features[chosen], 1, axis=0)
    return replace(jets, constituents=raw, features=features)


def test_training_does_not_look_at_the_test_jets(whole: Run, tmp_path: Path) -> None:
    sample = split_sample(few_jets(), "x", train=0.7, validation=0.1, seed=1)
    blind = run(tmp_path, replaced(few_jets(), sample.test))
    assert equal_weights(weights(tmp_path), weights(whole.folder.parents[1]))
    assert blind.record["history"] == whole.record["history"]
    assert blind.record["test"] != whole.record["test"]


def test_validation_jets_choose_the_epoch_only(whole: Run, tmp_path: Path) -> None:
    sample = split_sample(few_jets(), "x", train=0.7, validation=0.1, seed=1)
    run(tmp_path, replaced(few_jets(), sample.validation))
    assert equal_weights(weights(tmp_path), weights(whole.folder.parents[1]))


def test_patience_ends_a_run_that_learns_no_more(tmp_path: Path) -> None:
    """With labels at random the validation loss rises soon; the best weights are kept."""
    label = np.random.default_rng(1).permutation(few_jets().label)
    schedule = "{epochs: 60, batch: 64, patience: 3, learning_rate: 2.0e-2, rate: constant}"
    text = QUICK.replace("{epochs: 3, batch: 64}", schedule)
    record = run(tmp_path, replace(few_jets(), label=label), text=text).record
    losses = [epoch["validation_loss"] for epoch in record["history"]]
    assert len(losses) == record["best_epoch"] + 3 < 60
    assert min(losses) == losses[record["best_epoch"] - 1]
    best = record["history"][record["best_epoch"] - 1]
    assert record["validation"]["accuracy"]["value"] == best["validation_accuracy"]
    rates = {epoch["learning_rate"] for epoch in record["history"]}
    assert rates == {2e-2}


def test_a_loss_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    text = QUICK.replace("batch: 64", "batch: 64, learning_rate: 9.0, weight_decay: 9.0")
    with pytest.raises(DataError, match=r"the loss is no number any more.*learning_rate"):
        run(tmp_path, text=text, epochs=200)


def test_unmatched_jets_of_the_test_are_judged_apart(tmp_path: Path) -> None:
    matched = np.arange(len(few_jets())) % 7 != 0
    jets = replace(few_jets(), is_matched=matched)
    record = run(tmp_path, jets, epochs=1).record
    sample = split_sample(jets, "x", train=0.7, validation=0.1, seed=1)
    assert record["test"]["matched"]["jets"] == sample.test.sum() < sample.test_all.sum()
    assert record["test"]["all"]["jets"] == sample.test_all.sum()
    assert record["split"]["jets"]["train"] == np.count_nonzero(sample.train & matched)


def test_a_sample_without_truth_has_no_second_number(tmp_path: Path) -> None:
    jets = replace(few_jets(), is_matched=None, is_contained=None)
    assert run(tmp_path, jets, epochs=1).record["test"]["all"] is None


def test_few_training_jets_are_a_fair_choice(tmp_path: Path) -> None:
    """Of a file that is sorted by class, the first jets would be of one class."""
    jets = few_jets().select(np.argsort(few_jets().label, kind="stable"))
    record = run(tmp_path, jets, most=300).record
    assert record["split"]["jets"]["train"] == 300
    assert record["test"]["matched"]["accuracy"]["value"] > 0.25  # one class only gives 0.2


def test_features_cannot_be_turned(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mlp reads no particles that could be turned"):
        run(tmp_path, text=QUICK + "augmentation: turn\n")


def test_fewer_jets_than_a_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="50 training jets are fewer than a batch of 64"):
        run(tmp_path, most=50)


def test_a_gpu_that_is_not_there_is_refused(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(UsageError, match="torch sees no GPU here"):
        run(tmp_path, device="cuda")


def test_torch_is_left_as_it_was(tmp_path: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_num_threads(), torch.rand(3).tolist()
    torch.manual_seed(5)
    run(tmp_path, epochs=1, text=QUICK + "threads: 2\n")
    assert (torch.get_num_threads(), torch.rand(3).tolist()) == before
    assert not torch.are_deterministic_algorithms_enabled()


def test_an_autoencoder_learns_from_background_only(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    record = run(one, text=AUTOENCODER).record
    assert record["background_classes"] == ["q", "g"]
    assert list(record["test"]["matched"]["classes"]) == ["W", "Z", "t"]
    assert {"auc", "tnr_at_tpr"} < set(record["test"]["matched"])
    sample = split_sample(few_jets(), "x", train=0.7, validation=0.1, seed=1)
    learned = np.count_nonzero(sample.train & (few_jets().label < 2))
    assert record["split"]["jets"]["train"] == learned
    assert all(epoch["validation_accuracy"] is None for epoch in record["history"])
    with pytest.raises(Stop):  # before the export, which is slow
        run(
            other,
            replaced(few_jets(), few_jets().label >= 2),
            text=AUTOENCODER,
            watcher=after_epoch(2),
        )
    assert equal_weights(weights(one), weights(other))


@pytest.mark.parametrize("file", ["settings.yaml", "checkpoint.pt", "model.onnx", "run.json"])
def test_a_disk_that_is_full_leaves_no_part_of_a_file(
    whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """The file system says so when the file is put in its place; afterwards the run goes on."""
    replace_file = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == file:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match=f"cannot write .*{file}: No space left on device"):
        run(tmp_path)
    files = ["settings.yaml", "checkpoint.pt", "model.onnx", "run.json"]
    left = {path.name for path in (tmp_path / "run" / "tiny-seed1").iterdir()}
    assert left == set(files[: files.index(file)])
    monkeypatch.undo()
    assert compared(run(tmp_path)) == compared(whole)
