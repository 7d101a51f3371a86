"""What has no price, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from genmeter import names
from genmeter.reports.report import Asked, Column, Plain, Report, Sources
from genmeter.reports.window import Moment, window

if TYPE_CHECKING:
    from genmeter.ledger import Ledger
    from genmeter.ledger.questions import Condition


_UNREAD: Final = (
    "genmeter does not know this operation as a call, so its tokens and its money are in no sum. If another span reports the"
    " same call, nothing is to be done. Otherwise have the emitter write the operation names of the GenAI conventions."
)


_ALONE: Final = (
    "The program sends metrics and no spans or events of its calls, so its tokens and its money are in no sum. Have it export"
    " its traces, or its logs, to the same place."
)


@dataclass(frozen=True, slots=True)
class Gap:
    """Calls without a price that share reason, provider and model; ``tokens`` is input and output together.

    ``words`` say what the reason means and ``remedy`` what to do. ``detail`` is what the price book said of one of the
    calls, None where it is not known.
    """

    reason: str | None
    provider: str | None
    model: str | None
    calls: int
    tokens: int
    remedy: str
    words: str = ""
    detail: str | None = None


def unpriced(
    ledger: Ledger,
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    run: str | None = None,
    where: Sequence[Condition] = (),
) -> list[Gap]:
    """The unpriced calls started in [``since``, ``until``), most frequent first. Raises ``StorageError``.

    >>> from genmeter.ledger import Ledger
    >>> with Ledger.open() as ledger:
    ...     unpriced(ledger, run="3f2a")
    []
    """
    from genmeter.ledger.call import UNPRICED
    from genmeter.pricing.reasons import meaning

    asked = window(since, until, run, where=where)
    details = ledger.store.details(asked)
    groups = ledger.store.groups(["cost_status", "cost_reason", "provider", "model"], asked)
    used = list(names.USAGE_TOKENS)
    inputs, outputs = used.index("input"), used.index("output")
    gaps: list[Gap] = []
    for group in groups:
        if group.key[0] == UNPRICED:
            kind = (_text(group.key[1]), _text(group.key[2]), _text(group.key[3]))
            said, tokens = meaning(kind[0]), group.usage[inputs] + group.usage[outputs]
            gaps.append(Gap(*kind, group.calls, tokens, said.remedy, said.words, details.get(kind)))
    return sorted(gaps, key=lambda gap: (-gap.calls, gap.reason or "", gap.provider or "", gap.model or ""))


def unread(ledger: Ledger) -> list[Gap]:
    """The records that are no call as far as genmeter knows, though they have tokens or an amount, by their emitter.

    They are counted since the ledger began, and are in no sum. Raises ``StorageError``.

    >>> from genmeter.ledger import Ledger
    >>> with Ledger.open() as ledger:
    ...     unread(ledger)
    []
    """
    from genmeter.ledger.metric_only import SUFFIX

    found = ledger.store.unread().items()
    return [
        Gap("unread", None, None, records, 0, _ALONE if emitter.endswith(SUFFIX) else _UNREAD, detail=emitter)
        for emitter, records in found
    ]


def plain(gap: Gap) -> Plain:
    """The gap as plain data, its fields under their names.

    >>> plain(Gap("unknown_model", "openai", "house-7b", calls=2, tokens=1_510, remedy="Upgrade genmeter."))["calls"]
    2
    """
    return asdict(gap)


def _ask(sources: Sources, asked: Asked) -> Plain:
    question = {name: asked[name] for name in ("since", "until", "run")}
    rows = [plain(gap) for gap in unpriced(sources.ledger, **question, where=asked["where"] or ())]
    if not any((*question.values(), asked["where"])):
        rows += [plain(gap) for gap in unread(sources.ledger)]
    return {"rows": rows}


def _text(key: str | int | None) -> str | None:
    return None if key is None else str(key)


REPORT: Final = Report(
    name="unpriced",
    question="which calls have no price, why, and what to do about it",
    ask=_ask,
    columns=lambda asked: (
        *(Column("reason", "key"), Column("provider"), Column("model")),
        *(Column("calls", "count"), Column("tokens", "count"), Column("detail"), Column("remedy")),
    ),
)
