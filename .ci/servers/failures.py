"""The message about a stopped build: the server, the command, its last lines, the remedy."""

from __future__ import annotations

import shlex

LINES = 15
HINTS = (
    (
        ("no such host", "dial tcp", "connection refused", "TLS handshake", "i/o timeout", "could not resolve"),
        "The source of Go modules cannot be reached. The first build needs it (GOPROXY names it); later ones do not.",
    ),
    (
        ("403 Forbidden", "404 Not Found", "410 Gone"),
        "The source of Go modules does not give out a pinned version. Use another source: GOPROXY names it.",
    ),
    (("no space left on device",), "The disk is full: a cold build of all servers takes 10 GB of Go caches."),
    (("signal: killed", "cannot allocate memory"), "Memory ran out: Loki and Jaeger take 2.4 GB at the peak."),
    (
        ("updates to go.mod needed", "missing go.sum entry", "go mod tidy"),
        "The lock does not fit its sources. For the collector, renew it: make lock-collector",
    ),
)


class Failed(Exception):
    """A build failed, or something that it needs is missing; the message is for a person."""


def last_lines(output: str) -> str:
    """The end of a command's output, indented; progress of downloads left out."""
    kept = [line for line in output.splitlines() if line.strip() and not line.startswith("go: downloading")]
    return "\n".join(f"    {line}" for line in kept[-LINES:])


def failed(name: str, command: list[str], output: str) -> Failed:
    """The error for a command of `name`'s build that ended badly."""
    hint = next((hint for words, hint in HINTS if any(word in output for word in words)), "")
    shown = f"{name}: this command failed:\n    {shlex.join(command)}\n{last_lines(output)}"
    return Failed(f"{shown}\n{hint}" if hint else shown)
