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

from genmeter.ledger.errors import BadPayload

M = TypeVar("M", bound=Message)
_IDS = frozenset({"traceId", "trace_id", "spanId", "span_id", "parentSpanId", "parent_span_id"})


def parse(payload: bytes, message: M) -> M:
    """Fill ``message`` from an OTLP JSON body and return it. Raises ``BadPayload``."""
    try:
        return ParseDict(_ids_to_base64(json.loads(payload)), message, ignore_unknown_fields=True)
    except (ValueError, TypeError, ParseError, RecursionError) as error:
        raise BadPayload(f"the body is not OTLP JSON: {str(error)[:200]}") from None


def _ids_to_base64(node: Any) -> Any:
    if isinstance(node, dict):
        pairs = cast("dict[str, Any]", node).items()
        return {key: _id(value) if key in _IDS else _ids_to_base64(value) for key, value in pairs}
    if isinstance(node, list):
        return [_ids_to_base64(item) for item in cast("list[Any]", node)]
    return node


def _id(value: Any) -> Any:
    return base64.b64encode(bytes.fromhex(value)).decode() if isinstance(value, str) else value
