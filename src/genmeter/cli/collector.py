"""The command ``collector``: configuration for an OpenTelemetry Collector, with our processor or without it."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from genmeter.cli.lookup import snippet
from genmeter.cli.render import refuse, table
from genmeter.names import OPERATION, REQUEST_MODEL, SCOPE
from genmeter.pricing import catalogue_for
from genmeter.reading.conventions import bundled
from genmeter.reading.emitters import Emitter
from genmeter.reading.talkers import LONGEST_OTHER, NAME
from genmeter.settings import Settings

DESCRIPTION = "Configuration for an OpenTelemetry Collector, with our processor or without it."
TEMPLATE = Path(__file__).with_name("otelcol.yaml")
"""The whole pipeline. A line that ends in ``#? jaeger loki`` is for these back ends only, with all indented below it."""

BACK_ENDS = {
    "jaeger": ("HOST:PORT", "OTLP over gRPC, e.g. jaeger:4317", "JAEGER_OTLP"),
    "ledger": ("URL", "a genmeter ledger, e.g. http://ledger:4318", "LEDGER_OTLP"),
    "loki": ("URL", "its OTLP address, e.g. http://loki:3100/otlp", "LOKI_OTLP"),
    "prometheus": ("URL", "its OTLP address, e.g. http://prometheus:9090/api/v1/otlp", "PROMETHEUS_OTLP"),
}
"""Option → what it takes, its help, and the variable that the shipped file reads in its place."""

UNASKED = f'"${{env:OTELCOL_CONTENT:-drop}}" != "keep" and scope.name != "{SCOPE}"'
"""Condition of the statements that remove content: genmeter writes messages only where the application asks for them."""
_WITHOUT = re.compile(r"^( *)# @content (\w+)$", re.MULTILINE)
_TAG = re.compile(r"\s*#\? ([a-z ]+)$")
_HOST = re.compile(r"([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
# What would end a quoted string, or be expanded by the collector.
_UNSAFE = re.compile(r"[\s\"'\\$#,{}]|[^ -~]")


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "collector", help="configuration for an OpenTelemetry Collector", description=DESCRIPTION
    )
    parser.set_defaults(run=run)
    parts = parser.add_subparsers(title="parts", dest="part", metavar="PART", required=True, help="what to print")
    config = parts.add_parser(
        "config",
        help="the pipeline that prices calls and fans out",
        description="The pipeline that prices calls and fans out: to the back ends that are named, or to all four "
        "with addresses from the environment. For a collector that has the processor genai_cost.",
    )
    for name, (value, words, _) in BACK_ENDS.items():
        config.add_argument(f"--{name}", metavar=value, type=_host if value == "HOST:PORT" else _url, help=words)
    config.add_argument("--ledger-token", metavar="FILE", type=_path, help="the file that holds the ledger's token")
    config.add_argument("--prices", metavar="FILE", type=_path, help="your genmeter.toml, read again when it changes")
    lookup = parts.add_parser(
        "lookup",
        help="prices for a collector without our processor",
        description="Prices and arithmetic for the stock transform processor: exact model names, one price a model.",
    )
    lookup.add_argument("sellers", nargs="+", metavar="SELLER", help="whose models, e.g. openai anthropic")
    lookup.add_argument("--config", metavar="PATH", help="your genmeter.toml (default: as the meter finds it)")
    known = parts.add_parser(
        "emitters",
        help="what is known of each program that records calls",
        description="What is known of each program that records calls: by which scope it is known, whether its input "
        "count has the cache in it, whose word its amount is, and where that was read.",
    )
    known.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the part that was asked for; 0, or 2 for a wrong argument."""
    try:
        sys.stdout.write(PARTS[args.part](args))
    except ValueError as error:
        return refuse(str(error))
    return 0


def pipeline(back_ends: set[str]) -> str:
    """The configuration for these back ends, with addresses from the environment."""
    kept: list[str] = []
    dropped: int | None = None
    for line in TEMPLATE.read_text(encoding="utf-8").splitlines():
        depth = len(line) - len(line.lstrip())
        if dropped is not None and line.strip() and depth > dropped:
            continue
        dropped = None
        tag = _TAG.search(line)
        if tag is None:
            kept.append(line)
        elif back_ends & set(tag[1].split()):
            kept.append(line[: tag.start()])
        else:
            dropped = depth
    text = _WITHOUT.sub(lambda found: without(found[2], found[1]), "\n".join(kept) + "\n")
    return re.sub(r"\n{3,}", "\n\n", text).replace("conditions: # @unasked", f"conditions: ['{UNASKED}']")


def without(context: str, indent: str = "") -> str:
    """The statements of a transform processor that remove what was said; ``context`` is its word for what they change."""
    lines: list[str] = []
    for one in bundled().content:
        pattern, scope = (text.replace("\\", "\\\\") for text in (one.pattern, one.scope))
        where = f' where IsMatch(scope.name, "{scope}")' if scope else ""
        lines.append(f'{indent}- delete_matching_keys({context}.attributes, "{pattern}"){where} # {one.of}')
    return "\n".join(lines + [f"{indent}- {one}" for one in _spoken(context)])


def _spoken(context: str) -> list[str]:
    """The statements about names of spans and lines of logs; the twin of ``reading/talkers.py``."""
    table = bundled().talkers
    marks = " or ".join(f'{context}.attributes["{mark}"] != nil' for mark in table.marks)
    theirs = f'({marks} or IsMatch(scope.name, "{table.pattern}"))'.replace("\\", "\\\\")
    if context == "log":
        # what Python's loggers print of a request has no other mark than the logger
        return [f'set(log.body, "[removed]") where log.body != nil and scope.name != "{SCOPE}" and {theirs}']
    if context != "span":
        return []
    operation, said = f'span.attributes["{OPERATION}"]', f'IsString(span.attributes["{OPERATION}"])'
    lines = [
        f'set(span.cache["made"], true) where scope.name != "{SCOPE}" and not IsMatch(span.name, "{NAME}") and {theirs}',
        'set(span.name, scope.name) where span.cache["made"] == true',
        f'set(span.name, {operation}) where span.cache["made"] == true and {said}',
    ]
    for one, name in {"": REQUEST_MODEL, **table.named}.items():
        behind = f'span.attributes["{name}"]'
        others = " and ".join(f'{operation} != "{other}"' for other in table.named)
        when = f'{operation} == "{one}"' if one else others
        lines.append(
            f'set(span.name, Concat([{operation}, {behind}], " ")) '
            f'where span.cache["made"] == true and {said} and IsString({behind}) and {when}'
        )
    cut = f"Substring(span.name, 0, {LONGEST_OTHER}, true)"
    return [*lines, f'set(span.name, {cut}) where scope.name != "{SCOPE}" and Len(span.name) > {LONGEST_OTHER}']


def _config(args: argparse.Namespace) -> str:
    given: dict[str, str] = {name: value for name in BACK_ENDS if (value := getattr(args, name)) is not None}
    if args.ledger_token is not None and given and "ledger" not in given:
        raise ValueError("--ledger-token is for the ledger; name its address with --ledger too")
    text = pipeline(set(given) or set(BACK_ENDS))
    for name, value in given.items():
        text = _fixed(text, rf"{BACK_ENDS[name][2]}:-[^}}]*", value)
    if args.ledger_token is not None:
        text = _fixed(text, "LEDGER_TOKEN_FILE:-[^}]*", args.ledger_token)
    return text if args.prices is None else _fixed(text, r"[A-Z_]+:-", args.prices)


def _fixed(text: str, variable: str, value: str) -> str:
    """``text`` with ``value`` in place of the variable; the only one without a default is that of the price files."""
    return re.sub(rf"\$\{{env:{variable}\}}", lambda _: value, text)


def _lookup(args: argparse.Namespace) -> str:
    prices = catalogue_for(Settings.load(path=args.config).prices)
    return snippet(prices, args.sellers, time.time())


def _emitters(args: argparse.Namespace) -> str:
    rows = bundled().emitters.rows
    if args.json:
        return json.dumps([row._asdict() for row in rows], indent=2, ensure_ascii=False) + "\n"
    found = [
        (
            row.name,
            row.scope,
            _versions(row),
            _input(row),
            f"{row.amount} ({row.word})" if row.amount else "-",
            row.read,
        )
        for row in rows
    ]
    return table(("emitter", "scope", "versions", "input", "amount", "read"), found) + "\n"


def _versions(row: Emitter) -> str:
    said = [f"from {row.since}"] * bool(row.since) + [f"before {row.before}"] * bool(row.before)
    return " ".join(said) or "all"


def _input(row: Emitter) -> str:
    return f"{row.input} ({', '.join(row.sellers)})" if row.sellers else row.input


PARTS: Final[dict[str, Callable[[argparse.Namespace], str]]] = {
    "config": _config,
    "lookup": _lookup,
    "emitters": _emitters,
}
"""Part → the text that is printed."""


def _host(text: str) -> str:
    found = _HOST.fullmatch(text)
    if found is None or not 0 < int(found[2]) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT; write it like jaeger:4317, without http://")
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not _UNSAFE.search(text)
    except ValueError:
        sound, parts = False, None
    if not sound or parts is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL; write it like http://host:4318")
    if "@" in parts.netloc or parts.query:
        raise argparse.ArgumentTypeError(
            "a URL with a password or a query would stand in the file; secrets go into files"
        )
    if parts.path.rstrip("/").endswith(("/v1/traces", "/v1/logs", "/v1/metrics")):
        raise argparse.ArgumentTypeError(
            f"{text!r}: leave out the last part; the collector adds /v1/traces and the like"
        )
    return text.rstrip("/")


def _path(text: str) -> str:
    if not text or _UNSAFE.search(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} cannot stand in the file; use a path without spaces, quotes or commas"
        )
    return text
