"""The models of the suite, by letter: what they are, and the stem of their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inferon.errors import UsageError

FOLDER = Path("benchmarks/models")
"""Where the files lie in a clone."""

FORMS = (".onnx", "_dyn.onnx", ".static1.onnx")
"""TorchScript exporter with a free batch, dynamo exporter, TorchScript with batch 1."""


@dataclass(frozen=True, slots=True)
class SuiteModel:
    """One model.

    Attributes
    ----------
    letter : its name in tables of bars
    stem : of its files
    network : what it is
    """

    letter: str
    stem: str
    network: str


MODELS = (
    SuiteModel("a", "a_mlp12", "12-32-16-8-1, ReLU, sigmoid at the end"),
    SuiteModel("b", "b_jet16", "16-64-32-32-5, ReLU"),
    SuiteModel("c", "c_mlp256", "256-256-256-10, ReLU"),
    SuiteModel("d1", "d1_bragg", "conv 3x3 1-16-8-2 with LeakyReLU(.01), then 50-16-8-2"),
    SuiteModel("d2", "d2_lenet", "conv 5x5 (pad 2) 6, pool 2, conv 5x5 16, pool 2, 400-120-84-10"),
    SuiteModel("e", "e_deepsets", "per particle 3-16-64-64 ReLU, sum, 64-64-5"),
    SuiteModel("f", "f_transf", "8 -> 32, two pre-norm blocks (4 heads, ff 64, GELU), mean, 32-5"),
    SuiteModel("g", "g_gru", "GRU 6 -> 20, last step, 20-5"),
    SuiteModel("h", "h_autoenc", "autoencoder 57-32-16-3-16-32-57, ReLU"),
    SuiteModel(
        "i",
        "i_pnet",
        "two EdgeConv (k = 8 of top-k on distances, 3 layers; 8-32 then 32-64, mean), mean, "
        "64-64-5",
    ),
    SuiteModel("j", "j_lstm", "LSTM 6 -> 32, last step, 32-5"),
    SuiteModel("k", "k_pnetlite", "ParticleNet-Lite (arXiv:1902.08570) on raw jets, k = 7"),
    SuiteModel(
        "l",
        "l_strain",
        "1-D CNN (filters of arXiv:1701.00008): conv 16 x 16, 32 x 8, 64 x 8, each with pool 2, "
        "then 1088-64-2",
    ),
    SuiteModel(
        "m",
        "m_part",
        "Particle Transformer (arXiv:2202.03772) on raw jets: 64 wide, 4 blocks, pair bias",
    ),
)
"""All of them; benchmarks/models/README.md has their counts."""


def chosen(names: list[str]) -> tuple[SuiteModel, ...]:
    """Return the models of some letters or stems, or all where none is given.

    Raises
    ------
    UsageError
        When a name is none of the suite's.
    """
    unknown = [
        name for name in names if not any(name in (each.letter, each.stem) for each in MODELS)
    ]
    if unknown:
        letters = ", ".join(each.letter for each in MODELS)
        raise UsageError(f"the suite has no model {', '.join(unknown)}: give some of {letters}")
    return tuple(each for each in MODELS if not names or {each.letter, each.stem} & set(names))


def check_folder(folder: Path, models: tuple[SuiteModel, ...]) -> None:
    """Raise `UsageError` unless the folder has every file of some models."""
    files = [f"{each.stem}{form}" for each in models for form in (*FORMS, ".npz")]
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UsageError(
            f"{folder} lacks {missing[0]}{more}: run in a clone of Inferon, or give --folder"
        )
