"""Where the ledger lies between runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def state_file(own: Mapping[str, str] = os.environ) -> Path:
    """Where the ledger lies when nobody says otherwise: $GENMETER_LEDGER, else the user's state folder."""
    if chosen := own.get("GENMETER_LEDGER"):
        return Path(chosen).expanduser()
    state = own.get("XDG_STATE_HOME", "")
    # The XDG specification: a relative path is invalid and must be ignored.
    base = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return base / "genmeter" / "ledger.db"
