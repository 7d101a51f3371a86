"""OTLP's JSON into protobuf messages.

OTLP JSON is protobuf's JSON mapping with one trap: trace and span ids are hex, where protobuf's mapping wants base64.
Ids are rewritten before the mapping reads them; unknown fields and unknown enum names are ignored by it.
"""

from __future__ import annotations

import base64
import json
from typing import Any, TypeVar, cast

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from genmeter.ledger.errors import BadPayload, TooLarge
from genmeter.ledger.limits import JSON_DEPTH, JSON_PARTS

M = TypeVar("M", bound=Message)
_IDS = frozenset({"traceId", "trace_id", "spanId", "span_id", "parentSpanId", "parent_span_id"})


def parse(payload: bytes, message: M) -> M:
    """Fill ``message`` from an OTLP JSON body and return it. Raises ``BadPayload``."""
    # each member costs one of these bytes, and 60 bytes of memory once it is read
    if sum(map(payload.count, (b",", b"[", b"{"))) > JSON_PARTS:
        raise TooLarge(f"the request has more than {JSON_PARTS:,} JSON members; send smaller batches, or protobuf")
    try:
        return ParseDict(_ids_to_base64(json.loads(payload), 0), message, ignore_unknown_fields=True)
    except (ValueError, TypeError, ParseError, RecursionError) as error:
        raise BadPayload(f"the body is not OTLP JSON: {str(error)[:200]}") from None


def _ids_to_base64(node: Any, depth: int) -> Any:
    if depth > JSON_DEPTH:
        raise ValueError(f"it is nested deeper than {JSON_DEPTH}")
    if isinstance(node, dict):
        pairs = cast("dict[str, Any]", node).items()
        return {key: _id(value) if key in _IDS else _ids_to_base64(value, depth + 1) for key, value in pairs}
    if isinstance(node, list):
        return [_ids_to_base64(item, depth + 1) for item in cast("list[Any]", node)]
    return node


def _id(value: Any) -> Any:
    return base64.b64encode(bytes.fromhex(value)).decode() if isinstance(value, str) else value
