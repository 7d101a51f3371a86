"""What the developer is told once: attribution that no meter sees, and calls that have lost it in a thread."""

from __future__ import annotations

import logging
import sys
from threading import current_thread, main_thread

logger = logging.getLogger("genmeter")

UNMETERED = (
    "genmeter: nothing is metered in this process, although genmeter.%s is used. Start the app with `genmeter run "
    '--` or opentelemetry-instrument, or call genmeter.instrument(export="dev") at its start.'
)
LOST_CONTEXT = (
    "genmeter: a call in the thread %r has neither trace nor payer, because a thread starts with an empty context. "
    "Install opentelemetry-instrumentation-threading, which hands both over (`genmeter run` and opentelemetry-instrument "
    "load it), or start the thread's function by contextvars.copy_context().run."
)
THREADING = "opentelemetry.instrumentation.threading"


class Notices:
    """What has been seen, and so need not be told or must be told once."""

    def __init__(self) -> None:
        self.metered = False
        """Whether the meter was started, or is off on purpose."""
        self.attributed = False
        """Whether the program has said who pays."""
        self.nested = False
        """Whether a call was made inside a span."""
        self._told_of_threads = False

    def attribute(self, word: str = "attribution") -> None:
        """The program says, for the first time, who pays or what makes the calls: by ``genmeter.`` and this word."""
        self.attributed = True
        if not self.metered:
            from .process.sdk import off  # it reads the environment, which is needed here alone

            self.metered = True
            if not off():
                logger.warning(UNMETERED, word)

    def empty_context(self) -> None:
        """A call is made in an empty context: in a thread, it may have lost one."""
        if self._told_of_threads or not (self.attributed or self.nested) or current_thread() is main_thread():
            return
        self._told_of_threads = True
        if THREADING not in sys.modules:
            logger.warning(LOST_CONTEXT, current_thread().name)


notices = Notices()
