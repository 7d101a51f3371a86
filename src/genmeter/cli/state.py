"""The path of the ledger that the commands share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from genmeter.settings import ledger_file
from genmeter.state import state_folder


def state_file(environ: Mapping[str, str] | None = None) -> Path:
    """The ledger's path where no option names one: $GENMETER_LEDGER, else a file in the user's state folder."""
    return ledger_file(environ) or state_folder(environ) / "ledger.db"
