"""``genmeter doctor``: what stands in the way of a true bill, in this environment and in one run of a program."""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import shlex
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from genmeter.cli import child
from genmeter.cli.options import add_ledger
from genmeter.cli.render import refuse, table
from genmeter.cli.state import state_file

if TYPE_CHECKING:
    from genmeter.diagnosis.finding import Finding
    from genmeter.diagnosis.packages import Package
    from genmeter.diagnosis.program import Process

DESCRIPTION: Final = """Look for what makes a bill wrong: SDKs that are not metered or not tested, other instrumentations of the same
calls, telemetry that nobody takes, settings that nobody reads, and calls without usage, price or payer. With a command, run it as it is and look into
each of its Python processes. Its telemetry goes where it goes without this command; the event of each call comes here too."""
EPILOG: Final = """Exit code: 0 where no fault was found, 1 where one was; with --strict, 1 for a warning too. With a command, its output goes to stderr of
this one, and its own exit code is shown."""
DRAIN_SECONDS: Final = 5.0
WIDTH: Final = 100
_MARKS: Final = {"fault": "FAULT", "warning": "warning", "fine": "ok"}


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "doctor",
        help="say what makes a bill wrong here, or in one run of a program",
        description=DESCRIPTION,
        epilog=EPILOG,
        usage="genmeter doctor [--json] [--strict] [--ledger PATH] [-- COMMAND ...]",
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="the findings as one JSON object")
    parser.add_argument("--strict", action="store_true", help="a warning ends the command with code 1 too")
    add_ledger(parser)
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help="what to run, with its arguments")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look, print, and return 0, or 1 for a fault; 2, 126 or 127 where the command could not be started."""
    from genmeter.diagnosis import program, receivers
    from genmeter.diagnosis.finding import ordered
    from genmeter.diagnosis.packages import sdks
    from genmeter.diagnosis.receivers import from_environment

    command: list[str] = args.command[1:] if args.command[:1] == ["--"] else args.command
    found = list(_environment())
    reached = from_environment(os.environ)
    code: int | None = None
    if command:
        try:
            executable = child.resolve(command)
        except child.CommandError as error:
            return refuse(str(error), error.code)
        seen, told, code = _program(executable, command)
        found += told
        reached += program.receivers(seen)
    else:
        found += _ledger(args.ledger or state_file())
    findings = ordered([*found, *receivers.findings(reached, os.environ)])
    if args.json:
        print(json.dumps(_plain(command, code, sdks(), findings), indent=2))
    else:
        print(_text(command, code, sdks(), findings))
    grave = {"fault", "warning"} if args.strict else {"fault"}
    return int(any(one.level in grave for one in findings))


def _environment() -> Iterable[Finding]:
    from genmeter.diagnosis import configuration, packages

    yield from packages.findings()
    yield from configuration.findings(os.environ)


def _ledger(path: Path) -> Iterable[Finding]:
    """What the ledger of this user holds, where there is one."""
    from genmeter.diagnosis import calls
    from genmeter.diagnosis.finding import Finding
    from genmeter.ledger import Ledger, StorageError

    if not path.is_file():
        return
    try:
        with Ledger.open(path) as ledger:
            yield from calls.findings(ledger)
    except StorageError as error:
        yield Finding("fault", "ledger", str(error), "name another file by --ledger or GENMETER_LEDGER")


def _program(executable: str, command: Sequence[str]) -> tuple[list[Process], list[Finding], int]:
    """Run the command with a witness in each of its processes, and a ledger of its own for the events of its calls."""
    from genmeter.diagnosis import calls, program
    from genmeter.diagnosis.finding import Finding
    from genmeter.ledger import Ledger
    from genmeter.reading import Recorded
    from genmeter.server import Application, serve
    from genmeter.settings import EXPORT, Settings, SettingsError

    try:
        settings = Settings.load()
    except SettingsError:
        settings = Settings()  # the finding about it stands already
    run = secrets.token_hex(8)
    with (
        child.Child() as process,
        Ledger.open(":memory:", run=run, price=Recorded(settings).price, skip_scopes=settings.skip_scopes) as ledger,
        program.witnessed(os.environ) as (folder, variables),
    ):
        server = serve(Application(ledger), "127.0.0.1", 0)
        code = process.run([executable, *command[1:]], {**variables, EXPORT: server.url}, to_stderr=True)
        server.close(DRAIN_SECONDS)
        seen = program.processes(folder)
        found = [*program.findings(seen), *calls.findings(ledger, run, program.calls(seen))]
    # What stands before the interpreter is a launcher.
    first = next((place for place, word in enumerate(command) if child.is_python(word)), 0)
    option = child.unmetered_by(executable if first == 0 else command[first], command[first:])
    if option:
        why = f"python {option} {child.UNMETERED[option[1]]}"
        found.append(Finding("fault", "python_option", why, f"run the command without {option}"))
    return seen, found, code


def _plain(command: Sequence[str], code: int | None, sdks: Sequence[Package], findings: Sequence[Finding]) -> Any:
    """The result as plain data."""
    return {
        "command": list(command),
        "exit_code": code,
        "python": sys.executable,
        "python_version": platform.python_version(),
        "sdks": [one._asdict() for one in sdks],
        "findings": [one._asdict() for one in findings],
    }


def _text(command: Sequence[str], code: int | None, sdks: Sequence[Package], findings: Sequence[Finding]) -> str:
    """The result for a person: the SDKs, then each finding with its remedy below."""
    from importlib.metadata import version

    head = f"genmeter {version('genmeter')} on Python {platform.python_version()} ({sys.executable})"
    blocks = [head]
    if sdks:
        rows = [[one.name, one.version, "yes" if one.metered else "NO", "yes" if one.tested else "no"] for one in sdks]
        blocks.append(table(["SDK", "version", "metered", "tested"], rows))
    if command:
        blocks.append(f"{shlex.join(command)}: exit code {code}")
    blocks.append("\n".join(_lines(findings)))
    faults = sum(one.level == "fault" for one in findings)
    warnings = sum(one.level == "warning" for one in findings)
    blocks.append(f"{_counted(faults, 'fault')}, {_counted(warnings, 'warning')}")
    return "\n\n".join(blocks)


def _lines(findings: Sequence[Finding]) -> Iterable[str]:
    margin = " " * 9
    for one in findings:
        yield from textwrap.wrap(one.text, WIDTH, initial_indent=f"{_MARKS[one.level]:<9}", subsequent_indent=margin)
        if one.remedy:
            yield from textwrap.wrap(one.remedy, WIDTH, initial_indent=f"{margin}→ ", subsequent_indent=f"{margin}  ")


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
