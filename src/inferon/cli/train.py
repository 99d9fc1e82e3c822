"""``inferon train``: a tagger from its settings and a sample; an interrupted run goes on."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from inferon.cli.model import AsJson
from inferon.cli.terminal import Terminal, printable, table
from inferon.errors import ExtraMissing

if TYPE_CHECKING:
    from inferon.training import loop
    from inferon.training.run import Run
    from inferon.training.run_settings import RunSettings

PACKAGES = ("torch", "onnxscript", "onnxruntime", "pydantic", "yaml", "h5py")
"""What the extra ``train`` brings."""


def train(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[SETTINGS]",
            help="jets/NAME, or the path of a YAML file; nothing: list what there is.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|shipped",
            help="The jets: ours or a public set, or 'shipped'; by default what the settings say.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Folder that gets NAME-seedN/ for each run.")
    ] = Path("run"),
    seed: Annotated[
        list[int] | None, typer.Option(help="Of split, weights and order; repeat for more runs.")
    ] = None,
    jets: Annotated[int | None, typer.Option(help="Train on at most so many jets.")] = None,
    epochs: Annotated[int | None, typer.Option(help="In place of the settings'.")] = None,
    device: Annotated[str | None, typer.Option(metavar="cpu|cuda|auto")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a tagger, export it to ONNX, and write down what it is worth."""
    terminal = Terminal(as_json)
    _require_packages()
    if name is None:
        _list_settings(terminal)
        return
    from inferon.training.jet_sample import open_sample, sample_sha256
    from inferon.training.run import train_run
    from inferon.training.run_settings import read_settings

    changes = {"data": data, "jets": jets, "epochs": epochs, "device": device}
    seeds: list[int | None] = [*seed] if seed else [None]
    runs = [read_settings(name, seed=each, **changes) for each in seeds]
    terminal.say(f"reading {runs[0].data}")
    sample = open_sample(runs[0].data)
    sha256 = sample_sha256(sample)
    done = []
    for settings in runs:
        with _Reporter(terminal, settings) as reporter:
            run = train_run(
                settings, sample, out, sample_sha256=sha256, watcher=reporter.watcher()
            )
        if not run.is_new:
            terminal.say(f"{run.folder} was finished before")
        done.append(run)
    terminal.finish(
        {"runs": [{"folder": run.folder, **run.record} for run in done]},
        *(part for run in done for part in _shown(run)),
    )


@dataclass(slots=True)
class _Reporter:
    """Live progress: a bar on a terminal, a line an epoch elsewhere; always on stderr."""

    terminal: Terminal
    settings: RunSettings
    bar: Progress = field(init=False)
    task: TaskID | None = None

    def __post_init__(self) -> None:
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[epoch]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True, highlight=False, markup=False),
            disable=not sys.stderr.isatty(),
            transient=True,
        )

    def __enter__(self) -> _Reporter:
        self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.bar.stop()
        if kind is KeyboardInterrupt:
            self.terminal.say(
                f"{self.settings.run_name}: the same command goes on after its last whole epoch"
            )

    def watcher(self) -> loop.Watcher:
        from inferon.training.loop import Watcher

        return Watcher(on_step=self._step, on_epoch=self._epoch)

    def _step(self, progress: loop.Progress) -> None:
        if self.task is None:
            self.task = self.bar.add_task(
                printable(self.settings.run_name),
                total=progress.epochs * progress.steps,
                epoch="",
            )
        done = (progress.epoch - 1) * progress.steps + progress.step
        epoch = f"epoch {progress.epoch} of {progress.epochs}"
        self.bar.update(self.task, completed=done, epoch=epoch)

    def _epoch(self, epoch: loop.Epoch) -> None:
        accuracy = epoch.validation_accuracy
        line = (
            f"{self.settings.run_name}  epoch {epoch.epoch:3d}  training loss "
            f"{epoch.train_loss:.4f}  validation loss {epoch.validation_loss:.4f}"
        )
        self.terminal.say(line if accuracy is None else f"{line}  accuracy {accuracy:.4f}")


def _require_packages() -> None:
    """Raise for the first package that the verb lacks, before anything is read."""
    from importlib.util import find_spec

    for package in PACKAGES:
        if find_spec(package) is None:
            raise ExtraMissing("pyyaml" if package == "yaml" else package, "train")


def _list_settings(terminal: Terminal) -> None:
    from inferon.models.jets.catalog import build
    from inferon.physics.jet_classes import CLASS_NAMES
    from inferon.training.run_settings import packaged_names, read_settings

    found = []
    for name in packaged_names():
        settings = read_settings(name)
        module = build(settings.tagger, settings.sizes(), CLASS_NAMES)
        parameters = sum(each.numel() for each in module.parameters() if each.requires_grad)
        found.append((name, settings, parameters, module.constituents))
    rows = [
        (name, each.title, each.device, str(particles or "-"), f"{each.jets:,}", f"{parameters:,}")
        for name, each, parameters, particles in found
    ]
    terminal.finish(
        {
            "settings": [
                {"name": name, "parameters": parameters, "settings": each.model_dump(mode="json")}
                for name, each, parameters, _ in found
            ]
        },
        table(("name", "", "device", "particles", "jets", "parameters"), rows, numbers=3),
    )


def _shown(run: Run) -> list[Any]:
    record = run.record
    jets = record["split"]["jets"]
    head = (
        f"{run.folder}: {record['title']}, {record['parameters']:,} parameters, "
        f"{jets['train']:,} training jets, best epoch {record['best_epoch']}, "
        f"{record['cpu_seconds']:.0f} s of CPU"
    )
    results = {
        "matched test jets": record["test"]["matched"],
        "all test jets": record["test"]["all"],
    }
    rows = [(what, *_numbers(result)) for what, result in results.items() if result]
    return [head, table(("", "jets", *_headings(record)), rows, numbers=3)]


def _headings(record: dict[str, Any]) -> tuple[str, ...]:
    return ("AUC", "TNR at TPR 0.9") if record["background_classes"] else ("accuracy", "macro AUC")


def _numbers(result: dict[str, Any]) -> tuple[str, ...]:
    names = ("accuracy", "macro_auc") if "accuracy" in result else ("auc", "tnr_at_tpr")
    return (f"{result['jets']:,}", *(_estimate(result[name]) for name in names))


def _estimate(estimate: dict[str, float | None]) -> str:
    value, error = estimate["value"], estimate["error"]
    if value is None:
        return "-"
    return f"{value:.4f}" if error is None else f"{value:.4f} ± {error:.4f}"
