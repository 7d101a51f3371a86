"""A server that is told to stop sends the calls of its workers, and ends as it does without genmeter."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from tests.lifecycle.rig import SET_UPS, Receiver, Rig

WSGI = """
def app(environ, start_response):
    body = call().encode()
    start_response("200 OK", [("content-length", str(len(body)))])
    return [body]
"""
ASGI = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        call()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
"""
GUNICORN = ("gunicorn", "web:app", "--no-control-socket", "--bind")
READY = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+)|Uvicorn running on http://127\.0\.0\.1:(\d+)")
SERVERS = {
    "gunicorn sync": (WSGI, [*GUNICORN, "127.0.0.1:0", "--workers", "2"], signal.SIGTERM, 0),
    "gunicorn gthread": (WSGI, [*GUNICORN, "127.0.0.1:0", "--threads", "2"], signal.SIGINT, 0),
    "gunicorn max-requests": (WSGI, [*GUNICORN, "127.0.0.1:0", "--max-requests", "1"], signal.SIGTERM, 0),
    "gunicorn preload": (WSGI, [*GUNICORN, "127.0.0.1:0", "--preload"], signal.SIGQUIT, 0),
    "uvicorn": (ASGI, ["uvicorn", "web:app", "--port", "0"], signal.SIGTERM, -signal.SIGTERM),
    "uvicorn, Ctrl-C": (ASGI, ["uvicorn", "web:app", "--port", "0"], signal.SIGINT, None),
    "uvicorn workers": (ASGI, ["uvicorn", "web:app", "--port", "{free}", "--workers", "2"], signal.SIGTERM, 0),
}
CALLS = 3


def port_of(process: subprocess.Popen[str]) -> int:
    """The port that the server says it listens on; its log goes on being read by ``communicate``."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := READY.search(line):
            return int(found.group(1) or found.group(2))
    raise AssertionError("the server has ended")


def free() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def asked(url: str) -> int:
    """The status of an answer. The supervisor of uvicorn's workers says that it runs before they listen."""
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return answer.status
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                raise
            time.sleep(0.05)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_stops_has_sent_every_call(rig: Rig, receiver: Receiver, name: str) -> None:
    # Each server in one set-up, and each set-up with several servers: a start takes seconds of the processor.
    set_up = SET_UPS[list(SERVERS).index(name) % len(SET_UPS)]
    text, command, number, code = SERVERS[name]
    rig.file(("import genmeter\ngenmeter.instrument()\n" if set_up == "plain" else "") + text, "web.py")
    process = rig.metered(set_up, receiver, *(word.format(free=free()) for word in command))
    port = port_of(process)
    for _ in range(CALLS):
        assert asked(f"http://127.0.0.1:{port}/") == 200
    process.send_signal(number)
    done = rig.end(set_up, receiver, process)
    assert done.answered == done.booked == CALLS, done.err
    if code is not None:
        assert done.code == (code if set_up != "run" or code >= 0 else 128 - code)
