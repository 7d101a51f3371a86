"""Prompts and answers leave where the user said so, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from genmeter import names
from tests.metering.rig import Meter
from tests.stub import StubServer

from .acting import act
from .conftest import Metering
from .contract import NEEDLE, Sdk
from .listed import Case, each, plain_cases

MODES = {
    "NO_CONTENT": (False, False),
    "SPAN_ONLY": (True, False),
    "EVENT_ONLY": (False, True),
    "SPAN_AND_EVENT": (True, True),
}


def captures(sdk: Sdk) -> Iterator[tuple[Case, str]]:
    return ((case, mode) for case in plain_cases(sdk) for mode in MODES)


@each(which=captures, names="case, mode")
def test_content_is_where_the_mode_says(case: Case, mode: str, stub: StubServer, metering: Metering) -> None:
    bare = act(case, stub.url)
    meter = metering(case.sdk, content=mode)
    assert act(case, stub.url) == bare
    for held, wanted in zip(
        (dict(meter.span.attributes or {}), dict(meter.event.attributes)), MODES[mode], strict=True
    ):
        said = wanted and case.expected.operation != names.EMBEDDINGS  # what becomes a vector is no message
        assert (NEEDLE in str(held.get(names.INPUT_MESSAGES))) is said
        assert (names.OUTPUT_MESSAGES in held) is said
    if mode == "NO_CONTENT":
        assert NEEDLE not in everything(meter)


def everything(meter: Meter) -> Any:
    """All that left the process."""
    return meter.exported()
