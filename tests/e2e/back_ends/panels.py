"""Grafana's part, without Grafana: the queries of the dashboards with their variables filled in, asked, and the answers judged."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from tests.collector.files import CONFIG, read
from tests.collector.promql import uses
from tests.stack.loopback import get

GRAFANA = CONFIG / "grafana"
PATIENCE = 60.0
POINTS = 1000
"""Grafana asks for about as many points as the panel has pixels."""
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 30 * 86400, "y": 365 * 86400}
STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""The intervals to which Grafana rounds."""
_FULL = re.compile(r"\$(?:\{(\w+)(?::(\w+))?\}|(\w+))")

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """One series of an answer: its labels and its values, or for a log line its text."""

    labels: Labels
    values: Sequence[str]


@dataclass(frozen=True)
class Target:
    """One query of a panel, an annotation's or a panel's within a row too."""

    dashboard: str
    panel: Mapping[str, Any]
    body: Mapping[str, Any]
    source: str
    """The type of its data source: prometheus, loki or jaeger."""

    @property
    def title(self) -> str:
        """The panel's, or the annotation's name."""
        return self.panel.get("title") or self.panel.get("name", "?")

    @property
    def expr(self) -> str:
        """The query as it is written, with its variables."""
        return self.body.get("expr") or self.body.get("query", "")

    @property
    def instant(self) -> bool:
        """Whether it asks for one moment and no range."""
        return bool(self.body.get("instant")) or self.body.get("queryType") == "instant"

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.title} [{self.body.get('refId', '-')}]"


@dataclass(frozen=True)
class Moment:
    """The range of a dashboard, in Unix seconds."""

    start: int
    end: int

    @property
    def seconds(self) -> int:
        """How long it is."""
        return self.end - self.start


@dataclass
class Filling:
    """What stands for each variable: a text, or the values of a choice of several."""

    values: dict[str, str | list[str]] = field(default_factory=dict)

    def fill(self, text: str, times: Mapping[str, str] | None = None) -> str:
        """The text as Grafana sends it; ValueError for a variable that nobody knows."""

        def one(found: re.Match[str]) -> str:
            name, form = found[1] or found[3], found[2]
            if name.isdigit():  # a group of label_replace()
                return found[0]
            if times and name in times:
                return times[name]
            if name not in self.values:
                raise ValueError(f"${name} is no variable of the dashboard and none of Grafana's that is known here")
            return _written(self.values[name], form)

        return _FULL.sub(one, text)


def _written(value: str | list[str], form: str | None) -> str:
    if isinstance(value, str):
        return value
    if form in ("raw", "csv"):
        return ",".join(value)
    if form == "pipe":
        return "|".join(value)
    # Prometheus' and Loki's own form: a regular expression inside quotes.
    escaped = [re.sub(r"[\^$*+?.()|{}\[\]]", r"\\\\\g<0>", one) for one in value]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def answer(url: str) -> Any:
    """The document at `url`; ValueError with what a server says that refuses. Patient: a machine may be busy."""
    status, body = get(url, timeout=PATIENCE)
    if status != 200:
        raise ValueError(f"{url} answers {status}: {body[:500]}")
    return json.loads(body)


def dashboards() -> dict[str, Any]:
    """The shipped dashboards by the name of their file."""
    return {
        file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(GRAFANA.glob("dashboards/*.json"))
    }


@cache
def data_sources() -> dict[str, Any]:
    """The provisioned data sources by their type."""
    (file,) = (GRAFANA / "provisioning" / "datasources").glob("*.yaml")
    return {source["type"]: source for source in read(file)["datasources"]}


def targets(name: str, dashboard: Mapping[str, Any]) -> list[Target]:
    """Every query of a dashboard, and those of its annotations."""
    found = [
        Target(name, panel, body, _source(body.get("datasource") or panel.get("datasource"), dashboard))
        for panel in _panels(dashboard["panels"])
        for body in panel.get("targets", ())
    ]
    for note in dashboard.get("annotations", {}).get("list", ()):
        if not note.get("builtIn"):
            found.append(Target(name, note, note.get("target") or note, _source(note["datasource"], dashboard)))
    return [target for target in found if not target.body.get("hide")]


def _panels(panels: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels", ()))


def _source(source: Any, dashboard: Mapping[str, Any]) -> str:
    """The type; a data source variable names it in its query."""
    uid = source["uid"]
    if uid.startswith("$"):
        name = uid.strip("${}")
        (variable,) = [one for one in dashboard["templating"]["list"] if one["name"] == name]
        return variable["query"]
    return source["type"]


def window(dashboard: Mapping[str, Any], end: int, start: str | None = None) -> Moment:
    """The dashboard's own range, or the one that begins at `start` (now-1h)."""
    began = re.fullmatch(r"now-(\d+)([smhdwMy])", start or dashboard["time"]["from"])
    assert began and (dashboard["time"]["to"] == "now"), dashboard["time"]
    return Moment(end - int(began[1]) * UNITS[began[2]], end)


def range_of(panel: Mapping[str, Any], at: Moment) -> Moment:
    """The range of a panel: the dashboard's, unless it has one of its own or looks some time back."""
    length = seconds(panel["timeFrom"]) if panel.get("timeFrom") else at.seconds
    end = at.end - (seconds(panel["timeShift"]) if panel.get("timeShift") else 0)
    return Moment(end - length, end)


def times(target: Target, at: Moment) -> dict[str, str]:
    """Grafana's own variables for a target of its panel."""
    provisioned = data_sources()["prometheus"].get("jsonData", {}).get("timeInterval", "15s")
    scrape = seconds(target.body.get("interval") or provisioned)
    least = seconds(target.panel.get("interval") or f"{scrape}s")
    interval = max(_rounded(at.seconds / (target.panel.get("maxDataPoints") or POINTS)), scrape, least)
    found = {
        "__range": at.seconds,
        "__interval": interval,
        "__rate_interval": max(interval + scrape, 4 * scrape),
        "__auto": at.seconds if target.instant else interval,
    }
    known = {name: f"{value}s" for name, value in found.items()}
    known |= {f"{name}_ms": str(value * 1000) for name, value in found.items()}
    return known | {"__range_s": str(at.seconds), "__from": str(at.start * 1000), "__to": str(at.end * 1000)}


def seconds(text: str) -> int:
    """Of a duration such as 30s or 5m."""
    found = re.fullmatch(r">?(\d+)([smhdwMy])", text)
    assert found, text
    return int(found[1]) * UNITS[found[2]]


def _rounded(raw: float) -> int:
    return min(STEPS, key=lambda step: abs(step - raw))


def fillings(
    dashboard: Mapping[str, Any], urls: Mapping[str, str], at: Moment, prefer: Mapping[str, str]
) -> list[Filling]:
    """Everything chosen, and one value of each variable: the preferred one, or else the first.

    `urls` has the servers by their type; a variable that asks another one is left out. ValueError for one without values.
    """
    everything, one = Filling(), Filling()
    for variable in dashboard["templating"]["list"]:
        name = variable["name"]
        if variable["type"] == "query" and _source(variable["datasource"], dashboard) not in urls:
            continue
        if variable["type"] == "datasource":
            continue
        values = _options(variable, dashboard, everything, urls, at)
        if not values:
            raise ValueError(f"variable {name} has no values: {variable['query']}")
        chosen = prefer.get(name, values[0])
        if chosen not in values:
            raise ValueError(f"variable {name} has no value {chosen}, but {values}")
        several = variable.get("includeAll") or variable.get("multi")
        one.values[name] = [chosen] if several else chosen
        everything.values[name] = (variable.get("allValue") or values) if variable.get("includeAll") else chosen
    return [everything, one]


def _options(
    variable: Mapping[str, Any], dashboard: Mapping[str, Any], known: Filling, urls: Mapping[str, str], at: Moment
) -> list[str]:
    query = variable["query"]
    if variable["type"] == "custom":
        return [part.strip() for part in query.split(",")]
    assert variable["type"] == "query", variable
    kind = _source(variable["datasource"], dashboard)
    if kind == "loki":
        asked = {"start": at.start * 10**9, "end": at.end * 10**9}
        found = answer(f"{urls[kind]}/loki/api/v1/label/{query['label']}/values?{urlencode(asked)}")
        return found.get("data") or []
    text = known.fill(query["query"] if isinstance(query, dict) else query)
    label = re.fullmatch(r"label_values\((?:(.+),\s*)?(\w+)\)", text.strip(), re.DOTALL)
    assert label, f"variable {variable['name']}: {text} is a question that is not known here"
    asked = {"start": at.start, "end": at.end} | ({"match[]": label[1].strip()} if label[1] else {})
    return answer(f"{urls[kind]}/api/v1/label/{quote(label[2])}/values?{urlencode(asked)}")["data"]


def ask_prometheus(target: Target, filling: Filling, url: str, at: Moment) -> list[Answer]:
    """What it answers; ValueError with what it says where it refuses."""
    at = range_of(target.panel, at)
    own = times(target, at)
    query = filling.fill(target.expr, own)
    if target.instant:
        found = answer(f"{url}/api/v1/query?{urlencode({'query': query, 'time': at.end})}")["data"]["result"]
        return [Answer(series["metric"], [series["value"][1]]) for series in found]
    asked = {"query": query, "start": at.start, "end": at.end, "step": own["__interval"]}
    found = answer(f"{url}/api/v1/query_range?{urlencode(asked)}")["data"]["result"]
    return [Answer(series["metric"], [value for _, value in series["values"]]) for series in found]


def ask_loki(target: Target, filling: Filling, url: str, at: Moment) -> list[Answer]:
    """What Loki answers to a query of lines or of a metric."""
    at = range_of(target.panel, at)
    own = times(target, at)
    asked = {"query": filling.fill(target.expr, own), "limit": target.body.get("maxLines") or 1000}
    if target.instant:
        found = answer(f"{url}/loki/api/v1/query?{urlencode(asked | {'time': at.end * 10**9})}")["data"]
    else:
        asked |= {"start": at.start * 10**9, "end": at.end * 10**9, "step": own["__interval"]}
        found = answer(f"{url}/loki/api/v1/query_range?{urlencode(asked)}")["data"]
    if found["resultType"] == "vector":
        return [Answer(series["metric"], [series["value"][1]]) for series in found["result"]]
    key = "stream" if found["resultType"] == "streams" else "metric"
    return [Answer(series[key], [value for _, value in series["values"]]) for series in found["result"]]


def wrong(target: Target, answers: Sequence[Answer], *, lines: bool = False) -> list[str]:
    """What is wrong with an answer: nothing in it, no number, or a label missing that the panel names."""
    if not answers:
        return ["nothing"]
    found: list[str] = []
    if not lines and (odd := {value for one in answers for value in one.values if not math.isfinite(float(value))}):
        found.append(f"values that are no number: {sorted(odd)}")
    legend = target.body.get("legendFormat") or ""
    # An annotation names labels in two places.
    named = " ".join([legend, target.body.get("titleFormat", ""), target.body.get("textFormat", "")])
    for name in re.findall(r"\{\{\s*([\w.]+)\s*\}\}", named):
        if not any(one.labels.get(name) for one in answers):
            found.append(f"the legend names {name}, which no series has")
    shown = [_legend(legend, one.labels) for one in answers]
    if (
        target.panel.get("type") in _LEGENDS
        and legend != "__auto"
        and (twice := {name for name in shown if shown.count(name) > 1})
    ):
        found.append(f"several series are called {sorted(twice)}")
    return found


_LEGENDS = {"timeseries", "barchart", "bargauge", "piechart", "stat", "gauge", "state-timeline"}


def _legend(legend: str, labels: Labels) -> str:
    return re.sub(r"\{\{\s*([\w.]+)\s*\}\}", lambda name: labels.get(name[1], ""), legend)


def missing_columns(panel: Mapping[str, Any], answers: Mapping[str, Sequence[Answer]], source: str) -> list[str]:
    """Columns that a table names and no answer has; `answers` are those of its targets by their refId."""
    known = {"Time", *(name for found in answers.values() for one in found for name in one.labels)}
    # Grafana's name for the value of one query to Prometheus; of several, and of any to Loki, it has the query's letter.
    known |= {"Value"} if source == "prometheus" and len(answers) == 1 else {f"Value #{ref}" for ref in answers}
    named: set[str] = set()
    for step in panel.get("transformations", ()):
        options = step.get("options", {})
        if step["id"] == "joinByField":
            named.add(options["byField"])
        if step["id"] == "organize":
            named |= {*options.get("indexByName", {}), *options.get("renameByName", {})}
            known |= set(options.get("renameByName", {}).values())
    for override in panel.get("fieldConfig", {}).get("overrides", ()):
        if override["matcher"]["id"] == "byName":
            named.add(override["matcher"]["options"])
    return sorted(named - known)


def selectors(expr: str) -> list[str]:
    """Every selector of a query, such as up{job="ledger"}: what has to be there for a part of it to say anything."""
    found: list[str] = []
    for name in {use.name for use in uses(expr)}:
        found += {name + (labels or "") for labels in re.findall(rf"(?<![\w:]){name}(?![\w:])(\{{[^}}]*\}})?", expr)}
    return sorted([*found, *re.findall(r"(?<![\w:])\{__name__[^}]*\}", expr)])
