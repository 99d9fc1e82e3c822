"""Boosted trees on the high-level features of jets: what every tagger has to beat.

scikit-learn's histogram gradient boosting with its default settings (it stops early on a tenth of
the training jets) on a sample that ``inferon data jets`` made; 75 % of the collisions train, the
rest test, in four splits that share no collision between training and test.  Nothing is chosen by
looking at a test jet.  Prints the table; ``--json FILE`` writes the numbers and, beside them, the
table (FILE with the ending .md).

Run: ``python benchmarks/jets_boosted_trees.py jets.h5 --json FILE``; 20,000 clean jets take half a
CPU minute.  Expected of 100,000 clean jets with all features: an accuracy of 0.728 to 0.748, from
an earlier measurement with a generator and features of its own.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from inferon.errors import DataError, InferonError
from inferon.physics.event_split import EventSplit, split_by_event
from inferon.physics.high_level_features import FEATURE_NAMES
from inferon.physics.jets import Jets
from inferon.physics.metrics import Estimate, accuracy, auc, macro_auc
from inferon.physics.sample import load_jets
from inferon.physics.sample_layout import content_sha256, stored_columns
from inferon.version import VERSION

SPLITS = 4
TRAIN_FRACTION = 0.75
TRAIN_SIZES = (2500, 5000, 10_000, 20_000, 40_000)
EXPECTED_ACCURACY = (0.728, 0.748)
BASELINES: tuple[tuple[str, ...], ...] = (
    ("multiplicity",),
    ("mass",),
    ("mass", "multiplicity", "n2_b1"),
)

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Variant:
    """What one row of the table trains and tests on; no size: all training jets."""

    name: str
    features: tuple[str, ...]
    train: Mask
    test: Mask
    train_size: int | None = None


@dataclass(frozen=True)
class Row:
    """Means over the splits.

    The standard deviation is that between the splits, whose test jets overlap; the error is the
    binomial one of a single split.
    """

    name: str
    features: tuple[str, ...]
    train_jets: float
    test_jets: float
    accuracy: float
    accuracy_error: float
    accuracy_deviation: float
    accuracy_of_split: tuple[float, ...]
    macro_auc: float
    macro_auc_error: float
    class_auc: dict[str, float]
    cpu_seconds: float


@dataclass(frozen=True)
class Outcome:
    """One split of one variant."""

    train_jets: int
    test_jets: int
    accuracy: Estimate
    macro_auc: Estimate
    class_auc: dict[str, float]


def variants(jets: Jets) -> list[Variant]:
    clean, every = jets.is_clean, np.ones(len(jets), dtype=np.bool_)
    rows = [Variant("all 16 features, clean jets", FEATURE_NAMES, clean, clean)]
    if not clean.all():
        rows.append(Variant("the same, tested on all jets", FEATURE_NAMES, clean, every))
        rows.append(Variant("trained and tested on all jets", FEATURE_NAMES, every, every))
    rows.extend(
        Variant(f"only {', '.join(names)}; clean jets", names, clean, clean) for names in BASELINES
    )
    smallest_training = TRAIN_FRACTION * int(clean.sum())
    rows.extend(
        Variant(f"trained on {size:,} clean jets", FEATURE_NAMES, clean, clean, size)
        for size in TRAIN_SIZES
        if size < smallest_training
    )
    return rows


def measure(jets: Jets, variant: Variant, splits: int) -> Row:
    start = time.process_time()
    outcomes = []
    for seed in range(splits):
        split = split_by_event(jets.event_id, train=TRAIN_FRACTION, validation=0.0, seed=seed)
        outcomes.append(run(jets, variant, split, seed))
    values = [outcome.accuracy.value for outcome in outcomes]
    return Row(
        name=variant.name,
        features=variant.features,
        train_jets=float(np.mean([outcome.train_jets for outcome in outcomes])),
        test_jets=float(np.mean([outcome.test_jets for outcome in outcomes])),
        accuracy=float(np.mean(values)),
        accuracy_error=float(np.mean([outcome.accuracy.error for outcome in outcomes])),
        accuracy_deviation=float(np.std(values, ddof=1)) if splits > 1 else float("nan"),
        accuracy_of_split=tuple(values),
        macro_auc=float(np.mean([outcome.macro_auc.value for outcome in outcomes])),
        macro_auc_error=float(np.mean([outcome.macro_auc.error for outcome in outcomes])),
        class_auc={
            name: float(np.mean([outcome.class_auc[name] for outcome in outcomes]))
            for name in jets.class_names
        },
        cpu_seconds=time.process_time() - start,
    )


def run(jets: Jets, variant: Variant, split: EventSplit, seed: int) -> Outcome:
    assert jets.features is not None
    columns = [FEATURE_NAMES.index(name) for name in variant.features]
    train = np.flatnonzero(split.train & variant.train)
    # The sample has an order; a part of it is drawn.
    train = np.random.default_rng(seed).permutation(train)[: variant.train_size]
    test = np.flatnonzero(split.test & variant.test)
    trees = HistGradientBoostingClassifier(random_state=seed)
    trees.fit(jets.features[train][:, columns], jets.label[train])
    scores = trees.predict_proba(jets.features[test][:, columns])
    label = jets.label[test]
    return Outcome(
        train_jets=len(train),
        test_jets=len(test),
        accuracy=accuracy(scores, label),
        macro_auc=macro_auc(scores, label),
        class_auc={
            name: auc(scores[:, index], label == index).value
            for index, name in enumerate(jets.class_names)
        },
    )


def table(rows: Sequence[Row], class_names: Sequence[str]) -> str:
    lines = [
        "| features and jets | training jets | accuracy | between splits | macro AUC | "
        + " | ".join(f"AUC {name}" for name in class_names)
        + " |",
        "|---" * (5 + len(class_names)) + "|",
    ]
    lines.extend(
        f"| {row.name} | {row.train_jets:,.0f} | {row.accuracy:.4f} ± {row.accuracy_error:.4f} | "
        f"{row.accuracy_deviation:.4f} | {row.macro_auc:.4f} ± {row.macro_auc_error:.4f} | "
        + " | ".join(f"{row.class_auc[name]:.3f}" for name in class_names)
        + " |"
        for row in rows
    )
    return "\n".join(lines) + "\n"


def record(jets: Jets, rows: Sequence[Row], splits: int) -> dict[str, object]:
    low, high = EXPECTED_ACCURACY
    return {
        "sample": jets.title,
        "sample_sha256": content_sha256(stored_columns(jets)),
        "jets": len(jets),
        "clean_jets": int(jets.is_clean.sum()),
        "splits": splits,
        "train_fraction": TRAIN_FRACTION,
        "expected_accuracy_of_100000_clean_jets": EXPECTED_ACCURACY,
        "is_as_expected": low <= rows[0].accuracy <= high,
        "inferon": VERSION,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit_learn": sklearn.__version__,
        "rows": [asdict(row) for row in rows],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sample", type=Path, help="jets with features, as `inferon data jets`")
    parser.add_argument("--json", type=Path, help="also write the numbers there")
    parser.add_argument("--splits", type=int, default=SPLITS, help="fewer for a quick look")
    options = parser.parse_args()
    try:
        jets = load_jets(options.sample)
        if jets.features is None:
            raise DataError(f"{options.sample} holds no features; make it with inferon data jets")
    except InferonError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    rows = []
    for variant in variants(jets):
        rows.append(measure(jets, variant, options.splits))
        print(f"{rows[-1].name}: {rows[-1].cpu_seconds:.0f} CPU s", file=sys.stderr)
    text = table(rows, jets.class_names)
    print(text)
    (low, high), clean = EXPECTED_ACCURACY, int(jets.is_clean.sum())
    print(f"{clean:,} clean jets of {len(jets):,}; of 100,000 are expected {low} to {high}")
    if options.json is not None:
        options.json.write_text(json.dumps(record(jets, rows, options.splits), indent=1) + "\n")
        options.json.with_suffix(".md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
