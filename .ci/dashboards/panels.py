"""Panels: a question, how to read the answer, the queries that give it, and the shape in which it is drawn."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from targets import Json, Query, Search, datasource

USD, SECONDS, SHARE, COUNT, BYTES = "currencyUSD", "s", "percentunit", "short", "bytes"
PER_MINUTE, DAYS, MOMENT, NO_UNIT = "suffix:/min", "d", "dateTimeAsIso", "none"
MONEY = "prefix:$"
"""In full, to a hundredth of a cent: $1234.5678, where USD says $1.23K. Grafana 11 has no currency that does so."""
GOOD, NEAR, WARN, BAD = "green", "yellow", "orange", "red"
Steps = Mapping[float, str]
"""From which value on it has which colour; green below, unless ``-inf`` says otherwise."""


@dataclass(frozen=True)
class Panel:
    """One panel. Its description is ``question``, which ends in "?", and ``reading``: how to read the answer."""

    kind: str
    title: str
    question: str
    reading: str
    queries: Sequence[Query | Search]
    unit: str
    width: int
    height: int
    shape: str = "time_series"
    exemplars: bool = False
    options: Json = field(default_factory=dict[str, Any])
    defaults: Json = field(default_factory=dict[str, Any])
    overrides: Sequence[Json] = ()
    transformations: Sequence[Json] = ()
    more: Json = field(default_factory=dict[str, Any])

    def model(self) -> Json:
        """The panel, but for its place and its id."""
        return {
            "type": self.kind,
            "title": self.title,
            "description": f"{self.question} {self.reading}",
            "datasource": datasource(self.queries[0].source),
            "targets": [
                query.model(chr(ord("A") + at), self.shape, exemplars=self.exemplars)
                for at, query in enumerate(self.queries)
            ],
            "options": self.options,
            "fieldConfig": {"defaults": _unit(self.unit) | self.defaults, "overrides": list(self.overrides)},
            "transformations": list(self.transformations),
        } | self.more


def stat(
    title: str,
    question: str,
    reading: str,
    query: Query,
    unit: str,
    *,
    steps: Steps | None = None,
    width: int = 3,
    **more: Any,
) -> Panel:
    """One number for the whole range."""
    options = {"reduceOptions": _last(query), "colorMode": "value", "graphMode": "none", "textMode": "value"}
    defaults = _coloured(steps)
    queries = [query.at_once()]
    return Panel(
        "stat", title, question, reading, queries, unit, width, 4, options=options, defaults=defaults, more=more
    )


def lines(
    title: str,
    question: str,
    reading: str,
    *queries: Query,
    unit: str,
    width: int = 12,
    stacked: bool = False,
    bars: bool = False,
    exemplars: bool = False,
    steps: Steps | None = None,
    least: float | None = 0,
    most: float | None = None,
    **more: Any,
) -> Panel:
    """Values over time. ``exemplars`` are single calls, dots that lead to their traces; ``steps`` are drawn as lines."""
    custom = {
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 60 if bars else 30 if stacked else 8,
        "lineWidth": 1,
        "spanNulls": 300_000,  # ms: two exports that are missing are no gap
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if steps else "off"},
    }
    legend = {
        "displayMode": "table",
        "placement": "bottom",
        "showLegend": True,
        "calcs": ["mean", "max", "lastNotNull"],
    }
    return Panel(
        "timeseries",
        title,
        question,
        reading,
        queries,
        unit,
        width,
        height=8,
        exemplars=exemplars,
        options={"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}},
        defaults={"custom": custom} | _bounds(least, most) | _coloured(steps, palette=True),
        more=more,
    )


def levels(
    title: str,
    question: str,
    reading: str,
    query: Query,
    unit: str,
    *,
    steps: Steps | None = None,
    width: int = 8,
    height: int = 8,
    most: float | None = None,
) -> Panel:
    """A bar for each series, as it stands at the end of the range."""
    options = {
        "reduceOptions": _last(query),
        "displayMode": "gradient",
        "orientation": "horizontal",
        "valueMode": "color",
    }
    defaults = _bounds(0, most) | _coloured(steps)
    queries = [query.at_once()]
    return Panel("bargauge", title, question, reading, queries, unit, width, height, options=options, defaults=defaults)


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, what fills it, and its unit."""

    heading: str
    query: Query
    unit: str


def table(
    title: str,
    question: str,
    reading: str,
    labels: Mapping[str, str],
    *columns: Column,
    width: int = 12,
    height: int = 8,
    link: Json | None = None,
) -> Panel:
    """A row for each set of ``labels`` (label: heading) and a column for each query, by the first column downwards.

    ``link`` is where the cells of the first label lead to.
    """
    alone = len(columns) == 1 and columns[0].query.source == "prometheus"
    values = ["Value"] if alone else [f"Value #{chr(ord('A') + at)}" for at in range(len(columns))]
    headings = dict(labels) | dict(zip(values, (column.heading for column in columns), strict=True))
    overrides = [_by_name(column.heading, **_unit(column.unit)) for column in columns]
    overrides += [_by_name(heading, mappings=[_NOT_SAID]) for heading in labels.values()]
    if link:
        overrides.append(_by_name(next(iter(labels.values())), links=[link]))
    organised = {
        "excludeByName": {"Time": True},
        "indexByName": {name: at for at, name in enumerate(headings)},
        "renameByName": headings,
    }
    return Panel(
        "table",
        title,
        question,
        reading,
        [column.query.at_once() for column in columns],
        columns[0].unit,
        width,
        height,
        shape="table",
        options={"showHeader": True, "cellHeight": "sm"},
        overrides=overrides,
        transformations=[
            {"id": "merge", "options": {}},
            {"id": "organize", "options": organised},
            {"id": "sortBy", "options": {"sort": [{"field": columns[0].heading, "desc": True}]}},
        ],
    )


def heatmap(title: str, question: str, reading: str, query: Query, unit: str) -> Panel:
    """Buckets over time, the darker the more, with single calls as dots on it."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Oranges", "scale": "exponential", "exponent": 0.5, "steps": 64},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": False},
        "yAxis": {"axisPlacement": "left", "unit": unit},
    }
    return Panel(
        "heatmap", title, question, reading, [query], unit, 24, 9, shape="heatmap", exemplars=True, options=options
    )


def states(title: str, question: str, reading: str, *queries: Query, good: str, bad: str, width: int = 12) -> Panel:
    """A band for each series: its state over time. 1 is good, 0 is bad."""
    words = {"1": {"text": good, "color": GOOD, "index": 0}, "0": {"text": bad, "color": BAD, "index": 1}}
    legend = {"showLegend": False, "displayMode": "list", "placement": "bottom"}
    options = {"mergeValues": True, "showValue": "never", "rowHeight": 0.8, "legend": legend}
    defaults = {"mappings": [{"type": "value", "options": words}], "custom": {"fillOpacity": 70, "lineWidth": 0}}
    return Panel(
        "state-timeline",
        title,
        question,
        reading,
        queries,
        NO_UNIT,
        width,
        height=8,
        options=options,
        defaults=defaults,
    )


def log_lines(title: str, question: str, reading: str, query: Query) -> Panel:
    """Lines of Loki, newest first; an opened one leads to its trace."""
    options = {"showTime": True, "sortOrder": "Descending", "enableLogDetails": True, "wrapLogMessage": True}
    return Panel("logs", title, question, reading, [query], NO_UNIT, 24, 10, options=options)


def traces(title: str, question: str, reading: str, search: Search) -> Panel:
    """Traces that Jaeger finds; an id leads to its trace."""
    options = {"showHeader": True, "cellHeight": "sm"}
    return Panel("table", title, question, reading, [search], NO_UNIT, 24, 10, options=options)


def to_trace() -> Json:
    """A link from a cell that holds a trace id."""
    query = '{"refId":"A","query":"${__value.raw}"}'
    span = '{"from":"${__from}","to":"${__to}"}'
    pane = quote(f'{{"genmeter":{{"datasource":"${{jaeger}}","queries":[{query}],"range":{span}}}}}', safe="")
    panes = re.sub(r"%24%7B([\w.]+)%7D", r"${\1}", pane)  # Grafana fills these in
    return {"title": "The trace, in Jaeger", "url": f"/explore?schemaVersion=1&panes={panes}", "targetBlank": True}


_NOT_SAID: Json = {"type": "special", "options": {"match": "empty", "result": {"text": "(not said)", "index": 0}}}


def _unit(unit: str) -> Json:
    return {"unit": unit} | ({"decimals": 4} if unit == MONEY else {})


def _last(query: Query) -> Json:
    # Grafana makes one table of what Loki answers at once, and a series each of what Prometheus does.
    return {"calcs": ["lastNotNull"], "fields": "", "values": query.source == "loki"}


def _bounds(least: float | None, most: float | None) -> Json:
    return {name: value for name, value in (("min", least), ("max", most)) if value is not None}


def _coloured(steps: Steps | None, *, palette: bool = False) -> Json:
    colours = {-math.inf: GOOD} | dict(steps or {})
    made = [{"color": colours[value], "value": None if value == -math.inf else value} for value in sorted(colours)]
    mode = "palette-classic" if palette or not steps else "thresholds"
    return {"thresholds": {"mode": "absolute", "steps": made}, "color": {"mode": mode}}


def _by_name(name: str, **properties: Any) -> Json:
    listed = [{"id": key, "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": listed}
