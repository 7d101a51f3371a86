"""What is kept of names of spans that other programs made: never what was said."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from genmeter.ledger import Ledger
from genmeter.reading.conventions import bundled
from genmeter.reading.talkers import LONGEST_OTHER
from tests.ledger.otlp import chat, span, traces

CASES: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "talkers.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES["spans"], ids=lambda case: f"{case['scope']}: {case['name']}")
def test_a_name_that_may_be_a_question_is_made_anew_of_what_the_span_says(case: dict[str, Any]) -> None:
    assert bundled().talkers.span_name(case["name"], case["scope"], case["attributes"]) == case["kept"]


@pytest.mark.parametrize("case", CASES["lines"], ids=lambda case: case["line"])
def test_a_scope_is_a_talkers_only_as_a_whole_word(case: dict[str, Any]) -> None:
    talks = bool(re.match(bundled().talkers.pattern, case["scope"]))
    assert talks or any(mark in case["attributes"] for mark in bundled().talkers.marks) or case["kept"]
    assert not (talks and case["kept"])


def test_the_scope_of_each_emitter_is_a_talkers() -> None:
    table = bundled()
    scopes = {row.scope.removesuffix("*").rstrip(".-/") for row in table.emitters.rows}
    missing = {scope for scope in scopes if not re.match(table.talkers.pattern, scope)}
    # all of Spring logs under its name, and all of OpenTelemetry's JavaScript traces under its own
    assert missing == {"genmeter", "org.springframework", "@opentelemetry/instrumentation"}


def test_no_name_in_the_ledgers_file_holds_what_was_said(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with Ledger.open(file) as ledger:
        call = span(1, chat())
        call.name = "Why does my knee hurt?"
        step = span(2, {"openinference.span.kind": "CHAIN"})
        step.name = "Why does my knee hurt, doctor?"
        request = traces(call, step)
        request.resource_spans[0].scope_spans[0].scope.name = "openinference.instrumentation.langchain"
        ledger.book_traces(request.SerializeToString())
    assert all(b"knee" not in one.read_bytes() for one in tmp_path.iterdir())


def test_the_name_of_any_other_span_is_bounded() -> None:
    assert bundled().talkers.span_name("x y" * 1_000, "shop", {}) == ("x y" * 1_000)[:LONGEST_OTHER]
