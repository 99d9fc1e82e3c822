"""One run from settings to a folder: trained, exported, evaluated, written down.

::

    NAME-seed1/
        settings.yaml     all settings, also those that were left out
        checkpoint.pt     the state after the last epoch; a run that was interrupted goes on there
        model.onnx        the weights of the best epoch, preprocessing included
        run.json          the record; it appears last, so a folder with it is finished
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from inferon.errors import DataError, OutputError, UsageError
from inferon.measure.record import as_json
from inferon.models.jets.autoencoder import Autoencoder
from inferon.models.jets.catalog import CATALOG, build
from inferon.models.jets.tagger import Tagger
from inferon.physics.jets import Jets
from inferon.training.evaluation import AnomalyResult, Result, evaluate, evaluate_anomaly
from inferon.training.jet_sample import JetSample, split_sample
from inferon.training.loop import (
    SILENT,
    Clock,
    Loop,
    Part,
    Trained,
    Watcher,
    outputs_of,
    reproducible,
)
from inferon.training.onnx_export import export_onnx
from inferon.training.run_settings import RunSettings, read_settings
from inferon.version import VERSION
from inferon.whole_file import write_whole

SETTINGS, CHECKPOINT, MODEL, RECORD = "settings.yaml", "checkpoint.pt", "model.onnx", "run.json"

COST = ("cpu_seconds", "wall_seconds")
"""Fields of the record that differ between two runs of the same settings."""

EXPORTED_ON = 128
"""Validation jets on which the exported model is compared with the trained one."""

FEATURES, CONSTITUENTS = "features", "constituents"
"""Names of the exported input: the high-level features, or raw constituents."""

_NOT_COMPARED = ("data",)
"""Settings that may change when a run goes on: a sample is known by its hash, not by its path."""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run.

    Attributes
    ----------
    folder : what holds its files
    record : the content of ``run.json``
    is_new : false if it had been finished before
    """

    folder: Path
    record: dict[str, Any]
    is_new: bool


def train_run(
    settings: RunSettings,
    jets: Jets,
    out: Path,
    *,
    sample_sha256: str,
    watcher: Watcher = SILENT,
) -> Run:
    """Train one tagger, or go on with its training, in ``out/NAME-seedN``.

    Parameters
    ----------
    settings : of the run
    jets : the sample that they name, opened and checked by ``jet_sample.open_sample``
    out : folder of the run's folder
    sample_sha256 : see ``jet_sample.sample_sha256``
    watcher : called on the way

    Raises
    ------
    UsageError
        The settings do not fit the sample.
    DataError
        The sample lacks what the tagger reads, or the checkpoint is damaged.
    OutputError
        The folder holds a run of other settings, or cannot be written.
    Mismatch
        The exported model is not the trained one.
    """
    folder = out / settings.run_name
    _claim(folder, settings)
    finished = _read_record(folder / RECORD)
    if finished is not None:
        _same_sample(folder, finished["sample"]["sha256"], sample_sha256)
        return Run(folder, finished, is_new=False)
    sitting, device = Clock(), _device(settings.device)
    sample = split_sample(
        jets,
        settings.data,
        train=settings.split.train,
        validation=settings.split.validation,
        seed=settings.split_seed,
    )
    with reproducible(settings.seed, settings.threads, device):
        module = build(settings.tagger, settings.sizes(), jets.class_names)
        training = _training_jets(module, sample, settings)
        train = _part(module, jets, training)
        validation = _part(module, jets, _learned_from(module, sample.validation, jets))
        if settings.augmentation == "turn" and train.inputs.ndim != 3:
            raise UsageError(f"{settings.tagger} reads no particles that could be turned")
        module.fit(train.inputs)
        loop = Loop(
            module,
            settings,
            train,
            validation,
            checkpoint=folder / CHECKPOINT,
            sample_sha256=sample_sha256,
            device=device,
        )
        trained = loop.run(watcher, sitting)
        record = _record(module, trained, sample, settings, device, sample_sha256, len(training))
        module.cpu()
        example = validation.inputs[:EXPORTED_ON].numpy()
        record["onnx_difference"] = export_onnx(
            module,
            example,
            folder / MODEL,
            settings.exporter,
            input_name=FEATURES if example.ndim == 2 else CONSTITUENTS,
        )
    text = json.dumps(as_json(record), indent=1) + "\n"
    write_whole(folder / RECORD, text.encode())
    return Run(folder, _read_record(folder / RECORD) or {}, is_new=True)


def _training_jets(
    module: Tagger, sample: JetSample, settings: RunSettings
) -> NDArray[np.integer[Any]]:
    """Return indices of the training jets, at most ``settings.jets``, chosen by the split's seed.

    By the split's seed, so that taggers that share a split share these jets, too; not the first
    ones, because public files are often sorted by class.
    """
    indices = np.flatnonzero(_learned_from(module, sample.train, sample.jets))
    mixed = np.random.default_rng(settings.split_seed).permutation(indices)
    return np.sort(mixed[: settings.jets])


def _learned_from(module: Tagger, chosen: NDArray[np.bool_], jets: Jets) -> NDArray[np.bool_]:
    """Leave out what an autoencoder does not learn from: all but its background classes."""
    if not isinstance(module, Autoencoder):
        return chosen
    kept: NDArray[np.bool_] = chosen & module.is_background.numpy()[jets.label]
    return kept


def _part(module: Tagger, jets: Jets, chosen: NDArray[Any]) -> Part:
    few = jets.select(chosen)
    return Part(torch.from_numpy(module.inputs(few)), torch.from_numpy(few.label.astype(np.int64)))


def _record(
    module: Tagger,
    trained: Trained,
    sample: JetSample,
    settings: RunSettings,
    device: torch.device,
    sample_sha256: str,
    training_jets: int,
) -> dict[str, Any]:
    jets = sample.jets
    background = _background(module, jets.class_names)

    def results(chosen: NDArray[np.bool_]) -> Result | AnomalyResult:
        few = jets.select(chosen)
        outputs = outputs_of(module, torch.from_numpy(module.inputs(few)), device).numpy()
        if background:
            return evaluate_anomaly(outputs[:, 0], few.label, jets.class_names, background)
        return evaluate(outputs, few.label, jets.class_names)

    has_truth = jets.is_matched is not None or jets.is_contained is not None
    return {
        "name": settings.run_name,
        "model": settings.name,
        "title": settings.title,
        "tagger": settings.tagger,
        "paper": CATALOG[settings.tagger].paper,
        "seed": settings.seed,
        "settings": settings.model_dump(mode="json"),
        "sample": {"title": jets.title, "path": settings.data, "sha256": sample_sha256},
        "class_names": jets.class_names,
        "background_classes": background,
        "split": {
            "train": settings.split.train,
            "validation": settings.split.validation,
            "seed": settings.split_seed,
            "jets": {
                "train": training_jets,
                "validation": int(sample.validation.sum()),
                "test": int(sample.test.sum()),
                "test_all": int(sample.test_all.sum()),
            },
        },
        "parameters": sum(each.numel() for each in module.parameters() if each.requires_grad),
        "history": trained.history,
        "best_epoch": trained.best_epoch,
        "validation": results(sample.validation),
        "test": {
            "matched": results(sample.test),
            "all": results(sample.test_all) if has_truth else None,
        },
        "device": device.type,
        "cpu_seconds": trained.cpu_seconds,
        "wall_seconds": trained.wall_seconds,
        "versions": {
            "python": platform.python_version(),
            "inferon": VERSION,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "onnx": onnx.__version__,
        },
    }


def _background(module: Tagger, class_names: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(module, Autoencoder):
        return ()
    flags = module.is_background.tolist()
    return tuple(name for name, is_one in zip(class_names, flags, strict=True) if is_one)


def _device(wanted: str) -> torch.device:
    has_gpu = torch.cuda.is_available()
    if wanted == "cuda" and not has_gpu:
        raise UsageError("device is cuda, and torch sees no GPU here: take cpu or auto")
    return torch.device("cuda" if wanted != "cpu" and has_gpu else "cpu")


def _claim(folder: Path, settings: RunSettings) -> None:
    """Make the folder of a run, or see that the run in it has the same settings."""
    path = folder / SETTINGS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make {folder}: {error.strerror}") from error
    if path.exists():
        earlier = read_settings(str(path)).model_dump(mode="json")
        changed = _differences(earlier, settings.model_dump(mode="json"))
        if changed:
            raise OutputError(
                f"{folder} holds a run of other settings ({'; '.join(changed)}): "
                "take another -o, or delete it"
            )
        return
    if (folder / CHECKPOINT).exists() or (folder / RECORD).exists():
        raise OutputError(f"{folder} holds a run without {SETTINGS}: take another -o")
    write_whole(path, settings.to_yaml().encode())


def _differences(earlier: Any, now: Any, key: str = "") -> list[str]:
    if isinstance(earlier, dict) and isinstance(now, dict):
        return [
            line
            for name in sorted({*earlier, *now})
            if f"{key}{name}" not in _NOT_COMPARED
            for line in _differences(earlier.get(name), now.get(name), f"{key}{name}.")
        ]
    return [] if earlier == now else [f"{key.rstrip('.')} was {earlier}, is {now}"]


def _same_sample(folder: Path, earlier: str, now: str) -> None:
    if earlier != now:
        raise OutputError(
            f"{folder} holds a run on another sample (SHA-256 {earlier[:12]}…, not {now[:12]}…): "
            "take another -o, or delete it"
        )


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record["sample"]["sha256"], str):
            raise TypeError("no hash")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{path} is no record of a run; delete it to evaluate the run again"
        ) from error
    found: dict[str, Any] = record
    return found
