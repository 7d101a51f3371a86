"""Who may talk to the server: a token where the network is shared, this machine's own pages and tools elsewhere."""

from __future__ import annotations

import hmac
import ipaddress

from genmeter.server.http import Environ, Refused


class TokenRequired(ValueError):
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


def require_token(host: str, token: str | None) -> None:
    """Raise ``TokenRequired`` when listening on ``host`` opens the ledger to the network without a token."""
    if not token and not is_loopback(host):
        raise TokenRequired(
            f"listening on {host or 'all addresses'} lets anyone who reaches it read and write the ledger;"
            " set a token (--token-file), or listen on 127.0.0.1"
        )


def admit(environ: Environ, token: str | None) -> None:
    """Raise ``Refused`` unless the request carries the token; without one, unless it comes from this machine."""
    if token:
        scheme, _, given = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
            raise Refused(401, "this server wants its token: send Authorization: Bearer <token>")
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
