"""The cost of the call: the charge that the response states, else the catalogue's price, else the reason for none."""

from __future__ import annotations

from ... import names
from ...model import Cost, Invocation, Response, Unpriced, Usage
from ...pricing import Catalogue, Question
from ...pricing.question import asked
from ...units import parts


def price(invocation: Invocation, catalogue: Catalogue) -> None:
    """Set ``invocation.cost``: Cost, Unpriced, or None where nothing was billed (a failed call, a fetched response)."""
    if invocation.operation == names.FETCH_RESPONSE:
        return
    response, usage = invocation.response, invocation.usage
    stopped = invocation.cut is not None or (invocation.error is not None and not invocation.answered)
    if usage is not None and stopped and not (usage.input or usage.output or any(parts(usage))):
        usage = None
    if usage is None and invocation.error is not None and invocation.first_chunk is None and invocation.cut is None:
        return
    if response.reported_cost is not None:
        invocation.cost = Cost(response.reported_cost, (), "provider", "", invocation.seller.name, stopped)
    elif response.invalid is not None:
        invocation.cost = Unpriced("invalid_usage", response.invalid)
    elif usage is None and stopped:
        invocation.cost = Unpriced("no_usage", "the call stopped before it reported what it used")
    else:
        seller, partial = invocation.seller, True if response.unpriced else stopped
        values = (seller.id, invocation.request.model, response.model, usage, invocation.started,
                  response.service_tier, response.batch, response.region or seller.region, partial)  # fmt: skip
        question = asked(Question, values)
        verdict = _rounds(question, response, catalogue) if response.rounds else catalogue.price(question)
        if usage is not None and not (usage.input and usage.output) and not stopped:
            verdict = _counted(verdict, usage, invocation)
        invocation.cost = verdict


def _rounds(question: Question, response: Response, catalogue: Catalogue) -> Cost | Unpriced:
    """The price of a call that took several rounds of models: of each, and together."""
    costs: list[Cost] = []
    for model, counts in response.rounds:
        named = {"request_model": model, "response_model": model} if model is not None else {}
        verdict = catalogue.price(question._replace(usage=counts, **named))
        if isinstance(verdict, Cost):
            costs.append(verdict)
        elif not costs:
            return verdict
        else:
            name = f"{model or response.model} ({verdict.reason})"
            response.unpriced += (name,) if name not in response.unpriced else ()
    return _together(costs, question.partial or bool(response.unpriced))


def _together(costs: list[Cost], partial: bool) -> Cost:
    """One bill of several: the lines of one kind are added up, and every row that priced a part is named."""
    lines: dict[str, int] = {}
    for cost in costs:
        for kind, pico in cost.lines:
            lines[kind] = lines.get(kind, 0) + pico
    entry = " + ".join(dict.fromkeys(cost.entry for cost in costs))
    return Cost(
        sum(cost.total for cost in costs), tuple(lines.items()), costs[0].source, costs[0].catalogue, entry, partial
    )


def _counted(verdict: Cost | Unpriced, usage: Usage, invocation: Invocation) -> Cost | Unpriced:
    """``verdict``, where the usage can be true: no model answers without input, and no words come without output.

    Servers that do not count write zeros, and so would the bill.
    """
    if isinstance(verdict, Unpriced) or not verdict.lines:
        return verdict
    if invocation.operation not in (names.CHAT, names.TEXT_COMPLETION):
        return verdict
    if usage.input == 0 and not usage.audio_seconds:
        return Unpriced("no_usage", "the response counts 0 input tokens; no model answers without input")
    if usage.output == 0 and invocation.response.answered:
        return Unpriced("no_usage", "the response counts 0 output tokens, and it has an answer")
    return verdict
