"""The sender as a process: so many spans a second, paced, each request again until it is acknowledged.

``python -m tests.e2e.back_ends.load.sender '{"url": …, "service": …, "rate": …, "seconds": …}'`` writes its ``Sent`` as
one line. It ends early, after the requests in flight, when its standard input is closed: so also when a test has died.
"""

from __future__ import annotations

import dataclasses
import http.client
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import IO, Self
from urllib.parse import urlsplit

from tests.e2e.back_ends.load.spans import Batch
from tests.e2e.back_ends.traffic import PROTOBUF, WHOLE
from tests.ledger.otlp import INHERITED, ROOT

PATIENCE_SECONDS = 60.0
"""For one answer: a blocking queue makes a sender wait, and whoever gives up sends a second copy of what was taken."""
RETRY_SECONDS = 0.1
AGAIN = (429, 502, 503, 504)


@dataclass(frozen=True)
class Load:
    """What is to be sent. Some connections share the schedule; each has one request in flight."""

    url: str
    service: str
    rate: int
    seconds: float
    batch: int = 500
    priced: bool = False
    connections: int = 4


@dataclass
class Sent:
    """What became of it."""

    acknowledged: int = 0
    """Spans that the collector took."""
    again: dict[str, int] = field(default_factory=dict)
    """Attempts that were refused for the moment, by status."""
    refused: list[str] = field(default_factory=list)
    """Answers that say that sending again is useless."""
    seconds: float = 0.0
    """From the first request to the last answer."""
    latest: float = 0.0
    """Seconds by which the latest request left behind its time."""
    slowest: float = 0.0
    """Seconds from the making of a request to its acknowledgement, at most."""
    bytes_a_span: float = 0.0
    cpu_seconds: float = 0.0


class Sending:
    """A sender at work beside the test. ``result`` waits for its end; leaving the block ends it at once."""

    def __init__(self, load: Load) -> None:
        self._load = load

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", __name__, json.dumps(dataclasses.asdict(self._load))]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=INHERITED, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *failure: object) -> None:
        try:
            self._close()
            self._process.wait(PATIENCE_SECONDS + 10)
        finally:
            self._process.kill()
            self._pipe(self._process.stdout).close()
            self._process.wait()

    def stop(self) -> Sent:
        """Let it finish what is in flight."""
        self._close()
        return self.result()

    def result(self) -> Sent:
        """What became of everything; ValueError when the sender has failed (its words are on stderr)."""
        line = self._pipe(self._process.stdout).readline()
        if not line:
            raise ValueError(f"the sender has ended with {self._process.wait()} and said nothing")
        return Sent(**json.loads(line))

    def _close(self) -> None:
        self._pipe(self._process.stdin).close()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


class Sender:
    """All connections of one load."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._sent = Sent()
        self._numbers = itertools.count()
        self._last = round(load.rate * load.seconds / load.batch)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._again: Counter[str] = Counter()

    def run(self) -> Sent:
        """Send everything."""
        threading.Thread(target=self._listen, daemon=True).start()
        batches = [Batch(self._load.service, self._load.batch, priced=self._load.priced) for _ in self._each()]
        self._sent.bytes_a_span = round(len(batches[0].renewed()) / self._load.batch, 1)
        self._began = time.monotonic()
        threads = [threading.Thread(target=self._connection, args=(batch,)) for batch in batches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._sent.seconds = time.monotonic() - self._began
        self._sent.again = dict(self._again)
        self._sent.cpu_seconds = sum(os.times()[:2])
        return self._sent

    def _each(self) -> range:
        return range(self._load.connections)

    def _listen(self) -> None:
        sys.stdin.read()
        self._stopped.set()

    def _connection(self, batch: Batch) -> None:
        address = urlsplit(self._load.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE_SECONDS)
        for number in self._numbers:  # shared: who is free takes the next one
            due = self._began + number * self._load.batch / self._load.rate
            if number >= self._last or self._stopped.wait(max(due - time.monotonic(), 0)):
                break
            behind = time.monotonic() - due
            self._until_taken(connection, batch.renewed(), behind)
        connection.close()

    def _until_taken(self, connection: http.client.HTTPConnection, body: bytes, behind: float) -> None:
        made = time.monotonic()
        while True:
            try:
                connection.request("POST", "/v1/traces", body, PROTOBUF)
                answer = connection.getresponse()
                status, text = str(answer.status), answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                status, text = type(error).__name__, b""
            with self._lock:
                if status == "200" and text in WHOLE:
                    sent = self._sent
                    sent.acknowledged += self._load.batch
                    sent.latest, sent.slowest = max(sent.latest, behind), max(sent.slowest, time.monotonic() - made)
                    return
                if status.isdigit() and int(status) not in AGAIN:
                    self._sent.refused.append(f"{status} {text!r}")
                    return
                self._again[status] += 1
            if time.monotonic() - made > 5 * PATIENCE_SECONDS:
                raise TimeoutError(f"{self._load.url} has not taken a request for minutes: {status}")
            time.sleep(RETRY_SECONDS)


if __name__ == "__main__":
    print(json.dumps(dataclasses.asdict(Sender(Load(**json.loads(sys.argv[1]))).run())), flush=True)
