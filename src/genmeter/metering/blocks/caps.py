"""The most that one run of a workflow or an agent may spend, and the most calls that it may make."""

from __future__ import annotations

import logging
from collections import deque
from itertools import count
from time import monotonic
from typing import Literal

from ...model import usd
from ..payers.rules import RejectedCall

logger = logging.getLogger("genmeter")

OnExceed = Literal["warn", "reject"]
QUIET_SECONDS = 60.0
"""A block that runs often says so once in this time."""
KNOWN = 1024
_last_said: dict[tuple[str, str], float] = {}


class LimitExceeded(RejectedCall):
    """Raised before any request is sent: a run of a workflow or an agent has used up its ``max_cost`` or ``max_calls``.

    ``block`` names it, such as ``agent triage``; ``limit`` is the name of the argument. ``used`` and ``most`` are calls, or
    exact US dollars as texts.
    """

    def __init__(self, block: str, limit: str, used: str, most: str) -> None:
        super().__init__(block, limit, used, most)
        self.block = block
        self.limit = limit
        self.used = used
        self.most = most

    def __str__(self) -> str:
        return (
            f"genmeter: the {self.block} has used {self.used} of its {self.limit}={self.most}: no request was sent. The limit "
            'holds for one run; raise it where the block is written, or write on_exceed="warn" there'
        )


class Caps:
    """The limits of one run. ``amount`` is pico-USD and ``calls`` a number of calls; None sets no limit."""

    __slots__ = ("_begun", "_block", "_free", "_name", "amount", "calls", "rejects", "spent")

    def __init__(self, kind: str, name: str, amount: int | None, calls: int | None, rejects: bool) -> None:
        self._block, self._name = kind, name
        self.amount, self.calls, self.rejects = amount, calls, rejects
        self.spent: int | None = None
        """The cost of the run once it has reached the amount, in pico-USD."""
        self._begun = count()
        self._free: deque[None] = deque()

    def admit(self) -> None:
        """Let a call begin. Raises ``LimitExceeded`` where a limit that rejects is used up."""
        if self.spent is not None and self.amount is not None:
            self._exceed("max_cost", f"{usd(self.spent)} USD", f'"{usd(self.amount)}"')
        if self.calls is not None and self._begin() >= self.calls:
            self._exceed("max_calls", f"{self.calls} calls", str(self.calls))

    def owe(self) -> None:
        """A call that has been made counts as one that has begun, and no limit refuses it."""
        if self.calls is not None:
            self._begin()

    def give_back(self) -> None:
        """A call that had begun was not made after all."""
        if self.calls is not None:
            self._free.append(None)

    def book(self, cost: int) -> None:
        """The calls of the run have cost so much until now, in pico-USD."""
        if self.amount is not None and cost >= self.amount:
            self.spent = cost

    def _begin(self) -> int:
        """How many calls had begun before this one; 0 where it takes the place of one that was given back."""
        try:
            self._free.pop()
        except IndexError:
            return next(self._begun)
        return 0

    def _exceed(self, limit: str, used: str, most: str) -> None:
        block = f"{self._block} {self._name}".rstrip()
        if self.rejects:
            raise LimitExceeded(block, limit, used, most)
        now, key = monotonic(), (block, limit)
        if now - _last_said.get(key, -QUIET_SECONDS) < QUIET_SECONDS:
            return
        if len(_last_said) >= KNOWN:
            _last_said.clear()
        _last_said[key] = now
        logger.warning(
            "genmeter: the %s has used %s of its %s=%s; calls go on, as its on_exceed is warn", block, used, limit, most
        )
