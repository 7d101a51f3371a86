"""What a store promises of conditions, pages, percentiles by group, and the lines of bills."""

from __future__ import annotations

from pathlib import Path

import pytest

from genmeter.ledger.questions import EVERYTHING, ORDERS, Condition, Latency, Metered, Page, Window
from genmeter.ledger.sqlite import Caps
from genmeter.ledger.store import Store
from tests.ledger.otlp import NOON, SECOND
from tests.ledger.stores import STORES
from tests.ledger.test_stores import DAY, call

DEPARTMENTS = ("legal", "ops", None)
MODELS = ("gpt-5", "工单-7b")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path):
    """Twelve calls, a second apart: of three payers, two models, two users and four sessions."""
    opened = STORES[request.param](tmp_path, Caps())
    opened.book(
        [
            call(
                number, dollars=number, used=100 * number, department=DEPARTMENTS[number % 3], duration_ns=number * SECOND,
                request_model=MODELS[number % 2], user_hash=f"u{number % 2}", session=f"s{number % 4}",
                cost_catalogue="2026-11", service_tier="flex" if number == 7 else None,
            )
            for number in range(12)
        ],
        (),
    )  # fmt: skip
    yield opened
    opened.close()


def where(*conditions: Condition) -> Window:
    return Window(where=conditions)


def numbers(store: Store, window: Window) -> list[int]:
    return sorted(int(one.span_id[1:]) for one in store.latest(100, window))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition("department", ("legal",)), [0, 3, 6, 9]),
        (Condition("department", ("legal", "ops")), [0, 1, 3, 4, 6, 7, 9, 10]),
        (Condition("department", (None,)), [2, 5, 8, 11]),
        (Condition("department", ("legal",), other=True), [1, 2, 4, 5, 7, 8, 10, 11]),
        (Condition("department", (None, "ops"), other=True), [0, 3, 6, 9]),
        (Condition("model", ("工单-7b",)), [1, 3, 5, 7, 9, 11]),
        (Condition("user_hash", ("u1",)), [1, 3, 5, 7, 9, 11]),
        (Condition("user_hash", ("u1", None), other=True), [0, 2, 4, 6, 8, 10]),
        (Condition("session", ("s1", "s2")), [1, 2, 5, 6, 9, 10]),
        (Condition("session", ("s1",), other=True), [0, 2, 3, 4, 6, 7, 8, 10, 11]),
        (Condition("service_tier", ("flex",)), [7]),
        (Condition("cost_status", ("priced",), other=True), []),
    ],
)
def test_a_condition_holds_in_every_answer(store: Store, condition: Condition, expected: list[int]) -> None:
    window = where(condition)
    assert numbers(store, window) == expected
    holds_in_sums(store, window, expected)
    # the same from the sums by day
    while store.upkeep():
        pass
    holds_in_sums(store, window, expected)
    assert store.latency([100], window) == (
        Latency(len(expected), (expected[-1] * SECOND,)) if expected else Latency(0, ())
    )
    assert sum(one.cost for one in store.metered(["model"], window)) == 0


def holds_in_sums(store: Store, window: Window, expected: list[int]) -> None:
    dollars = sum(expected) * 10**12
    for by in (["model"], ["day", "department"], ["quarter"], ["session"], ["user_hash", "session"]):
        groups = store.groups(by, window)
        assert (sum(one.calls for one in groups), sum(one.cost for one in groups)) == (len(expected), dollars), by
    dearest = store.dearest(["session"], window, 1)
    assert sum(one.cost for one in (*dearest.groups, *dearest.rest)) == dollars


def test_conditions_must_all_hold_and_go_with_a_window(store: Store) -> None:
    both = (Condition("department", ("legal",)), Condition("user_hash", ("u1",)))
    assert numbers(store, where(*both)) == [3, 9]
    assert numbers(store, Window(since_ns=NOON + 4 * SECOND, where=both)) == [9]
    assert numbers(store, Window(run="no such run", where=both)) == []


def test_conditions_hold_for_sums_of_whole_days_and_of_trimmed_calls(tmp_path: Path) -> None:
    for opened in STORES.values():
        store = opened(tmp_path, Caps(calls=1))
        store.book(
            [call(number, department=DEPARTMENTS[number % 3], started_ns=NOON - number * DAY) for number in range(6)],
            (),
        )
        while store.tidy():
            pass
        legal = store.groups(["department"], where(Condition("department", ("legal",))))
        assert [(one.key, one.calls) for one in legal] == [(("legal",), 2)]
        assert sum(one.calls for one in store.groups(["department"], where(Condition("service_tier", (None,))))) == 6
        store.close()


def test_pages_follow_each_other_in_every_order_and_hold_each_call_once(store: Store) -> None:
    for order in ORDERS:
        for rising in (False, True):
            pages = [store.page(Page(5, offset, order, rising), EVERYTHING) for offset in (0, 5, 10, 15)]
            found = [int(one.span_id[1:]) for page in pages for one in page]
            assert sorted(found) == list(range(12))
            if order != "output":
                assert found == list(range(12)) if rising else found == list(range(11, -1, -1)), order


def test_calls_without_a_value_come_last(store: Store) -> None:
    store.book([call(50, dollars=None, duration_ns=None)], ())
    for order in ("cost", "duration"):
        for rising in (False, True):
            assert store.page(Page(100, order=order, rising=rising), EVERYTHING)[-1].span_id == "s50"


@pytest.mark.parametrize(
    ("search", "found"), [("工单", 6), ("LEGAL", 4), ("gpt", 6), ("u1", 6), ("100%", 0), ("'; DROP", 0), ("openai", 12)]
)
def test_a_search_finds_a_text_in_any_name(store: Store, search: str, found: int) -> None:
    assert len(store.page(Page(100, search=search), EVERYTHING)) == found


def test_a_search_finds_how_a_trace_begins(store: Store) -> None:
    store.book(
        [call(60, trace_id="5b8efff798038103d269b633813fc60c"), call(61, trace_id="aa8efff798038103d269b633813fc60c")],
        (),
    )
    assert [one.span_id for one in store.page(Page(10, search="5B8EFFF7"), EVERYTHING)] == ["s60"]


def test_percentiles_of_a_group_are_those_of_its_calls_alone(store: Store) -> None:
    # legal took 0, 3, 6 and 9 s: the rank of 50 percent is 2, that of 95 is 4
    found = store.latencies(["department"], [50, 95], EVERYTHING)
    assert found["legal",] == Latency(4, (3 * SECOND, 9 * SECOND))
    assert found[None,] == Latency(4, (5 * SECOND, 11 * SECOND))
    assert store.latencies(["user_hash", "model"], [1, 100], EVERYTHING)["u0", "gpt-5"] == Latency(6, (0, 10 * SECOND))
    assert store.latencies(["department"], [50], where(Condition("session", ("s9",)))) == {}


def test_lines_of_bills_are_summed_by_kind_and_price(store: Store) -> None:
    from genmeter.ledger.call import LINE_KINDS, USAGE_FIELDS

    def billed(number: int, department: str, usage: dict[str, int], lines: dict[str, int]):
        return call(
            number, department=department, cost_pico=sum(lines.values()),
            usage=tuple(usage.get(name) for name in USAGE_FIELDS), lines=tuple(lines.get(name) for name in LINE_KINDS),
        )  # fmt: skip

    text = {"input": 1000, "cache_read": 300, "output": 10}
    store.book(
        [
            billed(70, "art", text, {"input": 1400, "cache_read": 30, "output": 80}),
            billed(71, "art", text, {"input": 1400, "cache_read": 30, "output": 80}),
            billed(
                72,
                "art",
                {"input": 10, "output": 3, "images": 2},
                {"input": 20, "output": 10, "images": 9_000_000_000_000},
            ),
        ],
        (),
    )
    art = Window(where=(Condition("department", ("art",)),))
    assert sorted(store.metered(["department"], art), key=repr) == sorted(
        [
            Metered(("art",), "USD", "input", 2, 1410, 2820),
            # 30 for 300 tokens is no whole price
            Metered(("art",), "USD", "cache_read", None, None, 60),
            Metered(("art",), "USD", "output", 8, 20, 160),
            Metered(("art",), "USD", "output", None, None, 10),
            Metered(("art",), "USD", "images", None, None, 9_000_000_000_000),
        ],
        key=repr,
    )
