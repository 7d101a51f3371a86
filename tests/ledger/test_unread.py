"""Only a closed list of operations are calls; a record with tokens or money that is none of them is counted by emitter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from genmeter.ledger import Ledger
from genmeter.reading import Recorded
from genmeter.reports import calls
from genmeter.reports.unpricing import unread
from genmeter.server.exposition import Activity, exposition
from genmeter.settings import Settings
from tests.ledger.otlp import Attribute, chat, details, span, traces


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open(price=Recorded(Settings()).price) as opened:
        yield opened


@pytest.mark.parametrize(
    "word", ["chain", "execute_task", "execute_event_loop_cycle", "invoke_graph", "handoff", "frobnicate", "moderate"]
)
def test_an_operation_that_is_not_in_the_list_is_no_call(ledger: Ledger, word: str) -> None:
    ledger.book_traces(traces(span(1, chat(gen_ai__operation__name=word))))
    assert calls(ledger) == []


@pytest.mark.parametrize(
    ("word", "operation"),
    [
        ("chat.completions", "chat"), ("responses", "chat"), ("acompletion", "chat"), ("messages", "chat"),
        ("chat_completion", "chat"), ("completion", "text_completion"), ("text.completions", "text_completion"),
        ("embedding", "embeddings"), ("embed", "embeddings"), ("generate", "generate_content"),
        ("moderation", "moderation"),
    ],
)  # fmt: skip
def test_a_call_is_known_however_its_operation_is_spelled(ledger: Ledger, word: str, operation: str) -> None:
    ledger.book_traces(traces(span(1, chat(gen_ai__operation__name=word))))
    assert [call.operation for call in calls(ledger)] == [operation]


def test_a_record_with_tokens_or_money_under_an_unknown_operation_is_counted_by_its_emitter(ledger: Ledger) -> None:
    sent = traces(
        span(1, chat(gen_ai__operation__name="frobnicate")),
        span(2, {"gen_ai.usage.cost": 0.25, "service.name": "x"}),
        span(3, chat(gen_ai__operation__name="invoke_agent")),
        span(4, {"openinference.span.kind": "CHAIN", "llm.token_count.prompt": 5}),
        span(5, {"traceloop.span.kind": "workflow", "gen_ai.usage.prompt_tokens": 1000}),
        span(6, {"total_cost": 3.5, "order.id": 7}),
    )
    sent.resource_spans[0].scope_spans[0].scope.name = "acme.sdk"
    ledger.book_traces(sent)
    ledger.book_traces(sent)
    assert ledger.store.unread() == {"acme.sdk: frobnicate": 2, "acme.sdk: no operation": 2}
    assert [(gap.reason, gap.detail, gap.calls) for gap in unread(ledger)] == [
        ("unread", "acme.sdk: frobnicate", 2), ("unread", "acme.sdk: no operation", 2),
    ]  # fmt: skip
    assert 'genmeter_ledger_unread_total{emitter="acme.sdk: frobnicate"} 2' in exposition(ledger, None, Activity())


def test_emitters_beyond_a_hundred_are_counted_together(ledger: Ledger) -> None:
    ledger.book_traces(traces(*(span(n, chat(gen_ai__operation__name=f"x{n}")) for n in range(1, 150))))
    found = ledger.store.unread()
    assert (len(found), found["others"], sum(found.values())) == (101, 49, 149)


@pytest.mark.parametrize("kind", [2, 4, 5])
def test_the_span_of_a_server_or_a_queue_is_no_call_and_is_told(ledger: Ledger, kind: int) -> None:
    one = span(1, chat())
    one.kind = kind  # type: ignore[assignment]
    ledger.book_traces(traces(one))
    assert calls(ledger) == []
    assert ledger.store.unread() == {"unnamed scope: chat of a server": 1}


def test_an_event_that_is_named_by_an_attribute_alone_is_read(ledger: Ledger) -> None:
    request = details(1, chat(event__name="gen_ai.client.inference.operation.details"))
    request.resource_logs[0].scope_logs[0].log_records[0].event_name = ""
    ledger.book_logs(request)
    assert len(calls(ledger)) == 1
    other = details(2, chat(event__name="something", note="gen_ai.client.inference.operation.details"))
    other.resource_logs[0].scope_logs[0].log_records[0].event_name = ""
    ledger.book_logs(other)
    assert len(calls(ledger)) == 1


@pytest.mark.parametrize("name", ["strands-agents", "pydantic_ai", "LangChain", "llama_index", "crewai"])
def test_a_framework_is_no_seller(ledger: Ledger, name: str) -> None:
    none = dict.fromkeys(("gen_ai__usage__cost__amount", "gen_ai__usage__cost__currency", "genmeter__cost__status"))
    at = chat(**none, gen_ai__provider__name=name, server__address="api.openai.com")
    claude: dict[str, Attribute | None] = {
        "gen_ai__request__model": "us.anthropic.claude-haiku-4-5-20251001-v1:0", "gen_ai__response__model": None,
    }  # fmt: skip
    bedrock = chat(**none, gen_ai__provider__name=name, **claude)
    nowhere = chat(**none, gen_ai__provider__name=name)
    ledger.book_traces(traces(*(span(n, said, trace=n) for n, said in enumerate((at, bedrock, nowhere), 1))))
    found = {call.span_id[-1]: (call.provider, call.cost_reason) for call in calls(ledger)}
    assert found == {"1": ("openai", None), "2": ("aws.bedrock", None), "3": (name, "unknown_provider")}
    (detail,) = {call.cost_detail for call in calls(ledger) if call.cost_detail}
    assert "have its emitter write gen_ai.provider.name or server.address" in detail


def test_the_amount_of_litellm_is_its_own_word(ledger: Ledger) -> None:
    none = dict.fromkeys(("gen_ai__usage__cost__amount", "gen_ai__usage__cost__currency", "genmeter__cost__status"))
    for number, name in enumerate(("gen_ai__cost__total_cost", "litellm__cost__total", "total_cost"), 1):
        ledger.book_traces(traces(span(number, chat(**none, **{name: 0.25 * number}))))
    found = sorted((call.cost_pico or 0, call.cost_source) for call in calls(ledger))
    assert found == [(25 * 10**10, "emitter"), (50 * 10**10, "emitter"), (75 * 10**10, "emitter")]


def test_contribs_botocore_leaves_the_cache_out_of_the_input(ledger: Ledger) -> None:
    """1,000 input and 500 read: $3 and $0.30 a million of Claude Sonnet 4.5 on Bedrock, 200 output at $15."""
    none = dict.fromkeys(("gen_ai__usage__cost__amount", "gen_ai__usage__cost__currency", "genmeter__cost__status"))
    model = {"gen_ai__request__model": "anthropic.claude-sonnet-4-5-20250929-v1:0", "gen_ai__response__model": None}
    said = chat(**none, **model, gen_ai__provider__name="aws.bedrock", gen_ai__usage__cache_read__input_tokens=500)
    sent = traces(span(1, said))
    sent.resource_spans[0].scope_spans[0].scope.name = "opentelemetry.instrumentation.botocore.bedrock-runtime"
    ledger.book_traces(sent)
    (call,) = calls(ledger)
    assert call.usage[:3] == (1500, 200, 500)
