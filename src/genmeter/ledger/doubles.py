"""Which booked calls are one call that two instrumentations have recorded, and which of the two records stays.

A framework, a gateway and genmeter may each write a span of one call to a model. The functions here are given calls and
answer with pairs; they know no database. Three kinds of evidence count:

- **The response id**, where its seller promises that an id is never given twice, within an hour. Elsewhere the id counts
  only together with an overlap in time between records of two instrumentations: Ollama draws its ids from 999 numbers.
- **The tree**: a call whose span lies above another call's span, with equal tokens or with no tokens of its own, or above
  several with the sum of their tokens.
- **The time**: two calls of one trace with equal tokens, models that agree, and times that overlap. One of the two is
  genmeter's, or one is of a framework and the other one is not. A record without tokens is one with a call of genmeter's
  whose time it encloses closely. A call stands for at most one call of each
  instrumentation, so that equal calls which run at the same time stay as many as they are.

Two records of one instrumentation are two calls unless the tree says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from genmeter import names
from genmeter.ledger.call import UNPRICED, USAGE_FIELDS, Call

RESPONSE: Final = "the same response id"
ABOVE: Final = "its span lies above the other one's, with the same tokens or none"
BELOW: Final = "its span lies below the other one's, with the same tokens or none"
SUM: Final = "its tokens are the sum of those of the calls below its span"
CLOSE: Final = "it has no tokens, and its time encloses that of the other one closely"
OVERLAP: Final = "the same tokens at the same time in one trace"
MARKED: Final = "marked by the instrumentation inside it, or by a collector"
"""Why a call was set aside, in words."""

WINDOW_NS: Final = 3600 * 10**9
"""How far apart two records of one response may have begun, where its seller's ids are unique."""
CLOSE_NS: Final = 250 * 10**6
"""By how much a record without tokens may be longer than the call it is the record of, or by a quarter of its length."""
LATE_NS: Final = 10**9
"""How long after its call an event may be written that does not say how long the call took."""
UNIQUE_IDS: Final = frozenset(
    {
        *("openai", "azure.ai.openai", "azure.ai.inference", "anthropic", "groq", "x_ai", "cohere", "fireworks_ai"),
        *("gcp.gemini", "gcp.vertex_ai", "gcp.gen_ai", "openrouter"),
    }
)
"""Sellers whose reference says that an id stands for one response; only at their own address (``Call.host`` is None).

tests/ledger/test_unique_ids.py has the sentence of each of them, where it was read and when.
"""
_SELLERS: Final = UNIQUE_IDS | {"mistral_ai", "deepseek", "perplexity", "together_ai", "cerebras"}
"""Names that mean one seller, so that two of them contradict each other."""
_ANY_SERVER = frozenset({"openai", "anthropic"})
"""Names that instrumentations write for every server of the SDK: they contradict no other name."""
_DEEPEST = 64
_BEFORE = re.compile(r"^([a-z-]+\.)+(?=[a-z])")
_PORT = re.compile(r":\d+$")
_BEHIND = re.compile(r"-v\d+(:\d+)?$")
_VERSION = re.compile(r"[-@](\d{4}-\d\d-\d\d|\d{8}|\d{4}|latest)$")
_INPUT, _OUTPUT, _READ, _WRITE, _REASONING = (
    USAGE_FIELDS.index(field) for field in ("input", "output", "cache_read", "cache_write", "reasoning")
)

PAYER: Final = ("user_hash", "department", "application", "session")
MAKER: Final = ("agent", "workflow", "agent_path", "conversation")
_BESIDE = (*PAYER, *MAKER, "environment", "service", "finish_reasons", "first_chunk_ns")
_BILL = ("cost_source", "cost_catalogue", "cost_entry", "lines")
_MONEY = ("cost_status", "cost_reason", "cost_detail", "currency", "cost_pico", *_BILL)


class Double(NamedTuple):
    """The row ``loser`` is set aside, because the row ``winner`` bills the same call; ``why`` is one of the words above."""

    loser: int
    winner: int
    why: str


def by_response(first: Call, second: Call) -> bool:
    """Whether two calls with one response id are one call. ``first`` was booked first."""
    if not _one_model(first, second) or not _one_kind(first, second) or not _one_place(first, second):
        return False
    if first.host is None and second.host is None and {first.provider, second.provider} <= UNIQUE_IDS:
        return abs(first.started_ns - second.started_ns) <= WINDOW_NS
    if _counted(first) and _counted(second) and not same_tokens(first, second):
        return False
    return first.scope != second.scope and _overlap(first, second)


def in_trace(
    rows: Mapping[int, Call],
    parents: Mapping[str, str],
    taken: Iterable[tuple[str, str | None]],
    is_framework: Callable[[str], bool],
) -> list[Double]:
    """The doubles among the calls of one trace, by their row.

    ``parents`` is span → parent for the spans of the trace that are known, calls or not. ``taken`` holds the winners
    (span ids) and scopes of the calls that were set aside before. ``is_framework`` says so of a scope.
    """
    finder = _Finder(rows, taken)
    finder.climb(parents)
    finder.match(is_framework)
    return finder.found


def prefer(rows: Mapping[int, Call], winner: int, loser: int) -> tuple[int, int]:
    """Winner and loser of two records of one call, given in the order that their evidence suggests.

    genmeter's own record wins, else the one that knows who pays, else the one with a price, else the one with tokens. Two
    records of one instrumentation stay in the order that was given.
    """
    if rows[winner].scope != rows[loser].scope and _standing(rows[loser]) > _standing(rows[winner]):
        return loser, winner
    return winner, loser


def additions(winner: Call, loser: Call) -> dict[str, object]:
    """What the winner takes from the loser: who pays, and where the winner lacks them usage, price or lines of the bill."""
    taken: dict[str, object] = {}
    for field in _BESIDE:
        if getattr(winner, field) is None and getattr(loser, field) is not None:
            taken[field] = getattr(loser, field)
    if not _counted(winner) and _counted(loser):
        taken["usage"] = loser.usage
    if _takes_money(winner, loser):
        taken |= {field: getattr(loser, field) for field in _MONEY}
    elif (
        _is_bill(loser)
        and not _is_bill(winner)
        and (winner.cost_pico, winner.currency)
        == (
            loser.cost_pico,
            loser.currency,
        )
    ):
        taken |= {field: getattr(loser, field) for field in _BILL if getattr(loser, field) is not None}
    return taken


def same_tokens(one: Call, other: Call) -> bool:
    """Whether both counted the same tokens; a record may leave the cache out of its input, or thoughts out of its output."""
    inputs = _either(one, _INPUT, _READ, _WRITE) & _either(other, _INPUT, _READ, _WRITE)
    outputs = _either(one, _OUTPUT, _REASONING) & _either(other, _OUTPUT, _REASONING)
    whole = one.usage[_INPUT] == other.usage[_INPUT] or one.usage[_OUTPUT] == other.usage[_OUTPUT]
    return bool(inputs) and bool(outputs) and whole


class _Finder:
    """The calls of one trace, and the pairs found so far. A call that is out takes part in nothing more."""

    def __init__(self, rows: Mapping[int, Call], taken: Iterable[tuple[str, str | None]]) -> None:
        self.rows = rows
        self.found: list[Double] = []
        self.out: set[int] = set()
        self.related: set[int] = set()
        self.taken = set(taken)
        self._by_span = {call.span_id: row for row, call in rows.items()}

    def climb(self, parents: Mapping[str, str]) -> None:
        """Compare each call with the calls above it."""
        pairs = [(above, row) for row in sorted(self.rows) for above in self._above(self.rows[row], parents)]
        nearest: dict[int, int] = {}
        for above, below in pairs:
            nearest.setdefault(below, above)
        silent: dict[int, list[int]] = {}
        for above, below in pairs:
            outer, inner = self.rows[above], self.rows[below]
            if outer.scope is None and inner.scope is None:
                continue
            self.related |= {above, below} if outer.scope != inner.scope else set()
            if _counted(outer) and not _counted(inner):
                silent.setdefault(above, []).append(below)
            elif _one_kind(outer, inner) and _stands_for(outer, inner):
                self._decide(above, below)
        for above in set(nearest.values()):
            self._add_up(above, [row for row, parent in nearest.items() if parent == above])
        for above, below in silent.items():
            inner = self.rows[below[0]]
            if len(below) == 1 and inner.error_type is None and self._is_silent_double(above, below[0]):
                self._decide(above, below[0])

    def match(self, is_framework: Callable[[str], bool]) -> None:
        """Compare calls without a known tie by their tokens and times, the nearest first."""
        rest = [row for row, call in self.rows.items() if row not in self.out and _counted(call)]
        level = {row: _level(self.rows[row], is_framework) for row in rest}
        buckets: dict[tuple[int, int], list[int]] = {}
        for row in rest:
            for bucket in _buckets(self.rows[row]):
                buckets.setdefault(bucket, []).append(row)
        nearest: list[tuple[int, int, int]] = []
        for low in rest:
            alike = {row for bucket in _buckets(self.rows[low]) for row in buckets[bucket] if level[low] < level[row]}
            nearest += [
                (_distance(self.rows[low], self.rows[high]), low, high) for high in alike if self._may_match(low, high)
            ]
        nearest += self._silent()
        for _, low, high in sorted(nearest):
            winner, loser = prefer(self.rows, low, high)
            tie = (self.rows[winner].span_id, self.rows[loser].scope)
            if low not in self.out and high not in self.out and tie not in self.taken:
                self._set_aside(loser, winner, OVERLAP if _counted(self.rows[high]) else CLOSE)

    def _silent(self) -> list[tuple[int, int, int]]:
        """Calls of ours and records of others without tokens whose times are nearly the same, by their distance.

        A framework's record of a stream often has no tokens. It has no price then, so no money can be lost.
        """
        live = [(row, call) for row, call in self.rows.items() if row not in self.out]
        ours = [(row, call) for row, call in live if call.scope is None]
        silent = [(row, call) for row, call in live if call.scope is not None and row not in self.related]
        return [
            (_distance(inner, outer), low, high)
            for high, outer in silent
            if not _counted(outer) and outer.cost_pico is None
            for low, inner in ours
            if _encloses(outer, inner) and _one_kind(inner, outer) and _one_place(inner, outer)
            if _models(inner) & _models(outer) and (outer.error_type is None or inner.error_type is not None)
        ]

    def _above(self, call: Call, parents: Mapping[str, str]) -> Iterator[int]:
        span, seen = call.parent_span_id, {call.span_id}
        while span is not None and span not in seen and len(seen) < _DEEPEST:
            seen.add(span)
            if span in self._by_span:
                yield self._by_span[span]
            span = parents.get(span)

    def _add_up(self, above: int, below: list[int]) -> None:
        """Set a call aside whose tokens are the sum of those of several calls right below it."""
        below = [row for row in below if row not in self.out]
        outer, inner = self.rows[above], [self.rows[row] for row in below]
        if outer.scope is None or above in self.out or len(inner) < 2 or not _counted(outer):
            return
        sums = [sum(call.usage[field] or 0 for call in inner) for field in (_INPUT, _OUTPUT)]
        if sums == [outer.usage[_INPUT] or 0, outer.usage[_OUTPUT] or 0]:
            self._set_aside(above, min(below), SUM)

    def _is_silent_double(self, above: int, below: int) -> bool:
        outer, inner = self.rows[above], self.rows[below]
        return outer.scope != inner.scope and _one_kind(outer, inner) and _one_model(outer, inner)

    def _decide(self, above: int, below: int) -> None:
        if above in self.out or below in self.out:
            return
        winner, loser = prefer(self.rows, below, above)
        if loser == below and (self.rows[winner].span_id, self.rows[loser].scope) in self.taken:
            return
        self._set_aside(loser, winner, ABOVE if loser == above else BELOW)

    def _may_match(self, low: int, high: int) -> bool:
        one, other = self.rows[low], self.rows[high]
        return (
            high not in self.related
            and _overlap(one, other)
            and one.scope != other.scope
            and same_tokens(one, other)
            and _one_kind(one, other)
            and _one_model(one, other)
            and _one_place(one, other)
        )

    def _set_aside(self, loser: int, winner: int, why: str) -> None:
        self.out.add(loser)
        self.taken.add((self.rows[winner].span_id, self.rows[loser].scope))
        self.found.append(Double(loser, winner, why))


def _level(call: Call, is_framework: Callable[[str], bool]) -> int:
    """0: genmeter's own; 1: another instrumentation's; 2: a framework's. Two of one level are never one call by time alone."""
    return 0 if call.scope is None else 2 if is_framework(call.scope) else 1


def _stands_for(outer: Call, inner: Call) -> bool:
    """Whether the call above is the call below. Equal tokens prove it; without tokens the models must agree."""
    if _counted(outer):
        return same_tokens(outer, inner)
    return _one_model(outer, inner)


def _standing(call: Call) -> tuple[bool, bool, bool, bool]:
    payer = any(getattr(call, field) is not None for field in PAYER)
    return call.scope is None, payer, call.cost_pico is not None, _counted(call)


def _takes_money(winner: Call, loser: Call) -> bool:
    """Whether an unpriced winner takes the loser's price: not where its seller is unknown, because the price is then another's."""
    if winner.cost_pico is not None or loser.cost_pico is None:
        return False
    return winner.cost_status != UNPRICED or winner.cost_reason != names.UNPRICED_REASONS[0]


def _is_bill(call: Call) -> bool:
    return any(line is not None for line in call.lines)


def _counted(call: Call) -> bool:
    return call.usage[_INPUT] is not None or call.usage[_OUTPUT] is not None


def _either(call: Call, whole: int, *parts: int) -> set[int | None]:
    """A count with its parts and without them; a missing count is 0, because embeddings have no output."""
    count, part = call.usage[whole] or 0, sum(call.usage[field] or 0 for field in parts)
    return {count, count - part} if 0 < part < count else {count}


def _buckets(call: Call) -> tuple[tuple[int, int], ...]:
    """Calls of the same tokens share a bucket: one of the two counts is equal in any case."""
    counts = ((field, call.usage[field]) for field in (_INPUT, _OUTPUT))
    return tuple((field, count) for field, count in counts if count is not None)


def _one_kind(one: Call, other: Call) -> bool:
    """Embeddings and moderations are no chats; the words for a chat differ."""
    kinds = ({one.operation, other.operation} & {names.EMBEDDINGS, names.MODERATION}, one.operation == other.operation)
    return not kinds[0] or kinds[1]


def _one_model(one: Call, other: Call) -> bool:
    """Whether no model contradicts: a router's prefix, a region or a date behind the name does not."""
    ours, theirs = _models(one), _models(other)
    return not ours or not theirs or not ours.isdisjoint(theirs)


def _models(call: Call) -> set[str]:
    return {bare_model(model) for model in (call.request_model, call.response_model) if model}


@lru_cache(maxsize=1024)
def bare_model(model: str) -> str:
    """The name of a model without router, region, vendor and date.

    >>> bare_model("us.anthropic.claude-haiku-4-5-20251001-v1:0"), bare_model("openai/gpt-4.1-2025-04-14")
    ('claude-haiku-4-5', 'gpt-4.1')
    """
    name = _BEFORE.sub("", model.rpartition("/")[2].lower())
    return _VERSION.sub("", _BEHIND.sub("", name))


def _one_place(one: Call, other: Call) -> bool:
    """Whether neither host nor seller contradicts."""
    if one.host is not None and other.host is not None and not _one_host(one.host, other.host):
        return False
    if one.provider == other.provider or one.scope == other.scope:
        return one.provider == other.provider
    loose = [call for call in (one, other) if call.scope is not None]
    return any(call.provider in _ANY_SERVER or call.provider not in _SELLERS for call in loose)


def _one_host(one: str, other: str) -> bool:
    """Whether two hosts are one: not every record has the port.

    >>> _one_host("127.0.0.1:4000", "127.0.0.1"), _one_host("127.0.0.1:4000", "127.0.0.1:5000")
    (True, False)
    """
    return one == other or _PORT.sub("", one) == other or one == _PORT.sub("", other)


def _overlap(one: Call, other: Call) -> bool:
    """Whether the times overlap, by half of the shorter one at least. An event without a duration is written at the end."""
    start, end = max(one.started_ns, other.started_ns), min(_ended(one), _ended(other))
    shorter = min(one.duration_ns or 0, other.duration_ns or 0)
    if shorter:
        return 2 * (end - start) >= shorter
    return start <= end + (LATE_NS if one.duration_ns is None or other.duration_ns is None else 0)


def _encloses(outer: Call, inner: Call) -> bool:
    """Whether the time of one call lies closely within that of the other."""
    if outer.duration_ns is None or inner.duration_ns is None:
        return False
    before, behind = inner.started_ns - outer.started_ns, _ended(outer) - _ended(inner)
    # clocks of one machine may be read in another order
    slack = 10**6
    return min(before, behind) >= -slack and before + behind <= max(CLOSE_NS, outer.duration_ns // 4)


def _ended(call: Call) -> int:
    return call.started_ns + (call.duration_ns or 0)


def _distance(one: Call, other: Call) -> int:
    return abs(one.started_ns - other.started_ns) + abs(_ended(one) - _ended(other))
