"""The user's own prices as both languages must read them: the message for what is wrong, the bill for what is right.

The Go twin reads the same file. Bills and canonical texts were worked out by hand.
"""

from __future__ import annotations

import json
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from genmeter.model import Cost, Unpriced, Usage
from genmeter.pricing import Catalogue, PricesError, Question, parse

ROOT = Path(__file__).parents[2]
UNITS: list[dict[str, Any]] = json.loads((ROOT / "src/genmeter/pricing/data/units.json").read_text("utf-8"))["units"]
COLUMNS = ", ".join(unit["column"] for unit in UNITS if "column" in unit)
"""The text that ``{columns}`` in a vector stands for."""
CASES: list[dict[str, Any]] = json.loads((ROOT / "tests" / "vectors" / "overrides.json").read_text("utf-8"))


def decoded(value: Any) -> Any:
    if isinstance(value, dict):
        text = value.get("$date")
        if text is not None:
            return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
        if "$float" in value:
            return float(value["$float"])
        return {key: decoded(one) for key, one in value.items()}
    return [decoded(one) for one in value] if isinstance(value, list) else value


def under(case: dict[str, Any]) -> Catalogue:
    return Catalogue.bundled().with_overrides(parse(decoded(case["table"]), "genmeter.toml", case["text"]))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_own_prices_are_read_as_the_vector_says(case: dict[str, Any]) -> None:
    assert repr(tomllib.loads(case["text"])["prices"]) == repr(decoded(case["table"]))
    if "error" in case:
        with pytest.raises(PricesError) as caught:
            under(case)
        assert str(caught.value) == case["error"].replace("{columns}", COLUMNS)
        return
    catalogue = under(case)
    for bill in case["bills"]:
        call = dict(bill["call"])
        at = datetime.fromisoformat(call.pop("at")).timestamp()
        result = catalogue.price(Question(usage=Usage(**call.pop("usage")), at=at, **call))
        if isinstance(result, Unpriced):
            assert {"reason": result.reason} == bill["expect"], result.detail
        else:
            found = {"total": result.total, "lines": [list(line) for line in result.lines], "entry": result.entry}
            assert found == bill["expect"]


NAMED = [case for case in CASES if "canonical" in case]


@pytest.mark.parametrize("case", NAMED, ids=[case["name"] for case in NAMED])
def test_the_version_is_made_of_the_prices_and_of_nothing_else(case: dict[str, Any]) -> None:
    mark = crc32(case["canonical"].encode())
    assert under(case).version == f"{Catalogue.bundled().version}+own-{mark:08x}"


def test_a_second_file_comes_before_the_first_and_leaves_the_rest() -> None:
    both = under(NAMED[1]).with_overrides(parse({"openai": {"gpt-4o": {"input": "7", "output": "7"}}}, "more.toml", ""))
    changed, kept = (
        both.price(Question(seller, model, None, Usage(1, 0), 0))
        for seller, model in (("openai", "gpt-4o"), ("mine", "b"))
    )
    assert isinstance(changed, Cost) and changed.total == 7_000_000
    assert isinstance(kept, Cost) and kept.total == 0
