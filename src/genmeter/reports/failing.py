"""The failed calls, and their cost: a failed call can cost money too."""

from __future__ import annotations

from typing import Final

from genmeter.reports.document import add, money
from genmeter.reports.report import Asked, Column, Plain, Report, Sources
from genmeter.reports.window import asked_window


def _ask(sources: Sources, asked: Asked) -> Plain:
    rows: dict[tuple[object, ...], Plain] = {}
    by = ("error_type", "provider", "model")
    for group in sources.ledger.store.groups(by, asked_window(asked)):
        if group.key[0] is None:
            continue
        fresh: Plain = {**dict(zip(by, group.key, strict=True)), "calls": 0, "last_us": 0, "cost": {}}
        row = rows.setdefault(group.key, fresh)
        row["calls"] += group.calls
        row["last_us"] = max(row["last_us"], group.last_ns // 1000)
        add(row["cost"], group.currency, group.cost)
    plain: list[Plain] = [{**row, "cost": money(row["cost"])} for row in rows.values()]
    return {"rows": sorted(plain, key=lambda row: (-row["calls"], *(str(row[name]) for name in by)))}


REPORT: Final = Report(
    name="errors",
    question="which calls failed, by error, provider and model",
    ask=_ask,
    columns=lambda asked: (
        *(Column("error", "key", "error_type"), Column("provider"), Column("model")),
        *(Column("calls", "count"), Column("last", "time_us", "last_us"), Column("cost", "cost")),
    ),
)
