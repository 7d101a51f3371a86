"""The folder of genmeter's own files on this machine: the ledger, and the keys that hash user ids."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def state_folder(environ: Mapping[str, str] | None = None) -> Path:
    """The folder, whether or not it exists: below ``XDG_STATE_HOME``, else below ``~/.local/state``.

    Raises ``RuntimeError`` where the user has no home folder.
    """
    state = (os.environ if environ is None else environ).get("XDG_STATE_HOME", "")
    # The XDG specification: a relative path is invalid and must be ignored.
    base = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return base / "genmeter"


def users_file(environ: Mapping[str, str] | None = None) -> Path:
    """The file of keys in this folder, whether or not it exists. Raises as ``state_folder`` does."""
    return state_folder(environ) / "users.key"
