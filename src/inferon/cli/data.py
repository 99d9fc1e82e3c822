"""``inferon data``: samples from generators."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inferon.cli.model import AsJson
from inferon.cli.terminal import Terminal, table

app = typer.Typer(help="Make samples with real generators.", rich_markup_mode=None)


@app.callback()
def data() -> None:
    """Make samples with real generators."""


@app.command()
def jets(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.npz", help="File to write.")],
    jets: Annotated[
        int, typer.Option("--jets", "-n", help="Jets, all classes together.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same jets.")] = 1,
    jobs: Annotated[int | None, typer.Option(help="Processes; one for each core.")] = None,
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Keep jets that fail the truth matching.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make Pythia 8 jets of five classes (q, g, W, Z, t); an interrupted run goes on."""
    from inferon.physics.jet_generation import Progress, generate_jets

    terminal = Terminal(as_json)

    def say(progress: Progress) -> None:
        done, total = progress.jets_done, progress.jets_total
        terminal.say(f"{progress.elapsed_s:5.0f} s  {done:,} of {total:,} jets")

    sample = generate_jets(
        out,
        jets=jets,
        seed=seed,
        jobs=jobs,
        matched_only=not unmatched,
        on_progress=say,
    )
    rows = [
        (tally.name, f"{tally.events:,}", f"{tally.jets_in_cuts:,}", f"{tally.jets_kept:,}")
        for tally in sample.card.classes
    ]
    terminal.finish(
        {"file": out, "jets": len(sample), "card": sample.card},
        f"{out}: {len(sample):,} jets",
        table(("class", "events", "jets in the cuts", "kept"), rows, numbers=3),
    )
