"""``genmeter price``: the sum is shown whole and exact, a refusal says what to do, a log loses no line."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from genmeter.cli import price

HEAD = ["price", "openai", "gpt-5.6", "--input", "1200", "--cached", "1000", "--output", "80"]
NOVEMBER = ["--at", "2026-11-01T00:00:00Z"]


def genmeter(*arguments: str) -> int:
    parser = argparse.ArgumentParser(prog="genmeter")
    price.add(parser.add_subparsers())
    args = parser.parse_args(arguments)
    return args.run(args)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GENMETER_CONFIG", raising=False)


def test_every_term_the_row_and_the_exact_total_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert genmeter(*HEAD, *NOVEMBER) == 0
    shown = capsys.readouterr().out
    # 200 x 4.00 + 1,000 x 0.40 + 80 x 20.00 per million = 0.0008 + 0.0004 + 0.0016
    for words in ("0.0008", "0.0004", "0.0016", "0.0028", "openai/gpt-5.6-sol;from=2026-08-21", "2026-11-01T00:00:00Z"):
        assert words in shown


def test_json_carries_the_same_sum(capsys: pytest.CaptureFixture[str]) -> None:
    assert genmeter(*HEAD, *NOVEMBER, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["amount"] == "0.0028" and answer["currency"] == "USD"
    assert answer["lines"] == {"input": "0.0008", "cache_read": "0.0004", "output": "0.0016"}
    assert [term["price"] for term in answer["terms"]] == ["4.00", "0.40", "20.00"]


def test_csv_has_one_row_a_term(capsys: pytest.CaptureFixture[str]) -> None:
    assert genmeter(*HEAD, *NOVEMBER, "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["amount"] for row in rows] == ["0.0008", "0.0004", "0.0016"]


@pytest.mark.parametrize(
    ("more", "amount"),
    [(["--tier", "flex"], "0.0014"), (["--batch"], "0.0014"), (["--region", "us"], "0.00308"),
     (["--at", "2026-08-01"], "0.0039"), (["--searches", "2"], "0.0228")],
)  # fmt: skip
def test_tier_batch_region_date_and_searches_change_the_sum(
    more: list[str], amount: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # halves of 0.0028; 1.1 times it; 200 x 5 + 1,000 x 0.5 + 80 x 30 per million; 2 x 0.01 more
    assert genmeter(*HEAD, *(more if "--at" in more else [*more, *NOVEMBER]), "--json") == 0
    assert json.loads(capsys.readouterr().out)["amount"] == amount


def test_azure_is_asked_by_its_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert genmeter("price", "azure", "gpt-4o", "--input", "1000000", "--json") == 0
    assert json.loads(capsys.readouterr().out)["amount"] == "2.50"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["openai", "gpt-5.7", "--input", "1"], "close to it: gpt-5.6"),
        (["opena", "gpt-4o", "--input", "1"], "(unknown_provider): no seller 'opena'; did you mean 'openai'?"),
        (["openai", "gpt-4o"], "give --input and --output"),
        (["openai", "gpt-4o", "--input", "1", "--cached", "2"], "invalid_usage"),
        (["openai", "gpt-4o", "--input", "1", "--tier", "scale"], "unknown_service_tier"),
        (["openai", "gpt-4o", "--input", "9", "--audio-input", "3"], "unpriced_dimension"),
        (["openai", "gpt-5.6", "--input", "1", "--tier", "flex", "--at", "2026-01-01"], "no_price_for_date"),
    ],
)
def test_a_refusal_is_one_line_with_what_to_do_and_exit_1(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert genmeter("price", *arguments) == 1
    captured = capsys.readouterr()
    assert words in captured.err and captured.err.count("\n") == 1 and captured.out == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["openai"], "name a seller and a model"),
        (["openai", "gpt-4o", "--input", "many"], "--input 'many': write a whole number"),
        (["openai", "gpt-4o", "--input=-5"], "--input '-5': write a whole number"),
        (["openai", "gpt-4o", "--input", "1", "--at", "yesterday"], "--at 'yesterday' is no date or time"),
        (["--file", "/does/not/exist"], "--file /does/not/exist: No such file or directory"),
        (["openai", "gpt-4o", "--config", "/does/not/exist.toml"], "/does/not/exist.toml"),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert genmeter("price", *arguments) == 2
    captured = capsys.readouterr()
    assert words in captured.err and captured.err.count("\n") == 1 and captured.out == ""


def test_the_users_prices_are_used_and_a_bad_row_stops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('[prices.openai."gpt-5.6"]\ninput = "1"\ncache_read = "1"\noutput = "1"\n')
    assert genmeter(*HEAD, "--config", str(own), "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["amount"] == "0.00128" and answer["entry"] == "override:openai/gpt-5.6"
    own.write_text('[prices.openai."gpt-5.6"]\ninput = 1\n')
    assert genmeter(*HEAD, "--config", str(own)) == 2
    assert "mine.toml:2: prices.openai.gpt-5.6.input" in capsys.readouterr().err


CALL = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 100}  # fmt: skip
SECOND = 1_793_491_200


def log(*records: object) -> str:
    return "".join((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records)


def priced(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, object]]]:
    (tmp_path / "calls.jsonl").write_text(text)
    code = genmeter("price", "--file", str(tmp_path / "calls.jsonl"))
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    "moment",
    [SECOND, str(SECOND), SECOND * 10**9, str(SECOND * 10**9), "2026-11-01T00:00:00Z", "2026-11-01T01:00:00+01:00"],
)
def test_time_may_be_iso_seconds_or_nanoseconds(
    moment: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, results = priced(log({"time": moment, **CALL}), tmp_path, capsys)
    assert code == 0 and results[0]["amount"] == "0.0035" and results[0]["entry"] == "openai/gpt-4o"


def test_an_exported_span_with_nested_attributes_is_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"openai.response.service_tier": "flex", "gen_ai.response.model": "gpt-5.6-sol-2026-07-09"}
    code, results = priced(log({"start_time": "2026-11-01", "attributes": {**CALL, **more}}), tmp_path, capsys)
    assert code == 0 and results[0]["amount"] == "0.003"  # 1,000 x 2 + 100 x 10 per million


def test_the_seller_and_its_region_come_from_the_address_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = {**CALL, "gen_ai.request.model": "gpt-5.6", "server.address": "eu.api.openai.com"}
    anonymous = {key: value for key, value in call.items() if key != "gen_ai.provider.name"}
    code, results = priced(log({"time": SECOND, **call}, {"time": SECOND, **anonymous}), tmp_path, capsys)
    assert code == 0
    assert [one["amount"] for one in results] == ["0.0066", "0.0066"]  # (1,000 x 4 + 100 x 20) x 1.1 per million


def test_an_input_count_without_its_cache_is_repaired_where_that_is_certain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = {**CALL, "gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-opus-5",
            "gen_ai.usage.input_tokens": 10, "gen_ai.usage.cache_read.input_tokens": 1000}  # fmt: skip
    code, results = priced(log({"time": SECOND, **call}), tmp_path, capsys)
    # 10 x 5 + 1,000 x 0.5 + 100 x 25 per million
    assert code == 0 and results[0]["amount"] == "0.00305" and results[0]["repaired"] is True
    code, results = priced(log({"time": SECOND, **call, "gen_ai.provider.name": "openai"}), tmp_path, capsys)
    assert code == 0 and results[0]["reason"] in ("unknown_model", "invalid_usage")


def test_a_refused_call_has_its_reason_and_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, results = priced(log({"time": SECOND, **CALL, "gen_ai.request.model": "nope"}), tmp_path, capsys)
    assert code == 0 and results[0]["amount"] is None and results[0]["reason"] == "unknown_model"


@pytest.mark.parametrize(
    ("call", "reason", "detail"),
    [
        ({"provider": "openai", "model": "gpt-4o"}, "unknown_provider", "the line names no seller; write gen_ai.provider.name"),
        ({**CALL, "gen_ai.provider.name": "opnai"}, "unknown_provider", "no seller 'opnai'; did you mean 'openai'?"),
        ({"gen_ai.provider.name": "openai"}, "unknown_model", "the line names no model; write gen_ai.request.model"),
        ({"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", "input": 3}, "no_usage",
         "the line names no tokens; write gen_ai.usage.input_tokens and gen_ai.usage.output_tokens"),
        ({**CALL, "gen_ai.provider.name": "openai", "server.address": "llm.example.com"}, "unknown_provider", "[sellers]"),
    ],
)  # fmt: skip
def test_a_line_that_says_too_little_is_told_the_attribute_to_write(
    call: dict[str, object], reason: str, detail: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, (result,) = priced(log({"time": SECOND, **call}), tmp_path, capsys)
    assert (code, result["reason"]) == (0, reason) and detail in str(result["detail"])


def test_the_example_in_the_help_is_a_line_that_is_priced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = price.EPILOG.splitlines()[-1]
    with pytest.raises(SystemExit):
        genmeter("price", "--help")
    assert "".join(example.split()) in "".join(capsys.readouterr().out.split())
    code, (result,) = priced(example, tmp_path, capsys)
    assert (code, result["amount"]) == (0, "0.0064")  # 1,200 x 4 + 80 x 20 per million


def test_a_bad_line_is_named_and_the_rest_is_priced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad: list[object] = ["{oops", "[1]", "5", CALL, {"time": "soon", **CALL},
                         {"time": "7d", **CALL}, {"time": True, **CALL},
                         {"time": SECOND, **CALL, "gen_ai.usage.input_tokens": 1.5},
                         {"time": SECOND, **CALL, "gen_ai.usage.input_tokens": "12x"},
                         {"time": SECOND, **CALL, "gen_ai.request.model": ["gpt-4o"]}]  # fmt: skip
    code, results = priced(log(*bad, "", {"time": SECOND, **CALL}), tmp_path, capsys)
    assert code == 1
    assert len(results) == len(bad) + 1
    for number, result in enumerate(results[:-1], 1):
        assert str(result["error"]).startswith(f"line {number}: "), result
    assert results[-1]["amount"] == "0.0035" and results[-1]["line"] == len(bad) + 2


def test_a_dash_reads_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(log({"time": SECOND, **CALL})))
    assert genmeter("price", "--file", "-") == 0
    assert json.loads(capsys.readouterr().out)["amount"] == "0.0035"


OPTIONS = {"cache_read": "cached", "audio_cache_read": "audio-cached", "image_cache_read": "image-cached"}
SUMS = [
    case
    for stem in ("sums", "hard")
    for case in json.loads((Path(__file__).parents[1] / f"vectors/pricing/{stem}.json").read_text("utf-8"))
]


@pytest.mark.parametrize("case", SUMS, ids=lambda case: case["name"])
def test_the_command_comes_to_the_sums_that_were_worked_out_by_hand(
    case: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """The catalogue, Go and the command read the same cases; a call without a price exits with another status."""
    call = case["call"]
    counts = {OPTIONS.get(kind, kind.replace("_", "-")): count for kind, count in call["usage"].items()}
    given = [f"--{kind}={count}" for kind, count in counts.items() if kind != "reasoning"]
    given += [f"--{name}={call[key]}" for name, key in (("tier", "service_tier"), ("region", "region")) if key in call]
    given += ["--batch"] * call.get("batch", False)
    left = genmeter("price", call["seller"], call["response_model"], "--at", call["at"], "--json", *given)
    if "reason" in case["expect"]:
        assert left != 0
        return
    answer = json.loads(capsys.readouterr().out)
    assert (left, Decimal(answer["amount"]) * 10**12) == (0, case["expect"]["total"])
