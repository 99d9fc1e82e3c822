"""From a path to a parsed message, and what the file is when it is no ONNX model."""

from __future__ import annotations

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from inferon.errors import InvalidModel
from inferon.frontends.files import regular_file
from inferon.frontends.naming import label
from inferon.frontends.onnx.limits import MAX_DEPTH, MAX_FILE_BYTES

_MAGIC = (
    (
        b"PK\x03\x04",
        "a zip archive: unpack it, or export the model to ONNX if it is a torch or Keras file",
    ),
    (b"\x1f\x8b", "gzip data: unpack it first"),
    (b"\x89HDF", "an HDF5 file, such as Keras writes: export the model to ONNX"),
    (
        b"\x80\x02",
        "a Python pickle, which is never read from an untrusted source: export the model to ONNX",
    ),
    (
        b"\x80\x04",
        "a Python pickle, which is never read from an untrusted source: export the model to ONNX",
    ),
)


def file_bytes(path: Path) -> bytes:
    """Return the bytes of a model file, below the limit."""
    name = f"the model {label(path.name)}"
    with regular_file(path, name) as (file, size):
        if size > MAX_FILE_BYTES:
            limit = f"above the limit of {MAX_FILE_BYTES >> 20} MB"
            raise InvalidModel(f"{name} has {size >> 20} MB, {limit}")
        return file.read(MAX_FILE_BYTES)


def parsed(data: bytes, name: str) -> onnx.ModelProto:
    """Return the message that the bytes are, or raise what they are instead."""
    if not data:
        raise InvalidModel(f"the model {name} is empty")
    for magic, what in _MAGIC:
        if data.startswith(magic):
            raise InvalidModel(f"the model {name} is {what}")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, RecursionError, MemoryError, ValueError) as error:
        what = "text" if _is_text(data) else "damaged, cut short, or not an ONNX file"
        if "MaxDepth" in str(error):  # the parser's own limit: 100 messages, or 33 graphs
            what = f"nested too deeply, above the limit of {MAX_DEPTH} graphs in each other"
        raise InvalidModel(f"the model {name} cannot be parsed: it is {what}") from None
    if not model.HasField("graph") or model.ir_version < 1:
        raise InvalidModel(
            f"the model {name} holds no ONNX graph: it is empty, damaged, or not an ONNX file"
        )
    return model


def _is_text(data: bytes) -> bool:
    head = data[:512]
    return all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head)
