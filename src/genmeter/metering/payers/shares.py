"""What this process holds of a shared budget: slots for calls to come, and a hold for each call under way.

The ledger service grants slots ahead, so a call takes one without a lock and without I/O. Appending to and popping from
a list are one step each, between which no thread comes. A hold lives as long as the record of its call refers to it; a
call whose end is never seen gives its hold back when the record goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Final, NamedTuple, Protocol
from weakref import WeakSet

from ...budgets import Budget, pico_of
from ...model import Invocation, usd

MOST_AHEAD: Final = 64
"""Slots that a process keeps for the calls of the next second."""
RETRY_SECONDS: Final = 1.0
"""How long an answer of the service counts for calls that find no slot."""


class Period(Protocol):
    """One period of the budget in this process; ``limits`` has it."""

    start: float
    end: float

    @property
    def pico(self) -> int:
        """What this process has spent in it, in pico-USD."""
        ...


class Refill(Protocol):
    """What a share needs of the desk."""

    def serve(self, share: Share) -> None:
        """Keep one more share filled."""
        ...

    def wait(self, share: Share, at: float) -> Hold | None:
        """Wait for a slot for a call that begins at Unix second ``at``."""
        ...

    def wake(self) -> None:
        """See that what a call has cost is told."""
        ...


class Hold:
    """Money held for one call until its cost is known."""

    __slots__ = ("__weakref__", "pico", "start")

    def __init__(self, pico: int, start: float) -> None:
        self.pico, self.start = pico, start


class _Lease(NamedTuple):
    """Slots of one size, good in one period and until a time of the monotonic clock."""

    start: float
    end: float
    until: float
    size: int
    slots: list[None]


class Standing(NamedTuple):
    """How the budget stood at the last answer, in pico-USD; ``fault`` says why there was none."""

    at: float = float("-inf")
    start: float = 0.0
    spent: int = 0
    held: int = 0
    amount: int = 0
    fault: str = "it has not answered yet"

    @property
    def exhausted(self) -> bool:
        """Whether all of the amount is spent, so that waiting helps nothing."""
        return not self.fault and self.spent >= self.amount


_NO_LEASE: Final = _Lease(0.0, 0.0, 0.0, 0, [])


class Share:
    """The slots of one budget. Calls take them; the desk's thread tells the service and refills.

    ``periods`` gives the periods of the latest calls, the running one last; ``told`` gets each new standing.
    """

    def __init__(
        self,
        desk: Refill,
        budget: Budget,
        periods: Callable[[], Sequence[Period]],
        told: Callable[[Standing], None],
    ) -> None:
        self.budget = budget
        self._desk, self._periods, self._told = desk, periods, told
        self.forget()
        desk.serve(self)

    def forget(self) -> None:
        """Hold nothing: what was held stays with the parent of a forked process."""
        self.standing = Standing()
        self.waiting: list[None] = []
        self._lease = _NO_LEASE
        self._open: WeakSet[Hold] = WeakSet()
        self._begun = self._largest = 0
        self.lost = False
        """Whether the service says nothing about this budget."""
        self._acknowledged: dict[float, int] = {}
        self._base: dict[float, int] = {}
        self._sent: dict[float, int] = {}

    def admit(self, invocation: Invocation, at: float) -> bool:
        """Hold money for a call that begins at Unix second ``at``; False where the service has granted none."""
        hold = self.take(at)
        if hold is None and not self._refused(at):
            hold = self._desk.wait(self, at)
        if hold is None:
            return False
        invocation.reserved = (*invocation.reserved, hold)
        return True

    def take(self, at: float) -> Hold | None:
        """A hold in the place of one slot."""
        lease = self._lease
        if not lease.start <= at < lease.end or monotonic() >= lease.until:
            return None
        # The hold is there before the slot goes: a sum of both in between is too large and never too small.
        hold = Hold(lease.size, lease.start)
        self._open.add(hold)
        try:
            lease.slots.pop()
        except IndexError:
            self._open.discard(hold)
            return None
        self._begun += 1
        return hold

    def note(self, pico: int) -> None:
        """Take note of what a call has cost. The desk tells it; where its thread sleeps, it wakes."""
        self._largest = max(self._largest, pico)
        self._desk.wake()

    def _refused(self, at: float) -> bool:
        """Whether the service has just said that nothing is left, so that asking again at once is of no use."""
        standing = self.standing
        return standing.exhausted and standing.start <= at and monotonic() - standing.at < RETRY_SECONDS

    # --- the desk's side: one thread calls what follows ----------------------------------------------------------------

    @property
    def slots(self) -> int:
        """How many calls may begin at once."""
        return len(self._lease.slots)

    @property
    def active(self) -> bool:
        """Whether anything is held, wanted, or not told yet."""
        held = self._lease.slots or self._open or self.waiting or self._begun
        return bool(held) or any(self._acknowledged.get(one.start, 0) != one.pico for one in self._periods())

    def report(self, closing: bool) -> dict[str, Any]:
        """What is told and asked: the request's part about this budget. ``closing``: the process begins no more calls."""
        ahead = self._ahead(closing)
        periods: list[dict[str, Any]] = []
        for one in self._periods():
            # What is held is read first: a call that ends meanwhile counts twice for a moment, and never not at all.
            keep = self._held(one.start)
            self._sent[one.start] = used = one.pico
            told = {"used": used - self._base.get(one.start, 0), "keep": keep, "largest": self._largest}
            periods.append({"start": round(one.start), **{name: usd(pico) for name, pico in told.items()}})
        return {"periods": periods, "waiting": len(self.waiting), "ahead": ahead}

    def answered(self, answer: Mapping[str, Any], until: float) -> None:
        """Take in the service's part about this budget; the slots are good until ``until`` of the monotonic clock.

        Raises ``ValueError``, ``KeyError`` and ``TypeError`` for an answer in another form.
        """
        if "error" in answer:
            self.failed(str(answer["error"]))
            return
        spent, held, amount, size = (pico_of(answer[name]) for name in ("spent", "held", "amount", "slot"))
        self._acknowledged = {**self._sent}
        running = next(one for one in self._periods() if round(one.start) == answer["start"])
        self._refill(running, size, int(answer["slots"]), until)
        self.lost, self.standing = False, Standing(monotonic(), running.start, spent, held, amount, fault="")
        self._told(self.standing)

    def failed(self, fault: str) -> None:
        """The service gave no answer about this budget. What is held stays good until its lease ends."""
        self.lost, self.standing = True, Standing(monotonic(), fault=fault)

    def renamed(self) -> None:
        """The process has a new name at the service: what was acknowledged under the old one stays there."""
        self._base = {**self._acknowledged}

    def _ahead(self, closing: bool) -> int:
        """How many more slots are wanted: as many calls may come as began since the last request."""
        begun, self._begun = self._begun, 0
        wanted = min(begun, MOST_AHEAD) if self.budget.on_exceed == "reject" and not closing else 0
        slots = self._lease.slots
        while len(slots) > wanted:
            try:
                slots.pop()
            except IndexError:  # a call was faster
                break
        return max(wanted - len(slots), 0)

    def _held(self, start: float) -> int:
        """What is held in the period that begins at ``start``: slots first, because a call makes holds of them."""
        lease = self._lease
        valid = lease.start == start and monotonic() < lease.until
        slots = len(lease.slots) * lease.size if valid else 0
        return slots + sum(hold.pico for hold in self._open if hold.start == start)

    def _refill(self, running: Period, size: int, slots: int, until: float) -> None:
        old = self._lease
        good = old.start == running.start and monotonic() < old.until
        if good and old.size == size:
            old.slots.extend([None] * slots)
            self._lease = old._replace(until=until)
            return
        self._lease = new = _Lease(running.start, running.end, until, size, [None] * slots)
        # A call that still sees the old lease may take from it what is left there; the rest buys slots of the new size.
        rest = 0
        while old.slots:
            try:
                old.slots.pop()
            except IndexError:
                break
            rest += old.size if good else 0
        new.slots.extend([None] * (rest // size))
