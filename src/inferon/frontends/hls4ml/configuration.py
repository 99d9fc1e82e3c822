"""The configuration of hls4ml: a dictionary or a YAML file, every value with its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inferon.errors import ExtraMissing, Gap, InvalidModel, Unsupported, UsageError
from inferon.frontends.hls4ml.precision import BadPrecision, Precision, parse_precision

DEFAULT = "default"
"""The kind whose precision stands in for those that are not named."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value of the configuration, and its place: a line of a file, or a path of keys."""

    value: Any
    place: str


@dataclass(frozen=True, slots=True)
class LayerConfiguration:
    """What the configuration says of one layer, or of the model."""

    place: str
    precisions: Mapping[str, Precision] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Precisions of a model and its layers; all else that it says needs nothing.

    Attributes
    ----------
    model : of all layers
    layers : by name
    """

    model: LayerConfiguration
    layers: Mapping[str, LayerConfiguration]

    def precision(self, layer: str, kind: str) -> Precision | None:
        """Return the type of one kind of value of a layer; hls4ml's order of looking."""
        for given in (self.layers.get(layer), self.model):
            for each in (kind, DEFAULT):
                if given is not None and each in given.precisions:
                    return given.precisions[each]
        return None


def read_configuration(source: Mapping[str, Any] | str | os.PathLike[str]) -> Configuration:
    """Read a configuration.

    Parameters
    ----------
    source : a dictionary, or the path of a YAML file; with ``HLSConfig`` inside or without

    Raises
    ------
    Unsupported
        With every value that cannot be honoured, by its place.
    """
    tree = _from_mapping(source, "") if isinstance(source, Mapping) else _from_file(Path(source))
    reader = _Reader()
    found = reader.whole(tree)
    if reader.gaps:
        raise Unsupported(reader.gaps)
    return found


Check = Callable[[Any], bool]


def _is_one(value: Any) -> bool:
    return bool(value == 1)


def _any(value: Any) -> bool:
    return True


def _word(*words: str) -> Check:
    return lambda value: isinstance(value, str) and value.lower() in words


def _no(value: Any) -> bool:
    return value in (False, 0, None)


WITHOUT_EFFECT = (
    *("OutputDir", "ProjectName", "ProjectDir", "Part", "XilinxPart", "ClockPeriod"),
    *("ClockUncertainty", "Version", "Stamp", "KerasModel", "OnnxModel", "PytorchModel"),
    *("InputData", "OutputPredictions", "InputShape", "WriterConfig"),
)
"""Keys that say where hls4ml writes a project and for which part: they move no bit."""

WHOLE: dict[str, tuple[Check, str]] = {
    "IOType": (_word("io_parallel"), "io_parallel"),
    "Backend": (_word("vitis", "vivado"), "Vitis"),
    **dict.fromkeys(WITHOUT_EFFECT, (_any, "")),
}
"""Keys beside ``HLSConfig``, what they may be, and what to write."""

HARMLESS = ("Trace", "TraceOutput", "BramFactor", "ConvImplementation", "TableSize")
"""Keys that say how hls4ml builds or traces, and nothing about numbers of the layers here."""

SETTINGS: dict[str, tuple[Check, str]] = {
    "ReuseFactor": (_is_one, "1: everything runs in parallel"),
    "Strategy": (_word("latency"), "Latency"),
    "ParallelizationFactor": (_is_one, "1"),
    "Compression": (_no, "false"),
    **dict.fromkeys(HARMLESS, (_any, "")),
}
"""Keys of the model and of layers, beside ``Precision``."""

KINDS = (DEFAULT, "weight", "bias", "scale", "accum", "result")
"""Kinds of values that have a precision."""

UNUSED = ("table", "param", "maximum", "index")
"""Precisions that none of the layers here reads; ``maximum`` bounds auto, which is refused."""


class _Reader:
    """Collects what cannot be honoured."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []

    def whole(self, tree: Mapping[str, Setting]) -> Configuration:
        inner = tree.get("HLSConfig")
        if inner is not None:
            self._settings({k: v for k, v in tree.items() if k != "HLSConfig"}, WHOLE)
            tree = self._table(inner)
        model, layers = LayerConfiguration(""), {}
        for key, setting in tree.items():
            if key == "Model":
                model = self._layer(setting)
            elif key == "LayerName":
                named = self._table(setting)
                layers = {name: self._layer(each) for name, each in named.items()}
            elif key in WHOLE:
                self._settings({key: setting}, WHOLE)
            else:
                self._gap(setting, f"the key {key}", "Model and LayerName")
        return Configuration(model, layers)

    def _layer(self, setting: Setting) -> LayerConfiguration:
        table = dict(self._table(setting))
        precision = table.pop("Precision", None)
        self._settings(table, SETTINGS)
        return LayerConfiguration(setting.place, self._precisions(precision))

    def _precisions(self, setting: Setting | None) -> dict[str, Precision]:
        if setting is None:
            return {}
        whole = isinstance(setting.value, Mapping)
        given = self._table(setting) if whole else {DEFAULT: setting}
        found = {}
        for kind, each in given.items():
            if kind in UNUSED:
                continue
            if kind not in KINDS:
                self._gap(each, f"a precision of {kind}", ", ".join(KINDS))
                continue
            try:
                found[kind] = parse_precision(each.value)
            except BadPrecision as bad:
                self._gap(each, str(bad), bad.hint)
        return found

    def _settings(
        self, table: Mapping[str, Setting], known: Mapping[str, tuple[Check, str]]
    ) -> None:
        for key, setting in table.items():
            if key not in known:
                self._gap(setting, f"the key {key}", ", ".join(("Precision", *SETTINGS)))
            elif not known[key][0](setting.value):
                self._gap(setting, f"{key} {setting.value}", known[key][1])

    def _table(self, setting: Setting) -> Mapping[str, Setting]:
        if isinstance(setting.value, Mapping):
            return setting.value
        self._gap(setting, f"{setting.value!r} where keys are expected", "key: value")
        return {}

    def _gap(self, setting: Setting, what: str, hint: str) -> None:
        self.gaps.append(Gap(setting.place, what, hint))


def _from_mapping(source: Mapping[str, Any], place: str) -> dict[str, Setting]:
    tree = {}
    for key, value in source.items():
        here = f"{place}[{key!r}]"
        inner = _from_mapping(value, here) if isinstance(value, Mapping) else value
        tree[str(key)] = Setting(inner, here)
    return tree


MOST_BYTES = 1 << 20
"""No configuration is so long."""


def _from_file(path: Path) -> dict[str, Setting]:
    try:
        import yaml
    except ImportError as error:
        raise ExtraMissing("pyyaml", "train") from error
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path} is larger than {MOST_BYTES:,} bytes: no configuration")
        root = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidModel(f"{path} is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(root, yaml.MappingNode):
        raise InvalidModel(f"{path} holds no keys: no configuration of hls4ml")
    return _from_yaml(root, path)


def _from_yaml(root: Any, path: Path) -> dict[str, Setting]:
    """Return a tree of settings; a list or an alias of keys is no setting."""
    import yaml

    tree = {}
    for key, value in root.value:
        place = f"{path.name}, line {key.start_mark.line + 1}"
        inner: Any = "a list"
        if isinstance(value, yaml.MappingNode):
            alias = value.start_mark.index < key.start_mark.index
            inner = "an alias" if alias else _from_yaml(value, path)
        elif isinstance(value, yaml.ScalarNode):
            inner = _scalar(value)
        tree[str(key.value)] = Setting(inner, place)
    return tree


def _scalar(node: Any) -> Any:
    """Return a number or truth value as such, anything else as its text."""
    import yaml

    try:
        return yaml.SafeLoader("").construct_object(node) if node.tag in _PLAIN else node.value
    except (yaml.YAMLError, ValueError, KeyError):  # a tag that its text does not fit
        return node.value


_PLAIN = tuple(f"tag:yaml.org,2002:{each}" for each in ("int", "float", "bool", "null"))
