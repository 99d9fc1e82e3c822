"""``generate_jets``: a sample of the five jet classes, made in parallel and resumable.

The work is cut into chunks of one class and at most ``JETS_PER_CHUNK`` jets, each with a seed of
its own, so the jets are the same for any number of jobs.  Finished chunks lie
beside the output, in ``OUT.parts/``, until the sample is whole; a run that was interrupted goes on
from them.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import inferon
from inferon.errors import DataError, ExtraMissing, OutputError, ToolError, UsageError
from inferon.physics.jet_card import ClassTally, JetCard
from inferon.physics.jet_chunk import ChunkSpec, command
from inferon.physics.jet_classes import JET_CLASSES
from inferon.physics.jet_setting import JET_SETTINGS
from inferon.physics.jets import Jets
from inferon.physics.sample import load_jets, save_jets

JETS_PER_CHUNK = 1000
"""About 7 s of work: long against Pythia's start (0.5 s), short against an interruption."""

MAX_JETS = 10_000_000
"""Some 20 core-hours; more is a typing error, and would not fit into memory as one sample."""

MAX_CONSTITUENTS = 1000
"""A jet of 1600 GeV has at most some 300 particles, with pileup twice that."""

MAX_PILEUP = 1000.0
"""Five times the high-luminosity LHC."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    jets_done, jets_total : counts of clean jets
    elapsed_s : seconds since the start of this run
    """

    jets_done: int
    jets_total: int
    elapsed_s: float


OnProgress = Callable[[Progress], None]


def generate_jets(
    out: str | os.PathLike[str],
    *,
    jets: int = 20_000,
    seed: int = 1,
    jobs: int | None = None,
    setting: str = "A",
    detector: bool = False,
    pileup: float = 0.0,
    constituents: int = 64,
    matched_only: bool = False,
    on_progress: OnProgress | None = None,
) -> Jets:
    """Make a sample of Pythia 8 jets, the five classes in equal parts.

    Parameters
    ----------
    out : file to write (``.h5``)
    jets : clean jets in the sample, all classes together; clean is matched and contained
    seed : 0 or a positive integer; the same seed gives the same jets, with any number of jobs
    jobs : processes at a time; by default one per core this process may use
    setting : ``"A"`` or ``"B"``, see ``jet_setting``
    detector : whether the detector of the setting sees the particles
    pileup : mean number of other collisions overlaid, see ``pileup``
    constituents : particles stored per jet; the features are computed from all
    matched_only : leave out the jets that are not clean; otherwise those that come on the way to
        the clean ones are in the sample, too, and flagged
    on_progress : called at the start and after each chunk

    Returns
    -------
    The sample, as ``load_jets(out)`` returns it.  The classes alternate, so any prefix of it is
    balanced in clean jets.

    Raises
    ------
    ExtraMissing
        pythia8mc, fastjet or h5py is not installed.
    UsageError
        A count, the seed or the setting is out of range.
    OutputError
        ``out`` cannot be written; the chunks that were finished are kept.
    ToolError
        A generator failed; the chunks that were finished are kept.
    """
    pattern = ChunkSpec(
        label=0,
        index=0,
        jets=jets,
        seed=seed,
        setting=setting,
        detector=detector,
        pileup=pileup,
        constituents=constituents,
        matched_only=matched_only,
    )
    _check_arguments(pattern, jobs)
    _check_extra()
    out = Path(out)
    parts = _make_parts_folder(out)
    specs = _chunk_specs(pattern)
    paths = [parts / f"{spec.jet_class.name}-{spec.index:06d}.h5" for spec in specs]
    _make_missing(specs, paths, jobs or _available_cores(), on_progress)
    sample = save_jets(out, _merge([load_jets(path) for path in paths]))
    _remove_parts_folder(parts, paths)
    return sample


def _check_arguments(wanted: ChunkSpec, jobs: int | None) -> None:
    bounds: tuple[tuple[str, float, float, float], ...] = (
        ("jets", wanted.jets, len(JET_CLASSES), MAX_JETS),
        ("constituents", wanted.constituents, 1, MAX_CONSTITUENTS),
        ("pileup", wanted.pileup, 0, MAX_PILEUP),
    )
    for name, value, least, most in bounds:
        if not least <= value <= most:
            raise UsageError(f"{name} must be {least} to {most:,}, not {value}")
    if wanted.seed < 0:
        raise UsageError(f"the seed must be 0 or positive, not {wanted.seed}")
    if jobs is not None and jobs < 1:
        raise UsageError(f"jobs must be 1 or more, not {jobs}")
    if wanted.setting not in JET_SETTINGS:
        names = " or ".join(JET_SETTINGS)
        raise UsageError(f"the setting must be {names}, not {wanted.setting!r}")


def _check_extra() -> None:
    for package in ("pythia8mc", "fastjet", "h5py"):
        if find_spec(package) is None:
            raise ExtraMissing(package, "physics")


def _available_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # absent outside Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _make_parts_folder(out: Path) -> Path:
    if out.is_dir():
        raise OutputError(f"{out} is a folder; name a file to write the jets to")
    parts = out.with_name(out.name + ".parts")
    try:
        parts.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write beside {out}: {error.strerror}") from error
    return parts


def _remove_parts_folder(parts: Path, paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    if not any(parts.iterdir()):
        parts.rmdir()


def _chunk_specs(pattern: ChunkSpec) -> list[ChunkSpec]:
    specs = []
    for jet_class in JET_CLASSES:
        label = jet_class.label
        remaining = pattern.jets // len(JET_CLASSES) + (label < pattern.jets % len(JET_CLASSES))
        for index in range(-(-remaining // JETS_PER_CHUNK)):
            size = min(JETS_PER_CHUNK, remaining - index * JETS_PER_CHUNK)
            specs.append(replace(pattern, label=label, index=index, jets=size))
    return specs


def _make_missing(
    specs: Sequence[ChunkSpec], paths: Sequence[Path], jobs: int, on_progress: OnProgress | None
) -> None:
    start = time.monotonic()
    total = sum(spec.jets for spec in specs)
    missing = [pair for pair in zip(specs, paths, strict=True) if not _is_done(*pair)]
    done = total - sum(spec.jets for spec, _ in missing)
    report = on_progress or (lambda progress: None)
    report(Progress(done, total, 0.0))
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(_run, spec, path): spec for spec, path in missing}
        try:
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    future.result()
                    done += waiting.pop(future).jets
                    report(Progress(done, total, time.monotonic() - start))
        except BaseException:
            _cancel(waiting)
            raise


def _cancel(futures: dict[Future[None], ChunkSpec]) -> None:
    """Drop what has not begun; the pool then waits for the chunks in progress."""
    for future in futures:
        future.cancel()


def _is_done(spec: ChunkSpec, path: Path) -> bool:
    """Whether an earlier run left exactly this chunk."""
    try:
        part = load_jets(path)
    except DataError:
        return False
    if part.card is None:
        return False
    settings = tuple(tally.settings for tally in part.card.classes)
    return (
        part.card.recipe == spec.recipe
        and settings == (spec.jet_class.settings(spec.tune),)
        and np.count_nonzero(part.is_clean) == spec.jets
    )


def _run(spec: ChunkSpec, path: Path) -> None:
    """Make one chunk in a process of its own: a generator's crash is an error message here."""
    arguments = command(spec, path)
    # The package may have been found through sys.path alone; the child has to find the same one.
    roots = [str(Path(folder).parent) for folder in inferon.__path__]
    search_path = os.pathsep.join([*roots, *filter(None, [os.environ.get("PYTHONPATH")])])
    result = subprocess.run(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,  # FastJet prints its banner; stdout is for data
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": search_path},
        check=False,
    )
    if result.returncode != 0:
        log = result.stdout.decode(errors="replace")
        last_line = (log.strip().splitlines() or ["no output"])[-1]
        if result.returncode == OutputError.exit_code:
            raise OutputError(f"{last_line}; the same command goes on from the finished parts")
        raise ToolError(
            f"the jet generator failed on class {spec.jet_class.name}, chunk {spec.index} "
            f"(exit code {result.returncode}): {last_line}",
            command=arguments,
            log=log,
        )


def _merge(parts: Sequence[Jets]) -> Jets:
    """All chunks as one sample, the classes in turn."""
    cards = [part.card for part in parts if part.card is not None]
    tallies: dict[str, ClassTally] = {}
    for card in cards:
        (tally,) = card.classes
        tallies[tally.name] = tallies[tally.name] + tally if tally.name in tallies else tally
    columns: dict[str, Any] = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Jets)
        if isinstance(getattr(parts[0], field.name), np.ndarray)
    }
    card = JetCard(cards[0].recipe, tuple(tallies.values()))
    merged = replace(parts[0], **columns, card=card)
    return merged.select(np.lexsort((merged.label, _clean_before(merged))))


def _clean_before(jets: Jets) -> NDArray[np.int64]:
    """Count the clean jets of its class before each jet, shape (N,)."""
    counts = np.empty(len(jets), dtype=np.int64)
    for value in np.unique(jets.label):
        of_class = jets.label == value
        clean = jets.is_clean[of_class]
        counts[of_class] = np.cumsum(clean) - clean
    return counts
