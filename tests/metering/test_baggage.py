"""Incoming baggage decides who pays only where the user said so, and only as far as it is proven."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import attach, detach

import genmeter
from genmeter import names
from genmeter.settings import Settings, SettingsError
from tests.stub import StubServer

from .conftest import MeterFactory
from .test_attribution import KEY, call, hashed, payers
from .test_budgets import budgets

pytestmark = pytest.mark.any_major("who pays knows no SDK")

SHARED = b"fedcba9876543210fedcba9876543210"
FIELDS = ("user", "department", "application", "session")
HEADER = {"user.id": "ada", "genmeter.department": "research", "genmeter.application": "desk", "session.id": "s-9"}


@contextmanager
def carried(entries: dict[str, str]) -> Iterator[None]:
    """A call that came in with this header, through OpenTelemetry's own propagator."""
    outgoing: dict[str, str] = {}
    context = None
    for name, value in entries.items():
        context = baggage.set_baggage(name, value, context)
    W3CBaggagePropagator().inject(outgoing, context)
    token = attach(W3CBaggagePropagator().extract(outgoing))
    try:
        yield
    finally:
        detach(token)


def signed(expiry: int, key: bytes = SHARED, **fields: str) -> dict[str, str]:
    """A signature as the documentation of ``genmeter.metering.payers.baggage`` says, by another hand."""
    text = "\n".join(["v1", str(expiry), *(f"{name}={fields[name]}" for name in sorted(fields))])
    digest = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    entries = {"user": "user.id", "session": "session.id"}
    named = {entries.get(name, f"genmeter.{name}"): value for name, value in fields.items()}
    return {**named, "genmeter-signature": f"v1.{expiry}.{digest}"}


def later() -> int:
    return int(time.time()) + 60


def test_by_default_nothing_is_taken(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """An anonymous client's header pays for nothing, also where no one else does; signed or not."""
    meter = meters()
    for entries in (HEADER, signed(later(), department="research")):
        with carried(entries):
            call(client)
    assert payers(meter) == [(None, None, None, None)] * 2
    assert "research" not in meter.exported()


def test_a_header_does_not_evade_a_spent_budget(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """The process's own department is spent; a header that names another, or none, changes nothing."""
    row = {"amount": "0.0001", "scope": {"department": "sales"}, "on_exceed": "reject"}
    meters(budgets=budgets(sales=row), attribution={"department": "sales"})
    call(client)
    for entries in (HEADER, {"genmeter.department": ""}, {"genmeter.department": "x" * 9000}):
        with carried(entries), pytest.raises(genmeter.BudgetExceeded):
            call(client)
    assert len(stub.requests) == 1


def test_listed_values_are_taken_and_no_others(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    values = {"department": frozenset({"research", "sales"})}
    meter = meters(baggage=("department",), baggage_values=values)
    for entries in (HEADER, {**HEADER, "genmeter.department": "Research"}, {"genmeter.department": "legal"}):
        with carried(entries):
            call(client)
    assert payers(meter) == [(None, "research", None, None), *[(None, None, None, None)] * 2]


def test_what_the_shared_key_signs_is_taken(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """Only the fields that the settings name; the user is hashed here, and so it is the same in every service."""
    meter = meters(baggage=("user", "department"), baggage_key=SHARED, user_key=KEY)
    with carried(signed(later(), user="ada", department="research", session="s-9")):
        call(client)
    assert payers(meter) == [(hashed("ada"), "research", None, None)]
    with carried(genmeter.signed_baggage(SHARED, department="Zoë & Söhne, 100 %", user=7)):
        call(client)
    assert payers(meter)[1] == (hashed("7"), "Zoë & Söhne, 100 %", None, None)


GOOD = {"user": "ada", "department": "research"}
FORGED: dict[str, Any] = {
    "unsigned": lambda: HEADER,
    "another key": lambda: signed(later(), b"0" * 32, **GOOD),
    "expired": lambda: signed(int(time.time()) - 1, **GOOD),
    "later expiry": lambda: {
        **signed(later(), **GOOD),
        "genmeter-signature": signed(later(), **GOOD)["genmeter-signature"].replace("v1.", "v1.9"),
    },
    "another value": lambda: {**signed(later(), **GOOD), "genmeter.department": "sales"},
    "a field more": lambda: {**signed(later(), **GOOD), "session.id": "s"},
    "a field less": lambda: {k: v for k, v in signed(later(), **GOOD).items() if k != "user.id"},
    "two in one": lambda: {
        **signed(later(), **GOOD),
        "genmeter.department": "research\nuser=ada",
        "user.id": "",
    },
    "no digits": lambda: {**HEADER, "genmeter-signature": "v1.x.y"},
    "no points": lambda: {**HEADER, "genmeter-signature": "v1"},
    "huge": lambda: {**HEADER, "genmeter-signature": "v1." + "9" * 3000 + ".00"},
    "another digit": lambda: {**HEADER, "genmeter-signature": "v1.²." + "0" * 64},
}


@pytest.mark.parametrize("kind", FORGED)
def test_what_is_not_proven_is_not_taken(kind: str, stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    meter = meters(baggage=FIELDS, baggage_key=SHARED)
    with carried(FORGED[kind]()):
        call(client)
    assert payers(meter) == [(None, None, None, None)]


def test_code_and_settings_win_over_proven_baggage(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """The service's name, which is no setting of ours, does not."""
    meter = meters(
        baggage=FIELDS,
        baggage_key=SHARED,
        attribution={"department": "ops"},
        resource={names.SERVICE_NAME: "shop"},
        user_key=KEY,
    )
    with carried(signed(later(), user="eve", department="research", application="desk", session="s-9")):
        with genmeter.attribution(user="ada"):
            call(client)
    assert payers(meter) == [(hashed("ada"), "ops", "desk", "s-9")]


def test_a_user_that_looks_like_a_hash_is_hashed(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """Whoever said it: the look of a text proves nothing."""
    alike = "u-" + "0" * 32
    meter = meters(baggage=("user",), baggage_key=SHARED, user_key=KEY)
    with genmeter.attribution(user=alike):
        call(client)
    with carried(signed(later(), user=alike)):
        call(client)
    assert payers(meter) == [(hashed(alike), None, None, None)] * 2
    assert alike not in meter.exported()


def test_genmeter_puts_nothing_into_outgoing_baggage(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """What another service gets is what the app has put there itself."""
    meters(user_key=KEY)
    with genmeter.attribution(user="ada", department="research", application="desk", session="s-9"):
        outgoing: dict[str, str] = {}
        W3CBaggagePropagator().inject(outgoing)
        call(client)
    assert outgoing == {}
    assert not any("baggage" in request.headers for request in stub.requests)


def test_a_field_without_a_proof_is_refused_when_the_settings_are_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"takes department from incoming headers without a check; name the file"):
        Settings.load({"GENMETER_BAGGAGE": "department"}, None)
    with pytest.raises(SettingsError, match="takes user"):
        Settings(baggage=("department", "user"), baggage_values={"department": frozenset({"ops"})})


def test_both_proofs_are_read_from_file_and_environment(tmp_path: Path) -> None:
    key, file = tmp_path / "key", tmp_path / "genmeter.toml"
    key.write_bytes(SHARED + b"\n")
    file.write_text(
        f'[attribution]\nbaggage = ["user", "department"]\nbaggage_key_file = "{key}"\n'
        '[attribution.baggage_values]\ndepartment = ["ops", "sales"]\n'
    )
    expected = Settings(
        baggage=("user", "department"),
        baggage_key=SHARED,
        baggage_values={"department": frozenset({"ops", "sales"})},
    )
    assert Settings.load({}, file) == expected
    environ = {
        "GENMETER_BAGGAGE": "user,department",
        "GENMETER_BAGGAGE_KEY_FILE": str(key),
        "GENMETER_BAGGAGE_VALUES": "department=ops|sales",
    }
    (tmp_path / "empty.toml").write_text("")
    assert Settings.load(environ, tmp_path / "empty.toml") == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[attribution.baggage_values]\nteam = ["a"]\n', "unknown field"),
        ('[attribution]\nbaggage_values = { department = "ops" }\n', "write a list of texts"),
        ("[attribution]\nbaggage_values = { department = [] }\n", "write a list of texts"),
        ("[attribution]\nbaggage_values = { department = [7] }\n", "write a list of texts"),
    ],
)
def test_a_list_of_values_that_cannot_be_used_is_told(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "genmeter.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words):
        Settings.load({}, file)
