"""Where our own failures stop: they are counted and said once a minute, and never reach the app."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

QUIET_SECONDS = 60.0
logger = logging.getLogger("genmeter")
failures: Counter[str] = Counter()
"""Failures of our own by site, read by the ``genmeter.internal.failures`` counter."""
_last_said: dict[str, float] = {}


def failed(site: str, error: Exception, refused: bool = False) -> None:
    """Count a failure of ours at ``site`` and log it, at most once a minute for each site. Never raises.

    ``refused``: a rule of the user's fails closed, and the call is not made.
    """
    try:
        failures[site] += 1
        now = time.monotonic()
        if now - _last_said.get(site, -QUIET_SECONDS) >= QUIET_SECONDS:
            _last_said[site] = now
            # Not what the error says: it may quote a prompt or an answer, and logs are exported too.
            logger.warning(
                "genmeter: %s failed, the call itself is %s: %s in %s (the level DEBUG shows all of it)",
                site,
                "refused" if refused else "not affected",
                type(error).__name__,
                _place(error),
                exc_info=logger.isEnabledFor(logging.DEBUG),
            )
    except Exception:  # noqa: S110  a failing log handler must not reach the app either
        pass


def _place(error: Exception) -> str:
    """Where an error was raised, as ``file:line``."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def step(site: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
    """Run a function of ours; an exception in it is counted under ``site`` and gives None instead."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        failed(site, error)
        return None


def reset() -> None:
    """Forget what was counted and said (tests; a forked child)."""
    failures.clear()
    _last_said.clear()


# The parent reports the failures that it counted.
os.register_at_fork(after_in_child=reset)
