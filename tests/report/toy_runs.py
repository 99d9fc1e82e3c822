"""Runs to report on: real trainings, a few steps each, on jets that are drawn, not simulated."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inferon.physics.jets import Jets
from inferon.physics.sample import load_jets, save_jets

CLASS_NAMES = ("q", "g", "W")
PRONGS = (1, 1, 2)
SPREADS = (0.08, 0.2, 0.05)
"""Width of each prong in rad, by class."""

SETTINGS = {
    "small-mlp": """
title: Small <MLP>
tagger: mlp
shape: {hidden: [12, 8]}
schedule: {epochs: 4, batch: 64, learning_rate: 5.0e-3}
exporter: torchscript
""",
    "copy": """
title: Copy
tagger: autoencoder
shape: {constituents: 8, encoder: [6, 3], background: [q, g]}
schedule: {epochs: 2, batch: 64}
exporter: dynamo
""",
}


def toy_jets(count: int, seed: int = 3) -> Jets:
    """Return jets of one or two prongs, with 12 constituents of falling pT."""
    random = np.random.default_rng(seed)
    label = (np.arange(count) % len(CLASS_NAMES)).astype(np.int8)
    prongs, spread = np.array(PRONGS)[label], np.array(SPREADS)[label]
    fraction = np.sort(random.dirichlet(np.ones(12), count))[:, ::-1]
    pt = fraction * random.uniform(900, 1100, count)[:, None]
    pt[:, 9:] *= random.random(count)[:, None] > 0.5  # some jets have padding
    side = random.integers(0, 2, (count, 12)) * (prongs[:, None] - 1)
    eta = random.normal(0.3 * side, spread[:, None])
    phi = np.remainder(random.normal(3.0, spread[:, None], (count, 12)) + np.pi, 2 * np.pi) - np.pi
    raw = np.stack([pt, eta, phi, pt * np.cosh(eta)], -1).astype(np.float32)
    raw[pt == 0] = 0.0
    width = np.sqrt((fraction * (eta**2)).sum(1))
    features = np.concatenate([fraction, width[:, None], random.random((count, 3))], 1)
    kinds = random.choice([211, -211, 22, 130, 11], (count, 12)) * (pt > 0)
    return Jets(
        title="Drawn jets, no physics",
        class_names=CLASS_NAMES,
        constituents=raw,
        label=label,
        event_id=np.arange(count) // 2,
        pt_gev=pt.sum(1).astype(np.float32),
        eta=np.full(count, 0.1, np.float32),
        phi=np.full(count, 3.0, np.float32),
        mass_gev=(900 * width).astype(np.float32),
        features=features.astype(np.float32),
        pdg_id=kinds.astype(np.int32),
        is_matched=random.random(count) < 0.95,
        is_contained=np.ones(count, np.bool_),
    )


def write_sample(path: Path, count: int, seed: int = 3) -> Jets:
    """Write a sample and return it as it is read."""
    save_jets(path, toy_jets(count, seed))
    return load_jets(path)


def train_runs(folder: Path, sample: Path, names: dict[str, tuple[int, ...]]) -> Path:
    """Train models, each with its seeds; return the folder of their runs."""
    from inferon.training.jet_sample import open_sample, sample_sha256
    from inferon.training.run import train_run
    from inferon.training.run_settings import read_settings

    jets = open_sample(str(sample))
    for name, seeds in names.items():
        path = folder / f"{name}.yaml"
        path.write_text(SETTINGS[name])
        for seed in seeds:
            settings = read_settings(str(path), seed=seed, data=str(sample))
            train_run(settings, jets, folder / "run", sample_sha256=sample_sha256(jets))
    return folder / "run"
