"""The counts of one message of Anthropic's, and the rounds of models that one message may take.

A compaction and an advisor's advice are billed, and the totals of ``usage`` leave them out: the bill is the sum over
``usage.iterations``, the advisor at the price of its own model. Sources:
https://platform.claude.com/docs/en/build-with-claude/compaction (understanding usage),
https://platform.claude.com/docs/en/agents-and-tools/tool-use/advisor-tool (usage and billing), types of the anthropic
package 2.12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields as declared
from dataclasses import replace
from typing import Any

from ...model import Response, Round, Usage
from .counts import Parts, known_count, leave, read_parts, total
from .values import fields, text

LIFETIMES: Parts = {
    "ephemeral_5m_input_tokens": None,
    "ephemeral_1h_input_tokens": "cache_write_1h",
    # Half an hour and twelve hours are LiteLLM's (its type `CacheCreationTokenDetails`), for models of other sellers.
    "ephemeral_30m_input_tokens": None,
    "ephemeral_12h_input_tokens": "cache_write_12h",
}
COUNTS: Parts = {
    "input_tokens": None,
    "output_tokens": None,
    "cache_read_input_tokens": "cache_read",
    "cache_creation_input_tokens": "cache_write",
    "cache_creation": LIFETIMES,
    "output_tokens_details": {"thinking_tokens": "reasoning"},
}
PARTS: Parts = {
    **COUNTS,
    # Fetching a page is free: https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-fetch-tool
    "server_tool_use": {"web_search_requests": "searches", "web_fetch_requests": None},
    "iterations": None,
    "fallback_credit": None,
}
OWN, OTHER = frozenset({"message", "compaction"}), frozenset({"advisor_message"})
"""Rounds of the model that answers, and of a model that the round names. Any other kind is named and not billed."""
_FIELDS = tuple(field.name for field in declared(Usage))


def one_round(found: Mapping[str, Any], parts: Parts, response: Response) -> Usage | None:
    """The counts of one run of a model; None where it reports neither total."""
    fresh, output = total(found, "input_tokens", response), total(found, "output_tokens", response)
    if fresh is None and output is None:
        return None
    usage = Usage(fresh, output)
    read_parts(found, parts, usage, response)
    written = fields(found.get("cache_creation"))
    if written:
        # The total of the writes may be absent where their lifetimes are told.
        told = sum(known_count(written.get(name)) or 0 for name in written)
        if 0 < told < usage.cache_write:
            # Which lifetime the rest has is not told, and the lifetimes have different prices.
            leave("cache_creation_input_tokens", usage.cache_write - told, response)
        usage.cache_write = max(usage.cache_write, sum(known_count(written.get(name)) or 0 for name in LIFETIMES))
    if fresh is not None:
        usage.input = fresh + usage.cache_read + usage.cache_write
    return usage


def count_rounds(entries: Sequence[Mapping[str, Any]], top: Usage, response: Response) -> Usage:
    """The counts of the whole call; ``response.rounds`` gets the rounds that are priced one by one.

    ``top`` holds the totals of the message. They leave compactions and advisors out, and where an advisor spoke they hold
    the input of the first round alone.
    """
    kinds = {str(entry.get("type")) for entry in entries}
    if strange := sorted(kinds - OWN - OTHER):
        for kind in strange:
            leave(f"iterations of {kind}", 0, response)
        for entry in entries:
            _counts(entry, response)  # names what no reader knows
        return top
    if len(entries) < 2 and not kinds - {"message"}:
        return top
    messages = [made for entry in entries if entry.get("type") == "message" and (made := _counts(entry, response))]
    if _size(messages) < _size([top]):
        messages = [replace(top, searches=0)]
    rounds = [Round(None, usage) for usage in messages]
    for entry in entries:
        kind, model = str(entry.get("type")), text(entry.get("model"))
        if kind == "message" or (usage := _counts(entry, response)) is None:
            continue
        if kind in OTHER and model is None:
            leave(f"iterations of {kind}", 0, response)
        else:
            rounds.append(Round(model if kind in OTHER else None, usage))
    if not rounds:
        return top
    rounds[0].usage.searches = top.searches
    response.rounds = tuple(rounds)
    whole = _sum([one.usage for one in rounds])
    whole.reasoning = max(whole.reasoning, top.reasoning)
    return whole


def _counts(entry: Mapping[str, Any], response: Response) -> Usage | None:
    return one_round(entry, {**COUNTS, "type": None, "model": None}, response)


def _size(rounds: Sequence[Usage]) -> int:
    return sum((usage.input or 0) + (usage.output or 0) for usage in rounds)


def _sum(rounds: Sequence[Usage]) -> Usage:
    whole = Usage(0, 0)
    for usage in rounds:
        for name in _FIELDS:
            count = getattr(usage, name)
            if count:
                setattr(whole, name, getattr(whole, name) + count)
    return whole
