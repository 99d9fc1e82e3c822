"""Writes docs/reference/jets/: a page for each tagger and one that compares them all.

What a page says of the network is its module's docstring; its sizes are those of the settings; its
numbers are those of ``results/jets_study.json`` (training) and ``results/taggers.json`` (the
compiled model).

Run: ``python benchmarks/tagger_pages.py`` after one of these benchmarks.  With ``--check`` it
changes nothing and exits with 1 where a page is behind.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from inferon.models.jets.catalog import CATALOG
from inferon.training.run_settings import RunSettings, read_settings

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
FOLDER = ROOT / "docs" / "reference" / "jets"
IMAGES = ROOT / "docs" / "images" / "jets"

EFFICIENCY = "0.5"
"""Signal efficiency of the background rejections on the pages."""

REJECTION = f"1/ε_B at ε_S = {EFFICIENCY}"

TREES = "boosted-trees"

SHIPPED = ("jets_mlp", "jets_deepsets")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One tagger.

    Attributes
    ----------
    small : settings that train on two cores
    full : settings with the paper's sizes, for a GPU; None where the small ones are the paper's
    """

    small: str
    full: str | None

    @property
    def settings(self) -> RunSettings:
        """The small settings."""
        return read_settings(f"jets/{self.small}")


PAGES = (
    Page("mlp", None),
    Page("deep-sets", None),
    Page("pfn", "pfn-full"),
    Page("jedi-net", "jedi-net-full"),
    Page("mixer", "mixer-full"),
    Page("gravnet", "gravnet-full"),
    Page("particlenet-lite", "particlenet"),
    Page("part-small", "part"),
    Page("autoencoder", None),
)


def prose(docstring: str) -> str:
    """Return a module's docstring as Markdown; its first line is the summary."""
    text = inspect.cleandoc(docstring).replace("``", "`")
    return re.sub(r"\n\n(    .*(?:\n    .*)*)", r"\n\n```text\n\1\n```", text)


def estimate(found: Json, digits: int) -> str:
    """Return 0.738 ± 0.003: the mean over the seeds and half the interval."""
    if "interval" not in found:
        return f"{found['mean']:.{digits}f}"
    half = (found["interval"][1] - found["interval"][0]) / 2
    return f"{found['mean']:.{digits}f} ± {half:.{digits}f}"


def rows(table: Iterable[Sequence[str]], numbers: int) -> str:
    """Return a Markdown table: the first row is the heading, the last columns are numbers."""
    heading, *others = table
    rule = ["---"] * (len(heading) - numbers) + ["--:"] * numbers
    return "\n".join(f"| {' | '.join(line)} |" for line in (heading, rule, *others))


def measures(classes: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return what a page shows: its name there, its name in the study, its digits."""
    return [
        ("accuracy", "accuracy", 4),
        ("macro AUC", "macro_auc", 4),
        ("expected calibration error", "calibration_error", 4),
        ("AUC of all anomalies", "auc", 4),
        ("true negatives at 90 % true positives", "tnr_at_tpr", 3),
        *((f"AUC {name}", f"auc.{name}", 4) for name in classes),
        *(
            (f"1/ε_B at ε_S = {EFFICIENCY}, {n}", f"rejection.{n}.{EFFICIENCY}", 1)
            for n in classes
        ),
    ]


def physics_table(found: Json) -> str:
    """Return a tagger's numbers on its test jets."""
    names = found["numbers"]
    classes = sorted({name.split(".")[2] for name in names if ".auc." in name}, key="qgWZt".find)
    table: list[tuple[str, ...]] = [("", "matched jets", "all jets")]
    for title, name, digits in measures(classes):
        both = [names.get(f"{where}.{name}") for where in ("matched", "all")]
        if any(both):
            table.append((title, *("–" if x is None else estimate(x, digits) for x in both)))
    return rows(table, 2)


def compiled_table(found: Json) -> str:
    """Return what the compiled model of one run costs, and what was proven."""
    bits, peer = found["bits"], found["onnxruntime"]
    table: list[tuple[str, str]] = [
        ("", ""),
        ("multiply-adds for one jet", f"{found['macs']:,}"),
        ("weights in the C++", f"{found['weight_bytes'] / 1024:,.0f} KiB"),
        ("scores with the interpreter's bits", f"{bits['elements']:,} of {bits['elements']:,}"),
        ("largest error of ONNX Runtime / bound", f"{peer['worst_peer']:.2g}"),
        ("jets that the bound leaves undecided", f"{peer['undecided']:,} of {peer['events']:,}"),
    ]
    for timing in found["benchmark"]["timings"]:
        if timing["events"] in (1, 256):
            ours, theirs = timing["ours_ns_per_event"], timing["peer_ns_per_event"]
            name = "one jet" if timing["events"] == 1 else f"a jet in {timing['events']}"
            cell = f"{ours / 1000:,.2f} µs; {theirs / 1000:,.2f} µs; {theirs / ours:.1f}"
            table.append((f"{name}: Inferon; ONNX Runtime; ratio", cell))
    return rows(table, 1)


def page(entry: Page, study: Json, compiled: Json) -> str:
    """Return a tagger's page."""
    settings = entry.settings
    kind = CATALOG[settings.tagger]
    module = inspect.getmodule(kind.module)
    assert module is not None
    assert module.__doc__ is not None
    assert module.__file__ is not None
    source = Path(module.__file__).relative_to(ROOT)
    found = study["taggers"][entry.small]
    jets, minutes = found["jets"][0], found["cpu_minutes"]["mean"]
    arxiv = kind.paper.removeprefix("arXiv:")
    full = f" The paper's sizes: `jets/{entry.full}`, for a GPU." if entry.full else ""
    shape = ", ".join(f"{name} {value}" for name, value in settings.shape.items())
    seeds = " ".join(map(str, found["seeds"]))
    parts = [
        f"# {settings.title}",
        f"[{kind.paper}](https://arxiv.org/abs/{arxiv}) · "
        f"[the model]({'../' * 3}{source}) · [all taggers](../jet-taggers.md)",
        prose(module.__doc__),
        "## Train it",
        "<!-- not run: trains for some minutes -->\n```console\n"
        "$ inferon data jets --events 100000 --seed 100\n"
        f"$ inferon train jets/{entry.small}\n"
        "$ inferon report run/\n```",
        f"Small settings (`jets/{entry.small}`{f': {shape}' if shape else ''}): "
        f"{found['parameters']:,} parameters, {jets['train']:,} training jets, at most "
        f"{settings.schedule.epochs} epochs, {minutes:.1f} minutes on one core.{full}",
        "## What it is worth",
        "<!-- not run: trains for some minutes a seed -->\n```console\n"
        f"$ python benchmarks/jets_study.py jets.h5 -o run --seeds {seeds} --only {entry.small}\n"
        "$ python benchmarks/taggers.py run --only-seed 1 --images docs/images/jets\n"
        "$ python benchmarks/tagger_pages.py\n```",
        f"Mean over {len(found['seeds'])} seeds, each with its own split of the "
        "[100,000 jets](../../how-to/make-jets.md), and half the 95 % interval (Student's t). "
        f"Matched: truth-matched and contained, {jets['test']:,} test jets a seed; all: also "
        f"those that are not, {jets['test_all']:,}.",
        physics_table(found),
    ]
    run = compiled["runs"].get(f"{entry.small}-seed1")
    if run is not None:
        parts += [
            "## Compiled",
            "The run of seed 1 as C++ (`benchmarks/taggers.py`), on one thread, in turns with "
            f"ONNX Runtime in one process: {run['benchmark']['machine']['cpu']}.",
            compiled_table(run),
        ]
    for name in ("roc", "training"):
        image = IMAGES / f"{name}-{entry.small}.svg"
        if image.exists():
            parts.append(f"![{settings.title}: {name}](../../images/jets/{image.name})")
    return "\n\n".join(parts) + "\n"


def comparison(study: Json, compiled: Json) -> str:
    """Return the table of all classifiers, the least accurate first."""
    table: list[tuple[str, ...]] = [
        (
            "tagger",
            "seeds",
            "parameters",
            "accuracy, matched",
            "all jets",
            "macro AUC",
            "one jet, µs",
        )
    ]
    for name in ranked(study):
        found = study["taggers"][name]
        cells = [
            estimate(found["numbers"][key], 4)
            for key in ("matched.accuracy", "all.accuracy", "matched.macro_auc")
        ]
        is_page = any(name == entry.small for entry in PAGES)
        title = f"[{found['title']}](jets/{name}.md)" if is_page else found["title"]
        sizes = str(len(found["seeds"])), f"{found['parameters']:,}"
        table.append((title, *sizes, *cells, one_jet_us(compiled, name)))
    return rows(table, 6)


def one_jet_us(compiled: Json, name: str) -> str:
    """Return the time of one jet in the C++ of seed 1."""
    run = compiled["runs"].get(f"{name}-seed1")
    return f"{run['benchmark']['timings'][0]['ours_ns_per_event'] / 1000:,.2f}" if run else "–"


def pairs(study: Json) -> str:
    """Return paired differences: of neighbors in the table of all, and of each and the trees."""
    titles = {name: found["title"] for name, found in study["taggers"].items()}
    ranking = ranked(study)
    wanted = list(pairwise(ranking))
    wanted += [
        (TREES, name)
        for name in ranking
        if name != TREES and not {(TREES, name), (name, TREES)} & set(wanted)
    ]
    measured = {(pair["first"], pair["second"]): pair for pair in study["differences"]}
    table: list[tuple[str, ...]] = [("difference", "seeds", "accuracy, matched", "macro AUC")]
    for worse, better in wanted:
        sign = 1.0 if (better, worse) in measured else -1.0
        pair = measured.get((better, worse)) or measured.get((worse, better))
        if pair is not None:
            both = (pair["matched.accuracy"], pair["matched.macro_auc"])
            name = f"{titles[better]} − {titles[worse]}"
            cells = [estimate(signed(each, sign), 4) for each in both]
            table.append((name, str(both[0]["seeds"]), *cells))
    return rows(table, 3)


def ranked(study: Json) -> list[str]:
    """Return the classifiers, the least accurate on matched jets first."""
    accuracy = {
        name: found["numbers"]["matched.accuracy"]["mean"]
        for name, found in study["taggers"].items()
        if "matched.accuracy" in found["numbers"]
    }
    return sorted(accuracy, key=accuracy.__getitem__)


def signed(found: Json, sign: float) -> Json:
    """Return a difference the other way round where the sign is -1."""
    turned: dict[str, Any] = {"mean": sign * found["mean"]}
    if "interval" in found:
        turned["interval"] = sorted(sign * end for end in found["interval"])
    return turned


def shipped() -> str:
    """Return what the records of the shipped models say."""
    folder = ROOT / "src" / "inferon" / "data" / "models"
    records = [json.loads((folder / f"{name}.json").read_text()) for name in SHIPPED]
    results = [record["test"]["matched"] for record in records]
    table: list[tuple[str, ...]] = [
        ("", *(record["title"] for record in records)),
        ("parameters", *(f"{record['parameters']:,}" for record in records)),
        ("training jets", *(f"{record['split']['jets']['train']:,}" for record in records)),
        ("test jets", *(f"{result['jets']:,}" for result in results)),
    ]
    for title in ("accuracy", "macro_auc"):
        cells = [plus_minus(result[title]) for result in results]
        table.append((title.replace("_auc", " AUC"), *cells))
    table.extend(
        (f"AUC {name}", *(plus_minus(result["classes"][name]["auc"]) for result in results))
        for name in records[0]["class_names"]
    )
    return rows(table, len(SHIPPED))


def plus_minus(found: Json) -> str:
    """Return 0.7389 ± 0.0069: a measured number and its standard error."""
    return f"{found['value']:.4f} ± {found['error']:.4f}"


def read(name: str) -> Any:
    """Return a result, or None where the benchmark has not been run."""
    path = RESULTS / name
    return json.loads(path.read_text()) if path.exists() else None


def pages() -> dict[Path, str]:
    """Return every page by its path; the tables of all taggers are results of their own."""
    study, compiled = read("jets_study.json"), read("taggers.json") or {"runs": {}}
    made = {
        FOLDER / f"{entry.small}.md": page(entry, study, compiled)
        for entry in PAGES
        if entry.small in study["taggers"]
    }
    made[RESULTS / "jets_taggers.md"] = comparison(study, compiled) + "\n"
    made[RESULTS / "shipped_taggers.md"] = shipped() + "\n"
    made[RESULTS / "jets_pairs.md"] = pairs(study) + "\n"
    return made


def main() -> int:
    """Write the pages, or check them."""
    behind = []
    for path, text in pages().items():
        if not path.exists() or path.read_text() != text:
            behind.append(path.name)
            if "--check" not in sys.argv:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    print(f"{'behind' if '--check' in sys.argv else 'written'}: {', '.join(behind) or 'none'}")
    return 1 if behind and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
