"""Arguments of odd types cost the meter nothing: the call is metered, and what is exported is of plain types."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessage

from genmeter import names
from tests.stub import StubServer

from .conftest import MeterFactory
from .rig import MICRO, Meter, one_call
from .sdk import CHAT, HELLO


class Own(str):  # noqa: SLOT000
    """A text of the app's own class."""

    def __str__(self) -> str:
        return "not the text"

    def __format__(self, spec: str) -> str:
        return "not the text"


class Name(str, enum.Enum):  # noqa: UP042  the older spelling is what apps have
    """Models, as many apps name them."""

    FOUR = "gpt-4o"


class Short(enum.StrEnum):
    """The newer spelling."""

    FOUR = "gpt-4o"


class Much(enum.IntEnum):
    """A number of the app's."""

    TOKENS = 64


class Half(float):
    """As numpy's float64: a subclass of float."""


class Unwilling(int):
    """Allows no comparison, as an array of numpy's."""

    def __ne__(self, other: object) -> bool:
        raise ValueError("the truth value is ambiguous")

    __hash__ = int.__hash__


@pytest.mark.parametrize("model", [Own("gpt-4o"), Name.FOUR, Short.FOUR], ids=["own", "str enum", "StrEnum"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_models_name_is_its_text(model: Any, streamed: bool, meter: Meter, client: OpenAI) -> None:
    """Span, attributes and labels; gpt-4o: 19 × 2.5 + 10 × 10."""
    made: Any = client.chat.completions.create(**{**CHAT, "model": model}, stream=streamed)
    list(made) if streamed else None
    attributes = one_call(meter)
    assert meter.span.name == "chat gpt-4o"
    assert type(attributes[names.REQUEST_MODEL]) is str and attributes[names.REQUEST_MODEL] == "gpt-4o"
    assert attributes[names.COST_AMOUNT] == pytest.approx(147.5 * MICRO, rel=1e-12)
    (point,) = meter.points(names.COST_USD)
    assert type(point.attributes[names.REQUEST_MODEL]) is str


@pytest.mark.parametrize("content", ["NO_CONTENT", "SPAN_AND_EVENT"])
@pytest.mark.parametrize(
    "make",
    [
        lambda: tuple(HELLO),
        lambda: (message for message in HELLO),
        lambda: iter(HELLO),
        lambda: [ChatCompletionMessage(role="assistant", content="Hi")],
        lambda: [{"role": Own("user"), "content": Own("Hello!")}],
    ],
    ids=["tuple", "generator", "iterator", "SDK's own", "own texts"],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_messages_of_any_kind_are_sent_and_metered(
    make: Any, streamed: bool, content: str, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """What an iterator gives once is sent once, and whole."""
    meter = meters(content=content)
    made: Any = client.chat.completions.create(model="gpt-4o", messages=make(), stream=streamed)
    list(made) if streamed else None
    assert len(stub.requests[-1].fields["messages"]) == 1
    assert meter.span.name == "chat gpt-4o"
    meter.exported().encode()


def test_numbers_of_odd_classes_are_exported_as_numbers(meter: Meter, client: OpenAI) -> None:
    """An enumeration of numbers, a subclass of float."""
    client.chat.completions.create(**CHAT, max_tokens=Much.TOKENS, temperature=Half(0.5), stop=[Own("x"), Name.FOUR])
    attributes = one_call(meter)
    found = [attributes[names.REQUEST_MAX_TOKENS], attributes[names.REQUEST_TEMPERATURE]]
    assert found == [64, 0.5] and [type(one) for one in found] == [int, float]
    assert [(type(one), one) for one in attributes[names.REQUEST_STOP_SEQUENCES]] == [(str, "x"), (str, "gpt-4o")]


def test_an_argument_that_allows_no_comparison_is_read_as_its_number(meter: Meter, client: OpenAI) -> None:
    """One choice is what is usual, and has no attribute; the call is metered and priced."""
    client.chat.completions.create(**CHAT, n=Unwilling(1), temperature=0.5)
    attributes = one_call(meter)
    assert names.REQUEST_CHOICE_COUNT not in attributes and attributes[names.REQUEST_TEMPERATURE] == 0.5
    assert attributes[names.COST_STATUS] == "priced"
