"""The command tree: help everywhere, one-line errors, a fast start."""

from __future__ import annotations

import argparse
import subprocess
import sys

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
        assert command.format_help()
        assert callable(command.get_default("run"))


@pytest.mark.parametrize("arguments", [["--help"], [], *([name, "--help"] for name in COMMANDS)])
def test_help_is_on_stdout(genmeter, arguments):
    done = genmeter(*arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"usage: genmeter")


def test_version(genmeter):
    done = genmeter("--version")
    assert done.returncode == 0 and done.stdout.startswith(b"genmeter ")


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
