"""Loopback ports for servers that are stopped and started again at the same place."""

from __future__ import annotations

import contextlib
import random
import socket

# Below the range that the system hands to outgoing connections. From within it, a client that retries a stopped
# server's port is at some time given that very port for its own end, connects to itself, and holds it.
LOWEST, HIGHEST = 20000, 32000
TRIES = 2000


def free(count: int) -> list[int]:
    """So many different ports that nothing listens on now."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for port in random.sample(range(LOWEST, HIGHEST), TRIES):
            if len(found) == count:
                break
            taken = held.enter_context(socket.socket())
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    if len(found) < count:
        raise OSError(f"only {len(found)} of {count} ports are free on 127.0.0.1 between {LOWEST} and {HIGHEST}")
    return found
