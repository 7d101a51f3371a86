"""The path of the ledger that the commands share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from genmeter.settings import ledger_file


def state_file(environ: Mapping[str, str] | None = None) -> Path:
    """The ledger's path where no option names one: $GENMETER_LEDGER, else a file in the user's state folder."""
    environ = os.environ if environ is None else environ
    if named := ledger_file(environ):
        return named
    state = environ.get("XDG_STATE_HOME", "")
    # The XDG specification: a relative path is invalid and must be ignored.
    base = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return base / "genmeter" / "ledger.db"
