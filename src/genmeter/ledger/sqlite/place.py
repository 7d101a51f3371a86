"""The file of a ledger and its folder: for their owner alone, and never another program's database."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from genmeter.ledger.errors import StorageError

_MAGIC: Final = b"SQLite format 3\0"
_OWN: Final = frozenset({"calls", "counters", "marks"})
"""Tables or views of every ledger, of the first schema and of each later one."""
_OTHERS: Final = 0o077
_OUR_FOLDER: Final = "genmeter"
_log = logging.getLogger(__name__)


def make_folder(path: str) -> None:
    """Make the folder that ``path`` lies in, for its owner alone. Raises ``StorageError``.

    A folder that exists stays as it is, except the one that genmeter itself has made in the state folder of the user.
    """
    folder = Path(path).absolute().parent
    try:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for one in missing:
            one.chmod(0o700)
        status = folder.stat()
        if folder.name == _OUR_FOLDER and status.st_uid == os.geteuid() and status.st_mode & _OTHERS:
            folder.chmod(0o700)
            _log.info("the folder %s was open to other users; it is now for its owner alone", folder)
    except OSError as error:
        raise StorageError(f"the folder of the ledger {path} cannot be made: {error}; name another") from error


def make_private(path: str) -> None:
    """Make the file, or take it from other users: it tells who asked which model when. SQLite's files follow its mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        _take_from_others(path)
    except OSError:
        # SQLite meets the same fault, and its message is the one to tell
        return


def _take_from_others(path: str) -> None:
    for suffix in ("", "-wal", "-shm"):
        file = Path(path + suffix)
        try:
            if file.stat().st_mode & _OTHERS:
                file.chmod(0o600)
                _log.info("the file %s was open to other users; it is now for its owner alone", file)
        except FileNotFoundError:
            continue
        except OSError as error:
            _log.warning("other users can open %s, and it cannot be taken from them: %s", file, error.strerror)


def refuse_foreign(path: str) -> None:
    """Raise ``StorageError`` for the database of another program. It is opened for reading alone, so it stays as it is."""
    try:
        with Path(path).open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return
        # what the other program wrote last may still be in its log; without one, not even a lock is taken
        log = Path(f"{path}-wal")
        how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
        with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?{how}", uri=True)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
    except (OSError, sqlite3.Error):
        # what is wrong with it is told when it is opened
        return
    tables = {str(name[0]) for name in names}
    if tables and not tables >= _OWN:
        raise StorageError(
            f"{path} is the database of another program (it has the table {min(tables)[:80]!r}), and it is left as it"
            " is; name another file for the ledger"
        )
