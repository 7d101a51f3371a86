"""The questions that hold Go to Python's answers: they are what their generator writes, and they leave nothing out."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from genmeter import names
from genmeter.model import PICO, Cost, Seller, Usage
from genmeter.pricing import Addresses, Catalogue, Question, parse

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "vectors" / "pricing_seeded"
DATA = ROOT / "src" / "genmeter" / "pricing" / "data"
TWIN = ROOT / "src" / "genaicostprocessor" / "internal" / "pricing" / "data"


def read(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    head, *cases = map(json.loads, (FOLDER / f"{name}.jsonl").read_text("ascii").splitlines())
    return head, cases


def under_own_prices() -> Catalogue:
    head, _ = read("own")
    table = tomllib.loads(head["text"])["prices"]
    return Catalogue.bundled().with_overrides(parse(table, "genmeter.toml", head["text"]))


def test_the_files_are_what_their_generator_writes() -> None:
    done = subprocess.run([sys.executable, str(ROOT / ".ci" / "vectors"), "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "no change\n"), done.stdout + done.stderr


def test_go_embeds_the_same_catalogue() -> None:
    theirs, ours = ((folder / "catalogue.json").read_bytes() for folder in (TWIN, DATA))
    assert theirs == ours, "run `make prices`, or copy the file"


@pytest.mark.parametrize("name", ["calls", "own"])
def test_python_still_gives_the_answers_that_are_written_down(name: str) -> None:
    head, cases = read(name)
    catalogue = Catalogue.bundled() if name == "calls" else under_own_prices()
    assert (head["catalogue"], head["models"]) == (catalogue.version, len(catalogue.listings()))
    for case in cases:
        call = {"seller": None, "request_model": None, "response_model": None, "usage": None, **case["call"]}
        usage = call.pop("usage")
        cost = catalogue.price(Question(usage=None if usage is None else Usage(**usage), **call))
        if not isinstance(cost, Cost):
            assert (cost.reason, case["call"]) == (case.get("reason"), case["call"])
            continue
        bits = struct.pack(">d", cost.total / PICO).hex()
        found = (cost.total, bits, [list(line) for line in cost.lines], cost.entry, cost.partial)
        wanted = [case.get(field) for field in ("total", "double", "lines", "entry")]
        assert found == (*wanted, call.get("partial", False)), case


def test_addresses_and_names_still_lead_to_the_sellers_that_are_written_down() -> None:
    head, cases = read("sellers")
    mine = under_own_prices()
    addresses = Addresses(head["named"], mine)
    for case in cases:
        if "name" in case:
            assert mine.named(case["name"]) == seller(case["seller"]), case
            continue
        assert mine.seller(case["host"], case.get("path", "")) == seller(case["known"]), case
        found = addresses.seller(case["host"], case.get("port"), case.get("path", ""))
        assert found == seller(case["named"]), case


def seller(written: list[str] | None) -> Seller | None:
    return Seller(*written) if written is not None else None


def test_no_seller_tier_reason_or_line_is_left_out() -> None:
    file = json.loads((DATA / "catalogue.json").read_text("utf-8"))
    _, cases = read("calls")
    assert len(cases) >= 5000
    assert len({json.dumps(case["call"]) for case in cases}) > 0.99 * len(cases)
    reasons = Counter(case.get("reason") for case in cases)
    assert all(reasons[reason] >= 50 for reason in (None, *names.UNPRICED_REASONS)), reasons
    entries = [case["entry"] for case in cases if "entry" in case]
    priced = {entry.partition("/")[0].partition(":")[0] for entry in entries}
    assert priced == {key for key, face in file["sellers"].items() if face["ids"]}
    assert set(file["sellers"]) <= {case["call"].get("seller") for case in cases}
    tiers = {tier for model in file["models"] for tier in (model[2] if len(model) > 2 else ())}
    for part in (*tiers, "from=", "hours=", "over=", "region="):
        assert sum(f";{part}" in entry for entry in entries) >= 20, part
    kinds = Counter(kind for case in cases for kind, _ in case.get("lines", ()))
    sold = lines_with_a_list_price(file)
    own = set(names.COST_KINDS) - sold
    assert {"input", "output", "cache_read", "cache_write", "search"} <= sold and "images" in own
    assert all(kinds[kind] >= 40 for kind in sold), kinds
    assert sum(case["call"].get("partial", False) for case in cases if "entry" in case) >= 50
    assert own <= {kind for case in read("own")[1] for kind, _ in case.get("lines", ())}


def lines_with_a_list_price(file: dict[str, Any]) -> set[str]:
    lines = {
        unit["column"]: unit["line"]
        for unit in json.loads((DATA / "units.json").read_text("utf-8"))["units"]
        if "column" in unit
    }
    editions = [edition for plan in file["plans"] for edition in plan]
    parts = [part for edition in editions for part in (edition, *edition.get("windows", ()))]
    rows = [row for part in parts for _, row in part["rows"]]
    return {lines[file["columns"][n]] for row in rows for n, cell in enumerate(row) if cell is not None}


def test_the_files_stay_small_enough_for_a_repository() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2**21
