"""Tables, money and machine formats."""

from __future__ import annotations

import csv
import io
import json

import pytest

from genmeter.cli.render import cut, spell_out, table, width, write_rows
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
    assert table(["model", "calls", "USD"], rows, numeric=(1, "USD")).splitlines() == [
        "model  calls        USD",
        "-----  -----  ---------",
        "a      1,200  12.50",
        "bb         7   0.000125",
        "c          -          -",
    ]


def test_wide_and_combining_characters_keep_the_columns_below_each_other():
    # a terminal gives 工 and 한 two columns each, and none to an accent that stands behind its letter
    rows = [["工单系统", 7, "12.50"], ["한글", 12, "0.5"], ["cafe\u0301", 1, None], ["plain", 1, None]]
    lines = table(["application", "calls", "USD"], rows, numeric=(1, "USD")).splitlines()
    assert lines[2:] == [
        "工单系统         7  12.50",
        "한글            12   0.5",
        "cafe\u0301             1      -",
        "plain            1      -",
    ]
    assert [width(line) for line in lines[2:]] == [25, 24, 25, 25]


def test_a_family_of_emoji_is_drawn_in_two_columns_per_person():
    assert width("👩\u200d🚀") == 4 and width("\ufeff") == 0 and width("→") == 1


def test_what_is_cut_fits_whatever_its_characters_are():
    assert [cut("工单系统", columns) for columns in (8, 7, 4, 1)] == ["工单系统", "工单系", "工单", ""]
    assert cut("e\u0301e", 1) == "e\u0301"


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


@pytest.mark.parametrize("before", ["", " ", "  ", "\xa0", "\u3000", "\ufeff", "\u200b "])
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_csv_starts_no_formula_behind_blanks_and_invisible_characters(before, sign):
    (_, (cell, _)) = csv.reader(io.StringIO(written([[f"{before}{sign}cmd()", "1.00"]], "csv")))
    assert cell == f"'{before}{sign}cmd()"


@pytest.mark.parametrize("control", ["\t", "\r", "\n", "\r\n", "\0", "\x0b", "\x1b", "\x85", "\u2028"])
@pytest.mark.parametrize("place", ["{}=cmd()", "model{}=cmd()", "model{}"])
def test_csv_has_one_line_for_each_row_and_no_control_characters(control, place):
    text = written([[place.format(control), "1.00"]], "csv")
    assert text.splitlines() == ["model,cost_usd", place.format("?" * len(control)) + ",1.00"]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8"])
@pytest.mark.parametrize("fmt", ["table", "csv", "json"])
def test_every_name_can_be_written_to_every_terminal(encoding, fmt, tmp_path):
    names = ["工单", "é", "🚀", "plain"]
    with (tmp_path / "out").open("w", encoding=encoding) as out:
        spell_out(out)
        write_rows(["model"], [[name] for name in names], fmt, out)
    text = (tmp_path / "out").read_text(encoding)
    if fmt == "json":
        assert [row["model"] for row in json.loads(text)] == names
    elif encoding == "utf-8":
        assert all(name in text for name in names)
    elif encoding == "ascii":
        assert all(name in text for name in ("\\u5de5\\u5355", "\\u00e9", "\\ud83d\\ude80", "plain"))


def test_a_table_shows_no_control_characters():
    assert "\x1b" not in written([["\x1b[2J", "1.00"]], "table")
