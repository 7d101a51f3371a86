"""Names for what went wrong: a short, bounded ``error.type`` for any exception that an SDK raises.

A provider's own code is used when it is one of ``PROVIDER_CODES``, else the exception's class as ``package.Class``
(``builtins`` left out). Both are finite, so metric labels stay bounded whatever a proxy answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

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
    }
)


def error_type(error: BaseException) -> str:
    """The ``error.type`` of an exception, for span, metrics and event alike."""
    code = _provider_code(error)
    if code is not None:
        return code
    kind = type(error)
    package = (kind.__module__ or "").partition(".")[0]
    return kind.__name__ if package in ("builtins", "asyncio", "") else f"{package}.{kind.__name__}"


def reported(code: Any) -> str:
    """The ``error.type`` of a failure that a provider reports in its answer instead of raising anything."""
    return code if isinstance(code, str) and code in PROVIDER_CODES else "_OTHER"


def _provider_code(error: BaseException) -> str | None:
    code: Any = getattr(error, "code", None)
    if isinstance(code, str) and code in PROVIDER_CODES:
        return code
    body: Any = getattr(error, "body", None)
    inner: Any = cast("Mapping[str, Any]", body).get("error", body) if isinstance(body, Mapping) else None
    if isinstance(inner, Mapping):
        found = cast("Mapping[str, Any]", inner)
        for code in (found.get("code"), found.get("type")):
            if isinstance(code, str) and code in PROVIDER_CODES:
                return code
    return None
