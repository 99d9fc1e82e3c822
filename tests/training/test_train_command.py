"""`inferon train`: what it prints and where, what it refuses, and what Ctrl-C leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from inferon.physics.sample import save_jets
from tests.absent import require_package
from tests.docs.markdown import ROOT
from tests.training.few_jets import QUICK, few_jets, tiny
from tests.unit.command_line import HEAR_CTRL_C, CommandLine

for package in ("torch", "pydantic", "yaml", "onnxruntime", "h5py"):
    require_package(package)

from inferon.training.run_settings import packaged_names  # noqa: E402


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "few.h5"
    save_jets(path, few_jets())
    return path


@pytest.fixture
def inferon(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


def test_without_a_name_it_lists_the_settings(inferon: CommandLine) -> None:
    ran = inferon("train")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()[1:]] == list(packaged_names())
    document = inferon("train", "--json").document
    assert [each["name"] for each in document["settings"]] == list(packaged_names())
    sizes = {each["name"]: each["parameters"] for each in document["settings"]}
    assert sizes["jets/mlp"] == 4389  # arXiv:1804.06913, figure 3


def test_a_run_says_its_epochs_on_stderr_and_its_result_on_stdout(
    inferon: CommandLine, sample: Path, tmp_path: Path
) -> None:
    words = ("train", tiny(tmp_path), "--data", sample, "-o", tmp_path / "run")
    ran = inferon(*words)
    assert ran.code == 0
    assert "matched test jets" in ran.out
    lines = ran.err.splitlines()
    assert lines[0] == f"reading {sample}"
    assert [line.split()[:3] for line in lines[1:]] == [
        ["tiny-seed1", "epoch", str(number)] for number in (1, 2, 3)
    ]
    again = inferon(*words, "--json")
    assert "was finished before" in again.err
    (record,) = again.document["runs"]
    folder = Path(record.pop("folder"))
    assert folder == tmp_path / "run" / "tiny-seed1"
    assert record == json.loads((folder / "run.json").read_text())


def test_options_replace_settings(inferon: CommandLine, sample: Path, tmp_path: Path) -> None:
    ran = inferon(
        *("train", tiny(tmp_path), "--data", sample, "-o", tmp_path / "run", "--json"),
        *("--seed", 3, "--seed", 4, "--epochs", 1, "--jets", 500, "--device", "auto"),
    )
    records = ran.document["runs"]
    assert [record["name"] for record in records] == ["tiny-seed3", "tiny-seed4"]
    for record in records:
        assert len(record["history"]) == 1
        assert record["split"]["jets"]["train"] == 500
        assert record["split"]["seed"] == record["seed"]
        assert record["sample"]["path"] == str(sample)


def test_the_shipped_sample_has_a_name(inferon: CommandLine, tmp_path: Path) -> None:
    ran = inferon(
        *("train", tiny(tmp_path), "--data", "shipped", "--jets", 64, "--epochs", 1),
        *("-o", tmp_path / "run", "--json"),
    )
    (record,) = ran.document["runs"]
    assert record["sample"]["path"] == "shipped"
    card = few_jets().card
    assert card is not None
    assert record["sample"]["sha256"] == card.content_sha256


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["jets/cnn"], "no settings are called jets/cnn: there are jets/autoencoder"),
        (["jets/mlp", "--data", "none.h5"], "there is no file none.h5"),
        (["jets/mlp", "--epochs", "0"], "schedule.epochs is 0: Input should be greater than 0"),
        (["jets/mlp", "--device", "tpu"], "device is 'tpu': Input should be 'cpu', 'cuda' or"),
    ],
)
def test_wrong_words_are_one_line(inferon: CommandLine, words: list[str], said: str) -> None:
    ran = inferon("train", *words)
    assert ran.code == 2
    assert ran.out == ""
    assert said in ran.err.splitlines()[-1]


def test_a_missing_package_is_said_with_its_pip_line(
    inferon: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = util.find_spec

    def without_yaml(name: str, package: str | None = None) -> Any:
        return None if name == "yaml" else find_spec(name, package)

    monkeypatch.setattr(util, "find_spec", without_yaml)
    ran = inferon("train", "jets/mlp")
    assert ran.code == 4
    assert ran.err == "error: pyyaml is not installed: pip install 'inferon[train]'\n"


def test_ctrl_c_leaves_a_run_that_goes_on(sample: Path, tmp_path: Path) -> None:
    settings = tiny(tmp_path, QUICK.replace("epochs: 3", "epochs: 2000, patience: 2000"))
    main = "import sys; from inferon.cli.main import main; sys.exit(main())"
    words = ["train", settings, "--data", str(sample), "-o", str(tmp_path / "run")]
    process = subprocess.Popen(
        [sys.executable, "-c", main, *words],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT / "src",
        preexec_fn=HEAR_CTRL_C,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "epoch   2 " in line:
            process.send_signal(signal.SIGINT)
            break
    rest = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 130
    assert "the same command goes on after its last whole epoch" in rest
    assert "Traceback" not in rest
    folder = tmp_path / "run" / "tiny-seed1"
    assert {path.name for path in folder.iterdir()} == {"settings.yaml", "checkpoint.pt"}
