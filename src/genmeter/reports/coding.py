"""What coding agents cost: Claude Code, Codex, Gemini CLI, by repository and user.

Their records name the user by an id of their own, such as the account's. They name the repository where the user's
environment says it: ``OTEL_RESOURCE_ATTRIBUTES=vcs.repository.name=shop``.
"""

from __future__ import annotations

from typing import Final

from genmeter.reading.conventions import bundled
from genmeter.reports.document import add, money
from genmeter.reports.report import Asked, Column, Plain, Report, Sources
from genmeter.reports.window import asked_window

_BY: Final = ("agent", "repository", "user")


def _ask(sources: Sources, asked: Asked) -> Plain:
    emitters = bundled().emitters
    rows: dict[tuple[object, ...], Plain] = {}
    stored = ("scope", "application", "user_hash")
    for group in sources.ledger.store.groups(stored, asked_window(asked)):
        scope, *rest = group.key
        agent = emitters.coding_agent(scope) if isinstance(scope, str) else None
        if agent is None:
            continue
        key = (agent, *rest)
        row = rows.setdefault(key, {**dict(zip(_BY, key, strict=True)), "calls": 0, "unpriced": 0, "cost": {}})
        row["calls"] += group.calls
        row["unpriced"] += group.unpriced
        add(row["cost"], group.currency, group.cost)
    dearest = sorted(rows.values(), key=lambda row: (-row["cost"].get("USD", 0), *(str(row[name]) for name in _BY)))
    return {"rows": [{**row, "cost": money(row["cost"])} for row in dearest]}


REPORT: Final = Report(
    name="coding",
    question="what coding agents cost, by agent, repository and user",
    ask=_ask,
    columns=lambda asked: (
        *(Column("agent", "key"), Column("repository", "key"), Column("user", "key")),
        *(Column("calls", "count"), Column("unpriced", "count"), Column("cost", "cost")),
    ),
)
