"""One file and documented variables: each value is read in one way, and a wrong name or value is told with its place."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

import genmeter
from genmeter import settings
from genmeter.budgets import KEYS, budgets_of
from genmeter.pricing import catalogue_for
from genmeter.pricing.override import OTHER
from genmeter.settings import ELSEWHERE, VARIABLES, Settings, SettingsError, Startup
from tests.architecture.tree import PACKAGE, ROOT, tracked

OPENTELEMETRY = ("OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")


def read(folder: Path, text: str, **environ: str) -> Settings:
    file = folder / "genmeter.toml"
    file.write_text(text, encoding="utf-8")
    found = Settings.load(environ, file)
    budgets_of(found)
    catalogue_for(found.prices)
    return found


def test_every_key_and_every_variable_reaches_its_setting(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"0123456789abcdef\n")
    found = read(
        tmp_path,
        f"""
[metrics]
names = "both"
max_series = 50
chunk_times = true
labels = ["application"]
[content]
capture = "SPAN_ONLY"
limit = 100
[attribution]
user = "robot"
department = "ops"
application = "batch"
session = "s"
required = ["application"]
unattributed = "tag"
baggage = []
user_ids = "raw"
user_key_file = "{tmp_path / "key"}"
[sellers]
"LLM.example.com" = "openai"
""",
        GENMETER_COST_ATTRIBUTES="own",
        GENMETER_STREAM_USAGE="off",
        OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT="false",
        GENMETER_SELLERS="a.example=groq, b.example:80/v1=mistral",
    )
    assert found == Settings(
        cost_attributes="own",
        metrics="both",
        max_series=50,
        chunk_times=True,
        event=False,
        content="SPAN_ONLY",
        content_limit=100,
        ask_stream_usage=False,
        attribution={"user": "robot", "department": "ops", "application": "batch", "session": "s"},
        required=("application",),
        unattributed="tag",
        baggage=(),
        metric_labels=("application",),
        raw_users=True,
        user_key=b"0123456789abcdef",
        sellers={"llm.example.com": "openai", "a.example": "groq", "b.example:80/v1": "mistral"},
    )


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    text = '[metrics]\nmax_series = 50\n[attribution]\ndepartment = "ops"\nbaggage = ["user"]\n'
    found = read(tmp_path, text, GENMETER_MAX_SERIES="60", GENMETER_DEPARTMENT="sales", GENMETER_BAGGAGE="")
    assert (found.max_series, found.attribution, found.baggage) == (60, {"department": "sales"}, ())


NONE_AT_ALL = {"GENMETER_REQUIRED", "GENMETER_METRIC_LABELS"}
EMPTY_IS_SET = NONE_AT_ALL | {"GENMETER_BAGGAGE"}


@pytest.mark.parametrize("blank", ["", "  "])
@pytest.mark.parametrize("name", sorted({*VARIABLES, *OPENTELEMETRY} - EMPTY_IS_SET - {"GENMETER_CONFIG"}))
def test_a_variable_that_is_empty_is_not_set(
    name: str, blank: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "key").write_bytes(b"0123456789abcdef")
    text = f"""
[metrics]
names = "both"
max_series = 50
chunk_times = true
[content]
capture = "SPAN_ONLY"
limit = 100
[attribution]
user = "robot"
department = "ops"
application = "batch"
session = "s"
unattributed = "tag"
user_ids = "raw"
user_key_file = "{tmp_path / "key"}"
"""
    assert read(tmp_path, text, **{name: blank}) == read(tmp_path, text)
    assert Startup.load({name: blank}) == Startup()
    assert not caplog.records


@pytest.mark.parametrize("name", sorted(NONE_AT_ALL))
def test_an_empty_list_in_a_variable_is_none_at_all(name: str) -> None:
    setting = name.removeprefix("GENMETER_").lower()
    assert getattr(Settings.load({name: ""}), setting) == () != getattr(Settings(), setting)


@pytest.mark.parametrize("text", ["x = " + "[" * 100_000, "x = " + "{a = " * 100_000], ids=["lists", "tables"])
def test_a_file_that_is_nested_without_end_is_told_in_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"genmeter\.toml: not valid TOML: ") as refused:
        read(tmp_path, text)
    assert len(str(refused.value)) < 300


UNKNOWN = [
    ("[metric]\nnames = 'both'\n", 1, "metric", "unknown table; did you mean 'metrics'?"),
    ("\n[zoo]\n", 2, "zoo", "unknown table; there are attribution, budgets, chargeback, content, metrics, prices, reservations, sellers"),
    ("[metrics]\n\nmax_serie = 5\n", 3, "metrics.max_serie", "unknown key; did you mean 'max_series'?"),
    ("[metrics.labels]\nteam = 1\n[metrics.zoo]\n", 3, "metrics.zoo", "unknown key; there are names, max_series, "),
    ("metrics.name = 'both'\n", 1, "metrics.name", "unknown key; did you mean 'names'?"),
    ("[content]\nlimits = 5\n", 2, "content.limits", "unknown key; did you mean 'limit'? There are capture, limit"),
    ("[attribution]\ndepartement = 'a'\n", 2, "attribution.departement", "did you mean 'department'?"),
    ("[budgets.b]\namout = '5'\nperiod = 'day'\n", 2, "budgets.b.amout", "did you mean 'amount'?"),
    (
        "[budgets.b]\namount = '5'\nperiod = 'day'\n[budgets.b.scope]\nprovidr = 'x'\n",
        5,
        "budgets.b.scope.providr",
        "unknown scope; did you mean 'provider'?",
    ),
    ("[prices.openai.m]\ninput = '1'\ncache_reads = '1'\n", 3, "prices.openai.m.cache_reads", "did you mean 'cache_read'?"),
    ("[sellers]\nllm.example.com = 'openai'\n", 2, "sellers.llm", '"llm.example.com" = "openai"'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "words"), UNKNOWN, ids=[key for _, _, key, _ in UNKNOWN])
def test_an_unknown_name_of_any_table_is_told_with_file_line_and_the_nearest_name(
    text: str, line: int, key: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(genmeter.GenmeterError) as refused:
        read(tmp_path, text)
    assert str(refused.value).startswith(f"{tmp_path / 'genmeter.toml'}:{line}: {key}: ")
    assert words in str(refused.value) and "\n" not in str(refused.value)


VALUES = [
    ("[metrics]\n\nchunk_times = 'maybe'\n", 3, "metrics.chunk_times: 'maybe': write on or off (true or false,"),
    ("[metrics]\nmax_series = true\n", 2, "metrics.max_series: True: write a whole number above zero"),
    ("[metrics]\nnames = 'old'\n", 2, "metrics.names: 'old': write one of latest, legacy, both"),
    ("[metrics]\nlabels = ['user']\n", 2, "metrics.labels: ['user']: 'user' is unknown; write some of department,"),
    ("[content]\ncapture = true\n", 2, "content.capture: True: write one of NO_CONTENT, SPAN_ONLY"),
    ("[attribution]\nuser = 3\n", 2, "attribution.user: 3: write it as a string"),
    ("[attribution]\nuser_key_file = 'none'\n", 2, "attribution.user_key_file: 'none': the file cannot be read (No such"),
    ("a = 1\nmetrics = 3\n", 1, "a: unknown table"),
    ("metrics = 3\n", 1, "metrics: this must be a table: write [metrics]"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "words"), VALUES, ids=[words for _, _, words in VALUES])
def test_a_wrong_value_in_the_file_is_told_with_its_line(text: str, line: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, text)
    assert f"genmeter.toml:{line}: {words}" in str(refused.value)


@pytest.mark.parametrize("word", ["on", "true", "1", "yes", " On "])
def test_each_word_for_on_means_on_in_every_switch(word: str) -> None:
    names = ("GENMETER_CHUNK_TIMES", "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT", "GENMETER_STREAM_USAGE")
    found = Settings.load(dict.fromkeys(names, word), path=None)
    assert (found.chunk_times, found.event, found.ask_stream_usage) == (True, True, True)
    assert Startup.load({"GENMETER_CONFIGURE_SDK": word, "GENMETER_FLUSH_ON_TERM": word}) == (True, True)


@pytest.mark.parametrize("word", ["off", "false", "0", "no", "OFF"])
def test_each_word_for_off_means_off_in_every_switch(word: str) -> None:
    names = ("GENMETER_CHUNK_TIMES", "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT", "GENMETER_STREAM_USAGE")
    found = Settings.load(dict.fromkeys(names, word), path=None)
    assert (found.chunk_times, found.event, found.ask_stream_usage) == (False, False, False)
    assert Startup.load({"GENMETER_CONFIGURE_SDK": word, "GENMETER_FLUSH_ON_TERM": word}) == (False, False)


@pytest.mark.parametrize("word", ["enabled", "2", "onn"])
@pytest.mark.parametrize("name", ["CHUNK_TIMES", "CONFIGURE_SDK", "FLUSH_ON_TERM"])
def test_any_other_word_in_a_switch_is_an_error_that_names_the_words(name: str, word: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.load({f"GENMETER_{name}": word})
    assert str(refused.value) == (
        f"GENMETER_{name}={word!r}: write on or off (true or false, yes or no, 1 or 0 mean the same)"
    )


def test_an_unknown_variable_is_told_once_with_the_nearest_name_and_is_no_error(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "_warned", set())
    environ = {"GENMETER_UNATRIBUTED": "reject", "GENMETER_ZZZZ": "1", "GENMETER_CACHE": "x", "GENMETER_LEDGER": "x"}
    with caplog.at_level(logging.WARNING, logger="genmeter"):
        assert Settings.load(environ) == Settings.load(environ) == Settings()
    assert [record.getMessage() for record in caplog.records] == [
        "genmeter: the variable GENMETER_UNATRIBUTED is unknown and changes nothing; did you mean GENMETER_UNATTRIBUTED?",
        "genmeter: the variable GENMETER_ZZZZ is unknown and changes nothing; the README lists the variables",
    ]


def test_a_file_that_cannot_be_read_is_told_with_the_setting_that_named_it(tmp_path: Path) -> None:
    missing = tmp_path / "nope.toml"
    for environ, path, name in (
        ({}, missing, "--config"),
        ({"GENMETER_CONFIG": str(missing)}, None, "GENMETER_CONFIG"),
    ):
        with pytest.raises(SettingsError) as refused:
            Settings.load(environ, path)
        assert str(refused.value) == f"{missing}: cannot be read (No such file or directory); check {name}"


def test_another_tools_word_for_content_captures_nothing_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="genmeter"):
        found = read(
            tmp_path,
            "[content]\ncapture = 'SPAN_ONLY'\n",
            OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true",
        )
    assert found.content == "NO_CONTENT"
    (said,) = [record.getMessage() for record in caplog.records]
    assert "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT='true' is read as NO_CONTENT; write one of" in said


def test_the_variables_that_others_read_are_read_by_others() -> None:
    texts = [path.read_text(errors="replace") for path in tracked() if PACKAGE not in path.parents]
    readers = [text for text in texts if "ELSEWHERE" not in text]
    assert {name for name in ELSEWHERE if not any(name in text for text in readers)} == set()
    assert set() == ELSEWHERE & VARIABLES


def test_each_variable_that_the_repository_sets_for_genmeter_is_known() -> None:
    planted = {
        "GENMETER_TOKEN",
        "GENMETER_PRICES_FILE",
        "GENMETER_UNATRIBUTED",
        "GENMETER_LEGER",
    }  # mistakes that tests make on purpose
    found: set[str] = set()
    for path in tracked():
        if (
            path.suffix in (".py", ".yaml", ".toml", ".md", ".sh", "")
            and Path(__file__) != path
            and path.stat().st_size < 10**6
        ):
            text = path.read_text(encoding="utf-8", errors="replace")
            found |= set(re.findall(r"\bGENMETER_[A-Z0-9_]*[A-Z0-9]\b(?!_?\{)", text))
    assert found - VARIABLES - ELSEWHERE - planted == set()
    assert ROOT in PACKAGE.parents


def test_the_readme_names_the_key_of_each_variable() -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Settings")[1].split("\n## ")[0]
    told: dict[str, str] = {}
    for row in re.findall(r"^\| (`[A-Z].*?) \| (.*?) \|", section, re.MULTILINE):
        variables, keys = (re.findall("`(.+?)`", cell) for cell in row)
        if not keys:
            assert row[1] == "no key", row
            keys = [""] * len(variables)
        table = keys[0].partition(".")[0]
        told |= zip(variables, (table + key if key.startswith(".") else key for key in keys), strict=True)
    known = {one.variable: one.key for one in (*settings._ATTRIBUTION, *settings._SETTINGS)}
    without = dict.fromkeys((settings.LEDGER, settings.CONFIGURE_SDK, settings.FLUSH_ON_TERM), "")
    assert told == known | without | {settings._SELLERS: "[sellers]"}


@pytest.mark.parametrize(("table", "keys"), [("budgets", set(KEYS)), ("prices", set(OTHER))])
def test_the_readme_names_the_keys_of_budgets_and_of_prices(table: str, keys: set[str]) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Settings")[1].split("\n## ")[0]
    told = section.partition(f"`[{table}.")[2].partition("; `[" if table == "prices" else ".\n")[0]
    assert set(re.findall("`([a-z_]+)`", told)) == keys


def test_the_tables_of_the_file_are_those_that_the_collector_knows() -> None:
    known = json.loads((Path(__file__).parents[1] / "vectors/tables.json").read_text("utf-8"))
    assert known["tables"] == sorted((*settings._FREE, *settings._KEYS))
    assert known["keys"] == sorted(settings._TOP)
