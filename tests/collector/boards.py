"""What is wrong with a dashboard: each check names the faults that it finds in one.

``test_dashboards.py`` finds none in what is shipped, and the ones that it plants. The queries themselves are asked of real
servers in ``tests/e2e/back_ends``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.collector.emitted import VECTORS, emitted, recorded
from tests.collector.promql import uses

Json = dict[str, Any]

TYPES = {"row", "stat", "timeseries", "table", "bargauge", "heatmap", "logs", "state-timeline"}
"""Of those that Grafana 11 has, the ones that we use. It has no graph, singlestat and table-old any more."""
UNITS = {"prefix:$", "currencyUSD", "percentunit", "short", "none", "s", "d", "bytes", "dateTimeAsIso"}
"""Of @grafana/data's valueFormats/categories.ts; `suffix:` takes any text."""
OF_GRAFANA = {"$__rate_interval": "5m", "$__range_s": "86400", "$__range": "1d", "$__auto": "5m"}
IN_LINKS = {"__value", "__from", "__to"}
LOGQL = set("sum by topk count_over_time sum_over_time unwrap or vector line_format".split())  # noqa: SIM905


def panels(board: Json) -> list[Json]:
    """All panels, the rows among them."""
    return board["panels"]


def targets(board: Json, source: str = "") -> Iterator[tuple[str, Json]]:
    """(Where, query) of each panel and of the annotations, or those of one kind of data source."""
    found = [(panel.get("title", "?"), target) for panel in panels(board) for target in panel.get("targets", ())]
    found += [(note["name"], note) for note in board["annotations"]["list"]]
    yield from (one for one in found if not source or one[1]["datasource"]["type"] == source)


def filled(expr: str) -> str:
    """The expression with Grafana's own variables filled in."""
    for name, value in OF_GRAFANA.items():
        expr = expr.replace(name, value)
    return expr


def it_is_ours_and_nobody_edits_it(board: Json) -> Iterator[str]:
    wanted = {"tags": ["genmeter"], "editable": False, "timezone": "browser", "schemaVersion": 39}
    for key, value in wanted.items():
        if board.get(key) != value:
            yield f"{key} is {board.get(key)!r}"
    if not re.fullmatch(r"genmeter-[a-z]+", board.get("uid", "")):
        yield f"uid is {board.get('uid')!r}"
    if board.get("refresh") not in {"1m", "5m"}:
        yield f"refresh is {board.get('refresh')!r}"
    if [(link["type"], link["tags"], link["keepTime"]) for link in board["links"]] != [
        ("dashboards", ["genmeter"], True)
    ]:
        yield "no links to the others"


def panels_are_numbered_and_side_by_side(board: Json) -> Iterator[str]:
    if [panel["id"] for panel in panels(board)] != list(range(1, len(panels(board)) + 1)):
        yield "ids are not in order"
    taken: dict[tuple[int, int], str] = {}
    for panel in panels(board):
        at, title = panel["gridPos"], panel["title"]
        if at["x"] + at["w"] > 24:
            yield f"{title}: wider than the page"
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            if taken.setdefault(cell, title) != title:
                yield f"{title}: lies on {taken[cell]}"
                break


def panels_ask_a_question(board: Json) -> Iterator[str]:
    for panel in panels(board):
        if not panel.get("title"):
            yield f"panel {panel['id']} has no title"
        elif panel["type"] not in TYPES:
            yield f"{panel['title']}: there is no {panel['type']}"
        elif panel["type"] != "row" and not re.fullmatch(r"[A-Z0-9][^?]+\? [A-Z0-9].+\.", panel.get("description", "")):
            yield f"{panel['title']}: the description is no question and how to read it"


def panels_have_queries_and_units(board: Json) -> Iterator[str]:
    for panel in panels(board):
        if panel["type"] == "row":
            continue
        asked = panel.get("targets", [])
        if not asked or not all(target.get("expr") or target.get("queryType") == "search" for target in asked):
            yield f"{panel['title']}: no query"
        if len({target["refId"] for target in asked}) != len(asked):
            yield f"{panel['title']}: a refId stands twice"
        units = [panel["fieldConfig"]["defaults"].get("unit", "")]
        units += [p["value"] for o in panel["fieldConfig"]["overrides"] for p in o["properties"] if p["id"] == "unit"]
        for unit in units:
            if unit not in UNITS and not re.fullmatch(r"suffix:\S+", unit):
                yield f"{panel['title']}: there is no unit {unit!r}"


def data_sources_are_chosen(board: Json) -> Iterator[str]:
    kinds = {one["name"]: one["query"] for one in board["templating"]["list"] if one["type"] == "datasource"}
    found = [*targets(board), *((panel["title"], panel) for panel in panels(board) if panel["type"] != "row")]
    found += [(one["name"], one) for one in board["templating"]["list"] if one["type"] == "query"]
    for where, one in found:
        uid, kind = one["datasource"]["uid"], one["datasource"]["type"]
        if kinds.get(uid.strip("${}")) != kind or not uid.startswith("${"):
            yield f"{where}: {kind} is not chosen, but {uid}"


def variables_are_defined_used_and_fresh(board: Json) -> Iterator[str]:
    defined = {one["name"]: one for one in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", filled(json.dumps([board["panels"], board["templating"]]))))
    used -= IN_LINKS | {"1", "__all"}  # of label_replace, and what All is called
    used |= {"prometheus"}
    yield from (f"${name} is not defined" for name in sorted(used - set(defined)))
    yield from (f"${name} is not used" for name in sorted(set(defined) - used))
    for name, one in defined.items():
        if one["type"] == "query" and one["refresh"] != 2:
            yield f"${name} does not follow the range"
        if one.get("multi") and not (one["includeAll"] and one["allValue"] in {".*", ".+"}):
            yield f"${name} has no All"
        if one.get("multi") and (alone := re.search(rf'(?<!=~\\")\$\{{?{name}\b', json.dumps(board["panels"]))):
            yield f"${name} is several values, and is compared as one: {alone.string[alone.start() - 40 : alone.end()]}"


def names_are_emitted_or_recorded(board: Json) -> Iterator[str]:
    for where, target in targets(board, "prometheus"):
        unknown = {use.name for use in uses(filled(target["expr"]))} - set(emitted()) - recorded()
        yield from (f"{where}: nobody has {name}" for name in sorted(unknown))


def attributes_are_written(board: Json) -> Iterator[str]:
    """Of events: Loki keeps attributes as metadata, with underscores."""
    known = {row["name"].replace(".", "_") for row in VECTORS["attributes"]}
    known |= {"service_name", "trace_id", "span_id", "event_name", "exception_type", "exception_message", "__error__"}
    for where, target in targets(board, "loki"):
        read = re.sub(r'=~?"[^"]*"|[!=]=?~?`[^`]*`', "", filled(target["expr"]))
        lines = re.findall(r"\{\{\.(\w+)\}\}", read)
        rest = re.sub(r"line_format `[^`]*`|\[\w+\]", "line_format", read)
        for name in {*lines, *re.findall(r"[A-Za-z_]\w*", rest)} - LOGQL - known:
            yield f"{where}: no event has {name}"


def counters_are_rated_and_gauges_are_not(board: Json) -> Iterator[str]:
    for where, target in targets(board, "prometheus"):
        expr = filled(target["expr"])
        for use in uses(expr):
            rated = {"rate", "increase", "irate"} & set(use.inside)
            counter = emitted().get(use.name) == "counter"
            if counter and not rated and not _newly_born(use.name, expr):
                yield f"{where}: {use.name} outside rate() and increase()"
            if rated and not counter:
                yield f"{where}: rate() of {use.name}, which is no counter"


def _newly_born(name: str, expr: str) -> bool:
    """The first value of a counter, which increase() does not see: it was not there before, and its target was."""
    return f"(({name} unless {name} offset 1h) and on (job, instance) (up offset 1h == 1))" in expr


def windows_follow_the_range(board: Json) -> Iterator[str]:
    """A rate over time spans what a point stands for, one at once the range; an hour is long enough for any of them."""
    for where, target in targets(board, "prometheus"):
        wanted = {"$__range", "1h"} if target.get("instant") else {"$__rate_interval", "1h"}
        for window in re.findall(r"(?:rate|increase)\(\w+(?:\{[^}]*\})?\[([^\]]+)\]", target["expr"]):
            if window not in wanted:
                yield f"{where}: a rate over {window}"
    for where, target in targets(board, "loki"):
        wanted = "$__range" if target["queryType"] == "instant" else "$__auto"
        for window in re.findall(r"\[([^\]]+)\]", target["expr"]):
            if window != wanted:
                yield f"{where}: counted over {window}"


def shares_have_something_to_be_a_share_of(board: Json) -> Iterator[str]:
    for where, target in targets(board, "prometheus"):
        flat = re.sub(r'"[^"]*"', '""', filled(target["expr"]))
        flat = re.sub(r"/ on \([^)]*\) group_left \([^)]*\) ", "/ ", flat)
        for divisor in re.split(r"/ ", flat)[1:]:
            if not re.match(r"\d", divisor) and not re.search(r"> 0\)$", _bracketed(divisor)):
                yield f"{where}: divides by what may be nothing: {divisor[:60]}"


def _bracketed(text: str) -> str:
    depth = 0
    for at, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth <= 0:
            return text[: at + 1]
    return text


def latencies_lead_to_traces(board: Json) -> Iterator[str]:
    """Only raw histograms carry exemplars; a recorded quantile has lost them."""
    for where, target in targets(board, "prometheus"):
        raw = re.search(r"\b(gen_ai_client_inference_\w+|genmeter_collector_\w+)_bucket\b", target["expr"])
        over_time = not target.get("instant") and "refId" in target
        if bool(target.get("exemplar")) != bool(raw and over_time):
            yield f"{where}: {'no exemplars' if raw else 'exemplars of nothing'}"


def nobody_is_shown(board: Json) -> Iterator[str]:
    for where, target in targets(board):
        if re.search(r"user_?id|user\.id|enduser", json.dumps(target), re.IGNORECASE):
            yield f"{where}: users belong into the ledger's reports"


CHECKS = (
    it_is_ours_and_nobody_edits_it,
    panels_are_numbered_and_side_by_side,
    panels_ask_a_question,
    panels_have_queries_and_units,
    data_sources_are_chosen,
    variables_are_defined_used_and_fresh,
    names_are_emitted_or_recorded,
    attributes_are_written,
    counters_are_rated_and_gauges_are_not,
    windows_follow_the_range,
    shares_have_something_to_be_a_share_of,
    latencies_lead_to_traces,
    nobody_is_shown,
)
