"""The keys under which user ids are hashed: a file of versions, made once, rotated without losing the old hashes.

The file has one line for each version, the newest last::

    # genmeter user keys: the newest hashes user ids, the older ones find old hashes again. Keep it, and keep it secret.
    1 2026-11-30 5f0c...
    2 2027-01-31 a81b...

A file with any other content is one key, as it stands: 16 bytes or more.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from genmeter.errors import GenmeterError

SHORTEST: Final = 16
"""Bytes that a key must have."""
_HEAD: Final = "# genmeter user keys"
_FIRST_LINE: Final = (
    f"{_HEAD}: the newest hashes user ids, the older ones find old hashes again. Keep it, and keep it secret.\n"
)
_HEX: Final = 32


class KeysError(GenmeterError, ValueError):
    """A file of keys that cannot be used. The message has no byte of it."""


class UserKey(NamedTuple):
    """One key. ``version`` counts from 1; ``made`` is the day in UTC, empty for a file that is one plain key."""

    version: int
    key: bytes
    made: str = ""


def pseudonym(key: UserKey, user: str) -> str:
    """The hash that stands for a user: 128 bits of HMAC-SHA-256, after ``u-``, or ``u2-`` for the second version.

    >>> pseudonym(UserKey(2, b"0123456789abcdef"), "ada")
    'u2-83eeb38e004a295359bde4b0760bb271'
    """
    mark = "u" if key.version == 1 else f"u{key.version}"
    return f"{mark}-{hmac.new(key.key, user.encode(), hashlib.sha256).hexdigest()[:_HEX]}"


def pseudonyms(keys: Iterable[UserKey], user: str) -> tuple[str, ...]:
    """The hashes of a user under every version."""
    return tuple(pseudonym(key, user) for key in keys)


def parse(content: bytes) -> tuple[UserKey, ...]:
    """The keys in a file's content, the newest last. Raises ``KeysError``."""
    if not content.startswith(_HEAD.encode()):
        plain = content.strip()
        if len(plain) < SHORTEST:
            raise KeysError(f"a key needs at least {SHORTEST} bytes, and this file has {len(plain)}")
        return (UserKey(1, plain),)
    found: list[UserKey] = []
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            found.append(_key(number, line.split()))
    if not found or [key.version for key in found] != sorted({key.version for key in found}):
        raise KeysError("the file needs one line for each version, in rising order; restore it from a copy")
    return tuple(found)


def read(path: Path) -> tuple[UserKey, ...]:
    """The keys in a file, the newest last. Raises ``OSError`` or ``KeysError``."""
    return parse(path.read_bytes())


def make(path: Path) -> tuple[UserKey, ...]:
    """The keys in the file; where there is none, one new key, in a file of mode 0600.

    Of several processes that make the file at the same time one succeeds, and all get its key. Raises ``OSError`` or
    ``KeysError``; a file that is there is never written to.
    """
    try:
        return read(path)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        _write(_create(draft), [_new(1)])
        os.link(draft, path)  # whole or not at all, and never over a file of another process
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
    return read(path)


def rotate(path: Path) -> tuple[UserKey, ...]:
    """Add a new key as the newest version, and keep the old ones. Raises ``OSError`` or ``KeysError``."""
    path = path.resolve(strict=True)
    draft = path.with_name(f"{path.name}.new")
    try:
        file = _create(draft)
    except FileExistsError:
        raise KeysError(f"{draft} exists: another rotation runs, or was stopped; remove that file then") from None
    try:
        # read behind the lock that the draft is: another rotation may have ended just now
        keys = read(path)
        keys = (*keys, _new(keys[-1].version + 1))
        _write(file, keys)
        draft.replace(path)
    except BaseException:
        file.close()
        draft.unlink()
        raise
    return keys


def destroy(path: Path, version: int) -> tuple[UserKey, ...]:
    """Remove one version for good, and return the others. The hashes under it can be given to no user any more.

    Raises:
        KeysError: the file has no such version, or it is the newest one, under which users are hashed now.
        OSError: the file cannot be read or written.
    """
    path = path.resolve(strict=True)
    draft = path.with_name(f"{path.name}.new")
    try:
        file = _create(draft)
    except FileExistsError:
        raise KeysError(f"{draft} exists: a rotation runs, or was stopped; remove that file then") from None
    try:
        keys = read(path)
        left = tuple(key for key in keys if key.version != version)
        if len(left) == len(keys):
            raise KeysError(f"there is no version {version}; there are {', '.join(str(key.version) for key in keys)}")
        if keys[-1].version == version:
            raise KeysError(
                f"version {version} is in use; write 'genmeter users rotate' and restart the programs first"
            )
        _write(file, left)
        draft.replace(path)
    except BaseException:
        file.close()
        draft.unlink()
        raise
    return left


def _new(version: int) -> UserKey:
    return UserKey(version, secrets.token_bytes(32), datetime.now(UTC).date().isoformat())


def _key(number: int, words: list[str]) -> UserKey:
    try:
        version, made, key = words
        found = UserKey(int(version), bytes.fromhex(key), made)
    except ValueError:
        raise KeysError(f"line {number}: write a version, a day and a key in hex; or restore the file") from None
    if found.version < 1 or len(found.key) < SHORTEST:
        raise KeysError(f"line {number}: a version is 1 or more, and a key has at least {SHORTEST} bytes")
    return found


def _create(path: Path) -> TextIO:
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii")


def _write(file: TextIO, keys: Iterable[UserKey]) -> None:
    with file:
        file.write(_FIRST_LINE + "".join(f"{key.version} {key.made or '-'} {key.key.hex()}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
