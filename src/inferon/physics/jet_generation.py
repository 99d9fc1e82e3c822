"""``generate_jets``: a sample of the five jet classes, made in parallel and resumable.

The work is cut into chunks of one class and at most ``JETS_PER_CHUNK`` jets, each with a seed of
its own, so the jets are the same for any number of jobs.  Finished chunks lie
beside the output, in ``OUT.parts/``, until the sample is whole; a run that was interrupted goes on
from them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import inferon
from inferon.errors import DataError, ExtraMissing, OutputError, ToolError, UsageError
from inferon.physics.jet_card import ClassTally, JetCard
from inferon.physics.jet_chunk import ChunkSpec, command
from inferon.physics.jet_classes import JET_CLASSES
from inferon.physics.sample import Jets, load_jets, save_jets

JETS_PER_CHUNK = 1000
"""About 7 s of work: long against Pythia's start (0.5 s), short against an interruption."""

MAX_JETS = 10_000_000
"""Some 20 core-hours; more is a typing error, and would not fit into memory as one sample."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    jets_done, jets_total : counts of jets
    elapsed_s : seconds since the start of this run
    """

    jets_done: int
    jets_total: int
    elapsed_s: float


OnProgress = Callable[[Progress], None]


def print_progress(progress: Progress) -> None:
    """One line on stderr, written over at each call."""
    end = "\n" if progress.jets_done == progress.jets_total else ""
    line = f"\r{progress.jets_done:,} of {progress.jets_total:,} jets, {progress.elapsed_s:.0f} s"
    sys.stderr.write(line + end)
    sys.stderr.flush()


def generate_jets(
    out: str | os.PathLike[str],
    *,
    jets: int = 20_000,
    seed: int = 1,
    jobs: int | None = None,
    matched_only: bool = True,
    on_progress: OnProgress | None = None,
) -> Jets:
    """Make a sample of Pythia 8 jets, the five classes in equal parts.

    Parameters
    ----------
    out : file to write (``.npz``)
    jets : size of the sample, all classes together
    seed : 0 or a positive integer; the same seed gives the same jets, with any number of jobs
    jobs : processes at a time; by default one per core this process may use
    matched_only : leave out jets that fail the truth matching
    on_progress : called at the start and after each chunk, for instance ``print_progress``

    Returns
    -------
    The sample, as ``load_jets(out)`` returns it.  The classes alternate, so any prefix of it is
    balanced.

    Raises
    ------
    ExtraMissing
        pythia8mc or fastjet is not installed.
    UsageError
        A count or the seed is out of range.
    OutputError
        ``out`` cannot be written; nothing has been generated then.
    ToolError
        A generator failed; the chunks that were finished are kept.
    """
    _check_arguments(jets, seed, jobs)
    _check_extra()
    out = Path(out)
    parts = _make_parts_folder(out)
    specs = _chunk_specs(jets, seed, matched_only)
    paths = [parts / f"{spec.jet_class.name}-{spec.index:06d}.npz" for spec in specs]
    _make_missing(specs, paths, jobs or _available_cores(), on_progress)
    sample = save_jets(out, _merge([load_jets(path) for path in paths]))
    _remove_parts_folder(parts, paths)
    return sample


def _check_arguments(jets: int, seed: int, jobs: int | None) -> None:
    if not len(JET_CLASSES) <= jets <= MAX_JETS:
        raise UsageError(f"jets must be {len(JET_CLASSES)} to {MAX_JETS:,}, not {jets}")
    if seed < 0:
        raise UsageError(f"the seed must be 0 or positive, not {seed}")
    if jobs is not None and jobs < 1:
        raise UsageError(f"jobs must be 1 or more, not {jobs}")


def _check_extra() -> None:
    for package in ("pythia8mc", "fastjet"):
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


def _chunk_specs(jets: int, seed: int, matched_only: bool) -> list[ChunkSpec]:
    specs = []
    for jet_class in JET_CLASSES:
        label = jet_class.label
        remaining = jets // len(JET_CLASSES) + (label < jets % len(JET_CLASSES))
        for index in range(-(-remaining // JETS_PER_CHUNK)):
            size = min(JETS_PER_CHUNK, remaining - index * JETS_PER_CHUNK)
            specs.append(ChunkSpec(label, index, size, seed, matched_only))
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
    settings = tuple(tally.settings for tally in part.card.classes)
    return (
        part.card.recipe == spec.recipe
        and settings == (spec.jet_class.settings,)
        and len(part) == spec.jets
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
        raise ToolError(
            f"the jet generator failed on class {spec.jet_class.name}, chunk {spec.index} "
            f"(exit code {result.returncode}): {last_line}",
            command=arguments,
            log=log,
        )


def _merge(parts: Sequence[Jets]) -> Jets:
    """All chunks as one sample, the classes in turn."""
    tallies: dict[str, ClassTally] = {}
    for part in parts:
        (tally,) = part.card.classes
        tallies[tally.name] = tallies[tally.name] + tally if tally.name in tallies else tally
    label = np.concatenate([part.label for part in parts])
    rank_in_class = np.empty(len(label), dtype=np.int64)
    for value in np.unique(label):
        rank_in_class[label == value] = np.arange(np.count_nonzero(label == value))
    merged = Jets(
        constituents=np.concatenate([part.constituents for part in parts]),
        label=label,
        event_id=np.concatenate([part.event_id for part in parts]),
        pt_gev=np.concatenate([part.pt_gev for part in parts]),
        eta=np.concatenate([part.eta for part in parts]),
        phi=np.concatenate([part.phi for part in parts]),
        mass_gev=np.concatenate([part.mass_gev for part in parts]),
        matched=np.concatenate([part.matched for part in parts]),
        card=JetCard(parts[0].card.recipe, tuple(tallies.values())),
    )
    return merged.select(np.lexsort((label, rank_in_class)))
