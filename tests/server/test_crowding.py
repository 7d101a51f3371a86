"""Made-up names of models do not keep out a true one, and the largest series stay."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from genmeter.ledger import Encoding
from genmeter.server import crowding
from genmeter.server.series import MOST_SERIES, Series


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def spent(at: int, **models: float) -> bytes:
    """Cumulative dollars by model, as an application sends them; double underscores are hyphens."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="genmeter.cost", unit="{USD}")
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = 2
    for model, dollars in models.items():
        point = metric.sum.data_points.add(time_unix_nano=at, as_double=dollars)
        label = point.attributes.add(key="model")
        label.value.string_value = model
    return request.SerializeToString()


def shown(held: Series) -> dict[str, Any]:
    return {dict(labels)["model"]: state.value for family in held.families() for labels, state in family.points.items()}


def made_up(first: int, dollars: float = 0.01) -> dict[str, float]:
    return {f"made-up-{n}": dollars for n in range(first, first + MOST_SERIES)}


def test_a_true_model_gets_its_series_when_made_up_ones_are_idle_and_the_largest_stay(clock: Clock) -> None:
    held = Series(clock=clock)
    held.take(spent(1, largest=900.0, **made_up(0)), Encoding.PROTOBUF)
    held.take(spent(2, true=0.001), Encoding.PROTOBUF)
    assert "true" not in shown(held)
    for minute in range(1, 5):
        clock.now += 60
        # an application sends all its series again, also those that have not changed
        held.take(spent(minute + 2, largest=900.0, true=0.001 * minute, **made_up(0)), Encoding.PROTOBUF)
    found = shown(held)
    assert (found["true"], found["largest"], len(found)) == (0.004, 900.0, MOST_SERIES)
    assert held.skipped > 0


def test_a_larger_series_takes_the_place_of_a_smaller_one_at_once(clock: Clock) -> None:
    held = Series(clock=clock)
    held.take(spent(1, **made_up(0)), Encoding.PROTOBUF)
    held.take(spent(2, true=5.0), Encoding.PROTOBUF)
    assert (shown(held)["true"], len(held)) == (5.0, MOST_SERIES)


def test_a_flood_of_small_names_moves_no_series_that_is_in_use(clock: Clock) -> None:
    held = Series(clock=clock)
    true = {f"true-{n}": 1.0 + n for n in range(MOST_SERIES)}
    held.take(spent(1, **true), Encoding.PROTOBUF)
    for burst in range(3):
        clock.now += 20
        held.take(spent(burst + 2, **{name: value + burst + 1 for name, value in true.items()}), Encoding.PROTOBUF)
        held.take(spent(burst + 2, **made_up(burst * MOST_SERIES)), Encoding.PROTOBUF)
    assert set(shown(held)) == set(true)


def test_a_series_that_made_room_stays_out_until_its_value_grows(clock: Clock) -> None:
    held = Series(most=2, clock=clock)
    held.take(spent(1, a=1.0, b=2.0), Encoding.PROTOBUF)
    clock.now += crowding.IDLE_SECONDS
    held.take(spent(2, c=0.5), Encoding.PROTOBUF)
    assert shown(held) == {"b": 2.0, "c": 0.5}
    clock.now += crowding.AGAIN_SECONDS
    held.take(spent(3, a=1.0), Encoding.PROTOBUF)
    assert shown(held) == {"b": 2.0, "c": 0.5}
    held.take(spent(4, a=1.5), Encoding.PROTOBUF)
    assert shown(held)["a"] == 1.5
