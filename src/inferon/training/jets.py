"""Trains the two jet taggers that ship with Inferon, and writes them as ONNX with a log.

Run it as a program::

    python -m inferon.training.jets OUT [--second-sample OTHER.npz]

It reads the shipped sample, splits it by collision, trains, picks the epoch of lowest validation
loss, and only then looks at the test jets.  A second sample, made with another seed, gives numbers
on jets that no one has looked at, matched and unmatched.
"""

from __future__ import annotations

import argparse
import copy
import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inferon.physics.event_split import EventSplit, split_by_event
from inferon.physics.jet_classes import CLASS_NAMES
from inferon.physics.metrics import accuracy, auc, background_rejection
from inferon.physics.sample import Jets, load_jets, shipped_jets
from inferon.training.jet_taggers import (
    DeepSetsShape,
    DeepSetsTagger,
    MlpShape,
    MlpTagger,
    Tagger,
)
from inferon.training.onnx_export import Exporter, export_onnx

TRAIN_FRACTION, VALIDATION_FRACTION, SPLIT_SEED = 0.7, 0.1, 0

REJECTION_AT = 0.5
"""Signal efficiency at which background rejections are quoted."""

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to train (AdamW, arXiv:1711.05101, with a one-cycle learning rate).

    The values were chosen on the validation jets among those in docs/how-to/make-jets.md.
    """

    epochs: int
    batch: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    seed: int = 1


@dataclass(frozen=True, slots=True)
class ShippedTagger:
    """One of the shipped models: its name, its module, how to train and how to export it."""

    name: str
    shape: MlpShape | DeepSetsShape
    schedule: Schedule
    exporter: Exporter

    def build(self) -> Tagger:
        """Make a module with random weights."""
        if isinstance(self.shape, MlpShape):
            return MlpTagger(self.shape, len(CLASS_NAMES))
        return DeepSetsTagger(self.shape, len(CLASS_NAMES))


SHIPPED_TAGGERS: tuple[ShippedTagger, ...] = (
    ShippedTagger("jets_mlp", MlpShape(), Schedule(epochs=100), "torchscript"),
    ShippedTagger("jets_deepsets", DeepSetsShape(), Schedule(epochs=150), "dynamo"),
)


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the training log."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float


def train(
    tagger: ShippedTagger,
    jets: Jets,
    split: EventSplit,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> tuple[Tagger, tuple[Epoch, ...]]:
    """Train one tagger.

    Parameters
    ----------
    tagger : what to train and how
    jets : the sample
    split : its training and validation jets; the test jets are not touched
    on_epoch : called after each epoch

    Returns
    -------
    The module of the epoch with the lowest validation loss, in evaluation mode, and all epochs.
    """
    schedule = tagger.schedule
    torch.manual_seed(schedule.seed)
    random = torch.Generator().manual_seed(schedule.seed)
    module = tagger.build()
    raw, label = _tensors(jets.select(split.train), module.constituents)
    validation = _tensors(jets.select(split.validation), module.constituents)
    module.fit_scales(raw)
    optimizer = torch.optim.AdamW(
        module.parameters(), schedule.learning_rate, weight_decay=schedule.weight_decay
    )
    batches = len(raw) // schedule.batch
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.learning_rate, total_steps=schedule.epochs * batches, pct_start=0.2
    )
    epochs: list[Epoch] = []
    best: dict[str, Tensor] = {}
    for number in range(schedule.epochs):
        module.train()
        order = torch.randperm(len(raw), generator=random)[: batches * schedule.batch]
        total = 0.0
        for chosen in order.view(batches, schedule.batch):
            turned = _turn(raw[chosen], random)
            loss = nn.functional.cross_entropy(module.logits(turned), label[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
            total += loss.item()
        epoch = Epoch(number, total / batches, *_loss_and_accuracy(module, *validation))
        if all(epoch.validation_loss < earlier.validation_loss for earlier in epochs):
            best = copy.deepcopy(module.state_dict())
        epochs.append(epoch)
        on_epoch(epoch)
    module.load_state_dict(best)
    return module.eval(), tuple(epochs)


def _tensors(jets: Jets, constituents: int) -> tuple[Tensor, Tensor]:
    raw = torch.from_numpy(jets.leading(constituents))
    return raw, torch.from_numpy(jets.label.astype(np.int64))


def _turn(raw: Tensor, random: torch.Generator) -> Tensor:
    """Rotate each jet by a random angle about its leading particle and mirror half of them.

    In the plane of (eta, phi) around a central, fast jet no direction is special, so a turned jet
    is about as likely as the jet itself; 14,000 jets become many more.
    """
    angle = torch.rand(len(raw), 1, generator=random) * (2.0 * pi)
    mirror = torch.where(torch.rand(len(raw), 1, generator=random) < 0.5, -1.0, 1.0)
    particle = raw[:, :, 0] > 0.0
    eta = raw[:, :, 1] - raw[:, :1, 1]
    phi = raw[:, :, 2] - raw[:, :1, 2]
    phi = mirror * (phi - 2.0 * pi * torch.round(phi / (2.0 * pi)))
    turned_eta = torch.cos(angle) * eta - torch.sin(angle) * phi
    turned_phi = torch.sin(angle) * eta + torch.cos(angle) * phi
    return torch.stack([raw[:, :, 0], turned_eta * particle, turned_phi * particle], dim=2)


@torch.no_grad()
def _loss_and_accuracy(module: Tagger, raw: Tensor, label: Tensor) -> tuple[float, float]:
    module.eval()
    logits = module.logits(raw)
    loss = nn.functional.cross_entropy(logits, label).item()
    return loss, (logits.argmax(dim=1) == label).to(torch.float64).mean().item()


@torch.no_grad()
def _probabilities(module: Tagger, jets: Jets) -> Array:
    probabilities: Array = module(torch.from_numpy(jets.leading(module.constituents))).numpy()
    return probabilities


def evaluate(probabilities: Array, label: Array) -> dict[str, Any]:
    """Accuracy, and AUC and background rejection of each class against the rest, with errors.

    Parameters
    ----------
    probabilities : shape (N, classes)
    label : shape (N,)
    """
    per_class = {
        name: {
            "auc": asdict(auc(probabilities[:, index], label == index)),
            "rejection": asdict(
                background_rejection(probabilities[:, index], label == index, REJECTION_AT)
            ),
        }
        for index, name in enumerate(CLASS_NAMES)
    }
    return {
        "jets": len(label),
        "accuracy": asdict(accuracy(probabilities, label)),
        "signal_efficiency_of_rejection": REJECTION_AT,
        "classes": per_class,
    }


def make_tagger(
    tagger: ShippedTagger, jets: Jets, second: Jets | None, out: Path
) -> dict[str, Any]:
    """Train, export to ``out``, evaluate.

    Parameters
    ----------
    tagger : which one
    jets : the shipped sample
    second : a sample that had no part in training, with unmatched jets, or None
    out : folder that gets ``NAME.onnx`` and ``NAME.json``

    Returns
    -------
    The log, as written to ``NAME.json``.
    """
    split = split_by_event(
        jets.event_id, train=TRAIN_FRACTION, validation=VALIDATION_FRACTION, seed=SPLIT_SEED
    )
    module, epochs = train(tagger, jets, split, _print_epoch)
    best = min(epochs, key=lambda epoch: epoch.validation_loss)
    test = jets.select(split.test)
    difference = export_onnx(
        module, test.leading(module.constituents), out / f"{tagger.name}.onnx", tagger.exporter
    )
    log = {
        "name": tagger.name,
        "shape": asdict(tagger.shape),
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "schedule": asdict(tagger.schedule),
        "exporter": tagger.exporter,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "sample_sha256": jets.card.content_sha256,
        "split": {
            "train": TRAIN_FRACTION,
            "validation": VALIDATION_FRACTION,
            "seed": SPLIT_SEED,
            "jets": {name: int(getattr(split, name).sum()) for name in split.__slots__},
        },
        "largest_difference_onnx_to_torch": difference,
        "chosen_epoch": best.epoch,
        "test": evaluate(_probabilities(module, test), test.label),
        "second_sample": _on_second_sample(module, second),
        "epochs": [asdict(epoch) for epoch in epochs],
    }
    (out / f"{tagger.name}.json").write_text(json.dumps(log, indent=1) + "\n")
    return log


def _on_second_sample(module: Tagger, second: Jets | None) -> dict[str, Any] | None:
    if second is None:
        return None
    probabilities = _probabilities(module, second)
    kept = second.matched
    return {
        "sha256": second.card.content_sha256,
        "seed": second.card.recipe.seed,
        "matched_jets": evaluate(probabilities[kept], second.label[kept]),
        "all_jets": evaluate(probabilities, second.label),
    }


def _print_epoch(epoch: Epoch) -> None:
    sys.stderr.write(
        f"epoch {epoch.epoch:3d}  training loss {epoch.train_loss:.4f}  "
        f"validation loss {epoch.validation_loss:.4f}  accuracy {epoch.validation_accuracy:.4f}\n"
    )


def main() -> None:
    """Train the shipped taggers."""
    parser = argparse.ArgumentParser(description="train the shipped jet taggers")
    parser.add_argument("out", type=Path, help="folder for NAME.onnx and NAME.json")
    parser.add_argument("--second-sample", type=Path, help="jets of another seed, for more tests")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # the order of float sums, and so the weights, follow the threads
    torch.use_deterministic_algorithms(True)
    second = load_jets(arguments.second_sample) if arguments.second_sample else None
    arguments.out.mkdir(parents=True, exist_ok=True)
    for tagger in SHIPPED_TAGGERS:
        start = time.monotonic()
        log = make_tagger(tagger, shipped_jets(), second, arguments.out)
        value = log["test"]["accuracy"]
        sys.stderr.write(
            f"{tagger.name}: test accuracy {value['value']:.4f} ± {value['error']:.4f}, "
            f"{time.monotonic() - start:.0f} s\n"
        )


if __name__ == "__main__":
    main()
