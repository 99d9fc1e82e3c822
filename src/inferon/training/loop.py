"""The training loop that all taggers share: epochs, early stopping, checkpoints.

With one thread on the CPU a run depends on its settings and jets only, to the last bit, wherever
it was interrupted: the state after each epoch holds the weights, the optimizer, the learning rate
and all random numbers to come.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inferon.errors import DataError, OutputError, UsageError
from inferon.models.jets.tagger import Tagger
from inferon.training.checkpoint import load_checkpoint, save_checkpoint
from inferon.training.run_settings import RunSettings, Schedule
from inferon.training.turning import turn

EVALUATED_AT_ONCE = 512
"""Jets; the numbers of pairs and heads make the largest taggers need 1 MB a jet."""

WARM_UP = 0.2
"""Part of the steps in which a one-cycle learning rate rises."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the training log.

    Attributes
    ----------
    epoch : from 1
    learning_rate : of its first step
    train_loss : mean over its steps, as the weights went
    validation_loss : of the weights after it
    validation_accuracy : likewise; None for a model that tells no classes apart
    """

    epoch: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    validation_accuracy: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: in epoch ``epoch`` of ``epochs`` (from 1), after ``step`` of ``steps``."""

    epoch: int
    epochs: int
    step: int
    steps: int


@dataclass(frozen=True, slots=True)
class Watcher:
    """What is called on the way.

    Attributes
    ----------
    on_step : after each step
    on_epoch : after each epoch, once its checkpoint is on disk; not for those of an earlier run
    """

    on_step: Callable[[Progress], None] = lambda progress: None
    on_epoch: Callable[[Epoch], None] = lambda epoch: None


SILENT = Watcher()


@dataclass(frozen=True, slots=True)
class Part:
    """Jets of one part of the sample.

    Attributes
    ----------
    inputs : shape (N, ...), what the tagger reads
    label : int64, shape (N,)
    """

    inputs: Tensor
    label: Tensor


@dataclass(frozen=True, slots=True)
class Trained:
    """The end of the loop.

    Attributes
    ----------
    history : all epochs
    best_epoch : number of the one with the lowest validation loss, whose weights the module has
    cpu_seconds, wall_seconds : all sittings together
    """

    history: tuple[Epoch, ...]
    best_epoch: int
    cpu_seconds: float
    wall_seconds: float


class Loop:
    """A training that can stop after every epoch and go on.

    Parameters
    ----------
    module : the network, fitted to the training jets; trained in place
    settings : of the run
    train, validation : the jets
    checkpoint : file of the state
    sample_sha256 : hash of the sample; a checkpoint of another one is refused
    device : where to compute
    """

    def __init__(
        self,
        module: Tagger,
        settings: RunSettings,
        train: Part,
        validation: Part,
        *,
        checkpoint: Path,
        sample_sha256: str,
        device: torch.device,
    ) -> None:
        schedule = settings.schedule
        self.steps = len(train.label) // schedule.batch
        if self.steps == 0:
            raise UsageError(
                f"{len(train.label)} training jets are fewer than a batch of {schedule.batch}: "
                "take a smaller batch or more jets"
            )
        self.module, self.settings = module.to(device), settings
        self.train, self.validation = train, validation
        self.checkpoint, self.sample_sha256, self.device = checkpoint, sample_sha256, device
        self.order = torch.Generator().manual_seed(settings.seed)
        self.optimizer = torch.optim.AdamW(
            module.parameters(), schedule.learning_rate, weight_decay=schedule.weight_decay
        )
        self.rate = _rate(self.optimizer, schedule, self.steps)
        self.history: list[Epoch] = []
        self.best: dict[str, Tensor] = {}
        self.spent = (0.0, 0.0)

    def run(self, watcher: Watcher, sitting: Clock) -> Trained:
        """Train until the last epoch or until patience ends, and take the best weights.

        Parameters
        ----------
        watcher : called on the way
        sitting : started with this sitting of the run

        Raises
        ------
        DataError
            The checkpoint cannot be read, or the loss is no number any more.
        OutputError
            The checkpoint cannot be written.
        """
        self._resume()
        before = self.spent
        while not self._is_over():
            epoch = self._epoch(watcher)
            self.history.append(epoch)
            if self._best_epoch() == epoch.epoch:
                self.best = copy.deepcopy(self.module.state_dict())
            self.spent = (before[0] + sitting.cpu_seconds, before[1] + sitting.wall_seconds)
            save_checkpoint(self.checkpoint, self._state())
            watcher.on_epoch(epoch)
        self.module.load_state_dict(self.best)
        self.module.eval()
        return Trained(tuple(self.history), self._best_epoch(), *self.spent)

    def _is_over(self) -> bool:
        done = len(self.history)
        if done >= self.settings.schedule.epochs:
            return True
        return done > 0 and done - self._best_epoch() >= self.settings.schedule.patience

    def _best_epoch(self) -> int:
        return min(self.history, key=lambda epoch: epoch.validation_loss).epoch

    def _epoch(self, watcher: Watcher) -> Epoch:
        number, schedule = len(self.history) + 1, self.settings.schedule
        self.module.train()
        rate = float(self.optimizer.param_groups[0]["lr"])
        order = torch.randperm(len(self.train.label), generator=self.order)
        total = 0.0
        for step in range(self.steps):
            chosen = order[step * schedule.batch : (step + 1) * schedule.batch]
            total += self._step(chosen)
            watcher.on_step(Progress(number, schedule.epochs, step + 1, self.steps))
        if not isfinite(total):
            raise DataError(
                f"the loss is no number any more in epoch {number}: lower "
                f"schedule.learning_rate (now {schedule.learning_rate})"
            )
        return Epoch(number, rate, total / self.steps, *self._validate())

    def _step(self, chosen: Tensor) -> float:
        inputs, label = self._to_device(self.train, chosen)
        if self.settings.augmentation == "turn":
            inputs = turn(inputs, self.order)
        loss = self.module.loss(inputs, label)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.rate.step()
        return float(loss.item())

    @torch.no_grad()
    def _validate(self) -> tuple[float, float | None]:
        self.module.eval()
        loss, right, jets = 0.0, 0, len(self.validation.label)
        for chosen in torch.arange(jets).split(EVALUATED_AT_ONCE):
            inputs, label = self._to_device(self.validation, chosen)
            loss += self.module.loss(inputs, label).item() * len(chosen)
            scores = self.module.logits(inputs)
            right += int((scores.argmax(dim=1) == label).sum())
        tells_classes = scores.shape[1] > 1
        return loss / jets, right / jets if tells_classes else None

    def _to_device(self, part: Part, chosen: Tensor) -> tuple[Tensor, Tensor]:
        return part.inputs[chosen].to(self.device), part.label[chosen].to(self.device)

    def _state(self) -> dict[str, Any]:
        return {
            "module": self.module.state_dict(),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "rate": self.rate.state_dict(),
            "order": self.order.get_state(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state() if self.device.type == "cuda" else None,
            "history": [asdict(epoch) for epoch in self.history],
            "spent": list(self.spent),
            "sample_sha256": self.sample_sha256,
        }

    def _resume(self) -> None:
        state = load_checkpoint(self.checkpoint)
        if state is None:
            return
        if state.get("sample_sha256") != self.sample_sha256:
            raise OutputError(
                f"{self.checkpoint.parent} holds a run on another sample: take another -o, or "
                "delete it"
            )
        try:
            self.module.load_state_dict(state["module"])
            self.best = {key: value.to(self.device) for key, value in state["best"].items()}
            self.optimizer.load_state_dict(state["optimizer"])
            self.rate.load_state_dict(state["rate"])
            self.order.set_state(state["order"])
            torch.set_rng_state(state["random"])
            if state["random_cuda"] is not None and self.device.type == "cuda":
                torch.cuda.set_rng_state(state["random_cuda"])
            self.history = [Epoch(**epoch) for epoch in state["history"]]
            cpu_seconds, wall_seconds = state["spent"]
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise DataError(
                f"{self.checkpoint} is the checkpoint of another model or version; "
                "delete the folder to train from the start"
            ) from error
        self.spent = (cpu_seconds, wall_seconds)


class Clock:
    """CPU and wall seconds of this process since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.monotonic()

    @property
    def cpu_seconds(self) -> float:
        """Of all threads."""
        return time.process_time() - self._cpu

    @property
    def wall_seconds(self) -> float:
        """Of the clock on the wall."""
        return time.monotonic() - self._wall


@torch.no_grad()
def outputs_of(module: Tagger, inputs: Tensor, device: torch.device) -> Tensor:
    """Return what the module says of all jets, shape (N, ...), on the CPU."""
    parts = inputs.split(EVALUATED_AT_ONCE)
    return torch.cat([module(part.to(device)).cpu() for part in parts])


@contextmanager
def reproducible(seed: int, threads: int, device: torch.device) -> Iterator[None]:
    """Seed torch, and hold its threads and its choice of algorithms; as they were afterwards."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    state = torch.get_rng_state()
    torch.set_num_threads(threads)
    # A GPU has no deterministic spelling of some gradients: there bits are not promised.
    torch.use_deterministic_algorithms(device.type == "cpu")
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        torch.set_rng_state(state)


def _rate(optimizer: Any, schedule: Schedule, steps: int) -> Any:
    if schedule.rate == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=1)
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        schedule.learning_rate,
        total_steps=schedule.epochs * steps,
        pct_start=WARM_UP,
    )
