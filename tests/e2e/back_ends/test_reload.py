"""The price file is edited, broken and mended while calls keep coming: none is dropped, none is left without a price."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from genmeter.pricing.catalogue import Catalogue
from genmeter.pricing.override import parse
from tests.e2e.back_ends.load import pipeline
from tests.e2e.back_ends.load.pipeline import Row
from tests.e2e.back_ends.load.sender import Load, Sending, Sent
from tests.e2e.back_ends.load.spans import ANTHROPIC_PICO, OPENAI_PICO
from tests.stack import Stack
from tests.stack.asking import until

pytestmark = [pytest.mark.xdist_group("reload"), pytest.mark.timeout(180)]

RATE = 500
MOST_SECONDS = 90
INTERVAL_SECONDS = 1
EDITED = """[prices.openai."gpt-5.4-mini"]
input = "1.00"
output = "2.00"
"""
EDITED_PICO = 1_800_000_000  # 1,200 × 1,000,000 + 300 × 2,000,000
MENDED = EDITED.replace("2.00", "4.00").replace("1.00", "2.00")
MENDED_PICO = 3_600_000_000  # twice as much
HALF_WRITTEN = EDITED[: EDITED.index("00")]
BAD_ROW = EDITED.replace('"2.00"', '"two"')
LISTED_ENTRY, OWN_ENTRY = "openai/gpt-5.4-mini", "override:openai/gpt-5.4-mini"
UNTOUCHED_ENTRY = "anthropic/claude-sonnet-4-5"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The shipped configuration, which looks at its price file every second instead of every thirty."""
    folder = tmp_path_factory.mktemp("reload")
    config = pipeline.shipped()
    config["processors"]["genai_cost"]["prices"]["reload_interval"] = f"{INTERVAL_SECONDS}s"
    file = pipeline.written(config, folder / "otelcol.yaml")
    with Stack(folder, file, servers=("ledger", "jaeger", "loki", "prometheus", "otelcol")) as running:
        yield running


class Story:
    """The price file while calls come: when it was written, and when the collector's metrics said that they knew."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._seen = {"ok": 0, "failed": 0}
        self.last_good: list[float] = []
        self.ages: list[float] = []

    def write(self, text: str | None, result: str) -> tuple[int, int]:
        """Write the file, None: remove it; Unix nanoseconds before that, and when the metric had counted it."""
        began = time.time_ns()
        if text is None:
            self._stack.prices.unlink()
        else:
            self._stack.prices.write_text(text, encoding="utf-8")
        self._seen[result] += 1
        wanted = self._seen[result]
        until(
            lambda: pipeline.own(self._stack, "reloads", result=result),
            lambda count: count == wanted,
            within=60,
            what=f"reload {wanted} that is {result}",
        )
        return began, time.time_ns()

    def look(self) -> None:
        """Some calls later: what the gauges say, and that no content was tried a second time."""
        time.sleep(2.5 * INTERVAL_SECONDS)
        self.last_good.append(pipeline.own(self._stack, "table_last_good") or 0)
        self.ages.append(pipeline.own(self._stack, "table_age") or 0)
        for result, count in self._seen.items():
            assert (pipeline.own(self._stack, "reloads", result=result) or 0) == count


@pytest.fixture(scope="module")
def told(stack: Stack) -> tuple[Story, Sent, list[tuple[int, int]]]:
    """The whole story, once: edited, half-written, with a bad row, gone, mended."""
    story = Story(stack)
    with Sending(Load(stack.otlp_http, "reload", RATE, MOST_SECONDS, batch=50, connections=2)) as sending:
        story.look()
        moments = [story.write(EDITED, "ok")]
        story.look()
        for broken in (HALF_WRITTEN, BAD_ROW, None):
            moments.append(story.write(broken, "failed"))
            story.look()
        moments.append(story.write(MENDED, "ok"))
        story.look()
        sent = sending.stop()
    pipeline.until_drained(stack, sent.acknowledged, 30)
    return story, sent, moments


def test_no_call_is_dropped_or_left_without_a_price(stack, told):
    _, sent, _ = told
    assert sent.acknowledged > 10 * RATE
    pipeline.assert_whole(sent.acknowledged, sent, pipeline.counts(stack), pipeline.booked(stack, "reload"))
    assert pipeline.own(stack, "spans", outcome="priced") == sent.acknowledged
    assert pipeline.own(stack, "spans") == sent.acknowledged
    assert pipeline.own(stack, "unpriced") in (None, 0)


def test_every_call_sent_after_the_metric_has_said_so_has_the_new_price(stack, told):
    _, sent, moments = told
    (edited, edit_seen), *broken, (mended, mend_seen) = moments
    # What was sent before `slowest` had its answer by then, and was priced.
    slowest = int((sent.slowest + 0.001) * 1e9)
    rows = pipeline.rows(stack, "reload")
    calls = [row for row in rows if row.entry != UNTOUCHED_ENTRY]
    assert prices(row for row in calls if row.ended_ns < edited - slowest) == {(LISTED_ENTRY, OPENAI_PICO)}
    # Broken in three ways, and all the while the last good price.
    good = [row for row in calls if edit_seen < row.ended_ns < mended - slowest]
    assert prices(good) == {(OWN_ENTRY, EDITED_PICO)}
    for began, seen in broken:
        assert any(row.ended_ns > seen for row in good), f"no call after the file was broken at {began}"
    assert prices(row for row in calls if row.ended_ns > mend_seen) == {(OWN_ENTRY, MENDED_PICO)}
    assert prices(calls) == {(LISTED_ENTRY, OPENAI_PICO), (OWN_ENTRY, EDITED_PICO), (OWN_ENTRY, MENDED_PICO)}
    # A price that nobody touched stays what it is.
    assert prices(row for row in rows if row.entry == UNTOUCHED_ENTRY) == {(UNTOUCHED_ENTRY, ANTHROPIC_PICO)}
    assert len(calls) * 2 == len(rows)


def prices(rows: Iterator[Row] | list[Row]) -> set[tuple[str | None, int | None]]:
    return {(row.entry, row.pico) for row in rows}


def test_the_version_on_a_call_names_the_prices_that_it_was_priced_by(stack, told):
    by_price: dict[tuple[str | None, int | None], set[str | None]] = {}
    for row in pipeline.rows(stack, "reload"):
        if row.entry != UNTOUCHED_ENTRY:
            by_price.setdefault((row.entry, row.pico), set()).add(row.catalogue)
    assert by_price == {
        (LISTED_ENTRY, OPENAI_PICO): {Catalogue.bundled().version},
        (OWN_ENTRY, EDITED_PICO): {version(EDITED)},
        (OWN_ENTRY, MENDED_PICO): {version(MENDED)},
    }


def version(text: str) -> str:
    """What the catalogue under these prices is called in Python."""
    return Catalogue.bundled().with_overrides(parse(tomllib.loads(text)["prices"], "genmeter.toml", text)).version


def test_each_broken_content_is_logged_once_with_file_and_line(stack, told):
    errors = [line for line in stack.otelcol.log.read_text().splitlines() if "price files cannot be used" in line]
    assert len(errors) == 3
    file = stack.prices
    for line, place in zip(
        errors, (f"{file}:2: ", f"{file}:3: prices.openai.gpt-5.4-mini.output: ", f"{file}: no such file"), strict=True
    ):
        assert place in line
        assert version(EDITED) in line
        assert "\terror\t" in line


def test_the_gauges_say_how_old_the_prices_are_and_since_when_the_file_is_broken(told):
    story, _, _ = told
    listed, edited, *broken, mended = story.last_good
    # Read good every second while it is, and not at all while it is broken.
    assert listed < edited
    assert edited <= broken[0] == broken[1] == broken[2]
    assert mended > broken[0] + 5 * INTERVAL_SECONDS
    assert abs(mended - time.time()) < 180
    # Days since the catalogue's day, whatever becomes of the file.
    assert story.ages == sorted(set(story.ages))
    as_of = datetime.fromisoformat(Catalogue.bundled().as_of).replace(tzinfo=UTC)
    assert abs(story.ages[-1] - (datetime.now(UTC) - as_of).total_seconds() / 86_400) < 0.01
