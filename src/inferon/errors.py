"""Every exception that Inferon raises on purpose, as one tree.

::

    InferonError                 .exit_code
    ├── UsageError               2  an option or argument makes no sense
    ├── DataError                2  shape, dtype, unit or content of user data
    ├── InvalidModel             3  the file is no model, or a broken one
    ├── Unsupported              3  a valid model that needs what we lack; .gaps lists everything
    ├── InvalidGraph             3  a type or stage rule is broken; .node, .rule
    │   └── ListingError         3  a listing does not parse; .line
    ├── Mismatch                 1  two meanings differ; .node, .event, .expected, .got
    │   └── BrokenPass           1  a pass broke its promise; .pass_name
    ├── OutputError              2  the artefact cannot be written there
    └── ToolError                4  a tool failed; .command, .log
        ├── ToolMissing          4  a tool is absent; .tool, .remedy
        └── ExtraMissing         4  an optional package is absent; .extra

A message says what is wrong, where, and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class InferonError(Exception):
    """Base of everything that Inferon raises on purpose."""

    exit_code: int = 3


class UsageError(InferonError):
    """An option or argument makes no sense."""

    exit_code = 2


class DataError(InferonError):
    """User data have the wrong shape, dtype, order or content."""

    exit_code = 2


class InvalidModel(InferonError):
    """The file is not a model, or its content contradicts itself."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that a model needs and Inferon lacks.

    Attributes
    ----------
    layer : the layer's name in the source model (escaped)
    what : the missing thing
    hint : the nearest supported spelling, or an empty string
    """

    layer: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" (try: {self.hint})" if self.hint else ""
        return f"{self.layer}: {self.what}{hint}"


class Unsupported(InferonError):
    """A valid model needs what we lack; every gap is listed at once."""

    def __init__(self, gaps: Sequence[Gap]) -> None:
        self.gaps = tuple(gaps)
        lines = "\n".join(f"  {gap}" for gap in self.gaps)
        noun = "gap" if len(self.gaps) == 1 else "gaps"
        super().__init__(f"the model has {len(self.gaps)} unsupported {noun}:\n{lines}")


class InvalidGraph(InferonError):
    """A type rule or a stage rule is broken."""

    def __init__(self, message: str, *, node: object = None, rule: str = "") -> None:
        super().__init__(message)
        self.node = node
        self.rule = rule


class ListingError(InvalidGraph):
    """A listing does not parse."""

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(f"line {line}: {message}", rule="listing")
        self.line = line


class Mismatch(InferonError):
    """Two meanings of one graph differ."""

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        node: str = "",
        event: int = -1,
        expected: object = None,
        got: object = None,
    ) -> None:
        super().__init__(message)
        self.node = node
        self.event = event
        self.expected = expected
        self.got = got


class BrokenPass(Mismatch):
    """A pass did not keep what it promised to keep."""

    def __init__(self, message: str, *, pass_name: str, cause: Mismatch) -> None:
        super().__init__(
            message, node=cause.node, event=cause.event, expected=cause.expected, got=cause.got
        )
        self.pass_name = pass_name


class OutputError(InferonError):
    """The artefact cannot be written where it was asked for."""

    exit_code = 2


class ToolError(InferonError):
    """A tool that we called has failed."""

    exit_code = 4

    def __init__(self, message: str, *, command: Sequence[str] = (), log: str = "") -> None:
        super().__init__(message)
        self.command = tuple(command)
        self.log = log


class ToolMissing(ToolError):
    """A tool that is needed is not installed."""

    def __init__(self, tool: str, remedy: str) -> None:
        super().__init__(f"{tool} is not installed: {remedy}")
        self.tool = tool
        self.remedy = remedy


class ExtraMissing(ToolError):
    """An optional Python package is needed and not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'inferon[{extra}]'")
        self.package = package
        self.extra = extra
