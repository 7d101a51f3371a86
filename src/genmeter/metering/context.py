"""What the OpenTelemetry context says about a call: whether to look at it at all, and what it lies within."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Token
from typing import Any, cast

from opentelemetry.context import (
    _RUNTIME_CONTEXT,  # pyright: ignore[reportPrivateUsage]
    Context,
    create_key,
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
    says where answers arrive.
    """

    __slots__ = ("arrived", "operation", "sdk")

    def __init__(self, sdk: str, operation: str) -> None:
        self.sdk = sdk
        self.operation = operation
        self.arrived: Any = None


def within(context: Context) -> Within | None:
    """The observed call inside which code with this context runs."""
    return cast("Within | None", context.get(WITHIN))


def detach(token: Token[Context]) -> None:
    """Leave an attached context; quiet when a coroutine is closed by the collector from another context.

    ``opentelemetry.context.detach`` would log "Failed to detach context" there, although nothing has failed.
    """
    try:
        _RUNTIME_CONTEXT.detach(token)
    except (ValueError, RuntimeError, TypeError):
        pass  # TypeError: attaching had failed, and there is no token
