"""How much one OTLP request may hold. SECURITY.md shows these numbers; a test compares the two."""

from __future__ import annotations

from typing import Final

RECORDS: Final = 20_000
"""Spans, or log records, with the groups around them. Beyond: the request is refused."""
FIELDS: Final = 100_000
"""Fields of one record, with the links and events that are not read. Beyond: the record is rejected, and the others are kept."""
ALL_FIELDS: Final = 1_000_000
"""Fields of all records above 64 KiB of a request. Beyond: the request is refused."""
ATTRIBUTES: Final = 1_000
"""Attributes of one record. Beyond: the record is rejected, and the others are kept."""
ALL_ATTRIBUTES: Final = 500_000
"""Attributes of all records of a request. Beyond: the request is refused."""
ITEMS: Final = 128
DEPTH: Final = 16
STRUCTURED: Final = 4_096
"""Values inside one attribute, how deep they are nested, and its bytes where it is no plain text. Beyond: unknown."""
JSON_PARTS: Final = 250_000
JSON_DEPTH: Final = 64
"""Members of all objects and arrays of a JSON request, and how deep they are nested. Beyond: refused."""
METRIC_PARTS: Final = 200_000
"""Messages inside a request of metrics: metrics, points, attributes, values. Beyond: refused."""
METRIC_BYTES: Final = 8 << 20
"""Bytes of a request of metrics, unpacked. Beyond: refused."""
