"""Whether the ledger takes writes, for probes: asked of the disk, but not more often than needed."""

from __future__ import annotations

import threading
import time

from genmeter.ledger import Ledger, StorageError

FRESH_SECONDS = 1.0
"""For how long an answer is repeated. Each check is a real write, and the route asks for no token."""


class Readiness:
    """Calling it gives None when the ledger takes writes, else why it does not."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._fault: str | None = None
        self._until = 0.0

    def __call__(self) -> str | None:
        """Check, or repeat the answer of the last second."""
        with self._lock:
            if time.monotonic() >= self._until:
                try:
                    self._ledger.check()
                    self._fault = None
                except StorageError as error:
                    self._fault = str(error)
                # a fault is checked again each time, so that a repaired ledger is ready at once
                self._until = time.monotonic() + (0 if self._fault else FRESH_SECONDS)
            return self._fault
