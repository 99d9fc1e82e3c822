"""Settings of a run: those that ship are sound, and mistakes in one's own are told all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferon.errors import UsageError
from tests.absent import require_package

for package in ("torch", "pydantic", "yaml"):
    require_package(package)

from inferon.models.jets.catalog import CATALOG, build  # noqa: E402
from inferon.physics.jet_classes import CLASS_NAMES  # noqa: E402
from inferon.training.run_settings import RunSettings, packaged_names, read_settings  # noqa: E402

SMALL = (
    *("mlp", "deep-sets", "pfn", "jedi-net", "particlenet-lite", "gravnet", "part-small", "mixer"),
    "autoencoder",
)


def told(folder: Path, text: str) -> str:
    """What is said of a file with this text."""
    path = folder / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_settings(str(path))
    return str(caught.value).replace(str(path), "mine.yaml")


@pytest.mark.parametrize("name", packaged_names())
def test_settings_that_ship_make_a_network(name: str) -> None:
    settings = read_settings(name)
    module = build(settings.tagger, settings.sizes(), CLASS_NAMES)
    assert f"jets/{settings.name}" == name
    assert module.constituents <= 64  # what `inferon data jets` stores
    is_small = settings.name in SMALL
    assert (settings.device == "cpu") == is_small
    assert not is_small or module.constituents <= 32


def test_every_tagger_has_small_settings() -> None:
    names = [f"jets/{name}" for name in SMALL]
    assert set(names) <= set(packaged_names())
    assert {read_settings(name).tagger for name in names} == set(CATALOG)


def test_settings_survive_their_own_spelling(tmp_path: Path) -> None:
    for name in packaged_names():
        settings = read_settings(name, seed=7, data="elsewhere.h5")
        path = tmp_path / "settings.yaml"
        path.write_text(settings.to_yaml())
        assert read_settings(str(path)) == settings


def test_changes_replace_what_the_file_says() -> None:
    plain = read_settings("jets/mlp")
    changed = read_settings("jets/mlp", seed=3, epochs=2, jets=10, data=None)
    assert changed.seed == 3
    assert changed.run_name == "mlp-seed3"
    assert changed.jets == 10
    assert changed.schedule == plain.schedule.model_copy(update={"epochs": 2})
    assert changed.data == plain.data


def test_the_split_follows_the_seed_unless_it_has_its_own(tmp_path: Path) -> None:
    assert read_settings("jets/mlp", seed=5).split_seed == 5
    own = tmp_path / "own.yaml"
    own.write_text("{title: t, tagger: mlp, schedule: {epochs: 1}, split: {seed: 2}}")
    assert read_settings(str(own), seed=5).split_seed == 2


def test_settings_are_frozen() -> None:
    settings = read_settings("jets/mlp")
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 2


GOOD = "title: t\ntagger: mlp\nschedule: {epochs: 1}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: t\ntagger: mlp\n", "mine.yaml: schedule is missing"),
        (GOOD + "sched: 1\n", "sched is no key: allowed are name, title, tagger, shape"),
        (GOOD + "split: {test: 0.2}\n", "split.test is no key: allowed are train, validation"),
        (GOOD + "split: {train: 0.9}\n", "split: train and validation leave nothing for the test"),
        (GOOD + "jets: 0\n", "jets is 0: Input should be greater than 0"),
        (GOOD + "jets: many\n", "jets is 'many': Input should be a valid integer"),
        (GOOD + "device: tpu\n", "device is 'tpu': Input should be 'cpu', 'cuda' or 'auto'"),
        (GOOD + "seed: -1\n", "seed is -1"),
        (GOOD + "name: ../up\n", "name is '../up'"),
        (GOOD + "shape: {width: 3}\n", "shape.width is no size of mlp: allowed are hidden"),
        (GOOD + "shape: {hidden: [a]}\n", "shape.hidden.0 is 'a'"),
        (GOOD + "shape: {hidden: [8, 0]}\n", "shape.hidden is (8, 0): 1 or more"),
        ("title: t\ntagger: cnn\nschedule: {epochs: 1}\n", "tagger is 'cnn': there are mlp,"),
        ("title: [\n", "mine.yaml is no YAML: while parsing"),
        ("- title\n", "a mapping of keys is needed: name, title"),
        ("!!python/object:os.system {}\n", "mine.yaml is no YAML: could not determine"),
        ("x: " + "y" * 200_000, "larger than 100,000 bytes"),
    ],
)
def test_a_mistake_is_named_with_its_key(tmp_path: Path, text: str, said: str) -> None:
    assert said in told(tmp_path, text)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    lines = told(
        tmp_path, "title: 3\ntagger: mlp\njets: x\nschedule: {epochs: 1, rate: up}\n"
    ).splitlines()
    assert lines[0] == "mine.yaml has 3 mistakes:"
    assert [line.split()[0] for line in lines[1:]] == ["title", "jets", "schedule.rate"]


def test_other_names_list_what_there_is() -> None:
    with pytest.raises(UsageError, match=r"no settings are called jets/cnn: there are jets/auto"):
        read_settings("jets/cnn")
    with pytest.raises(UsageError, match=r"cannot read the settings none\.yaml: No such file"):
        read_settings("none.yaml")


def test_every_field_says_what_it_is() -> None:
    documented = RunSettings.__doc__ or ""
    assert [name for name in RunSettings.model_fields if f"    {name} : " not in documented] == []
