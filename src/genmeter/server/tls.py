"""TLS from a certificate file and a key file, which are read again when they change: a renewal needs no restart."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

_log = logging.getLogger(__name__)
State = tuple[tuple[int, ...] | None, ...]


class Certificate:
    """Calling it gives the TLS context for a new connection.

    Files that cannot be used at the time leave the last context in force. Raises ``ValueError`` when made from such
    files. ``key`` is None where the certificate's file holds both.
    """

    def __init__(self, certificate: Path, key: Path | None = None) -> None:
        self._certificate, self._key = certificate, key or certificate
        self._seen = self.state()
        self._context = self._read()

    def __call__(self) -> ssl.SSLContext:
        """The context of today."""
        state = self.state()
        if state != self._seen:
            self._seen = state
            try:
                self._context = self._read()
                _log.info("the certificate was read anew from %s", self._certificate)
            except ValueError as error:
                _log.warning("%s; the last certificate stays in force", error)
        return self._context

    def state(self) -> State:
        """What changes when one of the two files changes."""
        return tuple(_state(path) for path in (self._certificate, self._key))

    def texts(self) -> tuple[bytes, bytes]:
        """The key and the certificate chain as they stand in the files. Raises ``OSError``."""
        return self._key.read_bytes(), self._certificate.read_bytes()

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            # an encrypted key would ask for its password on the terminal, which a service does not have
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
        except (OSError, ValueError) as error:
            reason = error.reason if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
            raise ValueError(
                f"the certificate {self._certificate} with the key {self._key} cannot be used: {reason or error};"
                " both must be PEM files that belong together, the key without a password"
            ) from None
        return context


def _no_password() -> str:
    raise ValueError("the key is encrypted")


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
