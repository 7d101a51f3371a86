"""The path of the ledger that the commands share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genmeter.settings import ledger_named
from genmeter.state import state_folder


class DatabaseUrl(str):
    """The place of a ledger in a database server, where a command else has the ``Path`` of a file."""

    __slots__ = ()

    def is_file(self) -> bool:
        """True: whether the database is there is told when it is opened."""
        return True

    exists = is_file


def ledger_place(text: str) -> Path | DatabaseUrl:
    """The place of a ledger that a user names: a file, or a database of PostgreSQL. Raises ``ValueError``."""
    from genmeter.ledger.postgres.url import is_url, refusal

    if not is_url(text):
        return Path(text).expanduser()
    if (fault := refusal(text)) is not None:
        raise ValueError(fault)
    return DatabaseUrl(text)


def state_file(environ: Mapping[str, str] | None = None) -> Any:
    """The place of the ledger where no option names one: $GENMETER_LEDGER, else a file in the user's state folder.

    A ``Path``, or a ``DatabaseUrl``.
    """
    named = ledger_named(environ)
    return state_folder(environ) / "ledger.db" if named is None else ledger_place(named)
