"""The rest of a stream over which an SDK's helper has failed: the usage of a call stands at the stream's end.

A helper parses the words of the model as soon as they are whole, and the server sends the usage after them. The app gets
the helper's exception, its stream is closed, and the provider bills the call all the same. So the chunks that only end
what has come are still read. The first chunk that begins something new ends the reading: the app waits for no model.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..spec import OpenCall


def rest(sdk: str, iteration: Any, call: OpenCall) -> Callable[[], Any] | None:
    """What reads on, where code of the package ``sdk`` has just failed over the stream; None where it has not.

    ``iteration`` is a weak reference to what reads the stream: an app that keeps the HTTP response alone has dropped its
    stream. Ask while the exception is on its way to the app. What an asynchronous stream gives is to be awaited.
    """
    error, reading = sys.exc_info()[1], iteration()
    if reading is None or not isinstance(error, Exception) or not call.open or not _inside(error, sdk):
        return None
    reads_on = call.rest(error)
    if reads_on is None:
        return None
    return (
        (lambda: _read_async(reading, reads_on)) if hasattr(reading, "__anext__") else lambda: _read(reading, reads_on)
    )


def _read(stream: Any, reads_on: Callable[[Any], bool]) -> None:
    try:
        while reads_on(stream.__next__()):
            pass
    except Exception:  # noqa: S110  the end of the stream, or of the connection: the call is closed
        pass


async def _read_async(stream: Any, reads_on: Callable[[Any], bool]) -> None:
    try:
        while reads_on(await stream.__anext__()):
            pass
    except Exception:  # noqa: S110  as above
        pass


def _inside(error: Exception, sdk: str) -> bool:
    """Whether an error comes out of code of the SDK, and not of the app's own."""
    trace = error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0] == sdk:
            return True
        trace = trace.tb_next
    return False
