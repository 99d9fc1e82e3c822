"""Pages of HTML as a parser and as a browser see them."""

from __future__ import annotations

import html.parser
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.absent import require_tool

CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@dataclass
class Outline(html.parser.HTMLParser):
    """What a page holds: elements, text, identifiers, and everything that it would load."""

    tags: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    @classmethod
    def of(cls, page: str) -> Outline:
        """Return the outline of a page."""
        outline = cls()
        outline.feed(page)
        outline.close()
        return outline

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "action", "data", "srcset", "poster"):
                self.links.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def browse(page: Path, profile: Path) -> subprocess.CompletedProcess[str]:
    """Open a page; what it holds in the end is on stdout, what it logs on stderr."""
    return subprocess.run(
        [
            *(require_tool("chromium"), *CHROMIUM, f"--user-data-dir={profile}"),
            *("--enable-logging=stderr", "--log-level=0", "--dump-dom", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
