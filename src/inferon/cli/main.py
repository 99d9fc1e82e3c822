"""The entry point: verbs by name, and errors as one line with an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command

from inferon.cli import (
    bench,
    check,
    compile,
    data,
    demo,
    doctor,
    quantize,
    report,
    show,
    train,
    verify,
)
from inferon.cli.terminal import Terminal
from inferon.errors import InferonError, OutputError, UsageError
from inferon.version import VERSION

WRONG_USAGE: type[Exception] = typer.BadParameter.__bases__[0]
"""Typer's base of wrong options and arguments; its module differs between Typer's versions."""

INTERRUPTED = 128 + 2
"""Exit code after Ctrl-C: 128 and the number of SIGINT, as shells have it."""

app = typer.Typer(
    help="Takes a trained physics model to every trigger level.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"inferon {VERSION}")
        raise typer.Exit


@app.callback()
def inferon(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take a trained physics model to every trigger level."""


app.command("show")(show.show)
app.command("check")(check.check)
app.command("compile")(compile.compile_)
app.command("verify")(verify.verify)
app.command("quantize")(quantize.quantize)
app.add_typer(bench.app, name="bench")
app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.command("report")(report.report)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Parameters
    ----------
    arguments : words after ``inferon``; by default those of the process

    Returns
    -------
    The exit code: 0 ok, 1 a check failed, 2 usage, 3 unsupported or invalid model, 4 a tool is
    missing or failed, 130 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    terminal = Terminal("--json" in words)
    try:
        code = get_command(app).main(words, prog_name="inferon", standalone_mode=False)
    except InferonError as error:
        terminal.fail(error)
        return error.exit_code
    except WRONG_USAGE as error:
        return _wrong_usage(terminal, error)
    except MemoryError:
        terminal.fail(UsageError("not enough memory for so many events; ask for fewer"))
        return UsageError.exit_code
    except OSError as error:  # a disk that is full, a cache that cannot be written
        place = f"{error.filename}: " if error.filename else ""
        terminal.fail(OutputError(f"{place}{error.strerror or error}"))
        return OutputError.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED  # some versions of Typer return this code themselves
    if code == INTERRUPTED:
        terminal.say("interrupted")
    return int(code or 0)


def _wrong_usage(terminal: Terminal, error: Exception) -> int:
    context = getattr(error, "ctx", None)
    verb = context.command_path if context else "inferon"
    message = str(getattr(error, "format_message", lambda: "")())
    if not message or message == getattr(context, "get_help", str)():
        terminal.say(message)  # no verb at all: the list of verbs is the best answer
        return UsageError.exit_code
    terminal.fail(UsageError(f"{message} Try: {verb} --help"))
    return UsageError.exit_code
