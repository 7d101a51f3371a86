"""Incoming W3C baggage: who pays, as another service says it. Nothing is taken that is not proven.

A field is proven by its value, which the settings list, or by a signature: the entry ``genmeter-signature`` holds
``v1.<expiry>.<hex>``, where the expiry is Unix time in whole seconds and the hex digits are the HMAC-SHA-256, under the
shared key, of ``v1``, the expiry, and each field as ``name=value`` in the order of their names, joined by line feeds.
Genmeter itself puts nothing into outgoing baggage; an app that calls ``signed_baggage`` does.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from time import time

from opentelemetry import baggage
from opentelemetry.context import Context

from ... import names
from ...model import Attribution
from ...settings import Settings
from .attribution import NO_PAYER, payer

ENTRIES = {
    "application": names.APPLICATION,
    "department": names.DEPARTMENT,
    "session": names.SESSION_ID,
    "user": names.USER_ID,
}
"""Field → the entry of baggage that carries it, in the order in which a signature names them."""
SIGNATURE = "genmeter-signature"
LONGEST = 256
"""Characters of an entry. A longer entry is no name, and counts as none."""
_VERSION = "v1"


def signed_baggage(key: bytes, seconds: int = 300, **fields: str) -> dict[str, str]:
    """The entries by which a trusted service says who pays, to be put into outgoing baggage.

    ``fields`` are ``user``, ``department``, ``application`` and ``session``; the receiver hashes the user. The entries
    are good for ``seconds``: a server that gets them can use them itself until then.

    >>> sorted(signed_baggage(b"0123456789abcdef", department="research"))
    ['genmeter-signature', 'genmeter.department']
    """
    said = {field: value for field, value in payer(**fields)._asdict().items() if value is not None}
    expiry = str(int(time()) + seconds)
    return {
        **{ENTRIES[field]: value for field, value in said.items()},
        SIGNATURE: f"{_VERSION}.{expiry}.{_digest(key, expiry, said)}",
    }


class Carried:
    """Reads the fields that the settings name from baggage, each after its check."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time) -> None:
        self._fields, self._key, self._values = settings.baggage, settings.baggage_key, settings.baggage_values
        self._clock = clock

    def find(self, context: Context) -> Attribution:
        """The payer that baggage proves; the user is not hashed yet."""
        entries = baggage.get_all(context)
        if not entries:
            return NO_PAYER
        said = {field: value for field, entry in ENTRIES.items() if (value := _text(entries.get(entry)))}
        if not said:
            return NO_PAYER
        signed = self._key is not None and self._proven(self._key, _text(entries.get(SIGNATURE)), said)
        taken = {
            field: said[field]
            for field in self._fields
            if field in said and (signed or said[field] in self._values.get(field, ()))
        }
        return payer(**taken) if taken else NO_PAYER

    def _proven(self, key: bytes, signature: str, said: Mapping[str, str]) -> bool:
        version, _, rest = signature.partition(".")
        expiry, _, digest = rest.partition(".")
        if version != _VERSION or not (expiry.isascii() and expiry.isdecimal()) or int(expiry) <= self._clock():
            return False
        return hmac.compare_digest(digest.encode(), _digest(key, expiry, said).encode())


def _digest(key: bytes, expiry: str, said: Mapping[str, str]) -> str:
    lines = [_VERSION, expiry, *(f"{field}={said[field]}" for field in ENTRIES if field in said)]
    return hmac.new(key, "\n".join(lines).encode("utf-8", "backslashreplace"), hashlib.sha256).hexdigest()


def _text(value: object) -> str:
    """An entry as text; empty for one that is missing, too long, or holds a line feed, which would forge a field."""
    return value if isinstance(value, str) and len(value) <= LONGEST and "\n" not in value else ""
