"""The table of billable units is the one place that knows them; all else is written from it."""

from __future__ import annotations

import subprocess
import sys

from genmeter import units
from tests.architecture.tree import ROOT


def test_every_file_says_what_the_table_of_units_says() -> None:
    told = subprocess.run([sys.executable, ".ci/units", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, "no change\n"), told.stdout + told.stderr


def test_a_total_is_billed_without_its_parts_and_each_part_once() -> None:
    """A part of two totals (audio read from the cache) is taken out of the input once, not twice."""
    usage = units.Usage(
        input=1000, output=100, cache_read=400, cache_write=200, cache_write_1h=50, audio_input=90, audio_output=30,
        audio_cache_read=40, image_input=70, image_cache_read=25, image_output=20,
    )  # fmt: skip
    left = {(line, list(units.COLUMNS)[column]): count for count, (line, column, _) in found(usage)}
    # 1000 - 400 - 200 - (90 - 40) - (70 - 25) = 305 of the input are plain text
    assert left["input", "input"] == 305
    assert left["cache_read", "cache_read"] == 400 - 40 - 25
    assert (left["cache_write", "cache_write"], left["cache_write", "cache_write_1h"]) == (150, 50)
    assert (left["audio_input", "audio_input"], left["audio_cache_read", "audio_cache_read"]) == (50, 40)
    assert (left["image_input", "image_input"], left["image_cache_read", "image_cache_read"]) == (45, 25)
    assert (left["output", "output"], left["audio_output", "audio_output"]) == (50, 30)
    assert sum(left.values()) == 1000 + 100


def found(usage: units.Usage):
    return zip(units.leaves(usage), units.TERMS, strict=True)
