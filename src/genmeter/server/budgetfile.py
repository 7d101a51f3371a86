"""The budgets of genmeter.toml while the service runs: a changed file is read again, so a raise needs no restart."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from genmeter.budgets import Budget

_log = logging.getLogger(__name__)


class BudgetFile:
    """The budgets in the file at ``path`` as ``read`` reads them; calling it gives those in force now.

    A file that cannot be used at the time, or is gone, leaves the last good budgets in force; ``sound`` is False until
    it can be used again. Raises the ``ValueError`` of ``read`` when made from such a file.
    """

    def __init__(self, path: Path, read: Callable[[], Sequence[Budget]]) -> None:
        self._path, self._read = path, read
        self._lock = threading.Lock()
        # before it is read: a change in between is then seen by the next request
        self._seen = self._state()
        self._budgets = read()
        self.sound = True

    def __call__(self) -> Sequence[Budget]:
        """The budgets that are in force now."""
        with self._lock:
            state = self._state()
            if state != self._seen:
                self._seen = state
                self._read_anew(there=state is not None)
            return self._budgets

    def _read_anew(self, *, there: bool) -> None:
        try:
            # a name that is free for a moment, as while an editor saves, is not the wish to have no budgets
            if not there:
                raise ValueError(f"{self._path} is gone")
            self._budgets = self._read()
        except ValueError as error:
            self.sound = False
            _log.warning("%s; the last good budgets stay in force", error)
        else:
            self.sound = True
            _log.info("the budgets were read anew from %s: %d in force", self._path, len(self._budgets))

    def _state(self) -> tuple[int, ...] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        # the change time too: a file that only became readable has the same content and age
        return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
