"""``inferon data``: samples from generators, and pictures of what is in them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from inferon.cli.model import AsJson
from inferon.cli.terminal import Terminal, table

if TYPE_CHECKING:
    from inferon.physics.jet_generation import Progress

app = typer.Typer(
    help="Make samples with real generators, and look at them.", rich_markup_mode=None
)


@app.callback()
def data() -> None:
    """Make samples with real generators, and look at them."""


@app.command()
def jets(
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE.h5", help="File to write.")
    ] = Path("jets.h5"),
    jets: Annotated[
        int,
        typer.Option(
            "--events", "--jets", "-n", help="Clean (matched, contained) jets, all classes."
        ),
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same jets.")] = 1,
    jobs: Annotated[int | None, typer.Option(help="Processes; one for each core.")] = None,
    setting: Annotated[
        str, typer.Option(metavar="A|B", help="Tune of the shower, and which detector.")
    ] = "A",
    detector: Annotated[
        bool, typer.Option("--detector", help="Smear the particles as a detector does.")
    ] = False,
    pileup: Annotated[
        float, typer.Option(metavar="MU", help="Mean number of collisions overlaid.")
    ] = 0.0,
    constituents: Annotated[int, typer.Option(help="Particles stored per jet.")] = 64,
    matched_only: Annotated[
        bool,
        typer.Option("--matched-only", help="Leave out jets that are not clean."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make Pythia 8 jets of five classes (q, g, W, Z, t); an interrupted run goes on."""
    from inferon.physics.jet_generation import generate_jets

    terminal = Terminal(as_json)
    with _progress(terminal) as show:
        sample = generate_jets(
            out,
            jets=jets,
            seed=seed,
            jobs=jobs,
            setting=setting,
            detector=detector,
            pileup=pileup,
            constituents=constituents,
            matched_only=matched_only,
            on_progress=show,
        )
    tallies = sample.card.classes if sample.card else ()
    rows = [
        (
            tally.name,
            f"{tally.events:,}",
            f"{tally.jets_in_cuts:,}",
            f"{tally.clean_fraction[0]:.3f} ± {tally.clean_fraction[1]:.3f}",
            f"{tally.jets_kept:,}",
        )
        for tally in tallies
    ]
    terminal.finish(
        {"file": out, "jets": len(sample), "clean": int(sample.is_clean.sum())}
        | {"card": sample.card},
        f"{out}: {len(sample):,} jets, {int(sample.is_clean.sum()):,} of them clean",
        table(("class", "events", "jets in the cuts", "clean fraction", "kept"), rows, numbers=4),
    )


@app.command()
def plots(
    sample: Annotated[
        Path, typer.Argument(metavar="FILE", help="A jet sample, ours or a public one.")
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FOLDER", help="Where the pictures go.")
    ] = Path("plots"),
    as_json: AsJson = False,
) -> None:
    """Draw what is in a jet sample, by class: momenta, multiplicities, masses, features."""
    from inferon.physics.loaders import open_jets
    from inferon.report.jet_validation import write_validation_plots

    terminal = Terminal(as_json)
    written = write_validation_plots(open_jets(sample), out)
    terminal.finish({"sample": sample, "files": list(written)}, *(f"{path}" for path in written))


@contextmanager
def _progress(terminal: Terminal) -> Iterator[Callable[[Progress], None]]:
    """Show a bar on stderr; where stderr is no terminal, a line for each step."""
    if not sys.stderr.isatty():

        def say(progress: Progress) -> None:
            done, total = progress.jets_done, progress.jets_total
            terminal.say(f"{progress.elapsed_s:5.0f} s  {done:,} of {total:,} jets")

        yield say
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("jets"), TimeRemainingColumn())
    with Bar(*columns, console=Console(file=sys.stderr)) as bar:
        task = bar.add_task("jets", total=None)
        yield lambda progress: bar.update(
            task, completed=progress.jets_done, total=progress.jets_total
        )
