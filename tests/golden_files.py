"""Golden files: texts that a test must reproduce letter by letter.

::

    def test_listing(golden: Golden) -> None:
        golden("mlp.txt", show(graph))

``pytest --update-golden`` writes the files anew; read the difference before committing it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"

Golden = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a text with the golden file of a name in ``tests/golden``."""

    def compare(name: str, text: str) -> None:
        path = FOLDER / name
        if request.config.getoption("--update-golden"):
            path.write_text(text)
        assert path.exists(), f"{name} is missing: run pytest --update-golden"
        assert text == path.read_text(), f"{name} differs: fix it, or run pytest --update-golden"

    return compare
