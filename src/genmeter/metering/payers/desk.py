"""The way to the ledger service: one thread tells it what the calls have cost, and asks what they may still cost.

Nothing here runs in the path of a call, with one exception: a call for which no slot is at hand waits for the next
answer, for a bounded time. All budgets go in one request. A process that makes no calls sends none.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from threading import Condition, Event, Lock, Thread, current_thread
from time import monotonic
from typing import Any, Final, cast
from urllib.parse import urlsplit
from weakref import WeakSet

from opentelemetry.context import attach, set_value

from .. import guard
from ..context import SUPPRESSED
from ..process.threads import unsignalled
from .shares import Hold, Share

EVERY_SECONDS: Final = 1.0
"""How often a process with calls tells what they cost."""
PACE_SECONDS: Final = 0.01
"""The least time between two requests of a process. While its calls wait in vain, the time doubles."""
SLOWEST_SECONDS: Final = 0.25
"""The most that it becomes."""
PATIENCE: Final = 2.0
"""How long a call waits for a slot."""
PATIENCE_IN_A_LOOP: Final = 0.1
"""How long it waits where it holds up an event loop."""
TIMEOUT: Final = 5.0
"""How long the service has for an answer."""
LAST_SECONDS: Final = 1.0
"""How long it has when the process ends."""
PATH: Final = "/v1/reservations"
logger = logging.getLogger("genmeter")


class Desk:
    """Keeps the shares filled. ``url`` is the service's; the token is read anew for each request, so it can be changed."""

    def __init__(self, url: str, token_file: str = "") -> None:
        self._url, self._token_file = url, token_file
        self._shares: WeakSet[Share] = WeakSet()
        self._said = False
        self.forget()

    def forget(self) -> None:
        """Start anew in a forked child, under a name of its own."""
        self._connection: HTTPConnection | None = None
        self._thread: Thread | None = None
        self._asleep = False
        self._bell, self._answered, self._pace, self._exchanging = Event(), Condition(), Event(), Lock()
        self._begun = self._ended = 0
        self._holder, self._turn = secrets.token_hex(16), 0

    def serve(self, share: Share) -> None:
        """Keep one more share filled."""
        self._shares.add(share)

    def wake(self) -> None:
        """See that what a call has cost is told. The first call starts the thread, and not the import."""
        if self._thread is None:
            self._thread = thread = Thread(target=self._run, name="genmeter-budgets", daemon=True)
            with unsignalled():
                thread.start()
        if self._asleep:
            self._bell.set()

    def wait(self, share: Share, at: float) -> Hold | None:
        """Wait for a slot; None where none came in time, the budget is spent, or the service does not answer."""
        deadline = monotonic() + (PATIENCE_IN_A_LOOP if _in_a_loop() else PATIENCE)
        share.waiting.append(None)
        try:
            while True:
                # An answer that is under way does not count: its request left before this call came.
                wanted = self._begun + 1
                self.wake()
                self._bell.set()
                with self._answered:
                    self._answered.wait_for(
                        lambda wanted=wanted: self._ended >= wanted or share.slots > 0, deadline - monotonic()
                    )
                hold, standing = share.take(at), share.standing
                if hold is not None or share.lost or standing.exhausted or monotonic() >= deadline:
                    return hold
        finally:
            share.waiting.pop()

    def close(self) -> None:
        """Give back what is held, as the process ends or the meter goes. The service has ``LAST_SECONDS`` for its answer."""
        thread, self._thread = self._thread, None
        if thread is not None and thread is not current_thread():
            self._bell.set()
            thread.join(LAST_SECONDS)

    def _run(self) -> None:
        attach(set_value(SUPPRESSED, True))  # our own requests are no calls, and no spans either
        me, pause, open_ = current_thread(), PACE_SECONDS, True
        while open_:
            self._rest()
            open_ = self._thread is me
            with self._exchanging:
                self._begun += 1
                guard.step("budget", self._exchange, not open_)
            with self._answered:
                self._ended = self._begun
                self._answered.notify_all()
            in_vain = any(share.waiting and not share.slots for share in self._shares)
            pause = min(2 * pause, SLOWEST_SECONDS) if in_vain else PACE_SECONDS
            self._pace.wait(pause)

    def _rest(self) -> None:
        """Sleep until the next request: a second while there is something to tell, else until a call wakes the thread."""
        # The flag comes first: a call that ends after the look at the shares then finds it, and rings.
        self._asleep = True
        busy = any(share.active for share in self._shares)
        self._asleep = not busy
        self._bell.wait(EVERY_SECONDS if busy else None)
        self._asleep = False
        self._bell.clear()

    def _exchange(self, closing: bool) -> None:
        """One request and its answer. ``closing``: the process begins no more calls."""
        shares = list(self._shares)
        try:
            if not self._ask(shares, closing):
                self._rename(shares)
                self._ask(shares, closing)
        except (OSError, HTTPException, ValueError, KeyError, TypeError, StopIteration) as error:
            self._hang_up()
            for share in shares:
                share.failed(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        self._tell(shares)

    def _ask(self, shares: list[Share], closing: bool) -> bool:
        """Ask, and take in the answer. False where the service does not know this process any more."""
        self._turn += 1
        sent = monotonic()  # before the request leaves: the service counts the lease from later on
        answer = self._post({share.budget.id: share.report(closing) for share in shares})
        lease, budgets = float(answer["lease"]), answer["budgets"]
        if any("forgotten" in one for one in budgets.values()):
            return False
        for share in shares:
            share.answered(budgets[share.budget.id], sent + lease)
        return True

    def _rename(self, shares: list[Share]) -> None:
        self._holder, self._turn = secrets.token_hex(16), 0
        for share in shares:
            share.renamed()

    def _tell(self, shares: list[Share]) -> None:
        """Say once that a budget cannot be asked for, and once that all can be again."""
        faults = {share.budget.id: share.standing.fault for share in shares if share.lost}
        if faults and not self._said:
            name, fault = next(iter(faults.items()))
            logger.warning(
                "genmeter: the ledger service at %s says nothing about the budget %r (%s); until it does, each shared budget "
                "goes by its own setting unreachable",
                *(self._url, name, fault),
            )
        elif self._said and shares and not faults:
            logger.warning("genmeter: the ledger service at %s answers for the shared budgets again", self._url)
        self._said = bool(faults) or (self._said and not shares)

    def _post(self, budgets: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request. Raises ``OSError``, ``HTTPException`` and ``ValueError``."""
        body = json.dumps({"holder": self._holder, "turn": self._turn, "budgets": budgets})
        headers = {"Content-Type": "application/json"}
        if self._token_file:
            headers["Authorization"] = (
                f"Bearer {Path(self._token_file).expanduser().read_text(encoding='utf-8').strip()}"
            )
        address = urlsplit(self._url)
        if self._connection is None:
            kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
            self._connection = kind(address.netloc, timeout=TIMEOUT)
        self._connection.request("POST", f"{address.path}{PATH}", body, headers)
        reply = self._connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise ValueError(f"HTTP {reply.status} {text[:200].decode('utf-8', 'replace')}")
        found = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError("the answer is no JSON object")
        return cast("dict[str, Any]", found)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _in_a_loop() -> bool:
    """Whether this thread runs an event loop that a wait would hold up."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules.get("trio")
        return trio is not None and bool(trio.lowlevel.in_trio_run())
    return True
