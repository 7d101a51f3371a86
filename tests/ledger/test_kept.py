"""Nothing that a person or a model has said stays in the file, whatever tool wrote it and under whatever name; nor a key."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from genmeter.ledger import Ledger
from tests.ledger.otlp import Attribute, chat, span, traces

SAID = "Tell me SECRET-4711, please"
TRACE = "0" * 31 + "1"
NAMES = [
    "input.value", "output.value", "gen_ai.prompt", "gen_ai.completion", "gen_ai.prompt.0.content", "gen_ai.completion.0.content",
    "llm.input_messages.0.message.content", "llm.output_messages.0.message.content", "llm.prompts", "llm.completions",
    "traceloop.entity.input", "traceloop.entity.output", "pydantic_ai.all_messages", "final_result", "all_messages_events",
    "gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.tool.definitions", "gen_ai.system_instructions",
    "gen_ai.input.messages", "gen_ai.output.messages", "ai.prompt", "ai.prompt.messages", "ai.response.text", "ai.toolCall.args",
    "ai.response.object", "tool.parameters", "retrieval.documents.0.document.content", "embedding.embeddings.0.embedding.text",
    "langfuse.observation.input", "mlflow.spanInputs", "langsmith.metadata.question", "request_data", "response_data",
    "http.request.header.authorization", "http.response.header.set-cookie", "url.full", "http.url", "url.query", "db.query.text",
    "db.statement", "exception.message", "exception.stacktrace", "http.request.body", "lk.chat_ctx", "crewai.task.description",
    "gen_ai.request.stop_sequences", "question", "answer", "prompt", "body", "arguments", "token", "weather.forecast",
    "a tool of next year", "",
]  # fmt: skip


@pytest.mark.parametrize("value", [SAID, [SAID], "SECRET-4711", f"https://x.example/?key={SAID.split()[2]}"], ids=str)
def test_no_text_of_a_prompt_an_answer_or_a_key_is_in_the_file(tmp_path: Path, value: Attribute) -> None:
    path = tmp_path / "l.db"
    with Ledger.open(path) as ledger:
        for number, name in enumerate(NAMES, 1):
            ledger.book_traces(traces(span(number, {**chat(), name: value}), span(number + 500, {name: value})))
        assert len(ledger.store.trace_spans(TRACE)) == 2 * len(NAMES)
    connection = sqlite3.connect(path)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = [row for table in tables for row in connection.execute(f"SELECT * FROM {table}")]
    assert [row for row in rows if "SECRET" in repr(row)] == []
    connection.close()


def test_of_another_programs_error_its_kind_is_kept() -> None:
    with Ledger.open() as ledger:
        for number, said in enumerate(
            ("ValidationError: input_value='SECRET'", "the model said SECRET", "TimeoutError"), 1
        ):
            one = span(number, {}, failed=True, name="a step")
            one.status.message = said
            ledger.book_traces(traces(one))
        found = {one.span_id[-1]: one.message for one in ledger.store.trace_spans(TRACE)}
    assert found == {"1": "ValidationError", "2": "", "3": "TimeoutError"}


def test_what_says_who_and_where_and_how_much_is_kept() -> None:
    kept: dict[str, Attribute] = {
        "gen_ai.request.model": "gpt-5", "gen_ai.agent.name": "triage", "http.route": "/refund/{id}", "server.port": 443,
        "gen_ai.request.stream": True, "gen_ai.response.finish_reasons": ["stop"], "genmeter.department": "legal",
        "llm.model_name": "gpt-5", "note": "kept", "app.cart.items": 3, "gen_ai.usage.input_tokens": 7, "app.score": 0.5,
    }  # fmt: skip
    with Ledger.open() as ledger:
        ledger.book_traces(traces(span(1, kept)))
        (found,) = ledger.store.trace_spans(TRACE)
    assert found.attributes == kept
