"""What every test runs under: repeatable examples; long counts only when asked for.

Options
-------
--full
    Also run the tests marked ``full`` and give hypothesis ten times the examples.
--record FOLDER
    Write ``test-all-DATE.json`` into the folder (`tests.record`).
--update-golden
    Write golden files anew (`tests.golden_files`).
"""

import os

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.absent", "tests.golden_files", "tests.record"]

# One thread a process: pytest-xdist already fills the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

# Derandomized: the suite gives the same answer each time it runs; --hypothesis-profile=explore
# looks for news. No deadline: a compiler that waits for the other core is no failure.
_QUIET = [HealthCheck.too_slow]
settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100,
    suppress_health_check=_QUIET,
)
settings.register_profile("full", settings.get_profile("repeatable"), max_examples=1000)
settings.register_profile(
    "explore", derandomize=False, deadline=None, max_examples=1000, suppress_health_check=_QUIET
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the tests marked full as well")


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--hypothesis-profile", default=None):
        settings.load_profile("full" if config.getoption("--full") else "repeatable")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    long_counts = [item for item in items if item.get_closest_marker("full")]
    if long_counts:
        config.hook.pytest_deselected(items=long_counts)
        items[:] = [item for item in items if not item.get_closest_marker("full")]
