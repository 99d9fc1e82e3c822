"""Runs the command line in this process, as ``inferon`` would; the files that tests share."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from inferon.cli.main import main
from tests.docs.markdown import ROOT

SHIPPED = ROOT / "src" / "inferon" / "data"
JETS = SHIPPED / "jets20k.h5"
JETS_MLP = SHIPPED / "models" / "jets_mlp.onnx"
MODELS = ROOT / "benchmarks" / "models"
MLP = MODELS / "a_mlp12.onnx"

HEAR_CTRL_C = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
"""For a process to be interrupted: one whose parent runs in the background ignores Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Ran:
    """The exit code and the two streams of one run."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What stdout holds, which has to be one JSON document."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The command line with its streams caught."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: object) -> Ran:
        """Run one verb."""
        self.capsys.readouterr()
        code = main([str(word) for word in words])
        caught = self.capsys.readouterr()
        return Ran(code, caught.out, caught.err)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
