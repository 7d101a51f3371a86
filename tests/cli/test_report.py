"""``genmeter report``: formats, windows and what it refuses."""

from __future__ import annotations

import csv
import io
import itertools
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from genmeter.cli.main import main
from genmeter.instants import instant
from genmeter.ledger import Ledger
from tests.cli.conftest import APP, command, user
from tests.ledger.otlp import chat, span, traces

# One worker runs the app once for all of these.
pytestmark = pytest.mark.xdist_group("report")


@pytest.fixture(scope="session")
def spent(tmp_path_factory):
    """The command with a ledger that has one run of the mixed app; reports only read it."""
    genmeter = command(user(tmp_path_factory.mktemp("state")))
    assert genmeter("run", "--json", "--", "python", APP, "mixed").returncode == 0
    return genmeter


def test_a_table_has_every_row_the_unpriced_and_a_total(spent):
    lines = [line.split() for line in spent("report").stdout.decode().splitlines()]
    assert lines[0] == ["model", "calls", "errors", "input", "cache", "read", "output", "reasoning", "unpriced", "USD"]
    assert lines[2] == ["claude-opus-4-8", "1", "0", "40,000", "0", "2,000", "0", "0", "12.50"]
    assert lines[3] == ["gpt-5.6", "5", "1", "3,900", "3,000", "250", "90", "0", "0.00425"]
    assert lines[4] == ["house-7b", "1", "0", "500", "0", "20", "0", "1", "-"]
    assert lines[5] == ["total", "7", "1", "44,400", "3,000", "2,270", "90", "1", "12.50425"]


def test_json_and_csv_have_exact_money_and_no_total(spent):
    rows = json.loads(spent("report", "--by", "model", "--json").stdout)
    assert [(row["model"], row["cost"], row["currency"]) for row in rows] == [
        ("claude-opus-4-8", "12.50", "USD"),
        ("gpt-5.6", "0.00425", "USD"),
        ("house-7b", None, None),
    ]
    read = list(csv.DictReader(io.StringIO(spent("report", "--csv").stdout.decode())))
    assert [row["cost"] for row in read] == ["12.50", "0.00425", ""]


@pytest.mark.parametrize(
    "by", ["model", "department", "application", "user", "session", "day", "agent", "workflow", "conversation"]
)
def test_every_column_adds_up_to_the_same_total(spent, by):
    lines = spent("report", "--by", by).stdout.decode().splitlines()
    assert lines[-1].split()[:2] == ["total", "7"] and lines[-1].endswith("12.50425")


def test_days_are_utc_and_until_is_exclusive(spent):
    (row,) = json.loads(spent("report", "--by", "day", "--json").stdout)
    assert row["day"] == f"{datetime.now(UTC):%Y-%m-%d}"
    assert json.loads(spent("report", "--until", row["day"], "--json").stdout) == []
    assert len(json.loads(spent("report", "--since", row["day"], "--json").stdout)) == 3
    assert len(json.loads(spent("report", "--since", "1h", "--json").stdout)) == 3
    empty = spent("report", "--until", "7d")
    assert (empty.returncode, empty.stdout) == (0, b"") and b"no calls" in empty.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--by", "colour"], "invalid choice: 'colour'"),
        (["--since", "yesterday"], "'yesterday' is no date or time"),
        (["--since", "2026-02-30"], "'2026-02-30' is no date or time (day"),
        (["--since", "30/11/2026"], "'30/11/2026' is no date or time; write 2026-11-20"),
        (["--since", "99999999d"], "'99999999d' is no date or time; write 2026-11-20"),
        (["--until", "20261101"], "write 2026-11-20"),
        (["--since", "1d", "--until", "2d"], "is not before --until"),
        (["--since", "2026-01-01", "--until", "2026-01-01T00:00Z"], "is not before --until"),
        (["--since", "999999w"], "calendar"),
        (["--json", "--csv"], "not allowed with"),
        (["--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_exit_2(genmeter, arguments, words):
    done = genmeter("report", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr.decode() and done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("window", [["--since", "0001-01-01"], ["--since", "0001-01-01", "--until", "9999-12-31"]])
def test_a_window_may_reach_to_the_ends_of_the_calendar(spent, window):
    done = spent("report", *window)
    assert (done.returncode, done.stdout) == (0, spent("report").stdout)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii:surrogateescape"])
def test_a_terminal_that_cannot_show_a_name_gets_it_spelled_out(genmeter, tmp_path, encoding):
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.book_traces(traces(span(1, chat(genmeter__application="工单"))))
    for arguments in (
        ("report", "--by", "application"),
        ("report", "--by", "application", "--json"),
        ("calls", "--csv"),
    ):
        done = genmeter(*arguments, "--ledger", tmp_path / "ledger.db", env={"PYTHONIOENCODING": encoding})
        assert (done.returncode, done.stderr) == (0, b"") and b"\\u5de5\\u5355" in done.stdout


def test_a_missing_ledger_is_one_line_and_is_not_made(genmeter, tmp_path):
    done = genmeter("report", "--ledger", tmp_path / "no.db")
    assert (done.returncode, done.stdout) == (1, b"")
    assert "genmeter run" in done.stderr.decode() and done.stderr.count(b"\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_ledger_is_one_line(genmeter, tmp_path):
    file = tmp_path / "x.db"
    file.write_text("hello " * 1000)
    done = genmeter("report", "--ledger", file)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1


def test_a_ledger_that_is_being_booked_is_reported_as_of_one_moment(tmp_path, capsys):
    path, stop = tmp_path / "ledger.db", threading.Event()
    with Ledger.open(path) as ledger:
        for batch in range(20):
            ledger.book_traces(traces(*(span(batch * 100 + number, chat()) for number in range(1, 101))))

        def book():
            for number in itertools.count(10_000):
                if stop.is_set():
                    return
                ledger.book_traces(traces(span(number, chat())))

        booking = threading.Thread(target=book)
        booking.start()
        try:
            codes = [main(["report", "--ledger", str(path)]) for _ in range(20)]
        finally:
            stop.set()
            booking.join(60)
    assert codes == [0] * 20 and "2," in capsys.readouterr().out


def test_instants_are_utc_unless_they_carry_an_offset():
    assert instant("2026-11-20") == datetime(2026, 11, 20, tzinfo=UTC)
    assert instant("2026-11-20T15:30") == datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    assert instant("2026-11-20T15:30:01.5+02:00") == datetime(2026, 11, 20, 13, 30, 1, 500_000, tzinfo=UTC)
    assert instant("2026-11-20 15:30Z") == datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    # records of other languages have nanoseconds
    assert instant("2026-11-20T15:30:01.123456789Z") == datetime(2026, 11, 20, 15, 30, 1, 123_456, tzinfo=UTC)
    for text, ago in (("30m", timedelta(minutes=30)), ("24h", timedelta(days=1)), ("7d", timedelta(days=7))):
        assert abs(datetime.now(UTC) - ago - instant(text)) < timedelta(seconds=5)


def test_a_report_by_agent_shows_own_spend_and_spend_with_inner_agents(genmeter, tmp_path):
    path = tmp_path / "l.db"
    with Ledger.open(path) as ledger:
        inner = {"gen_ai__agent__name": "billing", "genmeter__agent__path": "triage/billing"}
        outer = {"gen_ai__agent__name": "triage", "genmeter__agent__path": "triage"}
        for number, (dollars, who) in enumerate(((1.0, outer), (2.0, inner), (4.0, {})), 1):
            ledger.book_traces(traces(span(number, chat(gen_ai__usage__cost__amount=dollars, **who), trace=number)))
    done = genmeter("report", "--by", "agent", "--ledger", path, "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert [(row["agent"], row["with_inside"], row["cost"]) for row in rows] == [
        ("", "4.00", "4.00"),
        ("billing", "2.00", "2.00"),
        ("triage", "3.00", "1.00"),
    ]
    lines = genmeter("report", "--by", "agent", "--ledger", path).stdout.decode().splitlines()
    assert lines[-1].split()[:2] == ["total", "3"] and lines[-1].split()[-2:] == ["-", "7.00"]
