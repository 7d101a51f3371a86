"""OpenAI as a provider: its headers and errors, and those of Azure, which serves the same operations on other paths."""

from __future__ import annotations

from typing import Any

from .exchange import Call, Event, Provider
from .framing import sse
from .script import Json

_ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}


def error(status: int, call: Call) -> Json:
    """https://platform.openai.com/docs/guides/error-codes"""
    return error_body(*_ERRORS.get(status, _ERRORS[500 if status >= 500 else 400]))


def error_body(kind: str, code: str | None, message: str, param: str | None = None) -> Json:
    """The error object of OpenAI and of those who follow it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def is_azure(call: Call) -> bool:
    """Whether the path is one of Azure's (`/openai/...?api-version=...`)."""
    return call.request.path.startswith("/openai/")


def _headers(call: Call) -> dict[str, str]:
    if is_azure(call):
        return {"apim-request-id": f"req-{call.token}", "x-ms-region": "Sweden Central", "x-request-id": call.token}
    return {
        "x-request-id": f"req_{call.token}",
        "openai-organization": "stub-org",
        "openai-processing-ms": "7",
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
    }


def _failure(call: Call) -> Event:
    return Event(error(500, call))


def _responses_failure(call: Call) -> Event:
    data: Any = {"type": "error", "code": "server_error", "message": _ERRORS[500][2], "param": None}
    return Event({**data, "sequence_number": 99}, "error")


OPENAI = Provider(error=error, headers=_headers, failure=_failure, frame=sse)
RESPONSES = Provider(error=error, headers=_headers, failure=_responses_failure, frame=sse)
