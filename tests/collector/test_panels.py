"""The reader of dashboards: it fills in as Grafana does, and sees what is wrong with an answer.

``tests/e2e/back_ends/test_dashboards.py`` asks the real servers with it.
"""

from __future__ import annotations

import pytest

from tests.e2e.back_ends.panels import Answer, Filling, Moment, Target, missing_columns, selectors, times, wrong


def target(legend="", kind="timeseries", **body):
    """A query of a panel."""
    return Target("board", {"type": kind, "title": "panel"}, {"legendFormat": legend, **body}, "prometheus")


@pytest.mark.parametrize(
    ("legend", "answers", "reasons"),
    [
        ("{{job}}", [({"job": "a"}, "1"), ({"job": "b"}, "0")], []),
        ("{{job}}", [], ["nothing"]),
        ("{{job}}", [({"job": "a"}, "NaN")], ["values that are no number: ['NaN']"]),
        ("{{job}}", [({"job": "a"}, "+Inf")], ["values that are no number: ['+Inf']"]),
        ("{{job}}", [({"model": "a"}, "1")], ["the legend names job, which no series has"]),
        ("all", [({"job": "a"}, "1"), ({"job": "b"}, "1")], ["several series are called ['all']"]),
    ],
)
def test_an_answer_is_judged(legend, answers, reasons):
    assert wrong(target(legend), [Answer(labels, [value]) for labels, value in answers]) == reasons


def test_a_column_that_no_query_has_is_found():
    panel = {"transformations": [{"id": "organize", "options": {"renameByName": {"job": "Job", "modle": "Model"}}}]}
    found = [Answer({"job": "a", "model": "b"}, ["1"])]
    assert missing_columns(panel, {"A": found}, "prometheus") == ["modle"]


def test_variables_stand_as_grafana_writes_them():
    filling = Filling({"model": ["gpt-5.6", "o3"], "one": ["gpt-5.6"], "all": ".*"})
    query = 'x{a=~"$model", b=~"${one}", c=~"$all"} [$__range] "$1"'
    filled = 'x{a=~"(gpt-5\\\\.6|o3)", b=~"gpt-5\\\\.6", c=~".*"} [60s] "$1"'
    assert filling.fill(query, {"__range": "60s"}) == filled
    with pytest.raises(ValueError, match=r"\$departmnet is no variable"):
        filling.fill("x{$departmnet}")


@pytest.mark.parametrize(
    ("least", "hours", "interval", "rate_interval"),
    # A day on a thousand points is 86 s a point, a week 605: Grafana rounds them to 1 min and 10 min.
    [("15s", 1, "15s", "60s"), ("1m", 1, "60s", "240s"), ("15s", 24, "60s", "75s"), ("1m", 168, "600s", "660s")],
)
def test_intervals_are_grafanas(least, hours, interval, rate_interval):
    found = times(target(interval=least), Moment(0, hours * 3600))
    assert (found["__interval"], found["__rate_interval"]) == (interval, rate_interval)
    assert found["__range"] == f"{hours * 3600}s"


def test_a_query_is_taken_apart_into_what_it_selects():
    query = 'sum by (le) (rate(a_bucket{x="1"}[5m])) / (up > 0) or 0 * up{job="b"} or {__name__=~"c.+"}'
    assert selectors(query) == ['a_bucket{x="1"}', "up", 'up{job="b"}', '{__name__=~"c.+"}']
