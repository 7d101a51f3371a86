"""The ledger's own work in a service: sums of finished days, retention and checks, and what may wait for a quiet moment.

While no sender waits, calls that have grown too old are trimmed, and their space is given back.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from genmeter.ledger import Ledger, StorageError

EVERY_SECONDS: Final = 10.0
QUIET_SECONDS: Final = 2.0
"""A ledger is idle when its last batch was committed that long ago."""
_log = logging.getLogger(__name__)


class Idling:
    """A thread that keeps and tidies the ledger in small steps; ``close`` ends it, before the ledger is closed."""

    def __init__(self, ledger: Ledger, every: float = EVERY_SECONDS, quiet: float = QUIET_SECONDS) -> None:
        self._ledger, self._every, self._quiet = ledger, every, quiet
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="genmeter-idling", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Return when the step that is being taken has ended, and no other follows."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            try:
                while self._ledger.upkeep() and not self._ended.is_set():
                    time.sleep(0.01)
                while self._idle() and self._ledger.tidy() and not self._ended.is_set():
                    # a sender that has come in the meantime goes first
                    time.sleep(0.01)
            except StorageError as error:
                _log.warning("the ledger is tidied later: %s", error)

    def _idle(self) -> bool:
        committed = self._ledger.store.committed_at
        return committed is None or time.time() - committed >= self._quiet
