"""``inferon doctor``: what is installed, and what is then possible."""

from __future__ import annotations

import typer
from rich.table import Table

from inferon.cli.model import AsJson
from inferon.cli.terminal import Terminal, table
from inferon.errors import ToolMissing
from inferon.measure.installation import Ability, Installation, survey


def doctor(as_json: AsJson = False) -> None:
    """List tools and versions, and what they allow.

    Exit code 4 when C++ cannot be compiled and run here.
    """
    found = survey()
    terminal = Terminal(as_json)
    machine = found.machine
    document = {"installation": found, "possible": {a.what: a.possible for a in found.abilities}}
    terminal.finish(
        document,
        f"Inferon {found.inferon} on {machine.cpu} ({machine.level}), {machine.cores} cores, "
        f"{machine.system}",
        "",
        _parts(found),
        "",
        table(("", "", "verbs", "missing"), [_row(each) for each in found.abilities]),
    )
    if not found.runs_cpp:
        raise typer.Exit(ToolMissing.exit_code)


def _parts(found: Installation) -> Table:
    rows = [(part.name, part.version or "-") for part in (*found.tools, *found.packages)]
    return table(("tool or package", "version"), rows)


def _row(ability: Ability) -> tuple[str, ...]:
    mark = "yes" if ability.possible else "no"
    lack = f"{', '.join(ability.missing)}: {ability.remedy}" if ability.missing else ""
    return mark, ability.what, ability.verbs, lack
