"""What the OpenTelemetry context says about a call: whether to look at it at all, and what it lies within."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Token
from typing import Any, cast

from opentelemetry.context import (
    _RUNTIME_CONTEXT,  # pyright: ignore[reportPrivateUsage]
    Context,
    create_key,
    set_value,
)

WITHIN = create_key("genmeter-within")
SUPPRESSED = "suppress_instrumentation"
"""OpenTelemetry's own key. Other tools' keys say who has the span of a call, not that it is no call (``outer``)."""

# OpenTelemetry's functions of the same names call these: on the path of every call the way is half as long.
current: Callable[[], Context] = _RUNTIME_CONTEXT.get_current
attach: Callable[[Context], Token[Context]] = _RUNTIME_CONTEXT.attach


class Within:
    """The mark in the context of an observed call: the SDK's own code runs inside.

    ``arrived`` is the HTTP response of the call, once the SDK has it and until the call ends, in the SDKs whose table
    says where answers arrive. ``over``: the call has ended. A task or a thread that was started inside the call may keep
    its context for longer, and calls that it makes then are calls of their own.
    """

    __slots__ = ("arrived", "operation", "over", "sdk")

    def __init__(self, sdk: str, operation: str) -> None:
        self.sdk = sdk
        self.operation = operation
        self.arrived: Any = None
        self.over = False


def within(context: Context) -> Within | None:
    """The observed call inside which code with this context runs."""
    found = cast("Within | None", context.get(WITHIN))
    return None if found is None or found.over else found


def outside(context: Context) -> Context:
    """``context`` for code of the app that an SDK runs inside a call: what that code calls is no part of the call."""
    return set_value(WITHIN, None, context)


def detach(token: Token[Context]) -> None:
    """Leave an attached context; quiet when a coroutine is closed by the collector from another context.

    ``opentelemetry.context.detach`` would log "Failed to detach context" there, although nothing has failed.
    """
    try:
        _RUNTIME_CONTEXT.detach(token)
    except (ValueError, RuntimeError, TypeError):
        pass  # TypeError: attaching had failed, and there is no token
