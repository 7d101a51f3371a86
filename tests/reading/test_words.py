"""Words for operations, frameworks and models are read as the collector reads them: both are asked the same questions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genmeter import names
from genmeter.ledger import doubles
from genmeter.reading import Recorded, conventions
from genmeter.settings import Settings
from tests.ledger.otlp import ROOT

VECTORS: dict[str, list[dict[str, Any]]] = json.loads((ROOT / "tests/vectors/words.json").read_text(encoding="utf-8"))
TABLE = conventions.bundled()


@pytest.mark.parametrize("one", VECTORS["operations"], ids=lambda one: one["word"])
def test_operations(one: dict[str, Any]) -> None:
    foreign = one["word"].isupper()
    key = "openinference.span.kind" if foreign else names.OPERATION
    said = {key: one["word"], "gen_ai.usage.input_tokens": 5}
    found = TABLE.operation(said)
    assert (found if found in names.BILLED_OPERATIONS else None) == one["operation"]
    assert one["operation"] is not None or (TABLE.unread(said) is not None) == one["unread"]


@pytest.mark.parametrize("one", VECTORS["scopes"], ids=lambda one: one["name"])
def test_scopes_of_frameworks(one: dict[str, Any]) -> None:
    assert TABLE.is_framework(one["name"]) == one["framework"]


@pytest.mark.parametrize("one", VECTORS["models"], ids=lambda one: one["model"])
def test_bare_models(one: dict[str, Any]) -> None:
    assert doubles.bare_model(one["model"]) == one["bare"]


@pytest.mark.parametrize("one", VECTORS["sold_by"], ids=lambda one: one["model"])
def test_models_that_one_seller_sells(one: dict[str, Any]) -> None:
    assert (TABLE.sold_by({names.REQUEST_MODEL: one["model"]}) or "") == one["seller"]


@pytest.mark.parametrize("one", VECTORS["sellers"], ids=lambda one: one["word"] or "none")
def test_sellers_by_the_words_of_emitters(one: dict[str, Any]) -> None:
    said = {names.PROVIDER: one["word"], names.REQUEST_MODEL: one.get("model", "gpt-4o")}
    seller = Recorded(Settings()).ask(said, 1_795_000_000).seller
    assert (seller.id if seller else "") == one["seller"]
