"""Results as JSON values: frozen dataclasses become objects, what JSON cannot say becomes null."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite
from pathlib import PurePath
from typing import Any

import numpy as np

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


def as_json(value: Any) -> Json:
    """Return a value that ``json.dumps`` takes.

    Parameters
    ----------
    value : dataclasses, mappings with text keys, sequences, numpy arrays and scalars, paths, text,
        members of enumerations (their names), numbers; not-a-number and infinity become None

    Raises
    ------
    TypeError
        For anything else: a result that cannot be written is a mistake in the program.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: as_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    if isinstance(value, np.ndarray | np.generic):
        return as_json(value.tolist())
    if isinstance(value, float):
        return value if isfinite(value) else None
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no spelling in JSON")
