"""No dead ends: a relative link leads to a file, its anchor to a heading, a page is linked to."""

import re
from pathlib import Path

import pytest

from tests.docs.markdown import PAGES, ROOT

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Headings as GitHub turns them into anchors."""
    headings = HEADING.findall(FENCED.sub("", page.read_text()))
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


def dead_links(page: Path) -> list[str]:
    dead = []
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert dead_links(page) == []


def test_every_page_is_reached_from_the_index() -> None:
    """A page that nothing links to is lost."""
    linked = set()
    for page in PAGES:
        for link in LINK.findall(page.read_text()):
            linked.add((page.parent / link.partition("#")[0]).resolve())
    docs = [page for page in PAGES if page.parent != ROOT and page.name != "index.md"]
    assert [page for page in docs if page.resolve() not in linked] == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# The Title, here\n[a](#the-title-here) [b](nowhere.md) [c](#nothing) [d](https://x)"
    )
    assert dead_links(page) == ["nowhere.md", "#nothing"]
