"""Exporters that get no answer: the application is told in one line, and not in a traceback for each batch.

The exporters of OpenTelemetry log each failure, most of them with a traceback, and try again for ten seconds. Here that
is kept quiet, counted, and told once in ten minutes. Only exporters that genmeter or the environment has set up are watched.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from threading import get_native_id, local
from typing import Any, cast

from ... import names
from ...credentials import scrub
from ...texts import bounded
from .. import guard
from .threads import green

logger = logging.getLogger("genmeter")

QUIET_SECONDS = 600.0
_LONGEST = 200
_IMPORTED_LATE = "netrc"
"""A module that ``requests`` imports with the first request. Under gevent, threads that import one module at the same
time wait for each other for ever, and the exporters of three signals send at the same time when a process ends."""
_here = local()


class Delivery:
    """What became of the records: how many calls were handed to the event's exporter, and how many of them went out.

    The counts are for a message and for ``flush``. Two threads may lose one of them.
    """

    def __init__(self) -> None:
        self.where = ""
        """The address of an exporter that is watched; of the events' where there is one."""
        self.reset()

    def reset(self) -> None:
        """Start anew, as in a forked process: the parent reports its own."""
        self.calls = 0
        self.sent = 0
        self.failures = 0
        self.heard = ""
        """What an exporter said last of a batch that did not go out."""
        self._said = -QUIET_SECONDS

    def missed(self) -> None:
        """The time is up, and the exporters have not ended."""
        self.say(self.where or "the exporters", self.heard or "no answer in time")

    def answered(self, batch: object) -> None:
        """A batch went out."""
        self.sent += _calls_in(batch)

    def refused(self, exporter: object, reason: str) -> None:
        """A batch was not taken; tell so, once in ten minutes at most."""
        self.failures += 1
        where = getattr(exporter, "_endpoint", None) or type(exporter).__name__
        self.say(where, reason or "no answer")

    def say(self, where: object, reason: str) -> None:
        """Tell that telemetry does not go out."""
        now = time.monotonic()
        if now - self._said >= QUIET_SECONDS:
            self._said = now
            missing = max(0, self.calls - self.sent)
            lost = f"; the events of {missing} calls have not gone out" if missing else ""
            place = scrub(
                bounded(str(where))
            )  # an address may hold a password, and a refusal the header that was refused
            short = scrub(bounded(" ".join(reason.split()), _LONGEST))
            logger.warning("genmeter: telemetry does not reach %s: %s; the app is not affected%s", place, short, lost)


delivery = Delivery()
os.register_at_fork(after_in_child=delivery.reset)


def watch(exporter: Any, make: Callable[[], Any] | None = None) -> None:
    """Have ``exporter`` fail quietly, counted by ``delivery``.

    ``make`` makes another one like it. A forked process needs its own: the connection belongs to the parent, and two
    processes that write into one connection spoil it for both. So does a thread under gevent, whose sockets belong to the
    loop of one thread.
    """
    send, owner = exporter.export, _here_now()
    guard.step("exporter", import_module, _IMPORTED_LATE)

    def export(batch: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal send, owner
        if make is not None and owner != (now := _here_now()):
            send, owner = make().export, now
        _here.lines = said = list[str]()
        result: Any = None
        refused = True
        try:
            result = send(batch, *args, **kwargs)
            refused = getattr(result, "name", "SUCCESS") != "SUCCESS"
        except Exception as error:
            said.append(str(error) or type(error).__name__)
        finally:
            _here.lines = None
        if refused:
            guard.step("delivery", delivery.refused, exporter, said[-1] if said else "")
        else:
            guard.step("delivery", delivery.answered, batch)
        return result

    exporter.export = export
    if not delivery.where or "logs" in str(getattr(exporter, "_endpoint", "")):
        delivery.where = str(getattr(exporter, "_endpoint", ""))
    _keep_quiet()


def _here_now() -> tuple[int, int]:
    """The process, and under gevent the thread of the system."""
    return os.getpid(), get_native_id() if green() else 0


class _Quiet(logging.Filter):
    """Takes what an exporter says of a batch that is being watched, in that thread alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        lines: list[str] | None = getattr(_here, "lines", None)
        if lines is None:
            return True
        delivery.heard = record.getMessage()
        lines.append(delivery.heard)
        return False


_quiet = _Quiet()


def _keep_quiet() -> None:
    # A filter of a logger sees the records of this one logger and not those of the loggers below it.
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("opentelemetry.", "urllib3.")):
            logging.getLogger(name).addFilter(_quiet)


def _calls_in(batch: object) -> int:
    if not isinstance(batch, Iterable):
        return 0
    events = (getattr(item, "log_record", None) for item in cast("Iterable[object]", batch))
    return sum(getattr(event, "event_name", None) == names.EVENT_DETAILS for event in events)


def exporters(provider: object) -> Iterator[Any]:
    """The exporters of a provider of the SDK. The attributes are private; none is found where they have other names."""
    several = (
        getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ()),
        getattr(getattr(provider, "_multi_log_record_processor", None), "_log_record_processors", ()),
        getattr(provider, "_metric_readers", None)
        or getattr(getattr(provider, "_sdk_config", None), "metric_readers", ()),
    )
    for part in (one for parts in several for one in parts):
        holder = getattr(part, "_batch_processor", part)
        exporter = getattr(holder, "_exporter", None) or getattr(holder, "span_exporter", None)
        if exporter is not None:
            yield exporter
