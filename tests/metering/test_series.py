"""A flood of series does not hide an application: what exists stays, and the room that is left goes to the largest."""

from __future__ import annotations

import random

import pytest
from openai import OpenAI

import genmeter
from genmeter import names
from genmeter.metering.metrics.series import OVERFLOW, Labels, Series
from tests.stub import StubServer

from .conftest import MeterFactory
from .rig import MICRO
from .sdk import CHAT

pytestmark = pytest.mark.any_major("sums know no SDK")


def of(name: str) -> Labels:
    return (("application", name),)


def test_within_the_room_all_series_are_exact_and_there_is_no_overflow() -> None:
    series = Series(2000)
    for number in range(1499):
        series.add(of(str(number)), number)
    assert series.read() == {of(str(number)): number for number in range(1499)}


def test_what_exists_before_a_flood_stays_exact_in_it() -> None:
    series = Series(2000)
    series.add(of("shop"), 5)
    for number in range(10_000):
        series.add(of(f"junk-{number}"), 1)
        if number % 1000 == 0:
            series.read()
    series.add(of("shop"), 5)
    found = series.read()
    assert found[of("shop")] == 10 and len(found) <= 2000
    assert sum(found.values()) == 10_010


@pytest.mark.parametrize("between", [50, 2_100, 100_000])
def test_an_application_that_comes_after_a_flood_has_its_own_series(between: int) -> None:
    """2,100 series of one call each, then an application with three calls, read now and then."""
    series = Series(2000)
    for number in range(2_100):
        series.add(of(f"junk-{number}"), 1)
        if number % between == between - 1:
            series.read()
    for _ in range(3):
        series.add(of("shop"), 1)
    found = series.read()
    assert found[of("shop")] == 3
    assert sum(found.values()) == 2_103 and len(found) <= 2000


def test_a_flood_that_does_not_end_leaves_room_for_an_application() -> None:
    """A thousand readings with a thousand series of one call each; then an application of a thousand calls."""
    series = Series(2000)
    for reading in range(1000):
        for number in range(1000):
            series.add(of(f"junk-{reading}-{number}"), 1)
        series.read()
    series.add(of("shop"), 1000)
    found = series.read()
    assert found[of("shop")] == 1000 and sum(found.values()) == 1_001_000


def test_an_application_in_the_middle_of_a_flood_has_its_own_series() -> None:
    """A hundred thousand series between two readings: the waiting ones are bounded, and the largest stay among them."""
    series, dice = Series(100), random.Random(7)
    for number in range(100_000):
        series.add(of(f"junk-{number}"), 1)
        if dice.random() < 0.05:
            series.add(of("shop"), 10)
        assert len(series._waiting) <= 101
    found = series.read()
    assert of("shop") in found and len(found) <= 100


def test_sums_never_shrink_and_add_up_whatever_comes() -> None:
    """Each series, the overflow too, is the sum of a counter: it only grows from one reading to the next."""
    series, dice = Series(40), random.Random(11)
    total, before = 0, {}
    for _ in range(300):
        for _ in range(dice.randrange(40)):
            value = dice.choice((0, 1, 1, 100))
            series.add(of(str(int(dice.paretovariate(0.5)) % 500)), value)
            total += value
        found = series.read()
        assert sum(found.values()) == total and len(found) <= 40
        assert all(found.get(labels, -1) >= value for labels, value in before.items())
        before = found


def test_calls_under_way_add_up_to_none_whatever_comes() -> None:
    """Each call adds one at its start and takes it away at its end, and no series falls below zero on the way."""
    series, dice = Series(10), random.Random(13)
    running: list[Labels] = []
    for _ in range(5_000):
        if running and dice.random() < 0.5:
            series.add(running.pop(dice.randrange(len(running))), -1)
        else:
            running.append(of(str(dice.randrange(60))))
            series.add(running[-1], 1)
        if dice.random() < 0.1:
            found = series.read()
            assert sum(found.values()) == len(running)
            assert all(value >= 0 for labels, value in found.items() if labels != OVERFLOW)
    for labels in running:
        series.add(labels, -1)
    assert sum(series.read().values()) == 0


def test_a_flood_of_models_does_not_hide_a_department(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """Through the SDK and its reader. One call of gpt-4o is 147.5 millionths of a dollar."""
    meter = meters(max_series=20)
    for number in range(40):
        with genmeter.attribution(application=f"junk-{number}"):
            client.chat.completions.create(**CHAT)
    for _ in range(2):
        with genmeter.attribution(application="shop"):
            client.chat.completions.create(**CHAT)
    points = meter.points(names.COST_USD)
    (shop,) = [point for point in points if point.attributes.get(names.APPLICATION) == "shop"]
    assert shop.value == pytest.approx(2 * 147.5 * MICRO, rel=1e-12)
    assert len(points) <= 20 and sum(point.value for point in points) == pytest.approx(42 * 147.5 * MICRO, rel=1e-12)
