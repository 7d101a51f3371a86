"""Replicate: predictions that wait, their later states, and their streams.

Reference: https://replicate.com/docs/reference/http (predictions.create, models.predictions.create,
deployments.predictions.create, predictions.get), https://replicate.com/docs/topics/predictions and
https://replicate.com/docs/topics/predictions/streaming (read 2026-11-30). Numbers are plausible ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .exchange import Call, Endpoint, Event, Provider
from .script import Json, Request

_METRICS: Json = {
    "input_token_count": 26,
    "output_token_count": 259,
    "predict_time": 2.405,
    "total_time": 2.421,
    "time_to_first_token": 0.054,
    "tokens_per_second": 107.6,
}
_TEXT = "The parcel has come from Lisbon."


def _error(status: int, call: Call) -> Json:
    title = {429: "Too many requests", 400: "Bad request"}.get(status, "The request failed")
    return {"title": title, "detail": f"{title}.", "status": status}


def _failure(call: Call) -> Event:
    return Event("The model failed.", "error")


def _frame(event: Event) -> bytes:
    return f"event: {event.name}\nid: 1690212292:0\ndata: {event.data}\n\n".encode()


REPLICATE = Provider(_error, lambda call: {}, _failure, _frame, "text/event-stream")


def _prediction(call: Call, model: str, status: str) -> Json:
    root = f"http://{call.request.headers['host']}/replicate/v1"
    urls = {
        "get": f"{root}/predictions/{call.token}",
        "cancel": f"{root}/predictions/{call.token}/cancel",
        "stream": f"{root}/streams/{call.token}",
    }
    state: Json = {
        "id": call.token, "model": model, "version": "hidden", "input": call.asked_object("input"), "logs": "", "output": None,
        "error": None, "status": status, "created_at": "2026-11-30T16:19:34.765Z", "urls": urls,
    }  # fmt: skip
    if status != "succeeded":
        return state
    done = {"output": list(call.pieces(call.text(_TEXT))), "completed_at": "2026-11-30T16:19:37.186Z"}
    metrics = call.usage(_METRICS)
    return {**state, **done, **({} if metrics is None else {"metrics": metrics})}


def create(call: Call) -> Json:
    """Done at once for a caller who waits, else started."""
    named: Any = call.params.get("model") or call.params.get("deployment") or "meta/meta-llama-3-8b-instruct"
    waits = call.request.headers.get("prefer", "").startswith("wait")
    call.store[call.token] = {"model": named}
    return _prediction(call, named, "succeeded" if waits else "starting")


def get(call: Call) -> Json:
    """A later state of a prediction."""
    return _prediction(call, call.store[call.params["id"]]["model"], "succeeded")


def _nothing(call: Call) -> Json:
    return {}


def events(call: Call) -> Iterator[Event]:
    """Words, and an end that says nothing."""
    for piece in call.pieces(_TEXT if call.reply.text is None else call.reply.text):
        yield Event(piece, "output")
    yield Event("{}", "done")


def _always(request: Request) -> bool:
    return True


_V1 = "/replicate/v1"
ENDPOINTS = [
    Endpoint("POST", rf"{_V1}/predictions", REPLICATE, create),
    Endpoint("POST", rf"{_V1}/models/(?P<model>[^/]+/[^/]+)/predictions", REPLICATE, create),
    Endpoint("POST", rf"{_V1}/deployments/(?P<deployment>[^/]+/[^/]+)/predictions", REPLICATE, create),
    Endpoint("GET", rf"{_V1}/predictions/(?P<id>[^/]+)", REPLICATE, get),
    Endpoint("GET", rf"{_V1}/streams/(?P<id>[^/]+)", REPLICATE, _nothing, events, _always),
]
