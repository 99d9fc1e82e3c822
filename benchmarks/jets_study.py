"""Which jet tagger is better, and by how much: all small settings over paired seeds.

Run: ``python benchmarks/jets_study.py SAMPLE.h5 -o RUNS [--seeds 1 2 3] [--only NAME ...]
[--jobs 2]``; it trains what is missing in RUNS (so it can be stopped and started again) and writes
``benchmarks/results/jets_study.json`` from what is there; ``--collect`` only does the latter.

Seed s is the seed of the split, too, of weights and of the order: runs of two taggers with the
same seed share training, validation and test jets, so their difference is taken seed by seed.  An
interval is Student's t over the seeds, so it holds both the luck of the training and the choice of
jets.  Each process computes with one thread, and a run is repeatable to the last bit.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

RESULT = Path(__file__).resolve().parent / "results" / "jets_study.json"
TREES = Path(__file__).resolve().parent / "jets_trees_run.py"
CONFIDENCE = 0.95

TAGGERS = (  # heavy ones first: two processes then end at about the same time
    "part-small",
    "jedi-net",
    "particlenet-lite",
    "gravnet",
    "pfn",
    "mixer",
    "deep-sets",
    "mlp",
    "autoencoder",
    "boosted-trees",  # the baseline: jets_trees_run.py on the same jets
)

MAIN = "import sys; from inferon.cli.main import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class Job:
    """One training run."""

    name: str
    seed: int

    @property
    def folder(self) -> str:
        return f"{self.name}-seed{self.seed}"


def train(job: Job, sample: Path, runs: Path) -> int:
    """Train one tagger in a process of its own; its progress goes to a log beside the runs."""
    where = ["--seed", str(job.seed), "-o", str(runs)]
    command = [sys.executable, "-c", MAIN, "train", f"jets/{job.name}", "--data", str(sample)]
    if job.name == "boosted-trees":
        if (runs / job.folder / "run.json").exists():
            return 0
        command = [sys.executable, str(TREES), str(sample)]
    command += where
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with (runs / f"{job.folder}.log").open("a") as log:
        code = subprocess.run(
            command, stdout=log, stderr=log, env=environment, check=False
        ).returncode
    print(f"{job.folder}: {'done' if code == 0 else f'failed ({code}), see its log'}", flush=True)
    return code


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Mean, standard deviation and interval of one number per seed."""
    from scipy.stats import t

    count = len(values)
    found: dict[str, Any] = {
        "seeds": count,
        "values": list(values),
        "mean": float(np.mean(values)),
    }
    if count > 1:
        deviation = float(np.std(values, ddof=1))
        half = float(t.ppf(0.5 + CONFIDENCE / 2, count - 1)) * deviation / sqrt(count)
        found |= {"sd": deviation, "interval": [found["mean"] - half, found["mean"] + half]}
    return found


def numbers(record: dict[str, Any]) -> dict[str, float]:
    """Every finite number of a record that is averaged over seeds, by a dotted name."""
    found: dict[str, float | None] = {}
    for where in ("matched", "all"):
        result = record["test"][where]
        if result is None:
            continue
        for name in ("accuracy", "macro_auc", "calibration_error", "auc", "tnr_at_tpr"):
            if name in result:
                found[f"{where}.{name}"] = result[name]["value"]
        for of, values in result["classes"].items():
            if "rejection" not in values:
                found[f"{where}.auc.{of}"] = values["value"]
                continue
            found[f"{where}.auc.{of}"] = values["auc"]["value"]
            for efficiency, rejection in values["rejection"].items():
                found[f"{where}.rejection.{of}.{efficiency}"] = rejection["value"]
    return {name: value for name, value in found.items() if value is not None}


def tagger(records: list[dict[str, Any]]) -> dict[str, Any]:
    """What the runs of one tagger say together."""
    each = [numbers(record) for record in records]
    names = [name for name in each[0] if all(name in others for others in each)]
    first = records[0]
    return {
        "title": first["title"],
        "paper": first["paper"],
        "settings": {
            key: value for key, value in first["settings"].items() if key not in ("seed", "data")
        },
        "seeds": [record["seed"] for record in records],
        "parameters": first["parameters"],
        "jets": [record["split"]["jets"] for record in records],
        "best_epochs": [record["best_epoch"] for record in records],
        "epochs": [len(record["history"]) for record in records],
        "cpu_minutes": summary([record["cpu_seconds"] / 60 for record in records]),
        "numbers": {name: summary([values[name] for values in each]) for name in names},
    }


def difference(
    one: list[dict[str, Any]], other: list[dict[str, Any]], name: str
) -> dict[str, Any] | None:
    """One tagger minus another in one number, over the seeds that both have."""
    first = {record["seed"]: numbers(record) for record in one}
    second = {record["seed"]: numbers(record) for record in other}
    seeds = sorted(seed for seed in {*first} & {*second} if name in first[seed])
    if not seeds or not all(name in second[seed] for seed in seeds):
        return None
    return summary([first[seed][name] - second[seed][name] for seed in seeds])


def collect(runs: Path) -> dict[str, Any]:
    """Read every finished run, and put the taggers beside each other."""
    records = [json.loads(path.read_text()) for path in sorted(runs.glob("*/run.json"))]
    if not records:
        sys.exit(f"no finished run is in {runs}")
    samples = {record["sample"]["sha256"]: record["sample"] for record in records}
    if len(samples) > 1:
        sys.exit(f"the runs in {runs} are on {len(samples)} samples: {sorted(samples)}")
    by_name: dict[str, list[dict[str, Any]]] = {}
    for record in sorted(records, key=lambda record: int(record["seed"])):
        by_name.setdefault(record["model"], []).append(record)
    pairs = []
    for one, other in combinations(by_name, 2):
        of = {
            name: difference(by_name[one], by_name[other], name)
            for name in ("matched.accuracy", "matched.macro_auc", "all.accuracy", "all.macro_auc")
        }
        pairs.append({"first": one, "second": other} | {k: v for k, v in of.items() if v})
    (sample,) = samples.values()
    return {
        "sample": {"title": sample["title"], "sha256": sample["sha256"]},
        "pairing": "seed s is the seed of split, weights and order of every tagger",
        "confidence": CONFIDENCE,
        "versions": records[0]["versions"],
        "cpu_hours": sum(record["cpu_seconds"] for record in records) / 3600,
        "taggers": {name: tagger(found) for name, found in by_name.items()},
        "differences": [pair for pair in pairs if len(pair) > 2],
    }


def shown(result: dict[str, Any]) -> str:
    """A table for people."""
    lines = []
    for name, found in result["taggers"].items():
        row = [f"{name:18s} {len(found['seeds'])} seeds  {found['parameters']:9,} parameters"]
        for key in ("matched.accuracy", "matched.macro_auc", "matched.auc", "all.accuracy"):
            if key in found["numbers"]:
                each = found["numbers"][key]
                row.append(f"{key} {each['mean']:.4f} sd {each.get('sd', float('nan')):.4f}")
        lines.append("  ".join([*row, f"{found['cpu_minutes']['mean']:.1f} min"]))
    return "\n".join(lines)


def main() -> int:
    """Train what is missing, then collect."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sample", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--only", nargs="+", metavar="NAME", default=list(TAGGERS))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--collect", action="store_true", help="train nothing")
    parser.add_argument("--result", type=Path, default=RESULT)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    if not arguments.collect:
        jobs = [Job(name, seed) for seed in arguments.seeds for name in arguments.only]
        with ThreadPoolExecutor(arguments.jobs) as pool:
            codes = pool.map(lambda job: train(job, arguments.sample, arguments.out), jobs)
            failed = sum(code != 0 for code in codes)
    result = collect(arguments.out)
    arguments.result.write_text(json.dumps(result, indent=1) + "\n")
    print(shown(result))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
