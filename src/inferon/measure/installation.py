"""What is installed here, and what is then possible: the facts behind ``inferon doctor``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from inferon.errors import InferonError
from inferon.measure.machine import Machine, package_version, this_machine
from inferon.targets.hls import headers as hls
from inferon.targets.hls.dialect import SPELLINGS, Spelling
from inferon.targets.rtl import yosys
from inferon.targets.rtl.design import Language
from inferon.targets.rtl.simulators import REMEDIES, SIMULATORS
from inferon.targets.toolchain import version as tool_version
from inferon.version import VERSION

TOOLS = ("g++", "clang++", "cmake", "make")
PACKAGES = (
    *("numpy", "onnx", "onnxruntime", "matplotlib", "torch", "scikit-learn", "skl2onnx"),
    *("pythia8mc", "fastjet", "awkward"),
)

CPU = "a CPU of x86-64-v3 or AArch64"
RUN_CPP = "run the C++ here"
YOSYS = "Yosys"


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
    tools = (
        *(Part(name, _tool(name)) for name in TOOLS),
        *_simulators(),
        _yosys(),
        *_hls_headers(),
    )
    packages = tuple(Part(name, package_version(name)) for name in PACKAGES)
    machine = this_machine()
    present = {part.name for part in (*tools, *packages) if part.version is not None}
    if machine.supported:
        present.add(CPU)
    compiler = "clang++" if "clang++" in present and "g++" not in present else "g++"
    abilities = (*_on_cpus(present, compiler), *_on_fpgas(present), *_with_physics(present))
    return Installation(VERSION, machine, tools, packages, abilities)


def _on_cpus(present: set[str], compiler: str) -> tuple[Ability, ...]:
    running = (CPU, compiler)
    return (
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
            "build an artefact as a CMake package",
            "",
            (compiler, "cmake", "make"),
            "apt-get install g++ cmake make",
        ),
    )


def _on_fpgas(present: set[str]) -> tuple[Ability, ...]:
    return (
        _ability(present, "quantize a model and write its firmware", "quantize compile", (), ""),
        *(_simulating(present, language) for language in Language),
        _ability(
            present, "count the cells of firmware", "", (YOSYS,), f"pip install {yosys.PIP_NAME}"
        ),
        *(
            _ability(
                present,
                f"run C++ for synthesis with {each.header} here",
                "",
                ("g++", each.header),
                f"name its folder in {hls.VARIABLE}, or pip install 'inferon[hls]'",
            )
            for each in SPELLINGS.values()
        ),
    )


def _simulating(present: set[str], language: Language) -> Ability:
    """Return whether one simulator of a language is here; none is missing where another is."""
    names = [each.name for each in SIMULATORS if each.language is language]
    found = [name for name in names if name in present]
    needed = (found[0] if found else " or ".join(names),)
    return _ability(present, f"run {language.title} here", "", needed, REMEDIES[language])


def _with_physics(present: set[str]) -> tuple[Ability, ...]:
    return (
        _ability(
            present,
            "generate jets",
            "data",
            ("pythia8mc", "fastjet", "awkward"),
            "pip install 'inferon[physics]'",
        ),
        _ability(present, "train the taggers", "", ("torch",), "pip install 'inferon[torch]'"),
    )


def _ability(
    present: set[str], what: str, verbs: str, needs: tuple[str, ...], remedy: str
) -> Ability:
    missing = tuple(name for name in needs if name not in present)
    return Ability(what, verbs, missing, remedy if missing else "")


def _tool(name: str) -> str | None:
    return _version(lambda: tool_version(name)) if shutil.which(name) else None


def _simulators() -> tuple[Part, ...]:
    return tuple(
        Part(each.name, _version(each.version) if each.available() else None)
        for each in SIMULATORS
    )


def _yosys() -> Part:
    return Part(YOSYS, _version(lambda: yosys.find_yosys().version))


def _hls_headers() -> tuple[Part, ...]:
    """Return the number types of each dialect of C++ for synthesis, and where they are."""
    return tuple(Part(each.header, _version(_folder_of(each))) for each in SPELLINGS.values())


def _folder_of(spelling: Spelling) -> Callable[[], str]:
    return lambda: str(hls.headers(spelling))


def _version(ask: Callable[[], str]) -> str | None:
    """Return what a tool says of itself; None where it is absent or broken."""
    try:
        return ask()
    except InferonError:
        return None
