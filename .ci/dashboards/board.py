"""A dashboard: rows of panels and the variables above them, laid out and written as Grafana's JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from panels import Panel
from queries import FIRING
from targets import Json, datasource

COLUMNS = 24
SCHEMA = 39
"""Of Grafana 11.0; newer ones migrate it when they load it."""
TAG = "genmeter"


@dataclass(frozen=True)
class Row:
    """Panels under a heading, set from left to right; a panel that does not fit begins the next line."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Board:
    """One dashboard. ``name`` is its file and the end of its uid; ``since`` is the range that it opens with."""

    name: str
    title: str
    about: str
    variables: tuple[Json, ...]
    rows: tuple[Row, ...]
    since: str = "now-24h"
    refresh: str = "1m"

    def text(self) -> str:
        """The file."""
        return json.dumps(self.model(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def model(self) -> Json:
        """The bare model, as Grafana's provisioning reads it."""
        return {
            "uid": f"{TAG}-{self.name}",
            "title": f"genmeter / {self.title}",
            "description": self.about,
            "tags": [TAG],
            "schemaVersion": SCHEMA,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,  # one crosshair through all panels
            "timezone": "browser",
            "time": {"from": self.since, "to": "now"},
            "refresh": self.refresh,
            "links": [_SIBLINGS],
            "annotations": {"list": [_ALARMS]},
            "templating": {"list": list(self.variables)},
            "panels": _laid_out(self.rows),
        }


_SIBLINGS: Json = {
    "type": "dashboards",
    "title": "genmeter",
    "tags": [TAG],
    "asDropdown": False,
    "includeVars": True,
    "keepTime": True,
    "targetBlank": False,
    "icon": "external link",
    "tooltip": "",
    "url": "",
}
"""Links to the other dashboards, which keep the range and what is chosen."""

_ALARMS: Json = {
    "name": "Alerts",
    "datasource": datasource("prometheus"),
    "enable": True,
    "expr": FIRING,
    "step": "60s",
    "titleFormat": "{{alertname}}",
    "textFormat": "{{budget_id}} {{genmeter_application}} {{gen_ai_request_model}}",
    "tagKeys": "severity",
    "iconColor": "red",
}
"""When alerts fired, on every panel over time: what changed just before?"""


def _laid_out(rows: tuple[Row, ...]) -> list[Json]:
    made: list[Json] = []
    top = 0
    for row in rows:
        made.append(
            {"type": "row", "title": row.title, "collapsed": False, "panels": [], "gridPos": _at(0, top, COLUMNS, 1)}
        )
        left, top, tallest = 0, top + 1, 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                left, top, tallest = 0, top + tallest, 0
            made.append(panel.model() | {"gridPos": _at(left, top, panel.width, panel.height)})
            left, tallest = left + panel.width, max(tallest, panel.height)
        top += tallest
    return [panel | {"id": number} for number, panel in enumerate(made, start=1)]


def _at(x: int, y: int, w: int, h: int) -> dict[str, Any]:
    return {"x": x, "y": y, "w": w, "h": h}
