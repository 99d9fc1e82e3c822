"""Peers that write code for one event, which is compiled here: onnx2c in C, SOFIE in C++."""

from __future__ import annotations

import ctypes
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from inferon.bench.peers import ONNX2C, SOFIE, Absent, Contestant, difference
from inferon.errors import ToolError
from inferon.ir.values import Array
from inferon.targets.cpp.library import pointer
from inferon.targets.toolchain import run

NO_ONNX2C = "not installed: build it as its README says, and give --onnx2c"
NO_SOFIE = "not installed: pip install sofie, here or for another Python that --sofie names"

FORMS = (("-march=native",), ("-march=native", "-ffast-math"))
"""The faster one counts, also where it gives the order of sums away, as ours never does."""

OPTIONS = ("-O3", "-w", "-c", "-fPIC")
"""For code that does not compile without warnings."""


@dataclass(frozen=True, slots=True)
class Language:
    """How generated code is compiled.

    Attributes
    ----------
    compiler : the command
    options : beside those of every peer
    libraries : that it needs
    """

    compiler: str
    options: tuple[str, ...]
    libraries: tuple[str, ...]


C = Language("gcc", ("-std=gnu11",), ("-lm",))
CPP = Language("g++", ("-std=c++20", "-fno-gnu-unique"), ("-lopenblas",))
"""Every model has the same name here: a unique symbol would be that of the model before."""


def onnx2c_contestants(
    program: str, folder: Path, stem: str, x: Array, y: Array
) -> Iterator[Contestant | Absent]:
    """Yield the C code that onnx2c writes for one event, compiled in two ways.

    Parameters
    ----------
    program : onnx2c, by its name or path
    folder, stem : where the file with batch 1 is
    x, y : one event and its result, shape (1, ...)
    """
    if shutil.which(program) is None:
        yield Absent(ONNX2C, NO_ONNX2C)
        return
    try:
        source = run([program, str((folder / f"{stem}.static1.onnx").resolve())])
        for form in FORMS:
            with tempfile.TemporaryDirectory() as name:
                (Path(name) / "model.c").write_text(source)
                library = _compiled(Path(name), "model.c", form, C)
            yield _contestant(ONNX2C, library, " ".join(form), x, y)
    except ToolError as error:
        yield Absent(ONNX2C, reason(error))


def sofie_contestants(
    python: str, folder: Path, stem: str, x: Array, y: Array
) -> Iterator[Contestant | Absent]:
    """Yield the C++ code that SOFIE writes for one event, compiled in two ways.

    Its products are those of OpenBLAS, on one thread; its result goes into an array of ours, so
    that it need not allocate one in each call.

    Parameters
    ----------
    python : a Python that has SOFIE's package, by its name or path
    folder, stem : where the file with batch 1 is
    x, y : one event and its result, shape (1, ...)
    """
    version = sofie_version(python)
    if version is None:
        yield Absent(SOFIE, NO_SOFIE)
        return
    try:
        with tempfile.TemporaryDirectory() as name:
            here = Path(name)
            shutil.copy(folder / f"{stem}.static1.onnx", here / "model.onnx")
            run([python, "-c", _GENERATE], here)
            (here / "entry.cpp").write_text(_ENTRY)
            for form in FORMS:
                library = _compiled(here, "entry.cpp", form, CPP)
                _read_weights(library, here / "model.dat")
                told = ", ".join((f"SOFIE {version}", _openblas(library), " ".join(form)))
                yield _contestant(SOFIE, library, told, x, y)
    except ToolError as error:
        yield Absent(SOFIE, reason(error))


@cache
def sofie_version(python: str) -> str | None:
    """Return the version of SOFIE's package that a Python has; None where it has none."""
    if shutil.which(python) is None:
        return None
    try:
        return run([python, "-c", _VERSION]).strip()
    except ToolError:
        return None


_VERSION = "import sofie; print(sofie.__version__)"

_GENERATE = """import sofie

model = sofie.onnx.parse("model.onnx")
model.generate()
model.output_generated("model.hxx")
"""
"""Another process: a parser that aborts must not end ours.  Its namespace is SOFIE_model."""

_ENTRY = """#include "model.hxx"

extern "C" void openblas_set_num_threads(int count);

// Lives as long as the library.
static SOFIE_model::Session* session;

// Returns what is wrong with the file of weights, nothing if they were read.
extern "C" const char* read_weights(const char* file) {
  static std::string wrong;
  openblas_set_num_threads(1);
  try {
    session = new SOFIE_model::Session(file);
    return nullptr;
  } catch (const std::exception& error) {
    wrong = error.what();
    return wrong.c_str();
  }
}

extern "C" void entry(const void* x, void* y) {
  SOFIE_model::doInfer(*session, static_cast<const float*>(x), static_cast<float*>(y));
}
"""

_CALLS = """#include <stddef.h>
#include <time.h>

void entry(const void* x, void* y);

// Fills ns[bursts] with the time of one call, each a mean of repeats.
void time_calls(const void* x, void* y, size_t repeats, size_t bursts, double* ns) {
  for (size_t burst = 0; burst < bursts; ++burst) {
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (size_t i = 0; i < repeats; ++i) entry(x, y);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double taken = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
    ns[burst] = taken / (double)repeats;
  }
}
"""


def _read_weights(library: ctypes.CDLL, file: Path) -> None:
    function = library["read_weights"]
    function.restype = ctypes.c_char_p
    wrong = function(str(file).encode())
    if wrong is not None:
        raise ToolError(f"error: its weights are not read: {wrong.decode()}")


def _openblas(library: ctypes.CDLL) -> str:
    """Return the name and version of the OpenBLAS that a library was linked with."""
    function = library["openblas_get_config"]
    function.restype = ctypes.c_char_p
    return " ".join(function().decode().split()[:2])


def _contestant(
    name: str, library: ctypes.CDLL, form: str, x: Array, y: Array
) -> Contestant | Absent:
    found = np.zeros_like(y)
    function = library["time_calls"]
    function.restype = None

    def time_ns(repeats: int, bursts: int) -> Array:
        times = np.zeros(bursts)
        counts = (ctypes.c_size_t(repeats), ctypes.c_size_t(bursts))
        function(pointer(x), pointer(found), *counts, pointer(times))
        return times

    time_ns(1, 1)
    wrong = difference(found, y)
    return Contestant(name, form, time_ns) if wrong is None else Absent(name, wrong)


def _compiled(folder: Path, source: str, form: tuple[str, ...], language: Language) -> ctypes.CDLL:
    """Return the library of a peer's code, which defines ``entry``.

    It is linked without its options: gcc 12 links -ffast-math with a start that turns subnormal
    numbers off for the whole process, also for us and for the other peers.
    """
    (folder / "calls.c").write_text(_CALLS)
    run([C.compiler, *C.options, *OPTIONS, "calls.c"], folder)
    options = (*language.options, *OPTIONS, *form)
    run([language.compiler, *options, source, "-o", "model.o"], folder)
    library = f"model{len(form)}.so"  # a loader takes the library that it has under a path
    objects = ("model.o", "calls.o")
    run([language.compiler, "-shared", "-o", library, *objects, *language.libraries], folder)
    return ctypes.CDLL(str(folder / library))


WRONG = re.compile(r"(?:\[Fatal\] \(\w+\)|[Ee]rror:|what\(\):|ld:) +(.*)")
"""How all of them begin to say it: onnx2c, compilers, Python, C++ that aborts, the linker."""

LETTERS = 160
"""Of a reason, for the table."""


def reason(error: ToolError) -> str:
    """Return what a generator, or the compiler of its code, says is wrong."""
    told = WRONG.search(str(error))
    if told:
        return told[1][:LETTERS]
    tool = error.command[0] if error.command else ""
    return str(error).splitlines()[0].replace(tool, Path(tool).name)[:LETTERS]
