"""What is installed here, and what is then possible: the facts behind ``inferon doctor``."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from inferon.errors import InferonError
from inferon.measure.machine import Machine, package_version, this_machine
from inferon.targets.toolchain import version as tool_version
from inferon.version import VERSION

TOOLS = ("g++", "clang++", "cmake", "make")
PACKAGES = (
    *("numpy", "onnx", "onnxruntime", "matplotlib", "torch", "scikit-learn", "skl2onnx"),
    *("pythia8mc", "fastjet", "awkward"),
)

RUN_CPP = "run the C++ here"


@dataclass(frozen=True, slots=True)
class Part:
    """A program or a Python package.

    Attributes
    ----------
    name : as one installs it
    version : what it says of itself; None where it is absent
    """

    name: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Ability:
    """Something that one can do with Inferon.

    Attributes
    ----------
    what : in words
    verbs : the verbs of the command line that do it
    missing : what has to be installed first; empty where it is possible
    remedy : how
    """

    what: str
    verbs: str
    missing: tuple[str, ...]
    remedy: str

    @property
    def possible(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Installation:
    """A machine, its tools, and what follows from them."""

    inferon: str
    machine: Machine
    tools: tuple[Part, ...]
    packages: tuple[Part, ...]
    abilities: tuple[Ability, ...]

    @property
    def runs_cpp(self) -> bool:
        """Whether the emitted C++ can be compiled and run here: the heart of the matter."""
        return next(each.possible for each in self.abilities if each.what == RUN_CPP)


def survey() -> Installation:
    """Look at the tools and packages that are installed; none of the packages is imported."""
    tools = tuple(Part(name, _tool(name)) for name in TOOLS)
    packages = tuple(Part(name, package_version(name)) for name in PACKAGES)
    machine = this_machine()
    present = {part.name for part in (*tools, *packages) if part.version is not None}
    if machine.supported:
        present.add("a CPU of x86-64-v3 or AArch64")
    compiler = "clang++" if "clang++" in present and "g++" not in present else "g++"
    running = ("a CPU of x86-64-v3 or AArch64", compiler)
    abilities = (
        _ability(present, "load a model and write its C++", "show check compile", (), ""),
        _ability(present, RUN_CPP, "verify bench", running, "apt-get install g++, or clang"),
        _ability(
            present,
            "compare with ONNX Runtime",
            "verify bench",
            (*running, "onnxruntime"),
            "pip install 'inferon[ort]'",
        ),
        _ability(
            present,
            "the demonstration with its report",
            "demo",
            (*running, "onnxruntime", "matplotlib"),
            "pip install 'inferon[demo]'",
        ),
        _ability(
            present,
            "generate jets",
            "data",
            ("pythia8mc", "fastjet", "awkward"),
            "pip install 'inferon[physics]'",
        ),
        _ability(present, "train the taggers", "", ("torch",), "pip install 'inferon[torch]'"),
        _ability(
            present,
            "build an artefact as a CMake package",
            "",
            (compiler, "cmake", "make"),
            "apt-get install g++ cmake make",
        ),
    )
    return Installation(VERSION, machine, tools, packages, abilities)


def _ability(
    present: set[str], what: str, verbs: str, needs: tuple[str, ...], remedy: str
) -> Ability:
    missing = tuple(name for name in needs if name not in present)
    return Ability(what, verbs, missing, remedy if missing else "")


def _tool(name: str) -> str | None:
    if shutil.which(name) is None:
        return None
    try:
        return tool_version(name)
    except InferonError:
        return None
