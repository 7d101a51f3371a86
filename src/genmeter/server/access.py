"""Who may talk to the server: a token where the network is shared, this machine's own pages and tools elsewhere."""

from __future__ import annotations

import enum
import hmac
import ipaddress
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from genmeter.errors import GenmeterError
from genmeter.server.http import Environ, Refused

Token = str | Callable[[], str] | None
"""The token itself, something that knows the one of today, or none."""

_log = logging.getLogger(__name__)


class Right(enum.Enum):
    """What a token opens: the OTLP routes, or all others."""

    WRITE = "writing"
    READ = "reading"


class Keys(NamedTuple):
    """The tokens of a service: one that opens all of it, one for senders, one for readers. None is no such token.

    ``readers`` finds the reader of an Authorization field, who has a token of its own that opens some reports.
    """

    all: Token = None
    write: Token = None
    read: Token = None
    readers: Callable[[str], Any] | None = None

    @property
    def any(self) -> bool:
        """Whether tokens are asked for at all."""
        return any(map(bool, self[:3])) or self.readers is not None

    def opening(self, right: Right) -> list[str]:
        """The tokens of today that open this right."""
        own = self.write if right is Right.WRITE else self.read
        return [token if isinstance(token, str) else token() for token in (self.all, own) if token]


class TokenFile:
    """The token in the file at ``path``, read again when the file changes; the old token is then refused.

    A file that gives no token at the time leaves the last one in force. Raises ``ValueError`` when made from such a
    file. Calling it gives the token.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._token = read_token(path)
        self._seen = self._state()

    def __call__(self) -> str:
        """The token that is in force now."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                self._token = read_token(self.path)
                _log.info("the token was read anew from %s; the old one is refused", self.path)
            except ValueError as error:
                _log.warning("%s; the last token stays in force", error)
        return self._token

    def _state(self) -> tuple[int, ...] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)


def read_token(path: Path) -> str:
    """The token in the file; ``ValueError`` when the file gives none."""
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise ValueError(f"cannot read the token file {path}: {reason}") from None
    if not token or any(char.isspace() for char in token):
        raise ValueError(f"the token file {path} must hold one token on one line")
    return token


class TokenRequired(GenmeterError, ValueError):
    """The server was asked to listen beyond this machine without a token."""


def is_loopback(host: str) -> bool:
    """Whether an address or name reaches only this machine."""
    bare = host.strip("[]").rstrip(".").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def require_token(host: str, token: Token | Keys) -> None:
    """Raise ``TokenRequired`` when listening on ``host`` opens the ledger to the network without a token."""
    if not (token.any if isinstance(token, Keys) else token) and not is_loopback(host):
        raise TokenRequired(
            f"listening on {host or 'all addresses'} lets anyone who reaches it read and write the ledger;"
            " set a token (--token-file), or listen on 127.0.0.1"
        )


def matches(authorization: str, tokens: list[str]) -> bool:
    """Whether an Authorization field carries one of the tokens."""
    scheme, _, given = authorization.partition(" ")
    sent = given.strip().encode()
    # all are compared, so that the time tells nothing
    found = [hmac.compare_digest(sent, token.encode()) for token in tokens]
    return scheme.lower() == "bearer" and any(found)


def admit(environ: Environ, keys: Keys, right: Right) -> None:
    """Raise ``Refused`` unless the request carries a token for this; without any, unless it comes from this machine."""
    if keys.any:
        tokens = keys.opening(right)
        if not tokens and (right is Right.WRITE or keys.readers is None):
            option = "--write-token-file" if right is Right.WRITE else "--read-token-file"
            raise Refused(403, f"this server has no token for {right.value}; start it with {option}")
        if not matches(str(environ.get("HTTP_AUTHORIZATION", "")), tokens):
            raise Refused(401, f"this server wants its token for {right.value}: send Authorization: Bearer <token>")
        return
    host = str(environ.get("HTTP_HOST", ""))
    # a page on evil.example whose name resolves to 127.0.0.1 sends its own name here
    if not is_loopback(_without_port(host)):
        raise Refused(
            403, "this server answers only to a loopback Host; use http://127.0.0.1, or start it with a token"
        )
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and origin != f"http://{host}":
        raise Refused(403, "requests from other web pages are refused; start the server with a token to allow them")


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0]
    return host.partition(":")[0]
