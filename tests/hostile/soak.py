"""A steady load on ``genmeter serve``: 5,000 spans a second for half an hour, and its memory stays flat.

A third of the spans are calls to a model; the others are the spans around them, as applications send them.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from genmeter.ledger.sqlite.database import CACHE_KIB
from tests.hostile.fuzz import memory
from tests.ledger.otlp import chat, span, traces
from tests.server.client import Client, service

BATCH = 500
FLAT_MIB = 32
"""How much more memory the last half of the time may need than the first half."""
FILLED_SECONDS = 600
"""After this time SQLite's cache of pages is full: a shorter run sees it grow, and is given its size on top."""


class Source:
    """Makes batches. One request is made once and numbered anew: the sender must not need more time than the service."""

    def __init__(self) -> None:
        spans = (span(n + 1, chat() if n % 3 == 0 else {"http.route": "/ask"}) for n in range(BATCH))
        self._request = traces(*spans)

    def batch(self, first: int) -> bytes:
        """Spans with numbers from ``first`` on; three of them are a trace."""
        now = time.time_ns()
        # a message keeps the memory of each text that was ever set in it, so each batch is a copy
        request = ExportTraceServiceRequest()
        request.CopyFrom(self._request)
        for number, one in enumerate(request.resource_spans[0].scope_spans[0].spans, first):
            one.trace_id, one.span_id = (number // 3 + 1).to_bytes(16, "big"), number.to_bytes(8, "big")
            one.start_time_unix_nano, one.end_time_unix_nano = now, now + 10**9
        return request.SerializeToString()


def soak(seconds: float, rate: int) -> int:
    """Send at ``rate`` spans a second; the growth in MiB. Raises ``AssertionError`` when a batch is not taken."""
    with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as running:
        client, source = Client(running, 60), Source()
        began, seen, late = time.monotonic(), list[tuple[float, int]](), 0.0
        for number in itertools.count():
            due = began + number * BATCH / rate
            if time.monotonic() - began > seconds:
                break
            time.sleep(max(due - time.monotonic(), 0))
            reply = client.post("/v1/traces", source.batch(number * BATCH + 1))
            assert reply.status == 200, reply
            late = max(late, time.monotonic() - due)
            if number % (rate // BATCH * 10) == 0:
                seen.append((time.monotonic() - began, memory(running)))
                print(
                    f"{seen[-1][0]:6.0f} s  {number * BATCH:>10,} spans  {seen[-1][1]} MiB  late {late:.1f} s",
                    flush=True,
                )
        client.connection.close()
        running.stop()
    # the first third is the start: the cache of pages fills
    settled = [mib for at, mib in seen if at > seconds / 3]
    half = len(settled) // 2
    return max(settled[half:]) - max(settled[:half])


def main() -> int:
    """The long form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=int, default=5_000, help="spans a second")
    args = parser.parse_args()
    seconds = args.minutes * 60
    allowed = FLAT_MIB + (0 if seconds >= FILLED_SECONDS else CACHE_KIB >> 10)
    grown = soak(seconds, args.rate)
    print(f"the second half needs {grown:+} MiB, and {allowed} are allowed")
    return int(grown > allowed)


if __name__ == "__main__":
    sys.exit(main())
