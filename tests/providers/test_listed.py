"""Every table of ``metering/providers`` is held to the contract, and every listed SDK is there or skipped by name."""

from __future__ import annotations

import pytest

from genmeter.metering.providers import PROVIDERS

from .contract import NEEDLE, Sdk
from .listed import LISTED


def test_every_table_is_listed() -> None:
    unlisted = {provider.sdk for provider in PROVIDERS} - {sdk.table or sdk.module for sdk in LISTED}
    assert unlisted <= {"vertexai"}  # its server speaks gRPC, and apart/test_vertexai.py has one


@pytest.mark.parametrize("sdk", LISTED, ids=lambda sdk: sdk.name)
def test_a_listed_sdk_says_what_the_suite_needs(sdk: Sdk) -> None:
    if sdk.version is None:
        needed = "" if sdk.since == (0,) else f" from version {'.'.join(map(str, sdk.since))} on"
        pytest.skip(f"{sdk.distribution}{needed} is not installed here")
    assert NEEDLE in str([call.values or call.streams for call in sdk.calls[:1]])
    assert {"missing", "null", "negative"} <= {odd.name for odd in sdk.odd}
