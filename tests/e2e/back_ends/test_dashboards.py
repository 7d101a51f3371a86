"""Every query of every dashboard, asked of a real Prometheus that has nine days behind it.

Loki's and Jaeger's are asked in test_dashboards_live.py, of the stack.
"""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from genmeter import names
from tests.e2e.back_ends.backfill import remembering, written
from tests.e2e.back_ends.conftest import oldest
from tests.e2e.back_ends.history import END, MINUTES, history
from tests.e2e.back_ends.panels import (
    answer,
    ask_prometheus,
    dashboards,
    fillings,
    missing_columns,
    selectors,
    targets,
    times,
    window,
    wrong,
)
from tests.stack.roster import program

BOARDS = dashboards()
ONE = {"department": "support", "application": "desk", "model": "gpt-5.4-mini", "billed": "gpt-5.4-mini"}
"""What somebody chooses who looks closer; of `history`, the application that does a bit of everything."""


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """What everybody has said of themselves in nine days."""
    return written(tmp_path_factory.mktemp("raw"), history())


@pytest.fixture(scope="module", params=["built", "old"])
def past(request, raw, tmp_path_factory):
    """The Prometheus that remembers: the built one, and the oldest that is supported."""
    prometheus = program("prometheus") if request.param == "built" else oldest("prometheus-old")
    with remembering(tmp_path_factory.mktemp("past"), raw, prometheus) as server:
        yield server.url


def asked(name):
    """The queries of a dashboard that go to Prometheus."""
    return [target for target in targets(name, BOARDS[name]) if target.source == "prometheus"]


def complaints(url, name, since=None):
    """What is wrong with the answers to a dashboard's queries: panel, query and reason."""
    at, found = window(BOARDS[name], END, since), []
    for filling in fillings(BOARDS[name], {"prometheus": url}, at, ONE):
        tables = {}
        for target in asked(name):
            answers = ask_prometheus(target, filling, url, at)
            found += [f"{target}: {reason}\n    {target.expr}" for reason in wrong(target, answers)]
            if target.panel.get("type") == "table":
                tables.setdefault(target.title, (target.panel, {}))[1][target.body["refId"]] = answers
        for title, (panel, by_ref) in tables.items():
            if columns := missing_columns(panel, by_ref, "prometheus"):
                found.append(f"{name}: {title}: no query has what the table names: {columns}")
    return found


def nobodys(url, name):
    """Selectors that select nothing: a part of a query that an `or` hides when it is gone."""
    at, found = window(BOARDS[name], END), []
    everything, _ = fillings(BOARDS[name], {"prometheus": url}, at, ONE)
    for target in asked(name):
        for selector in selectors(everything.fill(target.expr, times(target, at))):
            query = urlencode({"match[]": selector, "start": at.start, "end": at.end, "limit": 1})
            if not answer(f"{url}/api/v1/series?{query}")["data"]:
                found.append(f"{target}: nothing is {selector}\n    {target.expr}")
    return found


def test_the_dashboards_are_found():
    assert set(BOARDS) == {"overview", "cost", "performance", "tokens", "agents", "telemetry"}


@pytest.mark.parametrize("since", [None, "now-1h"], ids=["its range", "an hour"])
@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_answers_with_numbers_and_the_labels_that_it_names(past, name, since):
    found = complaints(past, name, since)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", BOARDS)
def test_every_part_of_a_query_selects_something(past, name):
    found = nobodys(past, name)
    assert not found, "\n".join(found)


# By hand, from the table of `history`. A minute costs: desk 0.006, search 0.000012, leads 0.001, nobody's batch 0.0005, the
# crawler 0.003, in all 0.010512; leads two dollars at once 13 hours ago; the pilot 0.50 + 0.001 since 6 hours.
# Calls a minute: desk 10 + 4, search 7, leads 5, batch 2, crawler 3.
DAY, WEEK = 1440, 10_080
ALL_DAY = DAY * 0.010512 + 2 + 0.86
EXPECTED = [
    ("overview", "Spend", "now-24h", {"": ALL_DAY}),
    ("overview", "Calls", "now-24h", {"": DAY * 31 + 370}),
    ("overview", "Tokens", "now-6h", {"": 360 * (2250 + 4800 + 600 + 1200 + 500 + 990)}),
    # desk, search and leads have one failed call a minute; the crawler's are not known.
    ("overview", "Errors", "now-6h", {"": 3 / 28}),
    # 8 × 1 + 4 + 0.3, 4 × 2, 4 × 8 + 0.3, 2 × 1, 3 × 3 seconds, by 24 calls.
    ("overview", "Mean duration", "now-6h", {"": 63.6 / 24}),
    # Of 24 calls 20 end within 5.12 s and all within 10.24: the 22.8th is 2.8 of 4 into that bucket.
    ("overview", "95 % within", "now-6h", {"": 5.12 + 5.12 * 2.8 / 4}),
    ("overview", "Budgets", "now-24h", {"leads-day": 0.72 / 0.6, "support-month": 212.5 / 250}),
    ("overview", "Alerts firing", "now-24h", {"": 6}),
    ("overview", "Calls by model", "now-24h",
     {"claude-haiku-4-5": 4, "claude-opus-4-5": 0, "gpt-4o": 3, "gpt-5.4-mini": 12, "gpt-5.6": 5,
      "text-embedding-3-small": 7, "": 0}),
    ("cost", "Spend", "now-7d", {"": WEEK * 0.010512 + 2 + 0.86}),
    ("cost", "Spend a day", "now-7d", {"": (WEEK * 0.010512 + 2 + 0.86) / 7}),
    ("cost", "A call", "now-24h", {"": ALL_DAY / (DAY * 31 + 370)}),
    ("cost", "Without a department", "now-24h", {"": DAY * 0.0005 / ALL_DAY}),
    ("cost", "Top applications", "now-24h",
     {"desk": 8.64, "crawler": 4.32, "leads": 3.44, "pilot": 0.86, "": 0.72, "search": 0.01728, "night": 0}),
    ("cost", "Top models", "now-24h",
     {"claude-haiku-4-5-20251001": 5.76, "gpt-4o": 4.32, "gpt-5.4-mini": 2.88 + 0.72, "gpt-5.6": 3.44 + 0.86,
      "text-embedding-3-small": 0.01728, "claude-opus-4-5-20251101": 0}),
    ("cost", "By department", "now-24h", {"support": 8.65728, "sales": 4.32 + 3.44 + 0.86, "": 0.72}),
    ("cost", "Burn by department", "now-24h", {"support": 60 * 0.006012, "sales": 60 * 0.004, "": 60 * 0.0005}),
    ("cost", "A thousand tokens", "now-6h",
     {"desk support": 6 / 7050, "search support": 0.012 / 600, "leads sales": 1 / 1200, "crawler sales": 3 / 990, "": 0.5 / 500}),
    ("performance", "95 % within, as stat", "now-6h", {"": 5.12 + 5.12 * 2.8 / 4}),
    # Of 12 calls 11 end within 1.28 s (none in the two seconds after) and all within 5.12: the 11.4th.
    ("performance", "95 % within, as timeseries", "now-6h",
     {"gpt-5.4-mini": 2.56 + 2.56 * 0.4, "claude-haiku-4-5": 1.28 + 1.28 * 0.95, "gpt-4o": 2.56 + 2.56 * 0.95,
      "gpt-5.6": 5.12 + 5.12 * 3.75 / 4}),
    ("performance", "Errors by model", "now-6h",
     {"gpt-5.4-mini": 1 / 12, "claude-haiku-4-5": 0, "gpt-5.6": 1 / 5, "text-embedding-3-small": 1 / 7}),
    ("performance", "Failed calls", "now-6h",
     {"rate_limit_exceeded gpt-5.4-mini desk": 360, "timeout gpt-5.6 leads": 360, "timeout text-embedding-3-small search": 360}),
    ("tokens", "From the cache", "now-6h", {"": (450 + 3000) / (1800 + 4000 + 800 + 400)}),
    ("tokens", "Cache hit ratio", "now-6h", {"gpt-5.4-mini": 450 / 2200, "claude-haiku-4-5": 3 / 4, "gpt-5.6": 0}),
    ("tokens", "Tokens by application", "now-6h",
     {"desk": 7050, "search": 600, "leads": 1200, "crawler": 990, "night": 0, "": 500}),
    # In the last six hours the counters have seen everything but the pilot.
    ("telemetry", "Counters against ledger", "now-24h", {"": 360 * 0.010512 / (360 * 0.010512 + 0.36)}),
    # Two a minute to all but Jaeger, whose seven failures are the first of their kind: born above zero half an hour ago.
    ("telemetry", "Lost on the way out", "now-24h",
     {"otlp_grpc/jaeger spans": 7, "otlp_http/ledger spans": 120, "otlp_http/ledger log_records": 120,
      "otlp_http/loki log_records": 120, "otlp_http/prometheus metric_points": 120}),
    ("telemetry", "Unpriced by model", "now-24h", {"gpt-5.4-mini": 2 * 1296, "gpt-5.6": 1296, "gpt-4o": 1296}),
    ("telemetry", "Critical in 30 days", "now-24h", {"": 3}),
]  # fmt: skip


def shown(url, name, title, since):
    """What a panel's first query shows at the end: the values of its labels → the value."""
    title, _, kind = title.partition(", as ")
    target = next(one for one in asked(name) if one.title == title and kind in ("", one.panel["type"]))
    at = window(BOARDS[name], END, since)
    everything, _ = fillings(BOARDS[name], {"prometheus": url}, at, ONE)
    return {_who(one.labels): float(one.values[-1]) for one in ask_prometheus(target, everything, url, at)}


def _who(labels):
    return " ".join(value for key, value in sorted(labels.items()) if key != "__name__")


INCLUSIVE = {"Tokens", "Counters against ledger"}
"""Sums over a subquery: before Prometheus 3 it has the step at either end of its range, one too many (1 of 72 in six hours)."""


@pytest.mark.parametrize(
    ("name", "title", "since", "expected"), EXPECTED, ids=lambda part: part if isinstance(part, str) else ""
)
def test_a_panel_shows_what_a_person_works_out(request, past, name, title, since, expected):
    old = request.node.callspec.params["past"] == "old"
    rel = 1 / 72 + 1e-9 if old and title in INCLUSIVE else 1e-9
    assert shown(past, name, title, since) == pytest.approx(expected, rel=rel, abs=1e-12)


def test_a_metric_that_is_renamed_in_the_code_leaves_panels_without_an_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(names, "COST_USD", "genmeter.spend.usd")
    monkeypatch.setitem(names.UNITS, "genmeter.spend.usd", "{USD}")
    last = [range(MINUTES - 180, MINUTES + 1)]
    with remembering(tmp_path, written(tmp_path / "raw", history(), last), program("prometheus"), last) as server:
        cost = complaints(server.url, "cost", "now-1h") + nobodys(server.url, "cost")
        tokens = complaints(server.url, "tokens", "now-1h")
    (empty, *_) = [line for line in cost if line.startswith("cost: A successful call [A]: nothing\n")]
    assert "genmeter_cost_usd_total" in empty
    assert [
        line for line in cost if line.startswith("cost: A successful call [A]: nothing is genmeter_cost_usd_total{")
    ]
    # A panel that reads a recording of it is found as well, and what reads no money is as before.
    assert [line for line in cost if line.startswith("cost: Burn by model [A]: nothing\n")]
    assert tokens == []
