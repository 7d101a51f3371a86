"""Tables, money and machine formats."""

from __future__ import annotations

import csv
import io
import json

import pytest

from genmeter.cli.render import table, write_rows
from genmeter.model import usd


@pytest.mark.parametrize(
    ("pico", "text"),
    [
        (0, "0.00"),
        (1, "0.000000000001"),
        (125_000_000, "0.000125"),
        (12_500_000_000_000, "12.50"),
        (10**12, "1.00"),
        (10**30 + 1, "1000000000000000000.000000000001"),
        (-500_000_000_000, "-0.50"),
    ],
)
def test_money_is_exact_without_exponent(pico, text):
    assert usd(pico) == text


def test_numbers_are_right_aligned_and_decimal_points_below_each_other():
    rows = [["a", 1200, "12.50"], ["bb", 7, "0.000125"], ["c", None, None]]
    assert table(["model", "calls", "USD"], rows, right=(1, "USD")).splitlines() == [
        "model  calls        USD",
        "-----  -----  ---------",
        "a      1,200  12.50",
        "bb         7   0.000125",
        "c          -          -",
    ]


def written(rows, fmt):
    out = io.StringIO()
    write_rows(["model", "cost_usd"], rows, fmt, out)
    return out.getvalue()


def test_json_is_objects_with_strings_for_money_and_null_for_unknown():
    assert json.loads(written([["a", "0.50"], [None, None]], "json")) == [
        {"model": "a", "cost_usd": "0.50"},
        {"model": None, "cost_usd": None},
    ]
    assert json.loads(written([], "json")) == []


def test_csv_quotes_and_starts_no_formula():
    rows = [["a,b", "0.50"], ["=cmd()", "-0.50"], [None, None]]
    assert list(csv.reader(io.StringIO(written(rows, "csv")))) == [
        ["model", "cost_usd"],
        ["a,b", "0.50"],
        ["'=cmd()", "-0.50"],
        ["", ""],
    ]


def test_a_table_shows_no_control_characters():
    assert "\x1b" not in written([["\x1b[2J", "1.00"]], "table")
