"""The call as log records: the details event, which reaches the ledger even without a sampled span, and the exception."""

from __future__ import annotations

from time import time_ns
from typing import Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context

from ... import names
from ...model import AttributeValue, Invocation
from ..exceptions import Told
from ..telemetry import Telemetry


def report(
    invocation: Invocation, telemetry: Telemetry, context: Context, details: dict[str, Any], parent: str
) -> None:
    """Emit the details event, in the span's context so that both carry the same ids. ``details`` is the event's own."""
    if not invocation.told:
        details[names.CALL_DURATION] = invocation.duration
    if parent:
        details[names.PARENT_SPAN] = parent
    telemetry.routes.emit(
        {
            "timestamp": int(invocation.started * 1e9) if invocation.told else time_ns(),
            "context": context,
            "severity_number": SeverityNumber.DEBUG,
            "event_name": names.EVENT_DETAILS,
            "attributes": details,
        }
    )


def report_exception(told: Told, telemetry: Telemetry, context: Context, attributes: dict[str, AttributeValue]) -> None:
    """Emit the exception that reaches the caller, once."""
    telemetry.routes.emit(
        {
            "timestamp": time_ns(),
            "context": context,
            "severity_number": SeverityNumber.WARN,
            "event_name": names.EVENT_EXCEPTION,
            "attributes": {
                **attributes,
                names.EXCEPTION_TYPE: told.kind,
                names.EXCEPTION_MESSAGE: told.message,
                names.EXCEPTION_STACKTRACE: told.stack,
            },
        }
    )
