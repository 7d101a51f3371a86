"""The limits that SECURITY.md shows are those of the code."""

from __future__ import annotations

import re

from genmeter.ledger import booking, limits
from genmeter.ledger.sqlite import MAX_CALLS, MAX_SPANS, crowded
from genmeter.server import (
    BodySizes,
    Limits,
    Patience,
    api,
    bodies,
    exposition,
    head,
    http,
    otlp_grpc,
    remembering,
    series,
)
from tests.ledger.otlp import ROOT

LIMITS = {
    "connections at once": Limits().connections,
    "seconds until a next request begins": Patience().idle,
    "seconds from the first byte of a request to the end of its head": Patience().head,
    "seconds from the first byte of a request to its last": Patience().request,
    "seconds to take an answer": Patience().answer,
    "bytes of a request's head": Patience().head_bytes,
    "fields of a request's head": head.MOST_FIELDS,
    "chunks of a body": bodies.MOST_CHUNKS,
    "bytes of all requests in memory as sent": Limits().waiting,
    "bytes of a body as sent": BodySizes().body,
    "bytes of a gzip body unpacked": BodySizes().unpacked,
    "bodies above 1 MiB unpacked that are worked on at once": http.LARGE_AT_ONCE,
    "calls over gRPC at once": otlp_grpc.MOST_CALLS,
    "spans or log records of a request": limits.RECORDS,
    "fields of a span or log record, links and events included": limits.FIELDS,
    "fields of all records above 64 KiB of a request": limits.ALL_FIELDS,
    "attributes of a span or log record": limits.ATTRIBUTES,
    "attributes of a request": limits.ALL_ATTRIBUTES,
    "values inside one attribute": limits.ITEMS,
    "depth of one attribute": limits.DEPTH,
    "bytes of an attribute that is no plain text": limits.STRUCTURED,
    "members of a JSON request": limits.JSON_PARTS,
    "depth of a JSON request": limits.JSON_DEPTH,
    "characters of a text of a call": booking.LONGEST,
    "bytes of a request of metrics": limits.METRIC_BYTES,
    "metrics, points, attributes and values of a request of metrics": limits.METRIC_PARTS,
    "series of applications in the metrics of `genmeter dev`": series.MOST_SERIES,
    "bytes of these series": series.MOST_BYTES,
    "labels of one series": series.MOST_LABELS,
    "buckets of one histogram": series.MOST_BUCKETS,
    "models, departments and applications in the spend of the metrics": exposition.MOST_GROUPS,
    "rows of a report over HTTP": api.MOST_ROWS,
    "answers that are kept for the page, in bytes": remembering.MOST_BYTES,
    "questions that are answered at once": remembering.ASKED_AT_ONCE,
    "sums of the trimmed calls of one day": crowded.MOST_OF_A_DAY,
    "spans of trace trees": MAX_SPANS,
    "calls in `genmeter dev` and `run`": MAX_CALLS,
}


def test_the_table_of_limits_says_what_the_code_holds() -> None:
    text = (ROOT / "SECURITY.md").read_text().partition("## Limits of the service")[2]
    rows = re.findall(r"^\| ([^|]+) \| ([\d,]+) \| ([^|]+) \|$", text, re.MULTILINE)
    told = {
        re.split(r"[;(]|, (?=or|with|in `|the dear)", what)[0].strip(): int(n.replace(",", "")) for what, n, _ in rows
    }
    assert told == LIMITS
    assert all(beyond.strip() for _, _, beyond in rows)
    # the body that waits its turn is larger than the 1 MiB of the table
    assert http.SMALL == 1 << 20
