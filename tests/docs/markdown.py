"""The fenced blocks of a markdown file, and what the comment directly above each says of it."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^( *)(```+)(.*)$")
_FILE_NAME = re.compile(r"(?://|#) ([\w.]+\.(?:cpp|txt))$")
_COMMENT = re.compile(r"^ *<!-- (not run|exit code): (.+) -->\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes
    ----------
    language : what stands behind the fence
    line : number of the block's first line of text, from 1
    not_run : why it is not run, or an empty string
    exit_code : what its commands are expected to return
    """

    language: str
    text: str
    line: int
    not_run: str = ""
    exit_code: int = 0

    def commands(self) -> list[list[str]]:
        """Words of each line that starts with ``$``; a backslash continues it on the next."""
        joined = re.sub(r"\\\n\s*", " ", self.text)
        lines = [line.strip() for line in joined.splitlines()]
        return [shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ ")]

    def file_name(self) -> str:
        """The name in a first line such as ``// main.cpp``, or an empty string."""
        first = _FILE_NAME.match(self.text.partition("\n")[0])
        return first[1] if first and self.language in ("cpp", "cmake") else ""


def blocks_of(text: str) -> list[Block]:
    """Every fenced block of a page, in order."""
    blocks = []
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        number += 1
        if fence is None:
            continue
        indent, ticks, language = fence.groups()
        remark = _remark(lines[number - 2]) if number >= 2 else {}
        body = []
        start = number + 1
        while number < len(lines) and lines[number].strip() != ticks:
            body.append(lines[number].removeprefix(indent))
            number += 1
        number += 1
        blocks.append(
            Block(
                language.strip(),
                "\n".join(body) + "\n",
                start,
                remark.get("not run", ""),
                int(remark.get("exit code", "0")),
            )
        )
    return blocks


def _remark(line: str) -> dict[str, str]:
    comment = _COMMENT.match(line)
    return {comment.group(1): comment.group(2)} if comment else {}
