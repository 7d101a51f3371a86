"""The ``error.type`` of a failed call. It is a label of metrics, so the number of its values must stay small.

The value is the provider's own code where ``PROVIDER_CODES`` lists it, else the class of the exception as
``package.Class`` (without the package for ``builtins`` and ``asyncio``), for the first ``MOST_CLASSES`` classes of a
process. Everything else is ``_OTHER``, the conventions' value for that. No text from an answer becomes a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from ..texts import bounded

PROVIDER_CODES = frozenset(
    {
        # OpenAI: https://platform.openai.com/docs/guides/error-codes (read 2026-11-21)
        "context_length_exceeded",
        "content_filter",
        "content_policy_violation",
        "insufficient_quota",
        "invalid_api_key",
        "invalid_prompt",
        "model_not_found",
        "rate_limit_exceeded",
        "server_error",
        "unsupported_parameter",
        "unsupported_value",
        # Anthropic: https://docs.claude.com/en/api/errors (read 2026-11-21)
        "api_error",
        "authentication_error",
        "billing_error",
        "invalid_request_error",
        "not_found_error",
        "overloaded_error",
        "permission_error",
        "rate_limit_error",
        "request_too_large",
        "timeout_error",
        # Google, the canonical codes: https://cloud.google.com/apis/design/errors#handling_errors (read 2026-11-30)
        "ABORTED",
        "ALREADY_EXISTS",
        "CANCELLED",
        "DATA_LOSS",
        "DEADLINE_EXCEEDED",
        "FAILED_PRECONDITION",
        "INTERNAL",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "OUT_OF_RANGE",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "UNAUTHENTICATED",
        "UNAVAILABLE",
        "UNIMPLEMENTED",
        "UNKNOWN",
        # Amazon Bedrock: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html (errors) and
        # CommonErrors.html (read 2026-11-30)
        "AccessDeniedException",
        "ConflictException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InternalFailure",
        "InternalServerException",
        "InvalidSignatureException",
        "ModelErrorException",
        "ModelNotReadyException",
        "ModelStreamErrorException",
        "ModelTimeoutException",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "ResourceNotFoundException",
        "ServiceQuotaExceededException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "ThrottlingException",
        "UnrecognizedClientException",
        "ValidationError",
        "ValidationException",
    }
)


MOST_CLASSES: Final = 100
"""Names of exception classes that one process uses. SDKs have some 20 each; a program may make classes without end."""
OTHER: Final = "_OTHER"

CANCELLATIONS: Final = frozenset(
    {"asyncio.CancelledError", "concurrent.CancelledError", "trio.Cancelled", "greenlet.GreenletExit", "gevent.Timeout"}
)
"""Exceptions by which a task, a nursery or a greenlet stops the code that reads a stream: package and class."""

_classes: Final[set[str]] = set()


def error_type(error: BaseException) -> str:
    """The ``error.type`` of an exception: the same for the span, the metrics and the event of a call."""
    code = provider_code(error)
    return _class_name(type(error)) if code is None else code


def cancelled(error: BaseException) -> bool:
    """Whether an exception says that the consumer was stopped, and not that the call failed."""
    return any(f"{kind.__module__.partition('.')[0]}.{kind.__name__}" in CANCELLATIONS for kind in type(error).__mro__)


def reported(code: Any) -> str:
    """The ``error.type`` of a failure that the SDK does not raise, from the error code in the provider's answer."""
    return code if isinstance(code, str) and code in PROVIDER_CODES else OTHER


def _class_name(kind: type[BaseException]) -> str:
    package = (kind.__module__ or "").partition(".")[0]
    name = bounded(kind.__name__ if package in ("builtins", "asyncio", "") else f"{package}.{kind.__name__}")
    if name not in _classes:
        if len(_classes) >= MOST_CLASSES:
            return OTHER
        _classes.add(name)
    return name


def provider_code(error: BaseException) -> str | None:
    """The documented error code of a provider that an exception carries."""
    for code in (getattr(error, "code", None), getattr(error, "status", None)):
        if isinstance(code, str) and code in PROVIDER_CODES:
            return code
    body: Any = getattr(error, "body", None)
    inner: Any = cast("Mapping[str, Any]", body).get("error", body) if isinstance(body, Mapping) else None
    if isinstance(inner, Mapping):
        found = cast("Mapping[str, Any]", inner)
        for code in (found.get("code"), found.get("type"), found.get("status")):
            if isinstance(code, str) and code in PROVIDER_CODES:
                return code
    response: Any = getattr(error, "response", None)
    return _code_of(cast("Mapping[str, Any]", response)) if isinstance(response, Mapping) else None


def _code_of(response: Mapping[str, Any]) -> str | None:
    """The code in an answer that an exception of AWS carries. In a stream it begins with a small letter.

    Where the answer names none, the SDK writes the HTTP status in its place.
    """
    stated: Any = response.get("Error")
    code: Any = cast("Mapping[str, Any]", stated).get("Code") if isinstance(stated, Mapping) else None
    if not isinstance(code, str):
        return None
    named = code[:1].upper() + code[1:]
    return named if named in PROVIDER_CODES or (len(code) == 3 and code.isdecimal() and code.isascii()) else None
