"""Any value with a sensible text names a payer, what has none is refused where it is given, and every text is bounded."""

from __future__ import annotations

import asyncio
import contextvars
import enum
import hashlib
import numbers
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from threading import Barrier
from typing import Any
from unittest.mock import MagicMock

import pydantic
import pytest
from openai import OpenAI

import genmeter
from genmeter import names
from genmeter.settings import Settings, SettingsError
from genmeter.texts import name_of
from tests.stub import StubServer

from .conftest import MeterFactory
from .rig import one_call
from .sdk import CHAT
from .test_attribution import KEY, call, hashed, payers

NUMBER = "12345678-1234-5678-1234-567812345678"


class Desk(enum.Enum):
    SUPPORT = "support"
    FIRST = 1


class Team(str, enum.Enum):  # noqa: UP042  before StrEnum, and unlike it: its str() is "Team.SALES"
    SALES = "sales"


class Named:
    def __str__(self) -> str:
        return "support"


class Lazy:
    """As Django's lazy texts: no text itself, with the methods of one."""

    def __str__(self) -> str:
        return "support"

    def __iter__(self) -> Any:
        return iter("support")

    def encode(self) -> bytes:
        return b"support"


class Proxied:
    """As werkzeug's local proxies, which give themselves out as a text."""

    __class__ = property(lambda self: str)  # type: ignore[assignment]

    def __str__(self) -> str:
        return "support"


class Scalar:
    """As numpy's scalars: registered as numbers, and written as Python's."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


numbers.Real.register(Scalar)


class Array:
    """As numpy's arrays and pandas' series."""

    def __str__(self) -> str:
        return "[1]"

    def __iter__(self) -> Any:
        return iter([1])


class Text(str):
    """A text with another one to show."""

    __slots__ = ()

    def __str__(self) -> str:
        return "never"


TEXTS = [
    (7, "7"),
    (-7, "-7"),
    (7.5, "7.5"),
    (Decimal("7.50"), "7.50"),
    (Fraction(1, 2), "1/2"),
    (uuid.UUID(NUMBER), NUMBER),
    (b"support", "support"),
    (bytearray(b"support"), "support"),
    (memoryview("désk".encode()), "désk"),
    (Desk.SUPPORT, "support"),
    (Desk.FIRST, "1"),
    (Team.SALES, "sales"),
    (enum.IntEnum("Level", {"HIGH": 3}).HIGH, "3"),  # type: ignore[attr-defined]
    (Text("support"), "support"),
    (Named(), "support"),
    (Lazy(), "support"),
    (Proxied(), "support"),
    (date(2026, 11, 30), "2026-11-30"),
    (PurePosixPath("/team/a"), "/team/a"),
    (Scalar("7"), "7"),
    (Scalar("7.5"), "7.5"),
    (" support\n", "support"),
    ("a\x00b\r\nc\x85\u2028d", "a b c d"),
    ("half \ud83d", "half \\ud83d"),
    ("Zoë 部門 🦊", "Zoë 部門 🦊"),
]


@dataclass
class Row:
    name: str = "ada"


class Model(pydantic.BaseModel):
    name: str = "ada"


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("ada@example.com")


class NoText:
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]  # noqa: PLE0307


NO_TEXTS = [
    object(),
    True,
    float("nan"),
    float("inf"),
    Scalar("nan"),
    Decimal("NaN"),
    complex(1),
    10**5000,
    b"\xff",
    ["ada"],
    {"name": "ada"},
    ("ada",),
    {"ada"},
    range(3),
    Array(),
    Row(),
    Model(),
    pydantic.SecretStr("ada"),
    Broken(),
    NoText(),
    MagicMock(),
    Named,
    len,
    lambda: "ada",
    contextvars.ContextVar("ada"),
]


@pytest.mark.parametrize(
    ("value", "text"), TEXTS, ids=lambda one: ascii(one) if type(one) is str else type(one).__name__
)
@pytest.mark.any_major("the payer knows no SDK")
def test_what_has_a_text_is_that_text(
    value: Any, text: str, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    meter = meters(user_key=KEY, unattributed="reject", required=("user", "department"))
    with genmeter.attribution(user=value, department=value, application=value, session=value):
        call(client)
    assert payers(meter) == [(hashed(text), text, text, text)]
    one_call(meter)
    assert all(type(one) is str for one in (meter.span.attributes or {}).values() if isinstance(one, str))


@pytest.mark.parametrize("field", ["user", "department", "application", "session"])
@pytest.mark.parametrize("value", NO_TEXTS, ids=lambda value: type(value).__name__)
@pytest.mark.any_major("the payer knows no SDK")
def test_what_has_no_text_is_refused_where_it_is_given(value: Any, field: str) -> None:
    with pytest.raises(TypeError) as refused:
        genmeter.attribution(**{field: value})
    assert str(refused.value).startswith(f"genmeter.attribution({field}=...): ")
    assert "ada" not in str(refused.value) and refused.value.__suppress_context__


@pytest.mark.parametrize("empty", ["", "  ", "\n", "\x00", b"", None, Text("")], ids=repr)
@pytest.mark.any_major("the payer knows no SDK")
def test_an_empty_text_says_nothing(empty: Any, stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """The outer payer stays; a call without any lacks the field, so that the policy stops it."""
    meter = meters(unattributed="reject", required=("department",))
    with genmeter.attribution(department="research"), genmeter.attribution(department=empty):
        call(client)
    assert payers(meter)[0][1] == "research"
    with genmeter.attribution(department=empty), pytest.raises(genmeter.UnattributedCall):
        call(client)
    assert len(stub.requests) == 1


@pytest.mark.any_major("the payer knows no SDK")
def test_huge_texts_are_bounded_and_users_and_sessions_stay_apart(
    stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """256 characters. The end of a longer user or session is a digest of the whole."""
    meter = meters(raw_users=True)
    for last in "ab":
        huge = "x" * 10_000_000 + last
        with genmeter.attribution(user=huge, department=huge, application=huge, session=huge):
            call(client)
    first, second = payers(meter)
    assert first[1:3] == second[1:3] == ("x" * 256, "x" * 256)
    ends = [hashlib.sha256(("x" * 10_000_000 + last).encode()).hexdigest()[:32] for last in "ab"]
    assert [(who[0], who[3]) for who in (first, second)] == [("x" * 223 + "~" + end,) * 2 for end in ends]
    assert name_of(name_of(huge, whole=True), whole=True) == second[0]


@pytest.mark.any_major("the payer knows no SDK")
def test_the_settings_payer_is_a_text_too(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    meter = meters(attribution={"department": Desk.SUPPORT, "user": 7, "session": "\n"}, user_key=KEY)
    call(client)
    assert payers(meter) == [(hashed("7"), "support", None, None)]
    genmeter.uninstrument()
    with pytest.raises(SettingsError, match=r"department=.*builtins\.object has no text"):
        genmeter.instrument(settings=Settings(attribution={"department": object()}))  # type: ignore[dict-item]


@pytest.mark.any_major("the payer knows no SDK")
def test_a_key_in_a_name_does_not_leave(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    meter = meters(raw_users=True)
    key = "sk-proj-0123456789abcdef"
    with genmeter.attribution(user=key, department=f"desk {key}", application=key, session=key):
        call(client)
    assert payers(meter) == [("[hidden]", "desk [hidden]", "[hidden]", "[hidden]")]
    assert key not in meter.exported()


@pytest.mark.any_major("the payer knows no SDK")
def test_a_model_has_a_bounded_name(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    meter = meters()
    client.chat.completions.create(**{**CHAT, "model": "m" * 100_000})
    attributes = one_call(meter)
    assert attributes[names.REQUEST_MODEL] == "m" * 256 and len(meter.span.name) < 300
    assert len(attributes[names.RESPONSE_MODEL]) <= 256


@pytest.mark.any_major("the payer knows no SDK")
def test_one_attribution_may_be_entered_by_many_threads_and_tasks_at_once() -> None:
    """Each leaves what it has entered itself; afterwards no thread has a payer."""
    shared, meeting = genmeter.attribution(department="research"), Barrier(2)

    def work(order: int) -> list[Any]:
        with shared:
            meeting.wait(30)
            inside = seen()
            if order:
                meeting.wait(30)
        if not order:
            meeting.wait(30)
        return [inside, seen()]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, range(2))) == [["research", None]] * 2

    async def both() -> list[Any]:
        first, second = asyncio.Event(), asyncio.Event()

        async def early() -> Any:
            with shared:
                first.set()
                await second.wait()
            return seen()

        async def late() -> Any:
            await first.wait()
            with shared:
                second.set()
                await asyncio.sleep(0)
            return seen()

        return [*await asyncio.gather(early(), late())]

    assert asyncio.run(both()) == [None, None]
    assert seen() is None


def seen() -> Any:
    """The department that a call made here would have."""
    from opentelemetry.context import get_value

    from genmeter.metering.payers.attribution import ATTRIBUTION

    found: Any = get_value(ATTRIBUTION)
    return found and found.department
