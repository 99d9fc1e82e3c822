"""One run of boosted trees on the jets of one seed of the study, with a record like a tagger's.

The same splits, the same number of training jets and the same evaluation as `inferon train`, so
that ``jets_study.py`` takes differences to the trees seed by seed.  It is called from there:
``python benchmarks/jets_trees_run.py SAMPLE.h5 --seed 1 -o RUNS``.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from pathlib import Path

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from inferon.errors import DataError
from inferon.measure.record import as_json
from inferon.training.evaluation import Result, evaluate
from inferon.training.jet_sample import open_sample, split_sample
from inferon.training.run_settings import Split
from inferon.version import VERSION

NAME, TITLE = "boosted-trees", "Boosted trees, 16 features"
JETS = 60_000
"""As many training jets as the small settings of the taggers."""


def train(sample: Path, seed: int) -> dict[str, object]:
    """Train on the jets that a tagger of this seed trains on; judge on those it is judged on.

    Raises
    ------
    DataError
        When the sample has no features.
    """
    start = time.process_time()
    jets = open_sample(str(sample))
    if jets.features is None:
        raise DataError(f"{sample} holds no features; make it with inferon data jets")
    fractions = Split()
    parts = split_sample(
        jets, str(sample), train=fractions.train, validation=fractions.validation, seed=seed
    )
    mixed = np.random.default_rng(seed).permutation(np.flatnonzero(parts.train))  # as train_run
    chosen, features = np.sort(mixed[:JETS]), jets.features
    trees = HistGradientBoostingClassifier(random_state=seed)
    trees.fit(features[chosen], jets.label[chosen])

    def result(mask: NDArray[np.bool_]) -> Result:
        scores = trees.predict_proba(features[mask])
        return evaluate(scores, jets.label[mask], jets.class_names)

    return {
        "name": f"{NAME}-seed{seed}",
        "model": NAME,
        "title": TITLE,
        "paper": "scikit-learn, HistGradientBoostingClassifier, default settings",
        "seed": seed,
        "settings": {},
        "sample": {"title": jets.title, "path": str(sample), "sha256": parts.sha256},
        "split": {
            "jets": {
                "train": len(chosen),
                "validation": int(parts.validation.sum()),
                "test": int(parts.test.sum()),
                "test_all": int(parts.test_all.sum()),
            }
        },
        "parameters": sum(
            2 * tree.get_n_leaf_nodes() for row in trees._predictors for tree in row
        ),
        "history": [],
        "best_epoch": trees.n_iter_,
        "test": {"matched": result(parts.test), "all": result(parts.test_all)},
        "cpu_seconds": time.process_time() - start,
        "versions": {
            "python": platform.python_version(),
            "inferon": VERSION,
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
        },
    }


def main() -> int:
    """Train, and write the record last."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sample", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the runs")
    arguments = parser.parse_args()
    record = train(arguments.sample, arguments.seed)
    folder = arguments.out / str(record["name"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(as_json(record), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
