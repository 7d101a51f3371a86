"""The command tree: help everywhere, one-line errors, a fast start."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files

import pytest

from genmeter.cli.main import COMMANDS, parser


def commands():
    (subparsers,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return subparsers


def test_every_command_and_every_option_has_help():
    tree = commands()
    assert tuple(tree.choices) == COMMANDS
    helps = {action.dest: action.help for action in tree._choices_actions}
    for name, command in tree.choices.items():
        assert helps[name], name
        assert command.description, name
        for action in command._actions:
            assert action.help, f"genmeter {name} {action.option_strings or action.dest}"
        shown = command.format_help()
        assert shown and "``" not in shown
        # the usage and the list of options name an option's value alike
        for option, value in re.findall(r"(--[a-z][a-z-]*) ([A-Z]+)", shown):
            assert {one for name, one in re.findall(r"(--[a-z][a-z-]*) ([A-Z]+)", shown) if name == option} == {value}
        assert callable(command.get_default("run"))


@pytest.mark.parametrize("arguments", [["--help"], [], *([name, "--help"] for name in COMMANDS)])
def test_help_is_on_stdout(genmeter, arguments):
    done = genmeter(*arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"usage: genmeter")


def test_version_says_which_genmeter_and_which_prices(genmeter):
    done = genmeter("--version")
    first, second = done.stdout.decode().splitlines()
    assert (done.returncode, first) == (0, f"genmeter {version('genmeter')}")
    catalogue = json.loads(files("genmeter.pricing").joinpath("data", "catalogue.json").read_text("utf-8"))
    assert second == f"price catalogue {catalogue['version']}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "--bye", "model"], "--bye model; did you mean --by? See 'genmeter report --help'"),
        (["models", "--sellr=x"], "--sellr=x; did you mean --seller? See 'genmeter models --help'"),
        (["run", "--ouput", "x", "--", "true"], "--ouput; did you mean --output? See 'genmeter run --help'"),
        (["collector", "config", "--lki", "x"], "--lki x; did you mean --loki? See 'genmeter collector config --help'"),
        (["errors", "--zzz"], "--zzz; see 'genmeter errors --help'"),
        (["calls", "more"], "more; see 'genmeter calls --help'"),
    ],
)
def test_an_unknown_option_is_told_with_the_nearest_one_and_the_help_of_its_command(genmeter, arguments, words):
    done = genmeter(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"genmeter: unrecognized arguments: {words}\n"


def test_an_argument_that_is_missing_has_the_name_that_the_help_shows(genmeter):
    name = "{check,show}"
    assert f"arguments are required: {name};" in genmeter("budgets").stderr.decode()
    assert name in genmeter("budgets", "--help").stdout.decode()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_of_a_misspelled_variable_once(genmeter, command):
    # each of these ends by itself, most with a refusal
    arguments = {"run": ["--", "true"], "dev": ["--port", "0", "--ledger", "/dev/null/l.db"], "budgets": ["check"], "users": ["show"],
                 "serve": ["--ledger", "/dev/null/l.db"], "collector": ["config"], "trace": ["00"], "reconcile": ["--bill", "/no/such.csv"],
                 "whatif": ["--model", "a=b"], "init": ["--file", "/dev/null/genmeter.toml"], "completion": ["fish"]}  # fmt: skip
    done = genmeter(command, *arguments.get(command, []), env={"GENMETER_LEGER": "/x"})
    assert (
        done.stderr.decode().count("GENMETER_LEGER is unknown and changes nothing; did you mean GENMETER_LEDGER?") == 1
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["reprot"], "did you mean 'genmeter report'?"), (["zzz"], "run, dev, report"), (["--zzz"], "--help")],
)
def test_an_unknown_command_is_one_line_that_says_what_to_do(genmeter, arguments, words):
    done = genmeter(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr.decode() and done.stderr.count(b"\n") == 1


def test_a_closed_pipe_is_no_traceback(environment):
    command = f"{sys.executable} -m genmeter --help | true; exit ${{PIPESTATUS[0]}}"
    for _ in range(5):
        done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True)
        assert done.returncode in (0, 141) and done.stderr == b""


def test_run_starts_without_what_it_does_not_need():
    code = (
        "import sys; before = set(sys.modules); from genmeter.cli.main import parser; parser(['run']); "
        "heavy = ('opentelemetry.sdk', 'opentelemetry.proto', 'sqlite3', 'google', 'genmeter.ledger'); "
        "print([m for m in set(sys.modules) - before if m.startswith(heavy)])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.strip() == b"[]"
