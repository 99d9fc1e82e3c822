"""What one training run is told: a YAML file, read and checked by pydantic.

The settings that ship lie in ``settings/jets`` and are found as ``jets/NAME``; a user's own file
works the same.  Nothing here trains, and torch comes in through the catalog of taggers only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from inferon.errors import UsageError
from inferon.models.jets.catalog import CATALOG

MAX_BYTES = 100_000
"""Settings have about 30 lines; a larger file is something else."""

GROUP = "jets"
"""The only group of settings so far."""

Positive = Annotated[int, Field(gt=0)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Fraction = Annotated[float, Field(gt=0.0, lt=1.0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Split(_Part):
    """Fractions of the collisions for training and validation; the rest is for the test.

    Attributes
    ----------
    seed : another number gives another split; None: the seed of the run, so that taggers with the
        same seed share training, validation and test jets
    """

    train: Fraction = 0.7
    validation: Fraction = 0.1
    seed: Seed | None = None


class Schedule(_Part):
    """How long and how fast to train.

    Attributes
    ----------
    epochs : at most
    batch : jets per step
    optimizer : AdamW, arXiv:1711.05101
    learning_rate : the highest
    weight_decay : of AdamW, decoupled
    rate : one-cycle (arXiv:1708.07120: up for a fifth of the steps, then down to nothing) or
        constant
    patience : stop after so many epochs in a row without a lower validation loss
    """

    epochs: Positive
    batch: Positive = 256
    optimizer: Literal["adamw"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0.0, lt=10.0)] = 2e-3
    weight_decay: Annotated[float, Field(ge=0.0, lt=10.0)] = 1e-2
    rate: Literal["one-cycle", "constant"] = "one-cycle"
    patience: Positive = 10


class RunSettings(_Part):
    """One training run.

    Attributes
    ----------
    name : of the run's folder, with the seed behind it; by default the file's name
    title : for tables and figures
    tagger : a name in ``inferon.models.jets.catalog.CATALOG``
    shape : sizes of the network, each checked against the tagger's own; what is left out is the
        paper's
    data : a sample, or ``shipped`` for the one that comes with Inferon
    jets : at most so many jets to train on
    split : into training, validation and test jets
    schedule : how long and how fast
    augmentation : ``turn``: each jet is turned about its leading particle before it is seen
    seed : of weights, order, dropout and turns
    threads : of the CPU; with one thread the same seed gives the same bits
    device : ``auto`` is the GPU where there is one
    exporter : which of torch's two ways to ONNX
    """

    name: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
    title: Annotated[str, Field(min_length=1, max_length=100)]
    tagger: str
    shape: Mapping[str, Any] = {}
    data: Annotated[str, Field(min_length=1)] = "jets.h5"
    jets: Positive = 60_000
    split: Split = Split()
    schedule: Schedule
    augmentation: Literal["none", "turn"] = "none"
    seed: Seed = 1
    threads: Annotated[int, Field(gt=0, le=1024)] = 1
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    exporter: Literal["torchscript", "dynamo"] = "dynamo"

    @property
    def run_name(self) -> str:
        """Name of the run's folder."""
        return f"{self.name}-seed{self.seed}"

    @property
    def split_seed(self) -> int:
        """Seed of the split."""
        return self.seed if self.split.seed is None else self.split.seed

    def sizes(self) -> object:
        """Return the tagger's shape with these sizes."""
        return _sizes(self.tagger, self.shape, self.name)

    def to_yaml(self) -> str:
        """Spell the settings so that ``read_settings`` gives them again."""
        tree = self.model_dump(mode="json")
        return str(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))


def packaged_names() -> tuple[str, ...]:
    """Return the names of the settings that ship, as ``jets/NAME``."""
    folder = files("inferon.training") / "settings" / GROUP
    names = (each.name for each in folder.iterdir())
    return tuple(
        sorted(f"{GROUP}/{name.removesuffix('.yaml')}" for name in names if name.endswith(".yaml"))
    )


def read_settings(name: str, **changes: Any) -> RunSettings:
    """Read settings and check all of them.

    Parameters
    ----------
    name : ``jets/NAME`` for one that ships, or the path of a YAML file
    **changes : fields that replace the file's, as ``seed=2``; ``epochs=3`` is the schedule's; None
        changes nothing

    Raises
    ------
    UsageError
        There are no such settings, or something in them makes no sense: file, key, and what is
        allowed, all mistakes at once.
    """
    text = _read(name)
    tree = _parse(text, name)
    tree.setdefault("name", Path(name).name.removesuffix(".yaml"))
    for key, value in changes.items():
        if value is None:
            continue
        if key == "epochs" and isinstance(tree.get("schedule"), dict):
            tree["schedule"] = {**tree["schedule"], key: value}
        else:
            tree[key] = value
    try:
        settings = RunSettings.model_validate(tree)
    except ValidationError as error:
        _refuse(name, _told(error, RunSettings))
    if settings.split.train + settings.split.validation >= 1.0:
        _refuse(name, ["split: train and validation leave nothing for the test"])
    shape = _sizes(settings.tagger, settings.shape, name)
    return settings.model_copy(update={"shape": asdict(shape)})


def _read(name: str) -> str:
    if name in packaged_names():
        path: Any = files("inferon.training") / "settings" / f"{name}.yaml"
    else:
        path = Path(name)
        if path.suffix not in (".yaml", ".yml"):
            raise UsageError(
                f"no settings are called {name}: there are {', '.join(packaged_names())}, "
                "or give the path of a .yaml file"
            )
        _refuse_large(path)
    try:
        return str(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the settings {name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is no YAML: byte {error.start} is not UTF-8") from error


def _refuse_large(path: Path) -> None:
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES:,} bytes: no settings")


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"{name} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(tree, dict) or not all(isinstance(key, str) for key in tree):
        _refuse(name, [f"a mapping of keys is needed: {', '.join(RunSettings.model_fields)}"])
    return tree


def _sizes(tagger: str, shape: Mapping[str, Any], name: str) -> Any:
    if tagger not in CATALOG:
        _refuse(name, [f"tagger is {tagger!r}: there are {', '.join(CATALOG)}"])
    kind = CATALOG[tagger].shape
    known = [field.name for field in fields(kind)]
    unknown = [key for key in shape if key not in known]
    if unknown:
        _refuse(name, [f"shape.{key} is no size of {tagger}: {_any_of(known)}" for key in unknown])
    try:
        sizes = TypeAdapter(kind).validate_python(dict(shape))
    except ValidationError as error:
        _refuse(name, [f"shape.{line}" for line in _told(error, None)])
    small = [key for key in known if _has_no_room(getattr(sizes, key))]
    if small:
        _refuse(name, [f"shape.{key} is {getattr(sizes, key)}: 1 or more" for key in small])
    return sizes


def _has_no_room(size: object) -> bool:
    """Return whether a size, or one of several, is a whole number below one."""
    if isinstance(size, tuple):
        return any(map(_has_no_room, size))
    return isinstance(size, int) and not isinstance(size, bool) and size < 1


def _told(error: ValidationError, model: type[BaseModel] | None) -> list[str]:
    """Return one line for each mistake: the key, what is wrong, what is allowed."""
    lines = []
    for each in error.errors(include_url=False):
        key = ".".join(map(str, each["loc"]))
        if each["type"] == "extra_forbidden":
            lines.append(f"{key} is no key: {_any_of(_keys(model, each['loc'][:-1]))}")
        elif each["type"] == "missing":
            lines.append(f"{key} is missing")
        else:
            lines.append(f"{key} is {_short(each['input'])}: {each['msg']}")
    return lines


def _keys(model: type[BaseModel] | None, place: tuple[int | str, ...]) -> Iterable[str]:
    """Return the keys that are allowed at a place in the settings."""
    for step in place:
        inner = model.model_fields[str(step)].annotation if model else None
        model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
    return model.model_fields if model else ()


def _any_of(names: Iterable[str]) -> str:
    return f"allowed are {', '.join(names)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _refuse(name: str, lines: list[str]) -> NoReturn:
    if len(lines) == 1:
        raise UsageError(f"{name}: {lines[0]}")
    raise UsageError("\n".join([f"{name} has {len(lines)} mistakes:", *(f"  {x}" for x in lines)]))
