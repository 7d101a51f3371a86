"""The benchmark works: the floor is genmeter's equal, the SDK is given back, figures and verdicts are what they say."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from genmeter import names
from tests.bench import command, contenders, floor_calls, parity, startup
from tests.bench.results import Row, table
from tests.bench.rounds import Figure
from tests.bench.scenarios import BY_NAME, REAL
from tests.bench.sinks import Sinks

openai = pytest.importorskip("openai")
pytest.importorskip("anthropic")


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    with patch.dict(os.environ, {"ANTHROPIC_OPEN_TELEMETRY": "false"}):
        yield


def test_the_floor_exports_what_genmeter_exports() -> None:
    parity.check(REAL)


def test_a_floor_that_exports_less_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(floor_calls.CHAT_REQUEST, names.OPENAI_API_TYPE)
    with pytest.raises(parity.Disparity, match=r"oai_chat: only genmeter: span attribute openai\.api\.type"):
        parity.check((BY_NAME["oai_chat"],))


def test_the_sdk_is_given_back_between_turns() -> None:
    contenders.load()
    completions = openai.resources.chat.completions.Completions
    before = completions.create
    metered = contenders.genmeter(Sinks())
    try:
        assert completions.create is before
        with metered:
            assert completions.create is not before
        assert completions.create is before
    finally:
        contenders.disable_genmeter(metered)
    assert completions.create is before


def test_a_run_gives_a_table_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bench.json"
    wanted = "oai_stream_alone,oai_stream_async_alone,ant_stream"
    status = command.main(["--only", wanted, "--seconds", "0.6", "--rounds", "3", "--quick", "--json", str(file)])
    assert status == 0
    rows = {(row["group"].split(",")[0], row["name"]): row for row in json.loads(file.read_text())["rows"]}
    # Each streamed scenario brings its unstreamed twin, whose cost is taken off before dividing by the chunks.
    assert rows["oai_chat_alone", "genmeter - floor, in the call"]["target"] == 0.0
    assert rows["a chunk of a stream", "oai_stream_alone: genmeter"]["target"] == 2.0
    assert rows["oai_chat_async_alone", "floor"]["figure"]["median"] > 10
    assert "genmeter - floor, and at collection" in capsys.readouterr().out


def test_a_profile_names_our_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.sampling.profile.__defaults__", (0.3,))
    assert command.main(["--profile", "oai_chat_alone"]) == 0
    assert "genmeter/metering/call/engine.py" in capsys.readouterr().out


def test_starting_up_is_measured_in_another_process() -> None:
    spent, passed, megabytes = startup.one("genmeter", sys.executable, warm=False)
    assert spent > 1
    assert passed > 1
    assert 0.5 < megabytes < 100


def test_figures() -> None:
    figure = Figure.of([1, 2, 3, 4, 5])
    assert (figure.median, figure.first, figure.third) == (3, 2, 4)
    assert figure.allowance == pytest.approx(1.57 * 2 / 5**0.5)
    assert figure.plus(1).over(2).median == 2


@pytest.mark.parametrize(("target", "verdict"), [(3.0, "pass"), (2.5, "noise"), (1.5, "MISS"), (None, "")])
def test_verdicts(target: float | None, verdict: str) -> None:
    row = Row("group", "µs", "row", Figure(3.0, 2.0, 4.0, 1.0), target)
    assert row.verdict == verdict
    assert verdict in table([row])


def test_unknown_scenarios_are_refused() -> None:
    with pytest.raises(SystemExit, match="no scenario oai_chta; there are oai_chat, "):
        command.main(["--only", "oai_chta"])
