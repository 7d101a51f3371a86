"""The receipt as text, compared with golden files whose numbers were worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from genmeter.cli.receipt import clipped, duration, render
from genmeter.cli.render import width
from genmeter.cli.slip import Slip, as_json
from genmeter.ledger.call import USAGE_FIELDS
from genmeter.reports import Gap, Receipt, Row, total

GOLDEN = Path(__file__).parent / "golden"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
REMEDY = "The price catalogue has no such model. Upgrade genmeter, or give the model a price in genmeter.toml."


def row(key, calls, cost, *, errors=0, unpriced=0, **tokens):
    return Row(key, calls, errors, unpriced, dict.fromkeys(USAGE_FIELDS, 0) | tokens, cost)


def receipt(rows, **fields):
    whole = total(rows)
    plain = dict(
        run="r", calls=whole.calls, errors={}, tokens=whole.tokens, by_model=rows, total=whole.cost, unpriced=[],
        cut_streams=0, timed=0, p50_ns=None, p95_ns=None, started=NOON, ended=NOON,
        suspected_duplicates=0, conflicts=0, late=0,
    )  # fmt: skip
    return Receipt(**(plain | fields))


def full():
    """Prices of the example in USD per million tokens; the sums by hand:

    opus: 12,004 × 5 + 1,996 × 25 = 60,020 + 49,900 = 109,920 → 0.10992
    gpt: (48,210 - 40,000) × 1.25 + 40,000 × 0.125 + 3,120 × 10 = 10,262.5 + 5,000 + 31,200 = 46,462.5 → 0.0464625
    embeddings: 1,234,567 × 0.02 = 24,691.34 → 0.02469134
    total: 0.10992 + 0.0464625 + 0.02469134 = 0.18107384; input 1,295,981; output 5,426; calls 57
    """
    rows = [
        row("claude-opus-4-8", 3, {"USD": 109_920_000_000}, input=12_004, output=1_996),
        row(
            "gpt-5.6", 12, {"USD": 46_462_500_000}, errors=3,
            input=48_210, cache_read=40_000, cache_write=1_024, output=3_120, reasoning=1_100,
        ),
        row("text-embedding-3-small", 40, {"USD": 24_691_340_000}, input=1_234_567),
        row("house-7b", 2, {}, unpriced=2, input=1_200, output=310),
    ]  # fmt: skip
    return receipt(
        rows,
        errors={"RateLimitError": 2, "APITimeoutError": 1},
        unpriced=[Gap("unknown_model", "openai", "house-7b", 2, 1_510, REMEDY)],
        cut_streams=1,
        timed=57,
        p50_ns=340_000_000,
        p95_ns=8_249_600_000,
    )


def many():
    """Fourteen models of one call and 0.01 USD each, one with a name too long, one in a second currency."""
    long = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0-with-a-tail"
    rows = [row(long, 1, {"USD": 10**10, "EUR": 2 * 10**12}, input=1, output=1)]
    rows += [row(f"model-{n:02d}", 1, {"USD": 10**10}, input=1, output=1) for n in range(13)]
    return receipt(rows)


SLIPS = {
    "full": Slip(("python", "app.py"), 0, 12.44, full(), (), "See more: genmeter report --by model, or genmeter dev"),
    "failed": Slip(
        ("python", "nightly.py", "--day", "a long argument that goes on and on until it does not fit a line"),
        137,
        134.2,
        receipt([row(None, 1, {}, errors=1)], errors={"APIConnectionError": 1}),
    ),
    "none": Slip(("uvicorn", "shop:app"), 0, 0.25, receipt([]), ("Nothing arrived: no call to a model was made.",)),
    "many": Slip(("python", "app.py"), 0, 3725.0, many()),
    "unpriced": Slip(
        ("python", "app.py"),
        0,
        1.0,
        receipt(
            [row("house-7b", 2, {}, unpriced=2, input=10, output=2)],
            unpriced=[
                Gap("unknown_model", None, "house-7b", 2, 12, REMEDY, "", "house lists no price for 'house-7b'"),
            ],
            suspected_duplicates=1,
        ),
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_the_receipt_is_the_golden_one(name):
    assert render(SLIPS[name]) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SLIPS)
def test_eighty_columns_are_enough_and_colour_changes_only_colour(name):
    plain = render(SLIPS[name])
    assert max(map(len, plain.splitlines())) <= 80
    coloured = render(SLIPS[name], colour=True)
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[33m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


def test_a_row_whose_cost_leaves_calls_out_says_how_many_and_a_failed_one_says_failed():
    rows = [
        row("gpt-5.6", 3, {"USD": 10**10}, unpriced=1, input=5, output=5),
        row("m" * 80, 3, {"USD": 10**9}, unpriced=2, input=5, output=5),
        row("gpt-5.5-pro", 1, {}, errors=1),
        row("gpt-5.4", 2, {}, errors=1, unpriced=1),
        row("omni", 2, {}, errors=1),
    ]
    text = render(Slip(("python", "app.py"), 0, 1.0, receipt(rows)))
    shown = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert shown["gpt-5.6"][:2] == ["+1", "unpriced"] and shown["gpt-5.6"][-1] == "0.01"
    (long,) = [cells for name, cells in shown.items() if name.startswith("mmmm")]
    assert long[:2] == ["+2", "unpriced"] and max(map(width, text.splitlines())) <= 80
    assert [shown[name][-1] for name in ("gpt-5.5-pro", "gpt-5.4", "omni")] == ["failed", "price", "-"]
    assert "+" not in " ".join(shown["total"])


def test_json_keeps_money_exact_and_unknown_absent():
    found = as_json(SLIPS["full"])
    assert found["total"] == {"USD": "0.18107384"}
    assert found["models"][3]["cost"] == {}
    assert found["unpriced_calls"] == 2
    assert as_json(Slip(("x",), 0, 1.0, None))["notes"] == []


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ms"), (999_499_999, "999 ms"), (999_500_000, "1.00 s"), (8_249_600_000, "8.25 s"),
        (12_440_000_000, "12.4 s"),
        (99_990_000_000, "100 s"), (134_200_000_000, "2 min 14 s"), (3_725_000_000_000, "1 h 02 min"),
    ],
)  # fmt: skip
def test_durations_have_three_digits_or_so(nanoseconds, text):
    assert duration(nanoseconds) == text


def test_a_wide_name_is_cut_by_columns_and_costs_no_alignment():
    long = "客服工单系统" * 8
    assert width(clipped(long, 40)) in (39, 40)
    text = render(Slip(("python", "工单.py"), 0, 1.0, receipt([row(long, 1, {"USD": 10**10}, input=1)])))
    heading, rule, model = [line for line in text.splitlines() if "model" in line or "──" in line or "客服" in line][:3]
    assert width(heading) == width(rule) == width(model) == 80


def test_a_name_from_outside_cannot_move_the_cursor():
    assert "\x1b" not in clipped("evil\x1b[2Jmodel", 40)
    hostile = receipt([row("a\x1b[31m\nb", 1, {}, unpriced=1)], unpriced=[Gap("x\x1b", "y\r", "a\x1b", 1, 0, "z")])
    assert "\x1b" not in render(Slip(("a\x1b",), 0, 1.0, hostile, ("\x1b",)))
