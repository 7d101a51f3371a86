"""The child's environment and its name."""

from __future__ import annotations

import pytest

from genmeter.cli.child import environment, script_name, unmetered_by
from genmeter.cli.state import state_file

URL = "http://127.0.0.1:5000"


def made(own):
    return environment(own, URL, ["python", "shop/app.py"])


def test_everything_that_diverts_or_drops_gives_way():
    signals = ("", "TRACES_", "METRICS_", "LOGS_")
    parts = ("ENDPOINT", "PROTOCOL", "HEADERS", "CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE", "COMPRESSION")
    own = {f"OTEL_EXPORTER_OTLP_{signal}{part}": "x" for signal in signals for part in parts}
    own |= {"OTEL_SDK_DISABLED": "true", "OTEL_CONFIG_FILE": "otel.yaml"}
    variables, overridden = made(own)
    assert set(overridden) == set(own)
    left = {name: value for name, value in variables.items() if name in own}
    assert left == {"OTEL_EXPORTER_OTLP_ENDPOINT": URL, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}


def test_everything_else_stays():
    own = {
        "OTEL_TRACES_SAMPLER": "always_off",
        "OTEL_BSP_SCHEDULE_DELAY": "60000",
        "HOME": "/h",
        "OTEL_SERVICE_NAME": "s",
    }
    variables, overridden = made(own)
    assert own.items() <= variables.items()
    assert overridden == ()
    assert "no_proxy" not in variables


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"HTTP_PROXY": "p"}, "127.0.0.1,localhost"),
        ({"http_proxy": "p", "NO_PROXY": "a, b"}, "a,b,127.0.0.1,localhost"),
        ({"http_proxy": "p", "no_proxy": "127.0.0.1", "NO_PROXY": "x"}, "127.0.0.1,localhost"),
        ({"http_proxy": "p", "no_proxy": "*"}, "*"),
    ],
)
def test_a_proxy_never_sees_loopback(own, expected):
    variables, _ = made(own)
    assert variables["no_proxy"] == variables["NO_PROXY"] == expected


def test_a_service_named_by_resource_attributes_keeps_its_name():
    variables, _ = made({"OTEL_RESOURCE_ATTRIBUTES": "a=b,service.name=shop"})
    assert "OTEL_SERVICE_NAME" not in variables
    assert made({})[0]["OTEL_SERVICE_NAME"] == "app"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python app.py -m x", "app"),
        ("/usr/bin/python3.12 -u -W ignore -X dev jobs/nightly.py", "nightly"),
        ("python -m shop.web --port 1", "shop.web"),
        ("python -c pass", "python"),
        ("python", "python"),
        ("uvicorn shop:app", "uvicorn"),
        ("./bin/start.sh", "start"),
    ],
)
def test_the_script_names_the_service(command, name):
    assert script_name(command.split()) == name


def test_the_ledger_lies_where_the_user_or_the_xdg_specification_says(monkeypatch):
    monkeypatch.setenv("HOME", "/home/u")
    assert str(state_file({"GENMETER_LEDGER": "/data/l.db", "XDG_STATE_HOME": "/s"})) == "/data/l.db"
    assert str(state_file({"XDG_STATE_HOME": "/s"})) == "/s/genmeter/ledger.db"
    assert str(state_file({"XDG_STATE_HOME": "relative"})) == "/home/u/.local/state/genmeter/ledger.db"


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("python -I app.py", "-I"),
        ("python3.12 -uE app.py", "-E"),
        ("python -W ignore -X dev -sS -m shop", "-S"),
        ("uv run python -IB app.py", "-I"),
        ("python -bIc pass", "-I"),
        ("python --check-hash-based-pycs always -E app.py", "-E"),
        ("python -Wignore::ImportWarning app.py", None),
        ("python -X importtime app.py -I", None),
        ("python -c pass -E", None),
        ("python -m shop -I", None),
        ("python -uB -P app.py", None),
        ("./run -I", None),
    ],
)
def test_the_option_that_keeps_the_meter_out_is_found(command, option):
    assert unmetered_by(command.split()[0], command.split()) == option


def test_the_option_in_the_first_line_of_a_script_is_found(tmp_path):
    for line in ("#!/usr/bin/python3 -I", "#!/usr/bin/env -S python3 -uI"):
        (tmp_path / "app").write_text(f"{line}\npass\n")
        assert unmetered_by(str(tmp_path / "app"), ["app"]) == "-I"
