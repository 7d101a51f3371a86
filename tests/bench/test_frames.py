"""A metered call runs no more functions than it did when these bounds were measured.

Functions creep in one by one, each for a good reason, and no timing shows one of them. A change that must raise a bound
says why in its message; a change that runs fewer functions lowers it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from genmeter.model import Usage
from genmeter.pricing import Catalogue, Question
from tests.bench import contenders, frames
from tests.bench.contenders import Contender
from tests.bench.scenarios import BY_NAME
from tests.bench.sinks import Sinks

pytest.importorskip("openai")
pytest.importorskip("anthropic")

CALLS = {"oai_chat_alone": 109, "oai_chat_async_alone": 114, "ant_msg_alone": 112, "oai_embed": 106}
"""Call → the most functions of genmeter's, and of those that they call."""
CHUNKS = {"oai_stream_alone": 2.78, "oai_stream_async_alone": 3.78, "ant_stream_alone": 2.2}
"""Stream → the most functions for each of its chunks, with the few that begin and end a stream."""
COLLECTIONS = {"oai_chat_alone": 18, "oai_embed": 14}
"""Call → the most functions that it leaves to the next collection of metrics."""

PRICE = 155
"""The most steps of the interpreter for the price of a call of text: 203 when each unit beyond text was asked for by itself."""


@pytest.fixture(scope="module")
def metered() -> Iterator[Contender]:
    """Genmeter with its defaults."""
    with patch.dict(os.environ, {"ANTHROPIC_OPEN_TELEMETRY": "false"}):
        made = contenders.genmeter(Sinks())
        try:
            yield made
        finally:
            contenders.disable_genmeter(made)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_runs_no_more_functions_than_it_did(name: str, metered: Contender) -> None:
    assert frames.of_a_call(BY_NAME[name], metered) <= CALLS[name]


@pytest.mark.parametrize("name", CHUNKS)
def test_a_chunk_runs_no_more_functions_than_it_did(name: str, metered: Contender) -> None:
    stream = BY_NAME[name]
    assert frames.of_a_chunk(stream, BY_NAME[stream.single], metered) <= CHUNKS[name]


@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_collection_runs_no_more_functions_for_a_call_than_it_did(name: str, metered: Contender) -> None:
    assert frames.of_a_collection(BY_NAME[name], metered) <= COLLECTIONS[name]


def test_a_price_of_text_does_not_take_longer_because_other_units_are_known() -> None:
    catalogue = Catalogue.bundled()
    question = Question("openai", "gpt-4o", "gpt-4o-2024-08-06", Usage(1200, 80), 1_795_000_000)
    catalogue.price(question)
    assert frames.steps(lambda: catalogue.price(question)) <= PRICE
