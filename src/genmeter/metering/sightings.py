"""Calls without a price are told to a person: each kind of them once, in the application's own log.

The log is written by ``logging``, in the thread of the call, and only for the first call of a kind.
"""

from __future__ import annotations

import logging

from ..model import Invocation, Unpriced
from ..pricing.reasons import reasons

MOST = 1024
"""Kinds that are told one by one: models and sellers are named by the application, and may be made up."""

logger = logging.getLogger("genmeter")


class Sightings:
    """Remembers which kinds of unpriced calls (seller, model, reason) have been told. One for an instrumentation."""

    def __init__(self) -> None:
        self._remedies = {name: one.remedy for name, one in reasons().items()}  # read here, never in a call
        self._seen: dict[tuple[str, str | None, str], object] = {}
        self._full = False

    def see(self, invocation: Invocation) -> None:
        """Log a call that has no price, unless its kind has been logged before."""
        cost, seller = invocation.cost, invocation.seller
        if not isinstance(cost, Unpriced):
            return
        if invocation.cut is not None or invocation.error is not None:
            return  # the call stopped before it was counted: other calls of its kind may well have a price
        if seller.id is None and cost.reason == "unknown_provider":
            return  # ``Endpoints`` has told the address
        model = invocation.response.model or invocation.request.model
        key = (seller.name, model, cost.reason)
        if key in self._seen or self._full:
            return
        if len(self._seen) >= MOST:
            self._full = True
            logger.warning("genmeter: more than %d kinds of calls have no price; the others are only counted", MOST)
            return
        told = object()
        if self._seen.setdefault(key, told) is told:  # of two threads that see the kind first, one tells it
            logger.warning(
                "genmeter: calls to %s of %s have no price (%s: %s). %s",
                model or "an unnamed model", seller.name, cost.reason, cost.detail, self._remedies.get(cost.reason, ""),
            )  # fmt: skip
