"""Seals in the SQLite file: how a period is closed, and whether each seal still says what is true."""

from __future__ import annotations

import json
from typing import Any

from genmeter.ledger import seals
from genmeter.ledger.audit import Difference
from genmeter.ledger.questions import Group, Window
from genmeter.ledger.seals import DAY_NS, SEALED_BY, Seal
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.entries import Writer
from genmeter.ledger.sqlite.sums import sums


def close(connection: Writer, name: str, now_ns: int) -> Seal:
    """``Store.seal`` in the transaction that is open. The sums are read from the calls, as they are in it."""
    known = listed(connection)
    before = known[-1] if known else None
    since = before.until_ns if before is not None else 0
    _, until = seals.period(name)
    if until <= since and before is not None:
        raise ValueError(f"{name} is sealed already: {before.name} was the last period")
    if until > now_ns:
        raise ValueError(f"{name} has not ended; seal it when it has")
    made = seals.seal(name, (since, until), _recomputed(connection, (since, until)), before, now_ns)
    connection.execute(
        "INSERT INTO seals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*made[:5], json.dumps(made.cost), made.digest, made.hash, made.sealed_ns),
    )
    connection.sealed_until = until
    return made


def listed(connection: Connection) -> list[Seal]:
    """``Store.seals`` on a connection."""
    rows = connection.execute("SELECT * FROM seals ORDER BY number").fetchall()
    return [_seal(*row) for row in rows]


def _seal(number: int, name: str, since: int, until: int, calls: int, cost: str, *rest: Any) -> Seal:
    return Seal(number, name, since, until, calls, json.loads(cost), *rest)


def differences(connection: Connection, unchecked: list[str]) -> list[Difference]:
    """What the seals say and the calls do not. Seals of days that are gone are told in ``unchecked``."""
    found: list[Difference] = []
    before: Seal | None = None
    kept = connection.execute("SELECT from_day FROM tiers WHERE name = 'days'").fetchone()[0] * DAY_NS
    for one in listed(connection):
        where = f"seal {one.number} of {one.name}"
        if one.since_ns != (before.until_ns if before is not None else 0):
            found.append(Difference(f"{where}, its begin", str(before.until_ns if before else 0), str(one.since_ns)))
        if one.hash != (right := seals.bound(one, before)):
            found.append(Difference(f"{where}, its hash in the chain", right, one.hash))
        if one.since_ns < kept:
            unchecked.append(f"the sums of {where} are no longer kept; its place in the chain was checked")
        else:
            found += _sums(connection, one, where)
        before = one
    return found


def _sums(connection: Connection, one: Seal, where: str) -> list[Difference]:
    window = (one.since_ns, one.until_ns)
    now = seals.seal(one.name, window, _recomputed(connection, window), None, 0)
    if (now.calls, now.cost) != (one.calls, one.cost):
        return [Difference(f"{where}, calls and pico units", f"{one.calls} {one.cost}", f"{now.calls} {now.cost}")]
    if now.digest != one.digest:
        return [Difference(f"{where}, the hash of its sums", one.digest, now.digest)]
    return []


def _recomputed(connection: Connection, window: tuple[int, int]) -> list[Group]:
    return sums(connection, SEALED_BY, Window(*window), from_calls=True)
