"""Adapters: a model in the forms that frameworks call, for models of floats of one width."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inferon.errors import UsageError
from inferon.ir.types import Float
from inferon.targets.base import File
from inferon.targets.cpp.code import scalar_type
from inferon.targets.cpp.program import STACK_BYTES, Program
from inferon.targets.cpp.template import filled
from inferon.targets.cpp.view import Buffer

MOST_ELEMENTS = 1024
"""Inputs or outputs with more elements are images or sets: nobody calls them one by one."""

_NAME = re.compile(r"[ -~]+")
_QUOTED = re.compile(r'["\\]')


@dataclass(frozen=True, slots=True)
class Labels:
    """What the elements of a model's inputs and outputs are called.

    Attributes
    ----------
    inputs : a name for each element of all inputs, in row-major order; or none
    outputs : the same of all outputs
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


def adapters(made: Program, labels: Labels) -> Iterator[File]:
    """Yield the header of adapters, where the model has them.

    Raises
    ------
    UsageError
        When there are other than one name for each element, or a name cannot be written in C++.
    """
    inputs = _names(labels.inputs, made.plan.inputs, "inputs")
    outputs = _names(labels.outputs, made.plan.outputs, "outputs")
    kind, *others = dict.fromkeys(port.element for port in made.arguments)
    sizes = (len(inputs), len(outputs))
    if others or not isinstance(kind, Float) or not 0 < min(sizes) <= max(sizes) <= MOST_ELEMENTS:
        if labels != Labels():
            raise UsageError(
                "labels are for the adapters, which a model has with inputs and outputs of one "
                f"float type, 1 to {MOST_ELEMENTS} elements each: {made.name} has other ones"
            )
        return
    single = len(outputs) == 1
    text = filled(
        "adapters.hpp",
        name=made.name,
        NAME=made.name.upper(),
        value=scalar_type(kind),
        inputs=len(inputs),
        outputs=len(outputs),
        input_names=_listed(inputs),
        output_names=_listed(outputs),
        storage="static thread_local " if made.workspace_bytes > STACK_BYTES else "",
        flat=", ".join([*_flat("in", made.plan.inputs), *_flat("out", made.plan.outputs)]),
        result="Value" if single else "std::vector<Value>",
        returned="out[0]" if single else "Result(out.begin(), out.end())",
        arrays_in=len(made.plan.inputs),
        sizes_in=_sizes(made.plan.inputs),
        sizes_out=_sizes(made.plan.outputs),
        batch=", ".join([*_arrays("in", made.plan.inputs), *_arrays("out", made.plan.outputs)]),
    )
    yield File(f"{made.name}_adapters.hpp", text.encode())


def _names(given: Sequence[str], ports: Sequence[Buffer], what: str) -> tuple[str, ...]:
    known = tuple(name for port in ports for name in _of_port(port))
    if len(set(known)) < len(known):  # x with two elements beside x_0
        known = tuple(f"{what}_{number}" for number, _ in enumerate(known))
    if not given:
        return known
    if len(given) != len(known) or len(set(given)) < len(given):
        raise UsageError(
            f"{len(given)} labels ({len(set(given))} different) for {len(known)} elements of the "
            f"{what}: give one name for each, in row-major order"
        )
    for name in given:
        if not _NAME.fullmatch(name) or _QUOTED.search(name):
            raise UsageError(f"{name!r} cannot be a label: use printable ASCII, no quotes")
    return tuple(given)


def _of_port(port: Buffer) -> Iterator[str]:
    name = port.name.partition("_")[2]  # without its in_ or out_
    if port.size == 1:
        yield name
    else:
        yield from (f"{name}_{number}" for number in range(port.size))


def _listed(names: Sequence[str]) -> str:
    return "\n".join(f'    "{name}",' for name in names)


def _flat(array: str, ports: Sequence[Buffer]) -> Iterator[str]:
    place = 0
    for port in ports:
        yield f"{array}.data() + {place}"
        place += port.size


def _sizes(ports: Sequence[Buffer]) -> str:
    return ", ".join(f"std::size_t{{{port.size}}}" for port in ports)


def _arrays(array: str, ports: Sequence[Buffer]) -> Iterator[str]:
    return (f"{array}[{number}].data()" for number, _ in enumerate(ports))
