"""Loss and accuracy against the epoch, with the epoch that was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inferon.report.style import BLACK, GRAY, grid, panels, plain, run_look, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from inferon.report.runs import Run

COLUMNS = 3


def loss_figure(groups: Sequence[tuple[str, Sequence[Run]]]) -> str:
    """Draw the loss of training and validation jets, a panel for each model."""

    def draw(figure: Figure) -> None:
        every = panels(figure, len(groups), min(COLUMNS, len(groups)))
        for index, (axes, (title, runs)) in enumerate(zip(every, groups, strict=True)):
            _draw_loss(axes, runs)
            axes.set_title(plain(title))
            axes.set_xlabel("epoch")
            if index % COLUMNS == 0:
                axes.set_ylabel("loss")
        _legend(figure)

    return svg(draw, _height_in(len(groups)), "loss", "Loss against the epoch")


def accuracy_figure(groups: Sequence[tuple[str, Sequence[Run]]]) -> str:
    """Draw the accuracy on validation jets, a panel for each model that has one."""
    shown = [each for each in groups if any(e.validation_accuracy for e in each[1][0].history)]

    def draw(figure: Figure) -> None:
        every = panels(figure, len(shown), min(COLUMNS, len(shown)), sharey=True)
        for index, (axes, (title, runs)) in enumerate(zip(every, shown, strict=True)):
            _draw_accuracy(axes, runs)
            axes.set_title(plain(title))
            axes.set_xlabel("epoch")
            if index % COLUMNS == 0:
                axes.set_ylabel("validation accuracy")

    return (
        svg(draw, _height_in(len(shown)), "accuracy", "Accuracy against the epoch")
        if shown
        else ""
    )


def _height_in(count: int) -> float:
    return 0.45 + 1.95 * -(-count // COLUMNS)


def _draw_loss(axes: Axes, runs: Sequence[Run]) -> None:
    for index, run in enumerate(runs):
        look = run_look(index)
        epochs = [each.epoch for each in run.history]
        axes.plot(
            *(epochs, [each.train_loss for each in run.history]),
            color=look.color,
            linewidth=0.9,
            alpha=0.55,
        )
        axes.plot(epochs, [each.validation_loss for each in run.history], color=look.color)
        chosen = [each for each in run.history if each.epoch == run.best_epoch]
        for each in chosen:
            _mark(axes, each.epoch, each.validation_loss, look.color)
    grid(axes)


def _draw_accuracy(axes: Axes, runs: Sequence[Run]) -> None:
    for index, run in enumerate(runs):
        look = run_look(index)
        points = [
            (each.epoch, each.validation_accuracy)
            for each in run.history
            if each.validation_accuracy is not None
        ]
        axes.plot(*zip(*points, strict=True), color=look.color, label=f"seed {run.seed}")
        for epoch, accuracy in points:
            if epoch == run.best_epoch:
                _mark(axes, epoch, accuracy, look.color)
    axes.legend(loc="lower right")
    grid(axes)


def _mark(axes: Axes, x: float, y: float, color: str) -> None:
    axes.plot([x], [y], "o", color=color, markersize=5, markeredgecolor="white", zorder=5)


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    train = Line2D([], [], color=GRAY, linewidth=0.9, alpha=0.7, label="training jets")
    validation = Line2D([], [], color=BLACK, label="validation jets")
    chosen = Line2D([], [], color=BLACK, marker="o", linestyle="", label="chosen epoch")
    figure.legend(handles=[train, validation, chosen], loc="outside lower center", ncols=3)
