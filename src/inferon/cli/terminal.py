"""Where a verb's words go: its result to stdout, everything else to stderr.

With ``--json`` the result is one JSON document, and so is an error; stderr stays for people.
Nothing depends on color, and no character of a file or of its names steers the terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from inferon.errors import InferonError
from inferon.measure.record import as_json

PLAIN_WIDTH = 110
"""Columns of a table where stdout is no terminal."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """The two streams of one run.

    Attributes
    ----------
    wants_json : the result is a JSON document
    """

    wants_json: bool

    def say(self, message: str) -> None:
        """Print one line of progress."""
        sys.stderr.write(printable(message) + "\n")
        sys.stderr.flush()

    def finish(self, document: object, *parts: RenderableType) -> None:
        """Print the result: the document, or for people the parts one after the other."""
        if self.wants_json:
            sys.stdout.write(json.dumps(as_json(document), indent=2, allow_nan=False) + "\n")
            return
        tty = sys.stdout.isatty()
        console = Console(
            file=sys.stdout, highlight=False, markup=False, width=None if tty else PLAIN_WIDTH
        )
        for part in parts:
            if isinstance(part, str):
                sys.stdout.write(printable(part) + "\n")  # no line is broken: people pipe listings
            else:
                console.print(part)

    def fail(self, error: InferonError) -> None:
        """Print an error."""
        if self.wants_json:
            sys.stdout.write(json.dumps({"error": as_json(_fields(error))}, indent=2) + "\n")
        self.say(f"error: {error}")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> Table:
    """Return a plain table; the last ``numbers`` columns are set flush right."""
    made = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for position, heading in enumerate(headings):
        right = position >= len(headings) - numbers
        made.add_column(Text(heading), justify="right" if right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    return made


def printable(text: str) -> str:
    """Return the text with every character that could steer a terminal spelled out."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _fields(error: InferonError) -> dict[str, Any]:
    """Return an error as data: its kind, its message, its exit code, and the fields it carries."""
    carried = {
        name: value if isinstance(value, str | int | float | tuple | list) else str(value)
        for name, value in vars(error).items()
        if value is not None and value != "" and value != ()
    }
    known = {"kind": type(error).__name__, "message": str(error), "exit_code": error.exit_code}
    return {**carried, **known}
