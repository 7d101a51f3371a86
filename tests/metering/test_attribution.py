"""Who pays: said around the call, inherited, carried by baggage, defaulted; users leave the process as keyed hashes."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

import genmeter
from genmeter import names
from genmeter.settings import Settings
from tests.stub import StubServer

from .cells import make_client
from .conftest import MeterFactory
from .rig import Meter, one_call
from .sdk import CHAT, ask_async, ask_sync, resource_of

KEY = b"0123456789abcdef0123456789abcdef"
ADA = "ada@example.com"
WHO = (names.USER_ID, names.DEPARTMENT, names.APPLICATION, names.SESSION_ID)


def call(client: OpenAI) -> None:
    """One call."""
    client.chat.completions.create(**CHAT)


def hashed(user: str, key: bytes = KEY) -> str:
    """``u-`` and the first 128 bits of HMAC-SHA-256."""
    return "u-" + hmac.new(key, user.encode(), hashlib.sha256).hexdigest()[:32]


def payers(meter: Meter) -> list[tuple[Any, ...]]:
    """User, department, application and session of each span."""
    return [tuple((span.attributes or {}).get(name) for name in WHO) for span in meter.spans]


def test_a_context_manager_says_who_pays(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """On span and event, and for samplers at the start."""
    meter = meters(user_key=KEY)
    with genmeter.attribution(user=ADA, department="research", application="chat", session="s-1"):
        call(client)
    one_call(meter)
    assert payers(meter) == [(hashed(ADA), "research", "chat", "s-1")]
    ((_, _, seen),) = meter.sampler.seen
    assert seen[names.DEPARTMENT] == "research" and seen[names.USER_ID] == hashed(ADA)
    call(client)
    assert payers(meter)[1] == (None, None, None, None)


def test_nested_attribution_inherits_what_it_does_not_say(
    stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """And gives the outer one back afterwards."""
    meter = meters(user_key=KEY)
    outer = genmeter.attribution(department="research", session="s-1")
    with outer:
        with genmeter.attribution(user=ADA, session="s-2"):
            call(client)
        call(client)
    assert payers(meter) == [(hashed(ADA), "research", None, "s-2"), (None, "research", None, "s-1")]


def test_one_attribution_may_be_entered_again(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """Also while it is entered."""
    meter = meters()
    reused = genmeter.attribution(department="research")
    with reused, reused:
        call(client)
    with reused:
        call(client)
    call(client)
    assert [who[1] for who in payers(meter)] == ["research", "research", None]


def test_a_decorator_says_who_pays(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """Sync functions keep their name and their result."""
    meter = meters()

    @genmeter.attribution(department="research")
    def work(number: int) -> int:
        """Words."""
        call(client)
        return number + 1

    assert work(1) == 2 and (work.__name__, work.__doc__) == ("work", "Words.")
    assert [who[1] for who in payers(meter)] == ["research"]


def test_an_async_decorator_says_who_pays(stub: StubServer, meters: MeterFactory) -> None:
    """The coroutine's own calls, not those of its neighbours."""
    meter = meters()

    async def run() -> None:
        async with make_client("openai", stub, asynchronous=True) as client:

            @genmeter.attribution(department="research")
            async def work() -> None:
                await client.chat.completions.create(**CHAT)

            assert asyncio.iscoroutinefunction(work)
            await work()
            await client.chat.completions.create(**CHAT)

    asyncio.run(run())
    assert [who[1] for who in payers(meter)] == ["research", None]


def test_generators_cannot_be_decorated() -> None:
    """Their body runs in the consumer's context: refused when decorated, with what to do."""
    with pytest.raises(TypeError, match="generator"):

        @genmeter.attribution(department="research")
        def pieces() -> Any:
            yield 1


def test_tasks_inherit_and_do_not_mix(stub: StubServer, meters: MeterFactory) -> None:
    """Twenty tasks at once, each with its own department, all in one session."""
    meter = meters()

    async def run() -> None:
        async with make_client("openai", stub, asynchronous=True) as client:

            async def work(number: int) -> None:
                async with genmeter.attribution(department=f"d{number}"):
                    await asyncio.sleep(0.001 * (number % 3))
                    await client.chat.completions.create(**CHAT)

            with genmeter.attribution(session="s"):
                await asyncio.gather(*(work(number) for number in range(20)))

    asyncio.run(run())
    assert sorted(payers(meter)) == sorted((None, f"d{number}", None, "s") for number in range(20))


def test_a_stream_belongs_to_whoever_made_the_call(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """Also when it is read after the block has ended, or inside another."""
    meter = meters()
    with genmeter.attribution(department="research"):
        stream = client.chat.completions.create(**CHAT, stream=True)
    with genmeter.attribution(department="sales"):
        list(stream)
    one_call(meter)
    assert [who[1] for who in payers(meter)] == ["research"]


def test_defaults_come_from_the_environment(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """GENMETER_DEPARTMENT and its like; what is said around the call wins."""
    environment = {"GENMETER_DEPARTMENT": "ops", "GENMETER_APPLICATION": "batch", "GENMETER_USER": "robot"}
    loaded = Settings.load(environment, None)
    meter = meters(attribution=loaded.attribution, user_key=KEY)
    call(client)
    with genmeter.attribution(application="chat"):
        call(client)
    assert payers(meter) == [(hashed("robot"), "ops", "batch", None), (hashed("robot"), "ops", "chat", None)]


def test_the_application_is_the_services_name_unless_said(
    stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """The resource's service.name; not the SDK's ``unknown_service``."""
    meter = meters(resource={names.SERVICE_NAME: "shop"})
    call(client)
    with genmeter.attribution(application="chat"):
        call(client)
    assert [who[2] for who in payers(meter)] == ["shop", "chat"]


def test_an_unnamed_service_is_no_application(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """``unknown_service:python`` says nothing."""
    meter = meters(resource={names.SERVICE_NAME: "unknown_service:python"})
    call(client)
    assert payers(meter) == [(None, None, None, None)]


def test_users_are_stable_under_a_key_file(
    tmp_path: Path, stub: StubServer, meters: MeterFactory, client: OpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    """The same user is the same hash in every process with the key; no warning."""
    file = tmp_path / "key"
    file.write_bytes(KEY)
    loaded = Settings.load({"GENMETER_USER_KEY_FILE": str(file)}, None)
    with caplog.at_level(logging.WARNING, logger="genmeter"):
        meter = meters(user_key=loaded.user_key)
        with genmeter.attribution(user=ADA):
            call(client)
    assert payers(meter)[0][0] == hashed(ADA)
    assert [record for record in caplog.records if record.name == "genmeter"] == []


def test_raw_users_leave_only_when_the_settings_say_so(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """GENMETER_USER_IDS=raw."""
    meter = meters(raw_users=True)
    with genmeter.attribution(user=ADA):
        call(client)
    assert payers(meter)[0][0] == ADA


def test_metric_labels_never_carry_users_or_sessions(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """Departments, applications and the environment do, as far as they are allowed."""
    meter = meters(user_key=KEY, resource={names.ENVIRONMENT: "prod"}, metrics="both")
    with genmeter.attribution(user=ADA, department="research", application="chat", session="s-1"):
        call(client)
        list(client.chat.completions.create(**CHAT, stream=True))
    labels = [dict(point.attributes) for name in meter.collect() for point in meter.points(name)]
    assert len(labels) > 8
    assert not [one for one in labels if names.USER_ID in one or names.SESSION_ID in one]
    (cost,) = meter.points(names.COST_USD)
    assert cost.attributes[names.DEPARTMENT] == "research" and cost.attributes[names.APPLICATION] == "chat"
    assert cost.attributes[names.ENVIRONMENT] == "prod"


def test_metric_labels_can_be_turned_off(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """An empty allow-list: no attribution on any metric, all of it on the span."""
    meter = meters(metric_labels=(), resource={names.ENVIRONMENT: "prod"})
    with genmeter.attribution(department="research", application="chat"):
        call(client)
    (cost,) = meter.points(names.COST_USD)
    assert not {names.DEPARTMENT, names.APPLICATION, names.ENVIRONMENT} & set(cost.attributes)
    assert payers(meter) == [(None, "research", "chat", None)]


class TestPolicy:
    """What happens to calls that nobody can be charged for."""

    def test_off_does_nothing(self, stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
        """The default."""
        meter = meters()
        call(client)
        assert names.UNATTRIBUTED not in one_call(meter)

    def test_tag_marks_the_span(self, stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
        """Only those that lack something required."""
        meter = meters(unattributed="tag", required=("department",))
        call(client)
        with genmeter.attribution(department="research"):
            call(client)
        assert [(span.attributes or {}).get(names.UNATTRIBUTED) for span in meter.spans] == [True, None]

    def test_warn_says_it_once(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI, caplog: pytest.LogCaptureFixture
    ) -> None:
        """One line that names what is missing; the span is tagged too."""
        meter = meters(unattributed="warn", required=("department", "application"))
        with caplog.at_level(logging.WARNING, logger="genmeter"):
            call(client)
            call(client)
        said = [record.getMessage() for record in caplog.records if record.name == "genmeter"]
        assert len(said) == 1 and "department, application" in said[0]
        assert [(span.attributes or {}).get(names.UNATTRIBUTED) for span in meter.spans] == [True, True]

    @pytest.mark.parametrize("kind", ["openai", "anthropic"])
    @pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
    @pytest.mark.parametrize("way", ["whole", "stream", "raw", "streaming", "helper"])
    def test_reject_raises_before_any_request(
        self, way: str, asynchronous: bool, kind: str, stub: StubServer, meters: MeterFactory
    ) -> None:
        """No request is sent, no span is made; the message says what is missing and what to do."""
        meter = meters(unattributed="reject", required=("department",))

        async def run() -> None:
            async with make_client(kind, stub, asynchronous=True) as client:
                await ask_async(way, *resource_of(kind, client))

        with pytest.raises(genmeter.UnattributedCall, match="department"):
            if asynchronous:
                asyncio.run(run())
            else:
                with make_client(kind, stub, asynchronous=False) as client:
                    ask_sync(way, *resource_of(kind, client))
        assert stub.requests == [] and meter.spans == [] and meter.logs == []

    def test_reject_lets_attributed_calls_through(self, stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
        """Inside the block all is well."""
        meter = meters(unattributed="reject", required=("department",))
        with genmeter.attribution(department="research"):
            call(client)
        one_call(meter)
