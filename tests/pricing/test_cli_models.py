"""``genmeter models``: every price of the catalogue can be found, as exact decimals."""

from __future__ import annotations

import argparse
import csv
import io
import json
from pathlib import Path

import pytest

from genmeter.cli import models


def genmeter(*arguments: str) -> int:
    parser = argparse.ArgumentParser(prog="genmeter")
    models.add(parser.add_subparsers())
    args = parser.parse_args(arguments)
    return args.run(args)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GENMETER_CONFIG", raising=False)


def test_a_model_is_found_with_its_current_prices(capsys: pytest.CaptureFixture[str]) -> None:
    assert genmeter("models", "gpt-5.6-sol", "--seller", "openai", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [
        {"seller": "openai", "model": "gpt-5.6-sol", "input": "4.00", "cached": "0.40", "cache_write": "5.00",
         "output": "20.00", "since": "2026-08-21"}
    ]  # fmt: skip


def test_an_alias_finds_the_model_that_carries_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert genmeter("models", "gpt-4o-2024-11-20", "--seller", "openai", "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["model"] for row in rows] == ["gpt-4o"]


def test_a_seller_goes_by_every_name_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert genmeter("models", "nova-pro", "--seller", "aws.bedrock") == 0
    assert "amazon.nova-pro-v1:0" in capsys.readouterr().out


def test_free_is_shown_as_zero_and_unknown_as_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert genmeter("models", "omni-moderation-latest", "--seller", "openai", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["input"] == "0.00" and row["cached"] is None


def test_the_whole_list_comes_in_a_moment(capsys: pytest.CaptureFixture[str]) -> None:
    assert genmeter("models", "--csv") == 0
    assert len(capsys.readouterr().out.splitlines()) > 2000


def test_the_users_own_models_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "genmeter.toml").write_text('[prices.gateway."fast"]\ninput = "1"\noutput = "2"\n')
    assert genmeter("models", "fast", "--seller", "gateway", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["output"] == "2.00"


def test_a_table_has_its_unit_the_name_that_was_asked_for_and_the_seller_as_it_was_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert genmeter("models", "gpt-5.6") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("US dollars per million tokens, at the standard tier\n\n")
    assert "gpt-5.6-sol (gpt-5.6)" in shown and "gpt-5.6-luna (" not in shown
    assert genmeter("models", "nova-pro", "--seller", "aws.bedrock") == 0
    assert "\naws.bedrock " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["no-such-model"], 1, "no model with a price matches"),
        (["--seller", "zzzz"], 2, "no seller 'zzzz'; the sellers are ai21, anthropic, "),
        (["--seller", "opnai"], 2, "no seller 'opnai'; did you mean 'openai'?"),
    ],
)
def test_nothing_found_is_one_line_that_says_what_to_do(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert genmeter("models", *arguments) == code
    captured = capsys.readouterr()
    assert words in captured.err and captured.err.count("\n") == 1
