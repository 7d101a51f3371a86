"""Readers with tokens of their own: which reports each may read, and whose calls are in them.

The file is TOML, one table for each reader::

    [legal]
    token_sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
    scope = "department=legal"
    reports = ["chargeback", "spend"]

``token_sha256`` is the SHA-256 of the token in hex, so that the file holds no secret; ``token_file`` names a file with
the token instead. Without ``scope`` the reader sees all calls, and without ``reports`` every report that can be scoped.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from genmeter.reports.dimensions import conditions
from genmeter.reports.registry import REPORTS
from genmeter.server.access import read_token
from genmeter.spelling import unknown

if TYPE_CHECKING:
    from genmeter.ledger.questions import Condition

KEYS: Final = ("token_sha256", "token_file", "scope", "reports")
SCOPED: Final = tuple(name for name, one in REPORTS.items() if any(option.name == "where" for option in one.options))
"""Reports that can be asked for some of the calls."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Reader(NamedTuple):
    """One reader: the hash of the token, the conditions on every call that the reader sees, and the reports."""

    name: str
    digest: bytes
    where: tuple[Condition, ...]
    reports: tuple[str, ...]


class Readers:
    """The readers of a file, which is read again when it changes. Raises ``ValueError`` when made from a wrong file.

    A file that cannot be used later on opens nothing: a reader who was taken out must not come in again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = self._state()
        self._readers = read(path)

    def __call__(self, authorization: str) -> Reader | None:
        """The reader whose token an Authorization field carries; None where it is of no reader."""
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                self._readers = read(self.path)
            except ValueError:
                self._readers = ()
        digest = hashlib.sha256(given.strip().encode()).digest()
        # all are compared, so that the time tells nothing
        found = [reader for reader in self._readers if hmac.compare_digest(digest, reader.digest)]
        return found[0] if found else None

    def _state(self) -> tuple[int, ...] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)


def read(path: Path) -> tuple[Reader, ...]:
    """The readers of a file. Raises ``ValueError`` with the reader and the key that are wrong."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(f"cannot read the file of readers {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not valid TOML: {error}") from None
    readers = tuple(_reader(path, name, given) for name, given in table.items())
    if len({reader.digest for reader in readers}) < len(readers):
        raise ValueError(f"{path}: two readers have the same token; give each its own")
    return readers


def _reader(path: Path, name: str, given: Any) -> Reader:
    where = f"{path}: {name}"
    if not isinstance(given, dict):
        raise ValueError(f"{where}: a reader is a table; write [{name}] with token_sha256 and scope below it")
    row = cast("dict[str, Any]", given)
    for key in row:
        if key not in KEYS:
            raise ValueError(f"{where}.{key}: {unknown('key', key, KEYS)}")
    if ("token_sha256" in row) == ("token_file" in row):
        raise ValueError(f"{where}: write token_sha256 or token_file, one of the two")
    digest = row.get("token_sha256")
    if digest is None:
        digest = hashlib.sha256(read_token(path.parent / str(row["token_file"])).encode()).hexdigest()
    elif not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ValueError(f"{where}.token_sha256: write the SHA-256 of the token, 64 hexadecimal digits")
    scope, reports = row.get("scope", ""), row.get("reports", list(SCOPED))
    if not isinstance(scope, str):
        raise ValueError(f'{where}.scope: write conditions as a string, such as "department=legal"')
    try:
        chosen = conditions(scope) if scope.strip() else ()
    except ValueError as error:
        raise ValueError(f"{where}.scope: {error}") from None
    known = SCOPED if chosen else tuple(REPORTS)
    if not isinstance(reports, list):
        raise ValueError(f"{where}.reports: write a list, such as {list(SCOPED)}")
    for report in cast("list[Any]", reports):
        if report not in known:
            raise ValueError(f"{where}.reports: {unknown('report', str(report), known)}")
    return Reader(name, bytes.fromhex(digest), chosen, tuple(cast("list[str]", reports)))
