"""The command ``price``: what one call costs and how the sum is made, or every call of a log, one result a line."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TextIO, cast

from genmeter import names
from genmeter.cli.options import add_formats
from genmeter.cli.render import refuse, table, write_rows
from genmeter.instants import instant
from genmeter.model import Cost, Unpriced, Usage, usd
from genmeter.pricing import Catalogue, Explanation, Question, Term
from genmeter.pricing.reasons import meaning
from genmeter.pricing.staleness import ages
from genmeter.reading import Recorded
from genmeter.reading.conventions import bundled
from genmeter.reading.recorded import Asked, odd_model
from genmeter.settings import Settings
from genmeter.units import OPTIONS

TIMES = ("time", "start_time", "startTimeUnixNano")
DESCRIPTION = """What one call costs, and how the sum is made. With --file: what each call of a log costs, one result a
line."""
EXAMPLE = {
    "time": "2026-11-20T12:00:00Z",
    names.PROVIDER: "openai",
    names.REQUEST_MODEL: "gpt-5.6",
    names.USAGE_TOKENS["input"]: 1200,
    names.USAGE_TOKENS["output"]: 80,
}
EPILOG = f"""A line of the log has the attributes of a call's span under their names, at the top or below "attributes":
{json.dumps(EXAMPLE)}"""
NANOSECONDS = 10**14
"""Unix times above this are nanoseconds: as seconds they lie three million years ahead."""


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "price", help="what a call costs, and how the sum is made", description=DESCRIPTION, epilog=EPILOG
    )
    parser.add_argument("seller", nargs="?", help="who bills, e.g. openai, azure, aws.bedrock")
    parser.add_argument("model", nargs="?", help="the model's id as the seller writes it")
    for name, (_, words) in OPTIONS.items():
        parser.add_argument(f"--{name}", metavar="N", help=words)
    parser.add_argument("--tier", metavar="NAME", help="service tier of the response: flex, priority, fast, ...")
    parser.add_argument("--batch", action="store_true", help="a call through the seller's batch endpoint")
    parser.add_argument("--region", metavar="NAME", help="price region, e.g. us, eu")
    parser.add_argument("--at", metavar="TIME", help="when the call began, ISO 8601 (default: now)")
    parser.add_argument(
        "--file", metavar="PATH", help="price a log instead: one JSON object a line, as below; - is stdin"
    )
    parser.add_argument("--config", metavar="PATH", help="your genmeter.toml (default: as the meter finds it)")
    add_formats(parser, json="a JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Price one call or a file; 0 priced, 1 not priced or a bad line, 2 a wrong argument."""
    try:
        recorded = Recorded(Settings.load(path=args.config))
        prices = recorded.catalogue
        if args.file is not None:
            return _file(args.file, recorded)
        question = _from_arguments(args, prices)
    except ValueError as error:
        return refuse(str(error))
    explained = prices.explain(question)
    if question.seller is None:
        explained = explained._replace(result=Unpriced("unknown_provider", prices.unknown_seller(args.seller)))
    if args.format == "json":
        json.dump(_as_object(explained.result) | {"terms": [_term(term) for term in explained.terms]}, sys.stdout)
        sys.stdout.write("\n")
    elif args.format == "csv":
        headers = ("kind", "quantity", "unit", "price", "amount")
        write_rows(headers, [tuple(_term(term).values()) for term in explained.terms], "csv", sys.stdout)
    if isinstance(explained.result, Unpriced):
        return refuse(_refusal(explained.result, args, prices), 1)
    if args.format == "table":
        sys.stdout.write(_receipt(explained, question.at) + _age(prices, question.seller))
    return 0


def _from_arguments(args: argparse.Namespace, prices: Catalogue) -> Question:
    if args.seller is None or args.model is None:
        raise ValueError(
            "name a seller and a model (genmeter price openai gpt-4o --input 1200 --output 80) or a --file"
        )
    usage = Usage()
    given = 0
    for flag, (field, _) in OPTIONS.items():
        text = getattr(args, flag.replace("-", "_"))
        if text is None:
            continue
        given += 1
        if not (text.isascii() and text.isdecimal() and len(text) < 20):
            raise ValueError(f"--{flag} {text!r}: write a whole number, 0 or more")
        setattr(usage, field, int(text))
    if given and usage.output is None:
        usage.output = 0
    seller = prices.named(args.seller)
    region = args.region or (seller.region if seller else None)
    try:
        at = instant(args.at).timestamp() if args.at else time.time()
    except ValueError as error:
        raise ValueError(f"--at {error}") from None
    answered = args.model if seller and seller.id == "azure" else None
    return Question(seller.id if seller else None, args.model, answered, usage if given else None, at,
                    args.tier, args.batch, region)  # fmt: skip


def _term(term: Term) -> dict[str, str | int]:
    return {
        "kind": term.kind,
        "quantity": term.quantity,
        "unit": term.measure.short,
        "price": usd(term.price * 10**6),
        "amount": usd(term.amount),
    }


def _receipt(explained: Explanation, at: float) -> str:
    cost = cast(Cost, explained.result)
    rows: list[tuple[str | int | None, ...]] = [tuple(_term(term).values()) for term in explained.terms]
    rows.append(("total", None, None, None, usd(cost.total)))
    drawn = table(("line", "quantity", "per", "price USD", "amount USD"), rows, numeric=(1, 3, 4))
    when = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"{drawn}\n\nrow        {cost.entry}\nat         {when}\ncatalogue  {cost.catalogue}\n"


def _age(prices: Catalogue, seller: str | None) -> str:
    """The day of the seller's prices, and how old they are where they are old; empty for a seller without a list."""
    found = ages(prices, time.time(), [seller] if seller else [])
    if not found:
        return ""
    old = f", {found[0].days} days ago; newer ones may differ" if found[0].stale else ""
    return f"prices of  {found[0].as_of}{old}\n"


def _refusal(result: Unpriced, args: argparse.Namespace, prices: Catalogue) -> str:
    close = list[str]()
    if result.reason == "unknown_model":
        seller = prices.named(args.seller)
        ids = prices.ids(seller.id) if seller and seller.id else []
        wanted = str(args.model).lower()
        close = get_close_matches(wanted, ids, n=3) or [one for one in ids if wanted in one][:3]
    near = f"; close to it: {', '.join(close)}" if close else ""
    joint = " Or: " if result.detail.endswith("?") else "; "
    return f"no price ({result.reason}): {result.detail}{near}{joint}{meaning(result.reason).command}"


def _as_object(result: Cost | Unpriced) -> dict[str, Any]:
    if isinstance(result, Unpriced):
        return {"amount": None, "reason": result.reason, "detail": result.detail}
    return {
        "amount": usd(result.total),
        "currency": "USD",
        "lines": {kind: usd(amount) for kind, amount in result.lines},
        "entry": result.entry,
        "catalogue": result.catalogue,
    } | ({"partial": True} if result.partial else {})


def _file(path: str, recorded: Recorded) -> int:
    if path == "-":
        return _lines(sys.stdin, recorded)
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as source:
            return _lines(source, recorded)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise ValueError(f"--file {path}: {error.strerror}") from None


def _lines(source: TextIO, recorded: Recorded) -> int:
    bad = False
    for number, result in _results(source, recorded):
        bad = bad or "error" in result
        sys.stdout.write(json.dumps({"line": number} | result, ensure_ascii=False) + "\n")
    return int(bad)


def _results(source: TextIO, recorded: Recorded) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(source, 1):
        if not line.strip():
            continue
        try:
            attributes, asked = _from_record(line, recorded)
        except ValueError as error:
            yield number, {"error": f"line {number}: {error}"}
            continue
        named = asked.question.request_model or asked.question.response_model
        if not named and (wrong := odd_model(attributes)):
            yield number, {"error": f"line {number}: {wrong}"}
            continue
        repaired = {"repaired": True} if asked.repaired else {}
        result = recorded.answer(asked)
        repaired |= {"not_in_this_price": [name for name, _ in asked.uncounted]} if asked.uncounted else {}
        if isinstance(result, Unpriced) and (missing := _missing(attributes, asked, recorded.catalogue)):
            result = result._replace(detail=missing)
        yield number, _as_object(result) | repaired


def _missing(attributes: Mapping[str, object], asked: Asked, prices: Catalogue) -> str | None:
    """The name of what the line does not say, as a remedy; None where the line says seller, model and tokens."""
    question, table = asked.question, bundled()
    if question.seller is None and table.place(attributes) is None:
        provider = table.text(attributes, "provider")
        return prices.unknown_seller(provider) if provider else _unsaid("seller", names.PROVIDER, names.SERVER_ADDRESS)
    if question.request_model is None and question.response_model is None:
        return _unsaid("model", names.REQUEST_MODEL)
    if question.usage is None:
        return _unsaid("tokens", *(names.USAGE_TOKENS[kind] for kind in ("input", "output")), joint="and")
    return None


def _unsaid(what: str, *attributes: str, joint: str = "or") -> str:
    return f"the line names no {what}; write {f' {joint} '.join(attributes)}, as in 'genmeter price --help'"


def _from_record(line: str, recorded: Recorded) -> tuple[Mapping[str, object], Asked]:
    try:
        record: object = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("not JSON; write one object a line") from None
    if not isinstance(record, dict):
        raise ValueError("not a JSON object; write one object a line")
    values = cast(dict[str, object], record)
    inner = values.get("attributes")
    attributes = {**values, **cast(Mapping[str, object], inner)} if isinstance(inner, dict) else values
    moment = next((values[key] for key in TIMES if key in values), None)
    return attributes, recorded.ask(attributes, _moment(moment))


def _moment(value: object) -> float:
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:30])
    if isinstance(value, str):
        return instant(value, ago=False).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**19:
        raise ValueError('no "time"; write ISO 8601, or Unix time in seconds or nanoseconds')
    return value / 10**9 if value > NANOSECONDS else float(value)
