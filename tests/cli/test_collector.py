"""``genmeter collector``: a pipeline for the stores that are named, and prices for those who cannot have our processor."""

from __future__ import annotations

import itertools
import json
import re

import pytest
import yaml

from genmeter.cli.collector import BACK_ENDS, pipeline
from genmeter.cli.main import main
from genmeter.model import Cost, Usage
from genmeter.pricing import Catalogue, Question

ADDRESSES = {
    "jaeger": "tracing.internal:4317",
    "ledger": "https://ledger.internal/otlp",
    "loki": "http://10.0.0.7:3100/otlp",
    "prometheus": "http://[::1]:9090/api/v1/otlp",
}
EXPORTERS = {
    "jaeger": "otlp_grpc/jaeger",
    "ledger": "otlp_http/ledger",
    "loki": "otlp_http/loki",
    "prometheus": "otlp_http/prometheus",
}
CHOICES = [chosen for count in range(1, 5) for chosen in itertools.combinations(BACK_ENDS, count)]
NOW = 1_795_000_000.0


def config(capsys, *arguments: str) -> str:
    assert main(["collector", "config", *arguments]) == 0
    return capsys.readouterr().out


def refused(capsys, *arguments: str) -> str:
    assert main(["collector", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1
    return told.err


@pytest.mark.parametrize("chosen", CHOICES, ids="-".join)
def test_only_the_named_stores_are_in_it_at_the_given_addresses(chosen, capsys):
    text = config(capsys, *(word for name in chosen for word in (f"--{name}", ADDRESSES[name])))
    made = yaml.safe_load(text)
    assert {name: one["endpoint"] for name, one in made["exporters"].items()} == {
        EXPORTERS[name]: ADDRESSES[name] for name in chosen
    }
    assert "#?" not in text and not [name for name in BACK_ENDS if name not in chosen and EXPORTERS[name] in text]
    used = {
        part
        for one in made["service"]["pipelines"].values()
        for kind in ("receivers", "exporters")
        for part in one[kind]
    }
    assert used == {*made["receivers"], *made["exporters"], *made.get("connectors", ())}
    worked = {part for one in made["service"]["pipelines"].values() for part in one.get("processors", ())}
    assert worked == set(made["processors"])
    assert set(made["service"]["extensions"]) == set(made["extensions"])


def test_without_stores_it_is_the_whole_with_addresses_from_the_environment(capsys):
    text = config(capsys)
    assert text == pipeline(set(BACK_ENDS))
    for _, _, variable in BACK_ENDS.values():
        assert f'endpoint: "${{env:{variable}:-' in text


def test_prices_and_token_stand_where_the_collector_reads_them(capsys):
    text = config(capsys, "--prices", "/etc/own/genmeter.toml", "--ledger-token", "/etc/own/token")
    made = yaml.safe_load(text)
    assert made["processors"]["genai_cost"]["prices"]["files"] == "/etc/own/genmeter.toml"
    assert made["extensions"]["bearertokenauth/ledger"] == {"filename": "/etc/own/token"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["config", "--jaeger", "http://jaeger:4317"], "write it like jaeger:4317"),
        (["config", "--jaeger", "jaeger"], "HOST:PORT"),
        (["config", "--jaeger", "jaeger:0"], "HOST:PORT"),
        (["config", "--jaeger", "jaeger:65536"], "HOST:PORT"),
        (["config", "--loki", "loki:3100"], "write it like http://"),
        (["config", "--loki", "http://"], "write it like http://"),
        (["config", "--loki", "http://loki:99999"], "write it like http://"),
        (["config", "--loki", 'http://loki"}'], "write it like http://"),
        (["config", "--loki", "http://${env:HOME}"], "write it like http://"),
        (["config", "--ledger", "http://user:secret@ledger:4318"], "secrets go into files"),
        (["config", "--ledger", "http://ledger:4318?token=secret"], "secrets go into files"),
        (["config", "--prometheus", "http://prometheus:9090/api/v1/otlp/v1/metrics"], "leave out the last part"),
        (["config", "--prices", "/a b"], "without spaces"),
        (["config", "--prices", ""], "cannot stand in the file"),
        (["config", "--loki", "http://loki:3100/otlp", "--ledger-token", "/token"], "--ledger too"),
        (["lookup"], "SELLER"),
        (["lookup", "nobody-at-all"], "no seller 'nobody-at-all'"),
        ([], "PART"),
        (["confg"], "confg"),
    ],
    ids=" ".join,
)
def test_a_wrong_argument_is_one_line_that_says_what_to_write(arguments, words, capsys):
    assert words in refused(capsys, *arguments)


def test_a_trailing_slash_of_a_url_is_dropped(capsys):
    made = yaml.safe_load(config(capsys, "--ledger", "http://ledger:4318/"))
    assert made["exporters"]["otlp_http/ledger"]["endpoint"] == "http://ledger:4318"


# lookup: the real collector runs it in tests/e2e/back_ends/test_lookup.py


def rows(text: str) -> dict[str, dict[str, float]]:
    """The printed table: seller/model → prices in USD per million."""
    first = yaml.safe_load(text)["processors"]["transform/prices"]["trace_statements"][0]["statements"][0]
    table = first.removeprefix('set(resource.attributes["_prices"], ').removesuffix(")")
    return yaml.safe_load(table)


@pytest.mark.parametrize("seller", ["openai", "anthropic", "mistral_ai", "azure", "groq"])
def test_every_printed_price_is_what_the_meter_charges(seller, capsys):
    assert main(["collector", "lookup", seller]) == 0
    prices = Catalogue.bundled()
    found = rows(capsys.readouterr().out)
    assert found
    million = 10**6
    questions = {
        "in": Usage(million, 0),
        "out": Usage(0, million),
        "read": Usage(million, 0, cache_read=million),
        "write": Usage(million, 0, cache_write=million),
    }
    for key, row in found.items():
        owner, _, model = key.partition("/")
        for part, usage in questions.items():
            charged = prices.price(Question(owner, model, model, usage, NOW))
            if part in row:
                assert isinstance(charged, Cost) and charged.total == round(row[part] * 10**12), (key, part)
            else:
                assert not isinstance(charged, Cost), (key, part)


def test_models_with_more_than_one_price_are_named_and_left_out(capsys):
    assert main(["collector", "lookup", "anthropic"]) == 0
    text = capsys.readouterr().out
    # Sonnet 4.5 costs 3.00 up to 200,000 input tokens and 6.00 beyond.
    assert "anthropic/claude-sonnet-4-5" in re.sub(r"\n#  +", " ", text.split("processors:")[0])
    assert not [key for key in rows(text) if "sonnet-4-5" in key]
    assert "anthropic/claude-haiku-4-5" in rows(text)


def test_own_prices_come_before_listed_ones(tmp_path, capsys):
    own = tmp_path / "genmeter.toml"
    own.write_text('[prices.openai."gpt-4o"]\ninput = "2.00"\noutput = "8.00"\n')
    assert main(["collector", "lookup", "openai", "--config", str(own)]) == 0
    assert rows(capsys.readouterr().out)["openai/gpt-4o"] == {"in": 2.0, "out": 8.0}


def test_several_sellers_share_one_table(capsys):
    assert main(["collector", "lookup", "openai", "anthropic"]) == 0
    found = rows(capsys.readouterr().out)
    # 2.50 and 10.00 for GPT-4o; 1.00, 5.00, 0.10 and 1.25 for Claude Haiku 4.5.
    assert found["openai/gpt-4o"] == {"in": 2.5, "out": 10.0, "read": 1.25}
    assert found["anthropic/claude-haiku-4-5"] == {"in": 1.0, "out": 5.0, "read": 0.1, "write": 1.25}


# emitters


def test_the_table_of_emitters_is_printed_with_its_scopes(capsys):
    assert main(["collector", "emitters"]) == 0
    printed = capsys.readouterr().out
    assert "@traceloop/instrumentation-anthropic" in printed
    assert "exclusive (anthropic, aws)" in printed
    assert "litellm.cost.total (gateway)" in printed


def test_the_table_of_emitters_is_printed_whole_as_json(capsys):
    assert main(["collector", "emitters", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} >= {"Spring AI", "LiteLLM", "Claude Code"}
    assert all(row["source"] and row["read"] for row in rows)
