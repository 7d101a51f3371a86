"""``genmeter init``: a commented genmeter.toml for what stands in the folder and in the environment."""

from __future__ import annotations

import argparse
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

from genmeter.cli.render import refuse, say
from genmeter.settings import config_file

DESCRIPTION = """Write a genmeter.toml with the settings that most teams need. What is found is filled in: the name of the
project, and the addresses in variables such as OPENAI_BASE_URL that no seller of the price catalogue has. All else is a
comment, so that the file changes nothing until you do. A file that exists is left as it is."""
_ADDRESS: Final = re.compile(r"^(?!OTEL_|GENMETER_)([A-Z0-9]+)_(?:[A-Z0-9_]+_)?(?:BASE_URL|API_BASE|API_URL|ENDPOINT)$")
_HEAD: Final = """# Settings of genmeter. Environment variables win over this file, which is read once, when the meter starts.
# A misspelled name is an error with its line; `genmeter doctor` says what else is wrong.

[attribution]
{application}
# department = "support"         # who pays where the code does not say; genmeter.attribution(...) wins
# unattributed = "warn"          # calls without the required fields: "off", "tag", "warn", "reject"
# required = ["department"]
"""
_SELLERS: Final = """
[sellers]
# Who bills at an address. These servers are no seller's in the price catalogue, so their calls have no price until a line
# names the seller: remove the first "#" where the name is right, or write another (`genmeter models` lists them).
"""
_REST: Final = """
# [budgets.everything]
# amount = "250.00"              # US dollars for each period
# period = "month"               # "day", "week", "month", "quarter"
# on_exceed = "warn"             # or "reject": the next call raises genmeter.BudgetExceeded

# [prices.openai."gpt-5.4-mini"] # your own prices win over the list: US dollars for a million tokens
# input = "0.60"
# output = "3.60"
"""


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "init",
        help="write a commented genmeter.toml for what is found here",
        description=DESCRIPTION,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--file",
        metavar="PATH",
        help="where to write it (default: $GENMETER_CONFIG, else genmeter.toml in this folder)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the file and say what was found; 1 where there is one."""
    path = Path(args.file) if args.file else config_file()
    name, servers = project(Path.cwd()), list(unknown(os.environ))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(written(name, servers))
    except FileExistsError:
        return refuse(
            f"{path} exists and is left as it is; `genmeter init --file other.toml` writes another to copy from", 1
        )
    say(f"wrote {path}")
    if name:
        say(f"  application: {name}, from pyproject.toml")
    for variable, address, seller in servers:
        say(f"  {variable} names {address}, which is no seller's: is it {seller} that bills? See [sellers] in the file")
    say("  start the app with `genmeter run -- python app.py`, and see `genmeter doctor`")
    return 0


def written(name: str | None, servers: list[tuple[str, str, str]]) -> str:
    """The text of the file. ``servers`` are those of ``unknown``.

    >>> print(written("shop", []).splitlines()[4])
    application = "shop"             # from pyproject.toml
    """
    line = '# application = "shop"           # without it the service\'s name counts'
    if name:
        line = f"application = {_quoted(name)}".ljust(32) + " # from pyproject.toml"
    text = _HEAD.format(application=line)
    if servers:
        text += _SELLERS + "".join(
            f"# {_quoted(at)} = {_quoted(seller)}  # {variable}\n" for variable, at, seller in servers
        )
    return text + _REST


def project(folder: Path) -> str | None:
    """The name of the project in ``folder``, as its pyproject.toml has it."""
    try:
        found = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    tool = _table(found, "tool")
    names = (_table(found, "project").get("name"), _table(tool, "poetry").get("name"))
    return next((name for name in names if isinstance(name, str) and name.strip()), None)


def _table(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    table: Any = found.get(name)
    return cast("dict[str, Any]", table) if isinstance(table, dict) else {}


def unknown(environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """The variables that name a server which is no seller's: the variable, host with port and path, and a likely seller.

    >>> [*unknown({"OPENAI_BASE_URL": "https://llm.example.com/v1", "GROQ_BASE_URL": "https://api.groq.com"})]
    [('OPENAI_BASE_URL', 'llm.example.com/v1', 'openai')]
    """
    from genmeter.pricing import Catalogue

    catalogue = Catalogue.bundled()
    for variable, value in sorted(environ.items()):
        matched = _ADDRESS.match(variable)
        try:
            parts = urlsplit(value.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            continue
        if matched is None or parts.scheme not in ("http", "https") or not host or catalogue.seller(host, parts.path):
            continue
        vendor = catalogue.named(matched[1].lower())
        place = f"{host}:{port}" if port else host
        yield variable, place + parts.path.rstrip("/"), (vendor.id or vendor.name) if vendor else "openai"


def _quoted(text: str) -> str:
    return json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False).replace("\x7f", "")
