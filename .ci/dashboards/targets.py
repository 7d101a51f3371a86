"""The queries of panels to Prometheus, Loki and Jaeger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]

STEP = "1m"
"""Applications export once a minute: with a shorter step `$__rate_interval` would hold one point, and no rate."""


@dataclass(frozen=True)
class Query:
    """An expression, and the names of its series. ``source`` is the variable that names the data source."""

    expr: str
    legend: str = ""
    source: str = "prometheus"
    instant: bool = False

    def at_once(self) -> Query:
        """The same, asked for the end of the range alone."""
        return replace(self, instant=True)

    def model(self, ref: str, shape: str, *, exemplars: bool) -> Json:
        """The target."""
        made: Json = {"refId": ref, "datasource": datasource(self.source), "expr": self.expr}
        if self.legend:
            made["legendFormat"] = self.legend
        if self.source == "loki":
            return made | {"queryType": "instant" if self.instant else "range"}
        made |= {"format": shape, "instant": self.instant, "range": not self.instant}
        made |= {"exemplar": True} if exemplars else {}
        return made if self.instant else made | {"interval": STEP}


@dataclass(frozen=True)
class Search:
    """Traces by service and attributes (``key=value``, several with a space between)."""

    service: str
    tags: str
    source: str = "jaeger"

    def model(self, ref: str, shape: str, *, exemplars: bool) -> Json:
        """The target."""
        made = {"refId": ref, "datasource": datasource(self.source), "queryType": "search", "limit": 100}
        return made | {"service": self.service, "tags": self.tags}


def ask(expr: str, legend: str = "") -> Query:
    """A question to Prometheus."""
    return Query(expr, legend)


def ask_loki(expr: str, legend: str = "") -> Query:
    """A question to Loki."""
    return Query(expr, legend, "loki")


def datasource(variable: str) -> Json:
    """A data source by the variable that names it, which is called as its kind."""
    return {"type": variable, "uid": f"${{{variable}}}"}
