"""Parts of the pages in ``docs/`` that are made of the code: commands, names, findings, columns, routes."""

from __future__ import annotations

import ast
import json
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from genmeter.cli.main import COMMANDS, parser
from genmeter.diagnosis.finding import LEVELS
from genmeter.ledger import Ledger
from genmeter.reports.registry import REPORTS
from genmeter.settings import EXPORT
from genmeter.units import COLUMNS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "genmeter"
WIDTH = 100
"""Columns of the terminal on which the pages show commands."""


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def commands() -> str:
    """The help of each command, as ``genmeter COMMAND --help`` prints it on a terminal of 100 columns."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(WIDTH)
    try:
        return _helps_of_all()
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before


def _helps_of_all() -> str:
    found = [f"## genmeter\n\n```text\n{parser().format_help().rstrip()}\n```"]
    for name in COMMANDS:
        found += [f"## genmeter {path}\n\n```text\n{text}\n```" for path, text in _helps(name)]
    return "\n\n".join(found)


def _helps(name: str) -> Iterator[tuple[str, str]]:
    yield from _below(name, _children(parser([name]))[name])


def _below(path: str, one: Any) -> Iterator[tuple[str, str]]:
    yield path, one.format_help().rstrip()
    for name, inner in _children(one).items():
        yield from _below(f"{path} {name}", inner)


def _children(one: Any) -> dict[str, Any]:
    """The parsers of the commands below a parser."""
    return dict(one._subparsers._group_actions[0].choices) if one._subparsers else {}  # noqa: SLF001


def _names() -> Mapping[str, Any]:
    return json.loads((ROOT / "tests" / "vectors" / "names.json").read_text(encoding="utf-8"))


def attributes() -> str:
    """The attributes of a call's span and event."""
    rows = [
        (f"`{one['name']}`", one["type"], one.get("unit", ""), one["source"], one["stability"])
        for one in _names()["attributes"]
    ]
    return table(("attribute", "type", "unit", "source", "stability"), rows)


def _metrics(group: str) -> str:
    rows = [
        (
            f"`{one['name']}`",
            one["kind"],
            one["unit"],
            one.get("profile", ""),
            ", ".join(f"`{label}`" for label in one.get("labels", ())),
        )
        for one in _names()[group]
    ]
    head = ("metric", "kind", "unit", "set", "labels")
    kept = [place for place in range(5) if any(row[place] for row in rows)]
    return table(tuple(head[place] for place in kept), [tuple(row[place] or "-" for place in kept) for row in rows])


def metrics() -> str:
    """The metrics that an application sends."""
    return _metrics("metrics")


def ledger_metrics() -> str:
    """The metrics at ``/metrics`` of the service."""
    return _metrics("ledger_metrics")


def derived_metrics() -> str:
    """The metrics that the collector makes of calls."""
    return _metrics("derived_metrics")


def lists() -> str:
    """The values of the attributes that have a closed list."""
    rows = [
        (name.replace("_", " "), ", ".join(f"`{value}`" for value in values))
        for name, values in _names()["closed_lists"].items()
    ]
    return table(("list", "values"), rows)


def columns() -> str:
    """The columns of a price, with the quantity that one price is for."""
    units = json.loads((PACKAGE / "pricing" / "data" / "units.json").read_text(encoding="utf-8"))
    words = {row["column"]: row["words"] for row in units["units"] if row.get("column")}
    rows = [
        (f"`{column}`", per.words, words.get(column, "each call, beside its units")) for column, per in COLUMNS.items()
    ]
    return table(("key", "USD for each", "of what"), rows)


def findings() -> str:
    """Each finding of the doctor with its words, the gravest first. ``…`` stands where a name or number follows."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for path in (*sorted((PACKAGE / "diagnosis").glob("*.py")), PACKAGE / "cli" / "doctor.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = {"EXPORT": EXPORT} | {
            node.target.id: _said(node.value)
            for node in tree.body
            if isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                level, code, text, *remedy = node.args
                for one in (code.body, code.orelse) if isinstance(code, ast.IfExp) else (code,):
                    row = (_said(one), _said(level), _said(text, texts), _said(remedy[0], texts) if remedy else "")
                    found.setdefault((row[0], row[2]), row)
    rows = sorted((row for row in found.values() if row[1] != "fine"), key=lambda row: (LEVELS.index(row[1]), row[0]))  # pyright: ignore[reportArgumentType]
    return table(
        ("finding", "level", "what it says", "what to do"),
        [(f"`{code}`", level, text, remedy) for code, level, text, remedy in rows],
    )


def answers() -> str:
    """What the doctor says of a receiver that does not take an empty request, with the remedy."""
    tree = ast.parse((PACKAGE / "diagnosis" / "receivers.py").read_text(encoding="utf-8"))
    rows: list[tuple[str, ...]] = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name.startswith("_ask"):
            for node in ast.walk(function):
                value = node.value if isinstance(node, ast.Return) else None
                for one in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                    if isinstance(one, (ast.Constant, ast.JoinedStr)) and (said := _said(one)):
                        text, _, remedy = said.partition(" | ")
                        rows.append((text, remedy or "start the receiver, or correct the address"))
    return table(("what it says", "what to do"), list(dict.fromkeys(rows)))


def _said(node: ast.expr, texts: Mapping[str, str] | None = None) -> str:
    """The words of an expression, with ``…`` for each value that is known at run time only. ``texts`` are constants."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.FormattedValue):
        return _said(node.value, texts)
    if isinstance(node, ast.Name) and texts:
        return texts.get(node.id, "…")
    if isinstance(node, ast.JoinedStr):
        return re.sub("…+", "…", "".join(_said(value, texts) for value in node.values))
    if isinstance(node, ast.BinOp):
        return _said(node.left, texts) + _said(node.right, texts)
    return "" if isinstance(node, ast.IfExp) else "…"


def calls() -> str:
    """The columns of the ledger's view of calls, in their order."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.db"
        Ledger.open(file).close()
        with closing(sqlite3.connect(file)) as database:
            names = [row[1] for row in database.execute("PRAGMA table_info(calls)")]
    return ", ".join(f"`{name}`" for name in names)


def reports() -> str:
    """The route of each report, with its question and options."""
    rows = [
        (f"`GET /api/{one.name}`", one.question, ", ".join(f"`{option.name}`" for option in one.options) or "-")
        for one in REPORTS.values()
    ]
    return table(("route", "question", "options"), rows)


PARTS: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "attributes": attributes,
    "metrics": metrics,
    "ledger_metrics": ledger_metrics,
    "derived_metrics": derived_metrics,
    "lists": lists,
    "columns": columns,
    "findings": findings,
    "answers": answers,
    "calls": calls,
    "reports": reports,
}
"""The name of each part in a page, and what makes it."""
