"""The choices above a dashboard: data sources, and filters on labels."""

from __future__ import annotations

from typing import Any

from queries import BOOKED, SENT
from targets import Json, datasource


def source(kind: str) -> Json:
    """Which data source of a kind; at first the provisioned one, whose uid is the kind's name."""
    return {
        "type": "datasource",
        "name": kind,
        "label": kind.capitalize(),
        "query": kind,
        "regex": "",
        "hide": 0,
        "refresh": 1,
        "multi": False,
        "includeAll": False,
        "options": [],
        "current": {"text": kind.capitalize(), "value": kind},
    }


def chosen(name: str, label: str, expr: str) -> Json:
    """Any of the values that a label has in the range, or all; a series without the label is among all."""
    return _query(name, label, "prometheus", {"query": expr, "refId": name}, ".*") | {"definition": expr}


def stream(name: str, label: str, stream_label: str) -> Json:
    """Any of the values of a label of Loki's streams, or all."""
    query = {"label": stream_label, "stream": "", "type": 1, "refId": name}
    return _query(name, label, "loki", query, ".+") | {"definition": f"label_values({stream_label})"}


def single(variable: Json) -> Json:
    """The same, of which one is chosen."""
    rest = {key: value for key, value in variable.items() if key != "allValue"}
    return rest | {"multi": False, "includeAll": False, "current": {}}


def words(name: str, label: str, *values: str) -> Json:
    """One of a list."""
    options = [{"text": value, "value": value, "selected": value == values[0]} for value in values]
    return {
        "type": "custom",
        "name": name,
        "label": label,
        "query": ",".join(values),
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "options": options,
        "current": {"text": values[0], "value": values[0]},
    }


def _query(name: str, label: str, kind: str, query: Any, every: str) -> Json:
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": datasource(kind),
        "query": query,
        "regex": "",
        "refresh": 2,  # when the range changes
        "sort": 1,
        "hide": 0,
        "multi": True,
        "includeAll": True,
        "allValue": every,
        "options": [],
        "current": {"text": ["All"], "value": ["$__all"]},
    }


PROMETHEUS, LOKI, JAEGER = source("prometheus"), source("loki"), source("jaeger")
DEPARTMENT = chosen("department", "Department", "label_values(genmeter_ledger_spend_usd, department)")
APPLICATION = chosen(
    "application", "Application", 'label_values(genmeter_ledger_spend_usd{department=~"$department"}, application)'
)
BILLED_MODEL = chosen("billed", "Model (as billed)", f"label_values(genmeter_ledger_spend_usd{{{BOOKED}}}, model)")
"""The ledger books under the name that answered, gpt-5.4-mini-2026-03-17."""
MODEL = chosen(
    "model", "Model", f"label_values(application_model:genmeter_calls:rate5m{{{SENT}}}, gen_ai_request_model)"
)
"""All others count under the name that was asked for, gpt-5.4-mini."""
