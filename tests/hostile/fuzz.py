"""Hostile requests against ``genmeter serve``: random bytes, and real requests with some bytes changed.

Each is drawn from a seed, so a failure can be had again. What must hold: the service answers or closes, never with a 500;
its memory stays bounded; and in the end it books an honest batch exactly once.
"""

from __future__ import annotations

import argparse
import gzip
import random
import re
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from google.protobuf.json_format import MessageToJson

from tests.ledger.otlp import chat, details, span, traces
from tests.server.client import Service, service

PATHS = (b"/v1/traces", b"/v1/logs", b"/v1/metrics")
REQUEST = traces(*(span(n, chat(note="x" * n), failed=n % 2 == 0) for n in range(1, 6)))
PROTOBUF = (REQUEST.SerializeToString(), details(1, chat()).SerializeToString())
TEXTS = (MessageToJson(REQUEST).encode(), MessageToJson(details(1, chat())).encode())
WORDS = (
    *(b"\0", b"\n", b"\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"1e999999", b"-1", b"99999999999999999999", b"null", b"[", b"{", b'"', b"\\ud800", b"\xed\xa0\x80", b"\xff" * 9),
    *(b"\x0a\x00", b"\x12\x00", b"\x4a\x00", b"\x7f", b"\x80" * 10, b"HTTP/1.1", b"GET /metrics HTTP/1.1\r\n"),
)
MOST_MIB = 256


class Found(NamedTuple):
    """The outcome of a run: statuses of answers, and how much the memory of the service has grown in MiB."""

    statuses: Counter[str]
    grown: int


def mutated(dice: random.Random, data: bytes) -> bytes:
    """The data with some of it changed, cut, repeated, moved, or replaced by a word that parsers stumble over."""
    sent = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 1, 2, 4, 16))):
        at, size = dice.randrange(len(sent) + 1), dice.choice((1, 2, 8, 64))
        match dice.randrange(12):
            case 0:
                sent[at : at + size] = dice.randbytes(size)
            case 1:
                del sent[at : at + size]
            case 2:
                sent[at:at] = sent[at : at + size] * dice.choice((2, 50))
            case 3:
                sent[at:at] = dice.choice(WORDS)
            case 4:
                sent = sent[at:] + sent[:at]
            case _:
                sent[at : at + 1] = bytes([dice.randrange(256)])
    return bytes(sent)


def body(dice: random.Random) -> tuple[bytes, bytes]:
    """The type and the bytes of a body."""
    kind = dice.choice((b"application/x-protobuf", b"application/json"))
    match dice.randrange(8):
        case 0:
            return kind, dice.randbytes(dice.choice((0, 1, 10, 1_000)))
        case 1:
            return kind, dice.choice((*PROTOBUF, *TEXTS))
        case 2 | 3 | 4:
            return b"application/x-protobuf", mutated(dice, dice.choice(PROTOBUF))
        case 5 | 6:
            return b"application/json", mutated(dice, dice.choice(TEXTS))
        case _:
            return b"application/x-protobuf", dice.choice(PROTOBUF)


def request(dice: random.Random) -> bytes:
    """One request as it goes over the wire; one in eight is no HTTP at all."""
    if dice.randrange(8) == 0:
        return dice.randbytes(dice.choice((1, 20, 500)))
    kind, content = body(dice)
    more = b""
    if dice.randrange(3) == 0:
        content, more = gzip.compress(content, 1), b"Content-Encoding: gzip\r\n"
        content = mutated(dice, content) if dice.randrange(4) == 0 else content
    if dice.randrange(4) == 0:
        half = len(content) // 2
        chunks = (b"%x\r\n%b\r\n" % (len(one), one) for one in (content[:half], content[half:]) if one)
        content, more = b"".join(chunks) + b"0\r\n\r\n", more + b"Transfer-Encoding: chunked\r\n"
    else:
        more += b"Content-Length: %d\r\n" % len(content)
    path = dice.choice(PATHS) if dice.randrange(8) else b"/" + mutated(dice, b"api/calls?since=24h&limit=5")
    head = b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %b\r\n%bConnection: close\r\n\r\n" % (
        path,
        kind,
        more,
    )
    return (mutated(dice, head) if dice.randrange(4) == 0 else head) + content


def answer(port: int, sent: bytes) -> str:
    """The status of the answer, "closed" without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while data := connection.recv(65_536):
                received += data
        except ConnectionError:
            return "closed"
    found = re.match(rb"HTTP/1\.1 (\d+) ", received)
    if received and found is None:
        raise AssertionError(f"no answer of HTTP: {received[:80]!r} to {sent!r}")
    return found[1].decode() if found else "closed"


def memory(running: Service) -> int:
    """The memory of the service in MiB; 0 where the system does not tell."""
    status = Path(f"/proc/{running.process.pid}/status")
    found = re.search(r"VmRSS:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) >> 10 if found else 0


def attack(running: Service, seed: int, requests: int, tell: Callable[[str], None] = lambda _: None) -> Found:
    """Send that many requests. Raises ``AssertionError`` with the request that broke a promise."""
    statuses: Counter[str] = Counter()
    before, began = memory(running), time.monotonic()
    for number in range(requests):
        sent = request(random.Random(f"{seed}-{number}"))
        status = answer(running.port, sent)
        statuses[status] += 1
        if status == "500" or running.process.poll() is not None:
            raise AssertionError(f"request {number} of seed {seed}: {status}, {sent!r}")
        if number % 1_000 == 999:
            grown = memory(running) - before
            assert grown < MOST_MIB, f"after {number} requests of seed {seed} the service has {grown} MiB more"
            tell(f"{number + 1:,} requests in {time.monotonic() - began:.0f} s, {grown:+} MiB, {dict(statuses)}")
    return Found(statuses, memory(running) - before)


def books_once(running: Service) -> None:
    """An honest batch is booked once."""
    client = running.client()
    batch = traces(span(77, chat(), trace=2**100)).SerializeToString()
    assert [client.post("/v1/traces", batch).status for _ in range(2)] == [200, 200]
    nodes = client.get(f"/api/trace/{2**100:032x}").json["spans"]
    assert len(nodes) == 1, nodes


def main() -> None:
    """The long form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as running:
        found = attack(running, args.seed, args.requests, lambda line: print(line, flush=True))
        books_once(running)
    print(f"{args.requests:,} requests: no 500, {found.grown:+} MiB, {dict(found.statuses)}")


if __name__ == "__main__":
    sys.exit(main())
