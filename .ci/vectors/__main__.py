"""Writes the seeded vectors of the price book: ``python .ci/vectors [--check] [--random COUNT FILE]``.

Each line of ``tests/vectors/pricing_seeded`` is a question and what Python answers; the twin in Go must answer the same,
to the last bit. The first line of a file says of which catalogue. ``--check`` compares with the files in the repository
and writes nothing. ``--random`` writes so many other questions to FILE, for a comparison by hand:
``GENMETER_DIFF=FILE go test -run Differential ./internal/pricing``.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import tomllib
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from addresses import NAMED, host_questions, name_questions
from books import TEXT, own_questions
from questions import Data, anything, questions
from words import Chance

from genmeter.model import PICO, Cost, Usage
from genmeter.pricing import Addresses, Catalogue, Question, parse
from genmeter.pricing.catalogue import BUNDLED

FOLDER = Path(__file__).parents[2] / "tests" / "vectors" / "pricing_seeded"
MIXED = 110


def answer(catalogue: Catalogue, call: dict[str, Any]) -> dict[str, Any]:
    """The question with Python's answer: the bill, the bits of its double in US dollars, and the row; or the reason."""
    arguments = {"seller": None, "request_model": None, "response_model": None, **call}
    usage = arguments.pop("usage", None)
    cost = catalogue.price(Question(usage=None if usage is None else Usage(**usage), **arguments))
    if not isinstance(cost, Cost):
        return {"call": call, "reason": cost.reason}
    bits = struct.pack(">d", cost.total / PICO).hex()
    return {"call": call, "total": cost.total, "double": bits, "lines": list(cost.lines), "entry": cost.entry}


def plain(value: Any) -> Any:
    """A decoded TOML value as JSON can hold it: a date becomes ``{"$date": "2026-01-01"}``."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return {"$date": value.isoformat()} if isinstance(value, date) else value


def text(rows: Iterable[Any]) -> str:
    """One JSON value a line, in ASCII."""
    return "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


def calls(catalogue: Catalogue, data: Data) -> Iterator[Any]:
    """The bundled catalogue's answers."""
    yield {"catalogue": catalogue.version, "models": len(catalogue.listings())}
    yield from (answer(catalogue, call) for call in questions(data, MIXED))


def own(catalogue: Catalogue, data: Data) -> Iterator[Any]:
    """Answers under a user's own prices."""
    table = tomllib.loads(TEXT)["prices"]
    mine = catalogue.with_overrides(parse(table, "genmeter.toml", TEXT))
    yield {"catalogue": mine.version, "models": len(mine.listings()), "text": TEXT, "table": plain(table)}
    yield from (answer(mine, call) for call in own_questions(data))


def sellers(catalogue: Catalogue, data: Data) -> Iterator[Any]:
    """Who bills, by address alone, by address under the user's names, and by name."""
    mine = catalogue.with_overrides(parse(tomllib.loads(TEXT)["prices"], "genmeter.toml", TEXT))
    addresses = Addresses(NAMED, mine)
    yield {"catalogue": mine.version, "named": NAMED}
    for asked in host_questions(data):
        host, port, path = asked["host"], asked.get("port"), asked.get("path", "")
        yield asked | {"known": catalogue.seller(host, path), "named": addresses.seller(host, port, path)}
    for name in name_questions(data):
        yield {"name": name, "seller": mine.named(name)}


def main() -> int:
    """Write or compare the files; 0 when they are equal to the catalogue's answers."""
    parser = argparse.ArgumentParser(prog="python .ci/vectors", description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--random", nargs=2, metavar=("COUNT", "FILE"))
    args = parser.parse_args()
    catalogue, data = Catalogue.bundled(), json.loads(BUNDLED.read_bytes())
    if args.random:
        chance = Chance(args.random[0])
        made = (answer(catalogue, anything(chance, data)) for _ in range(int(args.random[0])))
        Path(args.random[1]).write_text(text([{"catalogue": catalogue.version}, *made]), encoding="ascii")
        return 0
    stale: list[str] = []
    FOLDER.mkdir(exist_ok=True)
    for name, make in (("calls", calls), ("own", own), ("sellers", sellers)):
        path, new = FOLDER / f"{name}.jsonl", text(make(catalogue, data))
        if path.is_file() and path.read_text(encoding="ascii") == new:
            continue
        stale.append(path.name)
        if not args.check:
            path.write_text(new, encoding="ascii")
    print(f"{', '.join(stale)}: {'stale; run `make vectors`' if args.check else 'written'}" if stale else "no change")
    return int(args.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
