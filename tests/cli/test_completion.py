"""``genmeter completion``: the shells themselves complete commands, options and values by what it prints."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from genmeter.cli.completion import SHELLS
from genmeter.cli.main import COMMANDS
from tests.cli.conftest import Command, command, user

BASH = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _genmeter; printf "%s\\n" "${COMPREPLY[@]}"'
ZSH = (
    'autoload -Uz compinit && compinit -u -d "$2"; source "$1"; shift 2; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); '
    'emulate ksh -c _genmeter; print -rl -- "${COMPREPLY[@]}"'
)
FISH = 'source $argv[1]; complete -C "$(string join " " -- $argv[2..])"'


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script of each shell, named as the shell."""
    folder = tmp_path_factory.mktemp("completion")
    run: Command = command(user(folder))
    for shell in SHELLS:
        done = run("completion", shell)
        assert (done.returncode, done.stderr) == (0, b"")
        (folder / shell).write_bytes(done.stdout)
    return folder


def completed(shell: str, scripts: Path, *words: str) -> set[str]:
    """What the shell offers for the last of the words."""
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"no {shell} is on this machine")
    given = [scripts / shell, *([scripts / "compdump"] if shell == "zsh" else []), "genmeter", *words]
    quiet = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    script = {"bash": BASH, "zsh": ZSH, "fish": FISH}[shell]
    zeroth = [] if shell == "fish" else [shell]
    done = subprocess.run(
        [path, *quiet, "-c", script, *zeroth, *given],
        capture_output=True,
        text=True,
        timeout=30,
        env={"HOME": str(scripts), "PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    offered = {line.partition("\t")[0] for line in done.stdout.splitlines() if line}
    # zsh itself leaves out what begins otherwise, after the function has run
    return {word for word in offered if word.startswith(words[-1])} if shell == "zsh" else offered


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_is_offered_first(shell: str, scripts: Path):
    assert set(COMMANDS) <= completed(shell, scripts, "")
    assert completed(shell, scripts, "led") == {"ledger"}


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_of_a_command_its_options_and_their_values_are_offered(shell: str, scripts: Path):
    assert {"verify", "seal", "copy"} <= completed(shell, scripts, "ledger", "")
    assert completed(shell, scripts, "ledger", "ver") == {"verify"}
    assert "--ledger" in completed(shell, scripts, "ledger", "verify", "--le")
    assert "--by" in completed(shell, scripts, "report", "--by", "model", "--b")
    assert completed(shell, scripts, "completion", "fi") == {"fish"}
    assert "--ledger" not in completed(shell, scripts, "--le")
