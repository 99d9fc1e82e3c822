"""The page of errors is the tree of errors."""

import re

import inferon.errors
from inferon.errors import InferonError
from tests.docs.markdown import ROOT, blocks_of

PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text()


def classes() -> dict[str, type[InferonError]]:
    found = vars(inferon.errors).values()
    return {c.__name__: c for c in found if isinstance(c, type) and issubclass(c, InferonError)}


def test_the_drawn_tree_is_the_tree() -> None:
    """A line drawn n steps to the right is a class with n ancestors in the tree."""
    (tree,) = (block.text for block in blocks_of(PAGE) if block.language == "text")
    drawn = {}
    for line in tree.splitlines():
        branch, name = re.match(r"([│├└─ ]*)(\w+)", line).groups()  # type: ignore[union-attr]
        drawn[name] = len(branch) // 4
    depth = {
        n: len([a for a in c.__mro__ if issubclass(a, InferonError)]) - 1
        for n, c in classes().items()
    }
    assert drawn == depth


def test_the_exit_codes_are_the_exit_codes() -> None:
    rows = re.findall(r"^\| (\d) \|[^|]*\| (.*) \|$", PAGE, re.MULTILINE)
    written = {name: int(code) for code, cell in rows for name in re.findall(r"`(\w+)`", cell)}
    base = {"InferonError"}
    assert written == {n: c.exit_code for n, c in classes().items() if n not in base}
