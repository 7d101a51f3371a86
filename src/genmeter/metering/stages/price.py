"""The cost of the call: the amount that the response states, else the catalogue's price, else the reason for none."""

from __future__ import annotations

from ... import names
from ...model import Cost, Invocation, Unpriced
from ...pricing import Catalogue, Question
from ...pricing.question import asked


def price(invocation: Invocation, catalogue: Catalogue) -> None:
    """Set ``invocation.cost``: Cost, Unpriced, or None where nothing was billed (a failed call, a fetched response)."""
    if invocation.operation == names.FETCH_RESPONSE:
        return
    response, request, usage = invocation.response, invocation.request, invocation.usage
    stopped = invocation.cut is not None or (invocation.error is not None and not invocation.answered)
    partial = True if response.unpriced else stopped
    if usage is None and invocation.error is not None and invocation.first_chunk is None and invocation.cut is None:
        return
    if response.reported_cost is not None:
        invocation.cost = Cost(response.reported_cost, (), "provider", "", invocation.seller.name, stopped)
        return
    if response.invalid is not None:
        invocation.cost = Unpriced("invalid_usage", response.invalid)
        return
    if usage is None and stopped:
        invocation.cost = Unpriced("no_usage", "the call stopped before it reported what it used")
        return
    seller = invocation.seller
    values = (seller.id, request.model, response.model, usage, invocation.started, response.service_tier,
              response.batch, response.region or seller.region, partial)  # fmt: skip
    invocation.cost = catalogue.price(asked(Question, values))
