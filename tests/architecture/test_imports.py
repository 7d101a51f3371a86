"""Imports run one way, and the rooms that must stay light stay light."""

from __future__ import annotations

import subprocess
import sys

import pytest

import genmeter
from tests.architecture.tree import imports, modules

BEDROCK = {"model", "names", "units", "errors", "settings", "spelling", "tomllines", "periods", "instants", "_version"}
BEDROCK |= {"texts", "credentials", "state", "userkeys"}
BELOW = {
    "": {"metering", *BEDROCK},
    "__main__": {"cli"},
    "model": {"units"},
    "names": {"units"},
    "units": set(),
    "_version": set(),
    "errors": set(),
    "spelling": set(),
    "texts": set(),
    "credentials": set(),
    "state": set(),
    "userkeys": {"errors"},
    "values": {"userkeys"},
    "settings": {"errors", "spelling", "tomllines", "values", "userkeys", "credentials", "state"},
    "tomllines": set(),
    "periods": set(),
    "instants": set(),
    "budgets": {"errors", "model", "settings", "spelling", "tomllines", "periods", "state", "texts", "userkeys"},
    "pricing": {"errors", "model", "names", "spelling", "tomllines", "units"},
    "reading": {"pricing", *BEDROCK},
    "ledger": {"reading", "pricing", *BEDROCK},
    "reports": {"ledger", "reading", "pricing", "budgets", *BEDROCK},
    "server": {"reports", "ledger", "reading", "pricing", "budgets", *BEDROCK},
    "diagnosis": {"metering", "reports", "ledger", "pricing", "budgets", *BEDROCK},
    "cli": {"diagnosis", "server", "reports", "ledger", "reading", "pricing", "budgets", *BEDROCK},
    "metering": {"reading", "pricing", "budgets", *BEDROCK},
}
"""Room → the rooms that it may import."""

OUTSIDE = {
    "": set(),
    "__main__": set(),
    "model": set(),
    "names": set(),
    "units": set(),
    "_version": set(),
    "errors": set(),
    "spelling": set(),
    "texts": set(),
    "credentials": set(),
    "state": set(),
    "userkeys": set(),
    "values": set(),
    "settings": set(),
    "tomllines": set(),
    "periods": set(),
    "instants": set(),
    "budgets": set(),
    "pricing": set(),
    "reading": set(),
    "ledger": {"opentelemetry.proto", "google.protobuf"},
    "reports": set(),
    "server": {"opentelemetry.proto", "google.protobuf", "google.rpc", "grpc"},
    "diagnosis": {"opentelemetry"},
    "cli": set(),
    "metering": {"opentelemetry", "wrapt"},
}
"""Room → what it may import beside the standard library; only what pyproject.toml declares."""

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "base"}
ROOMS = {"genmeter." + room for room in BELOW}


def room_of(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


@pytest.mark.parametrize("name", modules())
def test_imports_run_one_way(name):
    room = room_of(name)
    strays = [
        f"line {line}: {target}"
        for target, line in imports(name)
        if target.startswith("genmeter.")
        and (other := room_of(target.removeprefix("genmeter."))) != room
        and f"genmeter.{other}" in ROOMS
        and other not in BELOW[room]
    ]
    assert strays == [], f"genmeter.{name} may import only {sorted(BELOW[room])}"


@pytest.mark.parametrize("name", modules())
def test_only_the_rooms_that_need_them_import_other_packages(name):
    allowed = OUTSIDE[room_of(name)]
    strays = [
        f"line {line}: {target}"
        for target, line in imports(name)
        if (top := target.split(".")[0]) != "genmeter"
        and top not in sys.stdlib_module_names
        and not any(target == one or target.startswith(one + ".") for one in allowed)
    ]
    assert strays == []


def test_every_room_is_named_here():
    assert {room_of(name) for name in modules()} == set(BELOW)


def test_no_module_is_called_by_a_word_that_says_nothing():
    parts = {part for name in modules() for part in name.split(".")}
    assert parts & FORBIDDEN_NAMES == set()


def test_no_room_has_the_name_of_something_public():
    # `import genmeter.NAME.module` reads the attribute NAME of the package, which must be the folder.
    assert {room_of(name) for name in modules()} & set(genmeter.__all__) == set()


def test_pricing_and_model_load_neither_opentelemetry_nor_an_sdk():
    # The package's own __init__ is left out: it offers attribution, which lives in the OpenTelemetry context.
    script = """
import sys, types
root = types.ModuleType("genmeter"); root.__path__ = [sys.argv[1]]; sys.modules["genmeter"] = root
import genmeter.pricing, genmeter.model, genmeter.names
print(sorted({name.split(".")[0] for name in sys.modules} & {"opentelemetry", "openai", "anthropic", "wrapt", "google"}))
"""
    from tests.architecture.tree import PACKAGE

    done = subprocess.run([sys.executable, "-c", script, PACKAGE], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_importing_and_enabling_genmeter_imports_no_sdk():
    script = """
import sys, genmeter
genmeter.instrument()
print([name for name in ("openai", "anthropic") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
