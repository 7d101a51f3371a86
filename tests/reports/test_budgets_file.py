"""``[budgets]`` of genmeter.toml: what is understood, and what is refused by file, line and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from genmeter.budgets import Budget, BudgetsError, budgets_of
from genmeter.settings import Settings


def read(folder: Path, text: str) -> tuple[Budget, ...]:
    file = folder / "genmeter.toml"
    file.write_text(text, encoding="utf-8")
    return budgets_of(Settings.load({}, file))


def test_everything_that_is_written_is_understood_and_the_rest_has_its_default(tmp_path: Path) -> None:
    full, small, strict = read(
        tmp_path,
        """
[budgets.support]
scope = { department = "support", model = "gpt-5.6" }
amount = "250.50"
currency = "USD"
period = "quarter"
time_zone = "Europe/Paris"
owner = "ada"
thresholds = [80, 100, 120]
on_exceed = "warn"

[budgets."all.of-it"]
amount = "0.000000000001"
period = "day"

[budgets.strict]
amount = "1"
period = "week"
on_exceed = "reject"
""",
    )
    assert (full.id, full.amount, full.period) == ("support", 250_500_000_000_000, "quarter")
    # in the order of the ledger's scopes, whatever the file's
    assert list(full.scope.items()) == [("model", "gpt-5.6"), ("department", "support")]
    assert (full.time_zone, str(full.zone), full.owner, full.thresholds) == (
        *("Europe/Paris", "Europe/Paris", "ada"),
        (80, 100, 120),
    )
    assert (full.on_exceed, small.on_exceed, strict.on_exceed) == ("warn", None, "reject")
    assert (small.id, small.amount, small.period, small.scope) == ("all.of-it", 1, "day", {})
    assert (small.time_zone, small.owner, small.thresholds) == ("UTC", "", (50, 75, 90, 100))


def test_a_file_without_budgets_has_none(tmp_path: Path) -> None:
    assert read(tmp_path, '[attribution]\ndepartment = "a"\n') == ()


GOOD = '[budgets.first]\namount = "1"\nperiod = "day"\n\n'
WRONG = [
    ('[budgets.b]\nperiod = "day"', 5, "budgets.b.amount", "the amount is missing"),
    ('[budgets.b]\namount = 5.0\nperiod = "day"', 6, "budgets.b.amount", "5.0 is not an amount"),
    ('[budgets.b]\namount = "-5"\nperiod = "day"', 6, "budgets.b.amount", "'-5' is not an amount"),
    ('[budgets.b]\namount = "1e3"\nperiod = "day"', 6, "budgets.b.amount", "is not an amount"),
    ('[budgets.b]\namount = "0.00"\nperiod = "day"', 6, "budgets.b.amount", "the amount must be above zero"),
    (
        '[budgets.b]\namount = "5"',
        5,
        "budgets.b.period",
        "the period is missing; write one of day, week, month, quarter",
    ),
    ('[budgets.b]\namount = "5"\nperiod = "year"', 7, "budgets.b.period", "'year' is not a period; write one of day"),
    ('[budgets.b]\namount = "5"\nperiod = ["day"]', 7, "budgets.b.period", "write one of day"),
    ('[budgets.b]\namount = "5"\ncurrency = "EUR"\nperiod = "day"', 7, "budgets.b.currency", "only USD"),
    ('[budgets.b]\namount = "5"\nperiod = "day"\ntime_zone = "Paris"', 8, "budgets.b.time_zone", "Europe/Paris"),
    ('[budgets.b]\namount = "5"\nperiod = "day"\ntime_zone = "../UTC"', 8, "budgets.b.time_zone", "not a time zone"),
    ('[budgets.b]\namount = "5"\nperiod = "day"\nscope = "support"', 8, "budgets.b.scope", "write a table"),
    (
        '[budgets.b]\nperiod = "day"\nscope = { team = "x" }\namount = "5"',
        7,
        "budgets.b.scope.team",
        "unknown scope; there are provider",
    ),
    (
        '[budgets.b]\namount = "5"\nperiod = "day"\n[budgets.b.scope]\nmodel = ""',
        9,
        "budgets.b.scope.model",
        "as a string",
    ),
    ('[budgets.b]\namount = "5"\nperiod = "day"\nscope.user = "u"', 8, "budgets.b.scope.user", "'genmeter users make'"),
    ('[budgets.b]\namount = "5"\nperiod = "day"\nscope.session = "u"', 8, "budgets.b.scope.session", "unknown"),
    ('[budgets.b]\namount = "5"\nperiod = "day"\nthresholds = [90, 50]', 8, "budgets.b.thresholds", "rising"),
    ('[budgets.b]\namount = "5"\nperiod = "day"\nthresholds = []', 8, "budgets.b.thresholds", "rising"),
    ('[budgets.b]\namount = "5"\nperiod = "day"\nthresholds = [true]', 8, "budgets.b.thresholds", "rising"),
    ('[budgets.b]\namount = "5"\nperiod = "day"\nowner = 3', 8, "budgets.b.owner", "one line"),
    (
        '[budgets.b]\namount = "5"\nperiod = "day"\non_exceed = "stop"',
        8,
        "budgets.b.on_exceed",
        'write "warn" or "reject"',
    ),
    ('[budgets.b]\non_exceed = true\namount = "5"\nperiod = "day"', 6, "budgets.b.on_exceed", "or leave the key out"),
    ('[budgets.b]\non_exceed = ["warn"]\namount = "5"\nperiod = "day"', 6, "budgets.b.on_exceed", "['warn']: write"),
    ('[budgets.b]\namount = "5"\nperiod = "day"\nlimit = 3', 8, "budgets.b.limit", "unknown key; there are scope"),
    ('[budgets."a b"]\namount = "5"\nperiod = "day"', 5, "budgets.a b", "write up to 63 letters"),
    ('[budgets."a.b"] # ]\namount = "5"\nperiod = "x"', 7, "budgets.a.b.period", "'x'"),
    ('[budgets]\nmonthly = "100"', 6, "budgets.monthly", "write [budgets.monthly]"),
    ('[budgets]\nb = { amount = "5", period = "hour" }', 6, "budgets.b.period", "'hour'"),
    ('[budgets.b] # amount = "9"\n# amount = "8"\namount = "x"', 7, "budgets.b.amount", "'x'"),
]


@pytest.mark.parametrize(("text", "line", "key", "words"), WRONG)
def test_what_cannot_be_used_is_refused_by_file_line_key_and_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text, line, key, words
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    text = text if text.startswith("[budgets]") else GOOD + text
    text = "\n" * 4 + text if text.startswith("[budgets]") else text
    with pytest.raises(BudgetsError) as refused:
        read(tmp_path, text)
    assert str(refused.value).startswith(f"{tmp_path / 'genmeter.toml'}:{line}: {key}: ")
    assert words in str(refused.value)
