"""What a training left behind: a model and the record of how it came about (``run.json``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from inferon.errors import DataError

RECORD, MODEL = "run.json", "model.onnx"
"""The two files that make a folder a run."""

SHIPPED = ("jets_mlp", "jets_deepsets")
"""The models that come with Inferon, in the order of tables and figures."""

MAX_RECORD_BYTES = 50_000_000
"""A record is some kilobytes an epoch at most; a larger file is something else."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the training log; a model without classes has no accuracy."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float | None


@dataclass(frozen=True, slots=True)
class Run:
    """One trained model.

    Attributes
    ----------
    name : of its folder
    kind : of the model; runs of one kind differ in their seeds
    title : of the model, for tables and figures
    seed : of weights and batches
    model : the ONNX file
    sample : the file it was trained on, as the record names it, or ``shipped``
    sample_sha256 : hash of that sample's content
    train, validation, split_seed : its split into training, validation and test jets
    background : classes that an anomaly score tells the others from; empty for a classifier
    history : of the training
    best_epoch : the one whose weights were kept
    cpu_seconds : of the training
    """

    name: str
    kind: str
    title: str
    seed: int
    model: Path
    sample: str
    sample_sha256: str
    train: float
    validation: float
    split_seed: int
    background: tuple[str, ...]
    history: tuple[Epoch, ...]
    best_epoch: int
    cpu_seconds: float


def find_runs(folder: Path) -> tuple[Run, ...]:
    """Return the runs in a folder and below it, in the order of their names.

    Raises
    ------
    DataError
        When there is none, or a record cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; give the one that 'inferon train' wrote")
    records = [
        record for record in sorted(folder.rglob(RECORD)) if (record.parent / MODEL).is_file()
    ]
    if not records:
        raise DataError(
            f"there is no run in {folder}: a run is a folder with {RECORD} and {MODEL}, "
            "as 'inferon train' writes it at its end"
        )
    return tuple(read_run(record, record.parent / MODEL) for record in records)


def shipped_runs() -> tuple[Run, ...]:
    """Return the runs of the models that come with Inferon."""
    folder = Path(str(files("inferon"))) / "data" / "models"
    read = {each: read_run(folder / f"{each}.json", folder / f"{each}.onnx") for each in SHIPPED}
    return tuple(replace(run, name=name) for name, run in read.items())


def read_run(record: Path, model: Path) -> Run:
    """Read the record of a run.

    Raises
    ------
    DataError
        When the file is no such record.
    """
    try:
        if record.stat().st_size > MAX_RECORD_BYTES:
            raise DataError(f"{record} is larger than {MAX_RECORD_BYTES:,} bytes: no run's record")
        return _run(json.loads(record.read_text(encoding="utf-8")), model)
    except OSError as error:
        raise DataError(f"cannot read {record}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{record} is not the record of a run ({type(error).__name__}: {error}); "
            "train again, or take the file that 'inferon train' wrote"
        ) from error


def _run(record: Mapping[str, Any], model: Path) -> Run:
    split, sample = record["split"], record["sample"]
    return Run(
        name=str(record["name"]),
        kind=str(record["model"]),
        title=str(record["title"]),
        seed=int(record["seed"]),
        model=model,
        sample=str(sample["path"]),
        sample_sha256=str(sample["sha256"]),
        train=float(split["train"]),
        validation=float(split["validation"]),
        split_seed=int(split["seed"]),
        background=tuple(map(str, record.get("background_classes", ()))),
        history=tuple(_epoch(each) for each in record["history"]),
        best_epoch=int(record["best_epoch"]),
        cpu_seconds=float(record["cpu_seconds"]),
    )


def _epoch(line: Mapping[str, Any]) -> Epoch:
    accuracy = line.get("validation_accuracy")
    return Epoch(
        int(line["epoch"]),
        float(line["train_loss"]),
        float(line["validation_loss"]),
        None if accuracy is None else float(accuracy),
    )
