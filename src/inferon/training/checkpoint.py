"""The state of a training run after an epoch, in one file that holds tensors and numbers only."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from inferon.errors import DataError
from inferon.whole_file import write_whole


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state; the file is replaced whole or not at all.

    Parameters
    ----------
    path : file to write or to replace
    state : tensors, numbers, text, and dicts and lists of them

    Raises
    ------
    OutputError
        The file cannot be written there.
    """
    content = io.BytesIO()
    torch.save(dict(state), content)
    write_whole(path, content.getvalue())


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Read a state; no object is unpickled.

    Returns
    -------
    The state, on the CPU; None where there is no file.

    Raises
    ------
    DataError
        The file is no checkpoint, or a damaged one.
    """
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.PickleError) as error:
        raise DataError(
            f"{path} is no checkpoint that can be read ({_first_line(error)}); "
            "delete the folder to train from the start"
        ) from error
    if not isinstance(state, dict):
        raise DataError(f"{path} holds no checkpoint; delete the folder to train from the start")
    return state


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
