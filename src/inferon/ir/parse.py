"""Reading listings: text to an equal graph, or one `ListingError` with the number of the line.

The reader knows no operator.  It is given a vocabulary, from spelling to class, and reads each
attribute by the annotation of the class's field.  Nothing is evaluated; what a listing may hold is
bounded by its own length.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from math import prod
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import numpy as np

from inferon.errors import InvalidGraph, ListingError
from inferon.ir.attribute import attribute_types, is_element, told_by_type
from inferon.ir.graph import Graph
from inferon.ir.node import ORIGIN, Node, Op
from inferon.ir.shape import Dim, Size, Tensor
from inferon.ir.types import parse_element
from inferon.ir.values import Array, Values, storage

MAX_NESTING = 16
"""Brackets may be nested so deep."""

_SIZE = re.compile(r"(?P<dim>[a-z][a-z0-9_]*)<=(?P<max>\d+)|(?P<size>\d+)")
_HEAD = re.compile(r"(?:graph|body (?P<key>@\d+)) (?P<name>[A-Za-z_]\w*)", re.ASCII)
_LINE = re.compile(
    r"(?P<key>%\d+): *(?P<type>\S+) *= (?P<op>[a-z]\w*)\((?P<arguments>.*)\)", re.ASCII
)
_RESULT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<key>%\d+)", re.ASCII)
_CONSTANT = re.compile(
    r"\$(?P<key>[0-9a-f]+) (?P<dtype>\S+) (?P<shape>scalar|\d+(?:x\d+)*) ?(?P<data>.*)"
)
_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<mark>[()\[\],=])|(?P<word>(?:[^\s()\[\],="]|(?<=<)=)+))'
)
_DTYPES = ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8")


def parse(text: str, vocabulary: Mapping[str, type[Op]]) -> Graph:
    """Read a listing that ``show(graph, constants=True)`` printed.

    Parameters
    ----------
    text : the listing
    vocabulary : operator classes by their spelling

    Returns
    -------
    A graph that is equal to the printed one, with the same origins.

    Raises
    ------
    ListingError
        At the first line that makes no sense, with its number.
    """
    lines = [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    reader = _Reader(vocabulary, _constants(lines))
    for number, line in lines:
        if line == "constants":
            break
        with _at(number):
            reader.read(line)
    return reader.finished(lines[-1][0] if lines else 1)


@contextmanager
def _at(number: int) -> Iterator[None]:
    """Turn whatever is wrong with a line into a `ListingError`."""
    try:
        yield
    except ListingError:
        raise
    except InvalidGraph as error:
        raise ListingError(str(error), line=number) from error


def _require(condition: object, message: str) -> None:
    if not condition:
        raise InvalidGraph(message, rule="listing")


@dataclass(slots=True)
class _Block:
    """A graph or body whose lines are being read."""

    key: str | None
    name: str
    nodes: dict[str, Node] = field(default_factory=dict)

    def node(self, key: str) -> Node:
        _require(key in self.nodes, f"{key} is used before it is defined")
        return self.nodes[key]


@dataclass(slots=True)
class _Reader:
    """What has been read so far."""

    vocabulary: Mapping[str, type[Op]]
    constants: Mapping[str, Values]
    bodies: dict[str, Graph] = field(default_factory=dict)
    block: _Block | None = None
    graph: Graph | None = None

    def read(self, line: str) -> None:
        """Read one line."""
        _require(
            self.graph is None, f"nothing but constants may follow the graph, not {_cut(line)}"
        )
        head = _HEAD.fullmatch(line)
        if head is not None:
            _require(self.block is None, "a new block begins before the last one returned")
            _require(head["key"] not in self.bodies, f"body {head['key']} is defined twice")
            self.block = _Block(head["key"], head["name"])
        elif self.block is None:
            raise InvalidGraph(f"expected 'graph NAME' or 'body @0 NAME', not {_cut(line)}")
        elif line.startswith("return "):
            self._return(self.block, line.removeprefix("return "))
        else:
            self._node(self.block, line)

    def finished(self, last: int) -> Graph:
        """Return the graph."""
        if self.graph is None:
            what = "the listing ends before a graph returns its outputs"
            raise ListingError(what, line=last)
        return self.graph

    def _return(self, block: _Block, text: str) -> None:
        results = [_RESULT.fullmatch(each.strip()) for each in text.split(",")]
        _require(all(results), f"expected 'return name=%0, ...', not 'return {_cut(text)}'")
        found = [each for each in results if each is not None]
        outputs = tuple(block.node(each["key"]) for each in found)
        inputs = tuple(node for node in block.nodes.values() if node.op.spelling() == "input")
        graph = Graph(block.name, inputs, outputs, tuple(each["name"] for each in found))
        self.block = None
        if block.key is None:
            self.graph = graph
        else:
            self.bodies[block.key] = graph

    def _node(self, block: _Block, line: str) -> None:
        code, origin = _split_comment(line)
        match = _LINE.fullmatch(code)
        if match is None:
            raise InvalidGraph(f"expected '%0: type = operator(...)', not {_cut(line)}")
        key = match["key"]
        _require(key not in block.nodes, f"{key} is defined twice")
        kind = self.vocabulary.get(match["op"])
        if kind is None:
            raise InvalidGraph(f"{match['op']!r} is no operator of this vocabulary")
        type_ = parse_tensor(match["type"])
        inputs, given = _arguments(match["arguments"])
        op = self._op(kind, given, type_)
        node = Node(op, tuple(block.node(each) for each in inputs), origin)
        _require(node.type == type_, f"{key} is a {node.type}, not the {type_} that the line says")
        block.nodes[key] = node

    def _op(self, kind: type[Op], given: dict[str, _Tree], type_: Tensor) -> Op:
        annotations = attribute_types(kind)
        values = {name: told_by_type(each, type_) for name, each in annotations.items()}
        if list(given) == [""]:
            open_names = [name for name, value in values.items() if value is None]
            _require(len(open_names) == 1, f"{kind.spelling()} needs the names of its attributes")
            given = {open_names[0]: given[""]}
        for name, tree in given.items():
            _require(name in annotations, f"{kind.spelling()} has no attribute {name!r}")
            values[name] = self._value(annotations[name], tree, type_)
        missing = [n for n, value in values.items() if value is None and n not in given]
        _require(not missing, f"{kind.spelling()} lacks the attributes {missing}")
        try:
            return kind(**values)
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidGraph(f"{kind.spelling()}: {error}") from error

    def _value(self, annotation: Any, tree: _Tree, type_: Tensor) -> Any:
        """Return an attribute's value, read by the annotation of its field."""
        if annotation is Values:
            return self._constant(tree, type_)
        if annotation is Graph:
            word = _word(tree, "a body")
            _require(word in self.bodies, f"{word} is no body of this listing")
            return self.bodies[word]
        return _plain(annotation, tree)

    def _constant(self, tree: _Tree, type_: Tensor) -> Values:
        if isinstance(tree, str) and tree.startswith("$"):
            _require(tree[1:] in self.constants, f"{tree} is not among the constants")
            return self.constants[tree[1:]]
        numbers: list[Any] = []
        shape = _nested(tree, _number_reader(storage(type_.element)), numbers)
        array = np.empty(len(numbers), storage(type_.element))
        try:
            array[:] = numbers
        except (OverflowError, ValueError) as error:
            raise InvalidGraph(f"a constant of {type_.element}: {error}") from error
        return Values(array.reshape(shape))


# ------------------------------------------------------------------------------------------ pieces

_Tree = str | list[Any]
"""A word, or what stands between brackets: the kind of bracket, then trees."""


def _cut(text: str) -> str:
    """Return a piece of text for a message."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _split_comment(line: str) -> tuple[str, str]:
    """Split a line into code and the origin behind ``#``."""
    head, mark, tail = line.rpartition(" # ")
    return (head.rstrip(), tail.strip()) if mark and ORIGIN.fullmatch(tail.strip()) else (line, "")


def parse_tensor(text: str) -> Tensor:
    """Read a type as ``str`` prints it: ``particles<=64x16xf32``."""
    sizes: list[Size] = []
    position = 0
    while (match := _SIZE.match(text, position)) is not None and text[match.end() :][:1] == "x":
        sizes.append(_size(match))
        position = match.end() + 1
    return Tensor(tuple(sizes), parse_element(text[position:]))


def _size(match: re.Match[str]) -> Size:
    bound = match["size"] or match["max"]
    _require(len(bound) <= 12, f"the size {_cut(bound)} is too large")
    return int(bound) if match["size"] else Dim(match["dim"], int(bound))


def _arguments(text: str) -> tuple[list[str], dict[str, _Tree]]:
    """Split ``%0, %1, axis=2`` into inputs and attributes; a missing name is ``""``."""
    inputs: list[str] = []
    given: dict[str, _Tree] = {}
    tokens = _tokens(text)
    while tokens:
        tree, name = _tree(tokens, 0), ""
        if tokens and tokens[-1] == "=":
            tokens.pop()
            name, tree = _word(tree, "a name"), _tree(tokens, 0)
        if not name and isinstance(tree, str) and tree.startswith("%"):
            _require(not given, "inputs stand before attributes")
            inputs.append(tree)
        else:
            _require(name not in given and (name or not given), f"attribute {name!r} stands twice")
            given[name] = tree
        if tokens:
            _require(tokens.pop() == "," and tokens, "arguments are separated by commas")
    _require("" not in given or (len(given) == 1 and not inputs), "an attribute lacks its name")
    return inputs, given


def _tokens(text: str) -> list[str]:
    """Return the words, strings and marks of a line, last first."""
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise InvalidGraph(f"cannot read {_cut(text[position:])}")
        tokens.append(match[match.lastgroup or 0])
        position = match.end()
    return tokens[::-1]


def _tree(tokens: list[str], depth: int) -> _Tree:
    """Take one word, or one bracket with all that it holds, from the tokens."""
    _require(tokens, "the line ends too early")
    _require(depth < MAX_NESTING, f"brackets are nested deeper than {MAX_NESTING}")
    token = tokens.pop()
    if token not in ("(", "["):
        _require(token not in (")", "]", ",", "="), f"{token!r} stands in the wrong place")
        return token
    parts: list[Any] = [token]
    end = ")" if token == "(" else "]"
    while tokens and tokens[-1] != end:
        parts.append(_tree(tokens, depth + 1))
        if token == "(" and tokens and tokens[-1] != end:
            _require(tokens.pop() == ",", "a tuple is separated by commas")
    _require(tokens, f"a bracket {token!r} is not closed")
    tokens.pop()
    return parts


def _word(tree: _Tree, what: str) -> str:
    if not isinstance(tree, str):
        raise InvalidGraph(f"expected {what}, not a bracket")
    return tree


def _plain(annotation: Any, tree: _Tree) -> Any:
    """Return a value that needs neither constants nor bodies."""
    options = get_args(annotation)
    if is_element(annotation):
        return _checked(parse_element(_word(tree, "an element type")), options or (annotation,))
    if annotation is Tensor:
        return parse_tensor(_word(tree, "a type"))
    if get_origin(annotation) is tuple and options[1:] == (...,):
        parts = _parts(tree)
        return tuple(_plain(options[0], each) for each in parts)
    if get_origin(annotation) is tuple:
        parts = _parts(tree)
        _require(len(parts) == len(options), f"expected {len(options)} values, not {len(parts)}")
        return tuple(_plain(each, part) for each, part in zip(options, parts, strict=True))
    if get_origin(annotation) in (Union, UnionType):
        return _one_of(options, _word(tree, "a value"))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        word = _word(tree, "a name")
        names = {member.name.lower(): member for member in annotation}
        _require(word in names, f"{_cut(word)} is none of {', '.join(names)}")
        return names[word]
    reader = _SCALARS.get(annotation)
    if reader is None:
        raise InvalidGraph(f"attributes of type {annotation} cannot be read")
    return reader(_word(tree, "a value"))


def _parts(tree: _Tree) -> list[Any]:
    if isinstance(tree, str) or tree[0] != "(":
        raise InvalidGraph("expected a tuple (.., ..)")
    return tree[1:]


def _checked(element: Any, options: tuple[Any, ...]) -> Any:
    _require(isinstance(element, options), f"{element} is not allowed here")
    return element


def _one_of(options: tuple[Any, ...], word: str) -> Any:
    """Read a word by the first option that fits: ``int | Dim``, ``float | None``."""
    if NoneType in options and word == "none":
        return None
    for each in options:
        reader = _SCALARS.get(each)
        try:
            if reader is not None:
                return reader(word)
        except InvalidGraph:
            continue
    raise InvalidGraph(f"{_cut(word)} fits none of {options}")


def _integer(word: str) -> int:
    _require(re.fullmatch(r"-?[0-9]{1,1300}", word), f"{_cut(word)} is no integer")
    return int(word)


def _real(word: str) -> float:
    _require(
        re.fullmatch(r"-?(inf|nan|[0-9.]+(e[-+]?[0-9]+)?)", word), f"{_cut(word)} is no number"
    )
    try:
        return float(word)
    except ValueError as error:
        raise InvalidGraph(f"{_cut(word)} is no number") from error


def _truth(word: str) -> bool:
    _require(word in ("true", "false"), f"{_cut(word)} is neither true nor false")
    return word == "true"


def _string(word: str) -> str:
    try:
        text = json.loads(word)
    except ValueError as error:
        raise InvalidGraph(f"{_cut(word)} is no quoted text") from error
    _require(isinstance(text, str), f"{_cut(word)} is no quoted text")
    return str(text)


def _dimension(word: str) -> Dim:
    match = _SIZE.fullmatch(word)
    size = None if match is None else _size(match)
    if not isinstance(size, Dim):
        raise InvalidGraph(f"{_cut(word)} is no dimension like particles<=64")
    return size


_SCALARS: Mapping[Any, Callable[[str], Any]] = {
    bool: _truth,
    int: _integer,
    float: _real,
    str: _string,
    Dim: _dimension,
}


# --------------------------------------------------------------------------------------- constants


def _number_reader(dtype: np.dtype[Any]) -> Callable[[str], Any]:
    if dtype.kind == "f":
        return lambda word: dtype.type(_real(word))
    return _truth if dtype.kind == "b" else _integer


def _nested(tree: _Tree, read: Callable[[str], Any], numbers: list[Any]) -> tuple[int, ...]:
    """Collect the numbers of nested brackets, and return their shape."""
    if isinstance(tree, str):
        numbers.append(read(tree))
        return ()
    _require(tree[0] == "[" and len(tree) > 1, "a constant is written [1.0 2.0]")
    shapes = {_nested(each, read, numbers) for each in tree[1:]}
    _require(len(shapes) == 1, "the rows of a constant differ in length")
    return (len(tree) - 1, *shapes.pop())


def _constants(lines: list[tuple[int, str]]) -> dict[str, Values]:
    """Read the section of constants, which stands last."""
    found: dict[str, Values] = {}
    heads = [i for i, (_, line) in enumerate(lines) if line == "constants"]
    for number, line in lines[heads[0] + 1 :] if heads else []:
        with _at(number):
            match = _CONSTANT.fullmatch(line)
            if match is None:
                raise InvalidGraph(f"expected '$digest dtype shape data', not {_cut(line)}")
            values = Values(_array(match["dtype"], match["shape"], match["data"]))
            right = values.digest.startswith(match["key"]) and match["key"] not in found
            _require(right, f"${match['key']} stands twice, or its data have another digest")
            found[match["key"]] = values
    return found


def _array(dtype: str, shape_text: str, data: str) -> Array:
    sizes = [] if shape_text == "scalar" else shape_text.split("x")
    _require(all(len(size) <= 12 for size in sizes) and len(sizes) <= 32, "the shape is too large")
    shape = tuple(int(size) for size in sizes)
    if dtype == "object":
        whole = np.array([_integer(word) for word in data.split()], object)
        flat: Array = whole
    else:
        _require(dtype in _DTYPES, f"{_cut(dtype)} is none of {', '.join(_DTYPES)}, object")
        flat = _decoded(data, dtype)
    _require(flat.size == prod(shape), f"{flat.size} values do not fill the shape {shape_text}")
    return flat.reshape(shape)


def _decoded(data: str, dtype: str) -> Array:
    try:
        return np.frombuffer(base64.b64decode(data, validate=True), dtype)
    except (binascii.Error, ValueError) as error:
        raise InvalidGraph(f"the bytes of a constant cannot be read: {error}") from error
