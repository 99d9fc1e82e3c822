"""The arguments that verbs share: a model, and events for it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from inferon.analysis.samples import Samples
from inferon.errors import DataError, InvalidModel, UsageError
from inferon.interpret import arranged
from inferon.ir.graph import Graph
from inferon.ir.shape import count
from inferon.ir.values import Array
from inferon.load import load
from inferon.measure.onnxruntime_peer import OnnxRuntime
from inferon.targets.cpp import Cpp
from inferon.targets.toolchain import Compiler

if TYPE_CHECKING:
    from inferon.extension import Extension

MAX_LISTING_BYTES = 1 << 28
"""The same bound as for an ONNX file."""

MAX_DATA_BYTES = 1 << 30
"""Uncompressed bytes of all arrays in a data file; a zip file may claim any number."""

RANDOM_ELEMENTS = 1 << 22
"""Input elements of all random events together, unless a number of events is asked for."""

SEED = 0
"""Of random events, so that a second run shows the same."""

ModelPath = Annotated[
    Path, typer.Argument(metavar="MODEL", help="An .onnx file, or a listing (.inferon).")
]
BatchAxis = Annotated[
    str,
    typer.Option(
        metavar="auto|none|AXIS",
        help="Where the batch is: the shared symbolic leading size, nowhere, or that axis.",
    ),
]
Dims = Annotated[
    list[str] | None,
    typer.Option("--dim", metavar="NAME=MAX", help="Bound of a symbolic size; repeatable."),
]
Bound = Annotated[
    list[str] | None,
    typer.Option(
        "--bind",
        metavar="NAME=VALUE",
        help="Value of an input that only states a shape, axes or a condition, or of a symbolic "
        "size: axes=[1], particles=64; repeatable.",
    ),
]
ExtensionPath = Annotated[
    Path | None,
    typer.Option(
        "--extension",
        metavar="FILE.py",
        help="Operators and front-ends of your own: a Python file, which is run. Trust it.",
    ),
]
DataPath = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FILE",
        help="Events: an .npz with one array (events, ...) for each input, or a jet sample (.h5). "
        "Random events otherwise.",
    ),
]
CompilerName = Annotated[str, typer.Option("--compiler", help="g++, clang++, or a path.")]
March = Annotated[
    str, typer.Option("--march", help="Instruction set; auto is the best of this machine.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


@dataclass(frozen=True, slots=True)
class Model:
    """A model that was loaded, with where it came from.

    Attributes
    ----------
    path : the file
    graph : what it means
    bound : values of the file's inputs that the graph holds as constants
    foreign : whether a front-end of the user's read the file
    """

    path: Path
    graph: Graph
    bound: Mapping[str, object] = field(default_factory=dict)
    foreign: bool = False

    @property
    def peer(self) -> OnnxRuntime | None:
        """The same file in ONNX Runtime; None where it is no ONNX file."""
        if self.foreign or is_listing(self.path):
            return None
        return OnnxRuntime(self.path, self.graph, bound=self.bound)


def open_model(
    path: Path,
    batch_axis: str = "auto",
    dims: list[str] | None = None,
    bind: list[str] | None = None,
    extension: Path | None = None,
) -> Model:
    """Load a model from an ONNX file, a listing, or what a user's own front-end reads.

    Raises
    ------
    InvalidModel, Unsupported, ListingError
        When the file cannot be loaded.
    UsageError
        When the options make no sense.
    """
    own = opened_extension(extension)
    if own is not None and own.frontend_for(path):
        return Model(path, load(path, extension=own), foreign=True)
    if is_listing(path):
        return Model(path, _read_listing(path))
    axis, bound = read_axis(batch_axis), read_bound(bind)
    graph = load(path, batch_axis=axis, dims=read_dims(dims), bind=bound, extension=own)
    return Model(path, graph, bound)


def opened_extension(path: Path | None) -> Extension | None:
    """Return the extension of a file of the user; None without one.

    Raises
    ------
    UsageError
        When the file holds none.
    """
    if path is None:
        return None
    from inferon.extension import read_extension  # loads the ONNX front-end

    return read_extension(path)


def is_listing(path: Path) -> bool:
    """Return whether a file is a listing, by its name."""
    return path.suffix == ".inferon"


def read_axis(text: str) -> int | str | None:
    """Read ``--batch-axis``."""
    if text == "none":
        return None
    if text == "auto":
        return text
    if not text.isascii() or not text.isdigit():
        raise UsageError(f"--batch-axis is {text!r}: give auto, none, or the number of an axis")
    return int(text)


def read_dims(texts: list[str] | None) -> dict[str, int]:
    """Read ``--dim NAME=MAX`` options."""
    dims = {}
    for text in texts or ():
        name, equals, number = text.rpartition("=")
        if not (equals and name and number.isascii() and number.isdigit()):
            raise UsageError(f"--dim is {text!r}: give NAME=MAX, for example particles=64")
        dims[name] = int(number)
    return dims


def read_bound(texts: list[str] | None) -> dict[str, object]:
    """Read ``--bind NAME=VALUE`` options; a value is a number, true, false, or a JSON list."""
    values = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        try:
            if not (equals and name):
                raise ValueError
            values[name] = json.loads(value)
        except (ValueError, RecursionError):
            raise UsageError(
                f"--bind is {text!r}: give NAME=VALUE, for example axes=[1] or k=3"
            ) from None
    return values


def cpp(compiler: str, march: str, name: str = "") -> Cpp:
    """Return the C++ target for the options of a verb."""
    return Cpp(name=name, compiler=Compiler(command=compiler, march=march))


def sensible_events(graph: Graph, most: int) -> int:
    """Return how many random events to take: fewer than ``most`` where one event is large."""
    elements = sum(count(node.type.shape) for node in graph.inputs)
    return max(1, min(most, RANDOM_ELEMENTS // max(1, elements)))


def read_events(graph: Graph, data: Path | None, events: int, *, special: bool) -> list[Array]:
    """Return events for a graph.

    Parameters
    ----------
    graph : the model
    data : an ``.npz`` or ``.npy`` file, or a jet sample; None for random events
    events : at most so many
    special : whether random events hold NaN, infinities and subnormals

    Raises
    ------
    DataError
        When the file does not hold events of the graph.
    UsageError
        When fewer than one event is asked for.
    """
    if events < 1:
        raise UsageError(f"--events is {events}: at least one event is needed")
    if data is None:
        return list(Samples(events, seed=SEED, special=special).draw(graph))
    arrays = _jets(graph, data) if _is_hdf5(data) else _read_arrays(graph, data)
    return [array[:events] for array in arranged(graph, arrays)]


def _read_listing(path: Path) -> Graph:
    from inferon.ops.vocabulary import parse_listing

    try:
        if path.stat().st_size > MAX_LISTING_BYTES:
            raise InvalidModel(f"{path} is larger than {MAX_LISTING_BYTES:,} bytes: no listing")
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise InvalidModel(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidModel(f"{path} is no listing: byte {error.start} is not ASCII") from error
    return parse_listing(text)


def _read_arrays(graph: Graph, path: Path) -> dict[str, Array] | Array:
    """Return the arrays of a file that are inputs of the graph; never unpickles."""
    try:
        _refuse_bomb(path)
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded as archive:
            return _chosen(graph, {name: archive[name] for name in archive.files}, path)
    except (OSError, EOFError, ValueError, KeyError, MemoryError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} holds no arrays that can be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if "allow_pickle" in str(error):
        return "it holds Python objects, which are not read; save numbers of one dtype"
    text = (str(error).splitlines() or [type(error).__name__])[0]
    return getattr(error, "strerror", None) or text


def _refuse_bomb(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        size = path.stat().st_size
    else:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    if size > MAX_DATA_BYTES:
        raise DataError(f"{path} holds {size:,} bytes, above the limit of {MAX_DATA_BYTES:,}")


def _chosen(graph: Graph, arrays: dict[str, Array], path: Path) -> dict[str, Array] | Array:
    """Return what the graph takes; a single array needs no name, other arrays may lie beside."""
    theirs = dict(graph.renamed)
    names = [theirs.get(name, name) for name in graph.input_names]
    if len(arrays) == len(names) == 1:
        return next(iter(arrays.values()))
    missing = [name for name in names if name not in arrays]
    if missing:
        raise DataError(
            f"{path} holds the arrays {sorted(arrays)}; the inputs {missing} are missing"
        )
    return {name: arrays[name] for name in names}


def _is_hdf5(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(8) == b"\x89HDF\r\n\x1a\n"
    except OSError:
        return False  # numpy's reader says why


def _jets(graph: Graph, path: Path) -> Array:
    """Return what the model takes of each jet of a sample."""
    from inferon.physics.sample import load_jets
    from inferon.report.model_inputs import model_inputs

    return model_inputs(graph, load_jets(path))
