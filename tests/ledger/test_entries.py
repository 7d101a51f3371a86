"""Calls lie in the file in few bytes and come back as they were: texts that repeat once, ids as bytes, lines as prices."""

from __future__ import annotations

import random
import sqlite3
import tracemalloc
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from genmeter.ledger import Call, Ledger
from genmeter.ledger.call import LINE_KINDS, USAGE_FIELDS
from genmeter.ledger.decode import Span
from genmeter.ledger.questions import EVERYTHING, Window
from genmeter.ledger.sqlite import Caps, SqliteStore, entries
from genmeter.ledger.sqlite.packing import packed, response_mark, split_response, unpacked
from tests.ledger import load
from tests.ledger.otlp import NOON, SECOND

TRICKY = (
    *("", "a", "0", "00", "0" * 15, "0" * 16, "0" * 32, "0" * 34, "0" * 36, "0" * 64, "0" * 66, "A" * 32, "aB" * 16),
    *("00 11 22 33 44 55 66 77", "0x" + "1" * 30, "é" * 16, "\0" * 16, "１" * 32, "-" * 36, "resp_", "msg_", "abc-", "abz-"),
    *("0f3c2a1b-9d8e-4c7b-a6f5-e4d3c2b1a098", "0F3C2A1B-9D8E-4C7B-A6F5-E4D3C2B1A098", "0f3c2a1b9d8e-4c7b-a6f5-e4d3-c2b1a098"),
    *("0f3c2a1b-9d8e-4c7b-a6f5-e4d3c2b1a09g", "chatcmpl-0f3c2a1b-9d8e-4c7b-a6f5-e4d3c2b1a098", "resp_" + "ab" * 24),
    *("ffffffff-" + "0" * 27, "abcdefgh-1", "gen-" + "0" * 34, "0f3c2a1b--9d8e4c7b-a6f5-e4d3c2b1a098"),
)  # fmt: skip


def texts() -> list[str]:
    dice = random.Random(7)
    made = [str(uuid.UUID(int=dice.getrandbits(128))) for _ in range(50)] + [dice.randbytes(n).hex() for n in range(40)]
    made += [
        head + rest for head in ("chatcmpl-", "resp_", "Resp_", "x-", "deadbeef-") for rest in (*TRICKY, *made[:5])
    ]
    alphabet = "0123456789abcdefABCDEFxyz-_ \u00e9"
    made += ["".join(dice.choices(alphabet, k=dice.choice((16, 32, 34, 36, 37)))) for _ in range(2_000)]
    return [*TRICKY, *made]


def test_every_id_reads_as_it_was_written() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (whole ANY, head ANY, rest ANY) STRICT")
    for text in texts():
        connection.execute("DELETE FROM t")
        connection.execute("INSERT INTO t VALUES (?, ?, ?)", (packed(text), *split_response(text)))
        question = f"SELECT {unpacked('whole')}, coalesce(head, '') || {unpacked('rest')} FROM t"
        assert connection.execute(question).fetchone() == (text, text)
    connection.close()


def test_ids_that_are_not_alike_are_not_kept_alike() -> None:
    made = set(texts())
    assert len({packed(text) for text in made}) == len(made)
    assert len({split_response(text) for text in made}) == len(made)


def test_ids_in_hex_and_uuids_take_half_of_their_bytes() -> None:
    trace, answer = "0af7651916cd43dd8448eb211c80319c", "resp_" + "ab" * 24
    assert len(packed(trace) or "") == 16
    assert len(packed("0f3c2a1b-9d8e-4c7b-a6f5-e4d3c2b1a098") or "") == 17
    assert split_response(answer) == ("resp_", b"\xab" * 24)
    assert response_mark(answer) != response_mark(answer[:-1] + "c")


def drawn(dice: random.Random, number: int) -> Call:
    """A call with any of its fields known or unknown, and lines that are a count times a price or are not."""
    few: dict[str, Any] = {
        name: dice.choice((None, f"{name}-1", f"{name}-2"))
        for name in (*entries.TEXTS, "session", "user_hash", "parent_span_id")
    }
    few["response_id"] = dice.choice((None, f"resp_{number:032x}", f"answer {number}"))
    few |= {"run": dice.choice(("", "run-1")), "operation": "chat", "provider": dice.choice(("openai", "acme"))}
    few |= {
        "currency": dice.choice(("USD", "EUR")),
        "cost_status": dice.choice(("priced", "unpriced", "partial", None)),
    }
    usage = [
        dice.choice((None, None, 0, 1, 7, 10**9)) if dice.randrange(6) else dice.randrange(5_000) for _ in USAGE_FIELDS
    ]
    lines = [dice.choice((None, None, None, 0, dice.randrange(10**12))) for _ in LINE_KINDS]
    if dice.randrange(2):
        usage[5:] = [None if n + 5 != USAGE_FIELDS.index("reasoning") else count for n, count in enumerate(usage[5:])]
        lines = [None] * len(lines)
        for line, field in {"cache_read": "cache_read", "output": "output"}.items():
            count = usage[USAGE_FIELDS.index(field)]
            lines[LINE_KINDS.index(line)] = None if count is None else 125_000 * count
    return Call(
        **few, trace_id=f"{number // 3:032x}", span_id=f"{number:016x}", started_ns=NOON + number * SECOND,
        duration_ns=dice.choice((None, number)), first_chunk_ns=dice.choice((None, 5)), signals=dice.choice((1, 2, 3)),
        cost_pico=dice.choice((None, 0, dice.randrange(10**15))), usage=tuple(usage), lines=tuple(lines),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_a_call_comes_back_whatever_is_known_of_it(seed: int) -> None:
    dice = random.Random(seed)
    sent = [drawn(dice, n) for n in range(1, 400)]
    for call in sent:
        # two instrumentations' records of one trace are compared, which is not the point here
        call.scope = None
    store = SqliteStore()
    store.book(sent, ())
    assert sorted(store.latest(10**6, EVERYTHING), key=lambda call: call.span_id) == sent
    for by in (["model"], ["department", "service"], ["user_hash"], ["session", "application"], ["day", "cost_status"]):
        assert summed(store, by) == expected(sent, by)
    store.close()


def summed(store: SqliteStore, by: list[str]) -> dict[object, tuple[object, ...]]:
    return {
        (*group.key, group.currency): (
            *(group.calls, group.errors, group.unpriced, group.cut, group.usage, group.cost),
            *(group.first_ns, group.last_ns),
        )
        for group in store.groups(by, EVERYTHING)
    }


def expected(sent: list[Call], by: list[str]) -> dict[object, tuple[object, ...]]:
    parts: dict[object, list[Call]] = {}
    for call in sent:
        key = [call.started_ns // (86_400 * SECOND) if name == "day" else getattr(call, name) for name in by]
        parts.setdefault((*key, call.currency), []).append(call)
    return {
        key: (
            len(calls),
            sum(call.error_type is not None for call in calls),
            sum(call.cost_status == "unpriced" for call in calls),
            sum(call.cut is not None for call in calls),
            tuple(sum(call.usage[n] or 0 for call in calls) for n in range(len(USAGE_FIELDS))),
            sum(call.cost_pico or 0 for call in calls),
            min(call.started_ns for call in calls),
            max(call.started_ns + (call.duration_ns or 0) for call in calls),
        )
        for key, calls in parts.items()
    }


def rows(store: SqliteStore, table: str) -> int:
    with store._database.transaction() as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def one(number: int, **more: Any) -> Call:
    known: dict[str, Any] = {"operation": "chat", "provider": "acme", "started_ns": NOON + number * SECOND}
    return Call(trace_id=f"{number:032x}", span_id=f"{number:016x}", **(known | more))


def test_prices_that_a_sender_invents_do_not_make_a_kind_for_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MOST_KINDS", 50)
    store = SqliteStore()
    counted = (1, *(None,) * (len(USAGE_FIELDS) - 1))
    sent = [one(n, usage=counted, lines=(10**6 + n, *(None,) * (len(LINE_KINDS) - 1))) for n in range(1, 300)]
    store.book(sent, ())
    assert rows(store, "kinds") <= 60
    assert sorted(store.latest(10**6, EVERYTHING), key=lambda call: call.span_id) == sent
    store.close()


def test_kinds_and_users_that_no_call_has_any_more_go_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "MOST_UNSWEPT", 100)
    path = str(tmp_path / "l.db")
    store, other = SqliteStore(path, Caps(calls=5)), SqliteStore(path, Caps(calls=None))
    store.book(
        [one(n, department=f"d-{n}", user_hash=f"u-{n}", started_ns=NOON + n * 60 * SECOND) for n in range(1, 200)], ()
    )
    assert (rows(store, "kinds"), rows(store, "users")) == (199, 199)
    later, old = NOON + 300 * 60 * SECOND, NOON + 30 * SECOND
    other.book([one(300, department="d-2", user_hash="u-2", started_ns=later)], ())
    other.book([one(303, department="gone", user_hash="u-gone", started_ns=old)], ())
    while store.trim():
        pass
    # those of the five calls, and of the last one that went, whose second record may still come
    assert (rows(store, "kinds"), rows(store, "users")) == (6, 6)
    # the other one remembers numbers of kinds and users that are gone, and these are given again
    store.book([one(301, department="new", user_hash="u-new", started_ns=later + SECOND)], ())
    other.book([one(302, department="gone", user_hash="u-gone", started_ns=later + 2 * SECOND)], ())
    newest = store.latest(3, EVERYTHING)
    assert [(call.department, call.user_hash) for call in newest] == [
        ("gone", "u-gone"),
        ("new", "u-new"),
        ("d-2", "u-2"),
    ]
    assert sum(group.calls for group in store.groups(["user_hash"], EVERYTHING)) == 203
    other.close()
    store.close()


def test_a_batch_that_is_rolled_back_leaves_no_kind_behind_that_is_remembered() -> None:
    store = SqliteStore()
    with pytest.raises(Exception, match=r"."):
        store.book([one(1, department="a", user_hash="u"), one(2, department="b", duration_ns=2**70)], ())
    store.book([one(3, department="c", user_hash="v"), one(4, department="a", user_hash="u")], ())
    assert [(call.department, call.user_hash) for call in store.latest(9, EVERYTHING)] == [("a", "u"), ("c", "v")]
    store.close()


def test_a_run_is_found_among_all_calls_also_where_its_first_call_learned_more() -> None:
    store = SqliteStore()
    store.book([one(1), one(2, run="r", signals=2), one(3), one(4, run="r")], ())
    store.book([one(2, run="r", signals=1, service="shop")], ())
    window = Window(run="r")
    (group,) = store.groups(["run"], window)
    assert (group.key, group.calls) == (("r",), 2)
    assert len(store.latest(9, window)) == 2
    store.close()


def test_a_call_of_a_realistic_mix_needs_no_more_than_250_bytes(tmp_path: Path) -> None:
    """Of 20,000 calls with users, sessions, cache counts, ids and response ids; at a million it was 218, see load.py."""
    path = tmp_path / "l.db"
    with Ledger.open(path, max_rows=None) as ledger:
        load.fill(ledger, 1, 20_000, "events")
    assert path.stat().st_size / 20_000 <= 250


def test_a_batch_needs_one_statement_a_call_and_a_second_signal_three(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "l.db", max_rows=None) as ledger:
        batches = list(load.batches(1, 4 * load.BATCH))
        for batch in batches[:3]:
            ledger.book_logs(load.as_events(batch))
        asked: Counter[str] = Counter()
        with ledger.store._database.transaction() as connection:
            connection.set_trace_callback(lambda text: asked.update([text.split("(")[0].strip()[:12]]))
        fresh = load.as_events(batches[3])
        ledger.book_logs(fresh)
        # kinds and users that are new need two each; the mix has new ones in every batch
        found, kinds = asked.total(), asked["INSERT INTO k"[:12]] + asked["INSERT INTO u"[:12]]
        assert found - 2 * kinds <= load.BATCH + 60, asked
        asked.clear()
        assert ledger.book_logs(fresh).outcome.duplicates == load.BATCH
        assert asked.total() <= 2 * load.BATCH + 60, asked
        ledger.book_traces(load.as_spans(batches[3]))
        asked.clear()
        ledger.book_traces(load.as_spans(batches[2]))
        kinds = asked["INSERT INTO k"[:12]]
        # the span itself is kept beside its call
        assert asked.total() - 2 * kinds <= 4 * load.BATCH + 60, asked


@pytest.mark.parametrize("by", [["user_hash"], ["session", "model"], ["department"]], ids=",".join)
def test_the_dearest_groups_and_the_rest_are_all_groups_also_of_trimmed_days(by: list[str]) -> None:
    dice = random.Random(11)
    sent = [drawn(dice, n) for n in range(1, 400)]
    for call in sent:
        call.scope, call.user_hash = None, f"u-{dice.randrange(40)}"
    store = SqliteStore(caps=Caps(calls=150))
    store.book(sent, ())
    while store.trim():
        pass
    groups = store.groups(by, EVERYTHING)
    cost: Counter[tuple[object, ...]] = Counter()
    for group in groups:
        cost[group.key] += group.cost * (group.currency == "USD")
    for most in (0, 1, 2, 1000):
        found = store.dearest(by, EVERYTHING, most)
        kept = {group.key for group in found.groups}
        assert (len(kept), found.left) == (min(most, len(cost)), max(len(cost) - most, 0))
        assert not kept or min(cost[key] for key in kept) >= max(
            (cost[key] for key in cost if key not in kept), default=0
        )
        assert {(*group.key, group.currency): group for group in found.groups} == {
            (*group.key, group.currency): group for group in groups if group.key in kept
        }
        others: Counter[str | None] = Counter()
        for group in groups:
            others[group.currency] += group.cost * (group.key not in kept)
        assert {group.currency: group.cost for group in found.rest if group.cost} == {
            key: cost for key, cost in others.items() if cost
        }
        calls = sum(group.calls for group in found.rest) + sum(group.calls for group in found.groups)
        assert calls == 399
    store.close()


def test_the_dearest_of_many_sessions_need_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    with Ledger.open(path, max_rows=None) as ledger:
        for first in range(1, 30_000, 5_000):
            ledger.store.book(
                [one(n, session=f"s-{n}", currency="USD", cost_pico=n) for n in range(first, first + 5_000)], ()
            )
        tracemalloc.start()
        found = ledger.store.dearest(["session"], EVERYTHING, 100)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert [group.cost for group in found.groups[:3]] == [30_000, 29_999, 29_998]
    assert (len(found.groups), found.left, found.rest[0].calls) == (100, 29_900, 29_900)
    assert used < 1 << 20


def test_the_names_of_attributes_are_written_once_and_never_many_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MOST_SHAPES", 3)
    store = SqliteStore()
    told: dict[int, dict[str, Any]] = {
        n: {f"app.count.{n % 7}": n, "gen_ai.request.model": "gpt-5", "app.long." + "n" * (400 if n % 2 else 1): 0.5}
        for n in range(1, 60)
    }
    spans = [
        Span("a" * 32, f"{n:016x}", None, "step", 1, NOON + n, NOON + n, False, "", own, {}, "app")
        for n, own in told.items()
    ]
    for first in range(0, 60, 7):
        store.book((), spans[first : first + 7])
    assert [span.attributes for span in store.trace_spans("a" * 32)] == list(told.values())
    assert rows(store, "shapes") == 3
    store.close()
