"""An exception as it leaves the process: bounded, without keys, and without its words while content capture is off.

The words of an exception may quote the prompt, the answer or a header: a validation error shows the text that it refuses,
a provider's 400 repeats the request, an HTTP library shows the header that it could not send. No list of exceptions is
safe, so no words leave at all unless the user captures content. What remains says what failed: the class, the HTTP status,
the provider's documented code, the number of a system error, and the frames by file, line and function. Lines of source
are left out too: they may hold a key, and reading them would be I/O in a call.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from types import TracebackType
from typing import Any, Final, NamedTuple, cast

from ..credentials import scrub
from ..texts import bounded
from .errors import provider_code

MOST_WORDS: Final = 2_000
"""Characters of a message, where messages leave."""
MOST_STACK: Final = 16_000
"""Characters of a stack trace with all its causes."""
WITHHELD: Final = "text withheld"
_FIRST_FRAMES, _LAST_FRAMES, _MOST_WALKED, _MOST_CHAINED = 10, 30, 2_000, 8
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


class Told(NamedTuple):
    """What leaves of an exception: its class, its message and its stack trace with causes and contexts."""

    kind: str
    message: str
    stack: str


def tell(error: BaseException, words: bool) -> Told:
    """``error`` as it may leave; ``words``: content is captured, so that messages leave too, without keys."""
    kind = kind_of(error)
    return Told(kind, message_of(error, words), "".join(_chain(error, words))[:MOST_STACK])


def message_of(error: BaseException, words: bool) -> str:
    """The message of an exception as it may leave."""
    if words:
        return _words(error)
    facts = ", ".join(_facts(error))
    return f"{kind_of(error)}: {facts} ({WITHHELD})" if facts else f"{kind_of(error)} ({WITHHELD})"


def kind_of(error: BaseException) -> str:
    """The class of an exception, after its module and a point."""
    return bounded(f"{type(error).__module__}.{type(error).__qualname__}")


def http_status(error: BaseException) -> int | None:
    """The HTTP status that an exception tells, in any of the ways of the SDKs; None where it tells none."""
    response = _field(error, "response")
    found = (
        *(_field(error, name) for name in ("status_code", "status", "http_status", "code")),
        _field(response, "status_code"),
        _field(_field(response, "ResponseMetadata"), "HTTPStatusCode"),
    )
    return next((int(number) for number in found if isinstance(number, int) and 100 <= number <= 599), None)


def _field(held: Any, name: str) -> Any:
    """A field of an exception, or of a mapping that it holds; None where reading it runs code that fails."""
    try:
        return cast("dict[str, Any]", held).get(name) if isinstance(held, dict) else getattr(held, name, None)
    except Exception:
        return None


def _facts(error: BaseException) -> Iterator[str]:
    """What an exception says in numbers and in words from closed lists."""
    status = http_status(error)
    if status is not None:
        yield f"HTTP {status}"
    try:
        code = provider_code(error)
    except Exception:  # the fields of an exception may be code of its own
        code = None
    if code is not None:
        yield code
    if isinstance(error, OSError) and type(error.errno) is int:
        yield f"[Errno {error.errno}] {os.strerror(error.errno)}" if error.errno > 0 else f"[Errno {error.errno}]"


def _words(error: BaseException) -> str:
    try:
        # twice of what is kept, so that a key at the edge is seen whole
        return scrub(bounded(str(error), 2 * MOST_WORDS))[:MOST_WORDS]
    except Exception:  # its own code
        return f"{kind_of(error)} ({WITHHELD})"


def _chain(error: BaseException, words: bool) -> Iterator[str]:
    """The exception and what led to it, the first cause first, as Python shows it."""
    links: list[tuple[BaseException, str]] = []
    current: BaseException | None = error
    while current is not None and len(links) < _MOST_CHAINED and all(known is not current for known, _ in links):
        cause, hidden = current.__cause__, current.__suppress_context__
        following = cause if cause is not None else None if hidden else current.__context__
        links.append((current, "" if following is None else _CAUSE if cause is not None else _CONTEXT))
        current = following
    for one, joint in reversed(links):
        yield joint
        yield from _one(one, words)


def _one(error: BaseException, words: bool) -> Iterator[str]:
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):\n"
        yield from _frames(error.__traceback__)
    yield f"{kind_of(error)}: {_words(error)}\n" if words else f"{message_of(error, words)}\n"
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        for inner in islice(group.exceptions, _MOST_CHAINED):
            yield f"  of which: {_words(inner) if words else message_of(inner, words)}\n"


def _frames(trace: TracebackType) -> Iterator[str]:
    lines: list[str] = []
    following: TracebackType | None = trace
    while following is not None and len(lines) < _MOST_WALKED:
        code = following.tb_frame.f_code
        lines.append(
            f'  File "{bounded(code.co_filename)}", line {following.tb_lineno}, in {bounded(code.co_qualname)}\n'
        )
        following = following.tb_next
    left_out = len(lines) - _FIRST_FRAMES - _LAST_FRAMES
    if left_out <= 0:
        yield from lines
    else:
        yield from lines[:_FIRST_FRAMES]
        yield f"  ... {left_out} frames left out\n"
        yield from lines[-_LAST_FRAMES:]
