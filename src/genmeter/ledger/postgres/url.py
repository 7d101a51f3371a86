"""The name of a ledger in PostgreSQL: a URL without a password."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlsplit, urlunsplit

_SCHEMES: Final = ("postgresql://", "postgres://")


def is_url(place: str) -> bool:
    """Whether a place of a ledger is a database of PostgreSQL.

    >>> is_url("postgresql://db.example/costs"), is_url("/var/lib/genmeter/ledger.db")
    (True, False)
    """
    return place.startswith(_SCHEMES)


def place_of(url: str) -> str:
    """The URL of a database as it is told: without what follows the question mark.

    >>> place_of("postgresql://ledger@db.example:5432/costs?sslmode=verify-full&passfile=/run/secrets/db")
    'postgresql://ledger@db.example:5432/costs'
    """
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[0].partition(":")[0] + "@" * ("@" in parts.netloc)
                       + parts.netloc.rpartition("@")[2], parts.path, "", ""))  # fmt: skip


def refusal(url: str) -> str | None:
    """Why a URL cannot be the name of a ledger; None for one that can.

    A password in it would be seen in the list of processes, in files of configuration and in logs.

    >>> refusal("postgresql://ledger@db.example/costs") is None, refusal("postgresql://a:b@db.example/costs") is None
    (True, False)
    """
    try:
        parts = urlsplit(url)
        secret = parts.password is not None or "password" in parse_qs(parts.query)
    except ValueError as error:
        return f"this is no URL of a database: {error}"
    if secret:
        return (
            f"the ledger {place_of(url)} is named with its password, which every user of this machine can see; put the"
            " password into a file as PostgreSQL's .pgpass, and name the file in PGPASSFILE or as ?passfile=FILE"
        )
    return None
