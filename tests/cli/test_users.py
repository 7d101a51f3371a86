"""``genmeter users``: the keys that hash user ids outlive a process, are made once, rotate, and tell whose a hash is."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from genmeter import userkeys
from genmeter.ledger import Ledger
from genmeter.settings import Settings
from genmeter.userkeys import KeysError, UserKey
from tests.ledger.otlp import chat, span, traces

from .conftest import Command

APP = """
import sys
from opentelemetry.context import get_current
from genmeter.metering.notices import notices
from genmeter.metering.payers.attributor import Attributor
from genmeter.settings import Settings
import genmeter
notices.metered = True
attributor = Attributor(Settings.load())
for user in sys.argv[1:]:
    with genmeter.attribution(user=user):
        print(attributor.find(get_current()).user)
"""


def meter(environment: dict[str, str], *users: str, **more: str) -> list[str]:
    """The hashes of some users in a process of their own, and what it says."""
    done = subprocess.run(
        [sys.executable, "-c", APP, *users],
        env=environment | more,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [*done.stdout.split(), *done.stderr.splitlines()]


def rows(genmeter: Command, *arguments: object) -> list[dict[str, str]]:
    """What a command prints as JSON."""
    done = genmeter("users", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


@pytest.fixture
def file(environment: dict[str, str]) -> Path:
    """Where the keys of this user are."""
    return Path(environment["XDG_STATE_HOME"]) / "genmeter" / "users.key"


def test_one_user_is_one_hash_in_every_run(environment: dict[str, str], file: Path, genmeter: Command) -> None:
    """Three runs of ada: one user, by a key that only its owner can read, in the state folder; nothing is said."""
    (first,), (second,), (third, bob) = (meter(environment, *users) for users in (["ada"], ["ada"], ["ada", "bob"]))
    assert first == second == third != bob
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert rows(genmeter, "match", "ada") == [{"version": "1", "hash": first}]
    version, _, key = file.read_text().splitlines()[1].split()
    assert (version, first) == ("1", "u-" + hmac.new(bytes.fromhex(key), b"ada", hashlib.sha256).hexdigest()[:32])


def test_processes_that_start_at_once_agree_on_one_key(environment: dict[str, str], file: Path) -> None:
    """All begin while there is no file; each prints the same hash, and no draft stays behind."""
    waiting = f"import os, sys; sys.stdin.read()\n{APP}"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", waiting, "ada"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(8)
    ]
    for one in started:
        assert one.stdin is not None
        one.stdin.close()
    found = set()
    for one in started:
        assert one.stdout is not None
        found.add(one.stdout.read())
        assert one.wait(60) == 0
        one.stdout.close()
    assert len(found) == 1
    assert os.listdir(file.parent) == ["users.key"]


def test_a_folder_that_cannot_be_written_is_said_and_users_have_the_hashes_of_one_process(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """One line, at the first user and not before; the raw id is not in it."""
    (tmp_path / "taken").write_text("a file, and no folder")
    state = str(tmp_path / "taken")
    first, again, words = meter(environment, "ada", "ada", XDG_STATE_HOME=state)
    second, _ = meter(environment, "ada", XDG_STATE_HOME=state)
    assert first == again != second and first.startswith("u-")
    assert "users.key cannot be used (Not a directory)" in words and "GENMETER_USER_KEY_FILE" in words
    assert meter(environment, XDG_STATE_HOME=state) == []


def test_a_damaged_file_is_never_written_over(environment: dict[str, str], file: Path, genmeter: Command) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("# genmeter user keys\n1 2026-11-30 nothex\n")
    _, words = meter(environment, "ada")
    assert "line 2: write a version, a day and a key in hex" in words
    for action in (["make"], ["rotate"], ["show"], ["match", "ada"]):
        done = genmeter("users", *action)
        assert done.returncode == 2 and b"line 2" in done.stderr and b"nothex" not in done.stderr
    assert file.read_text() == "# genmeter user keys\n1 2026-11-30 nothex\n"


def test_a_rotation_keeps_the_old_hashes_matchable(environment: dict[str, str], file: Path, genmeter: Command) -> None:
    """New calls have the new version's hash; both are ada's, by the command; another user's are not."""
    (old,) = meter(environment, "ada")
    assert [row["version"] for row in rows(genmeter, "rotate")] == ["1", "2"]
    (new,) = meter(environment, "ada")
    assert new.startswith("u2-") and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert rows(genmeter, "match", "ada") == [{"version": "1", "hash": old}, {"version": "2", "hash": new}]
    assert rows(genmeter, "match", "ada", old) == [{"version": "1", "hash": old}]
    assert rows(genmeter, "match", " ada\n", new) == [{"version": "2", "hash": new}]
    done = genmeter("users", "match", "bob", old)
    assert (done.returncode, done.stdout) == (1, b"") and b"is no hash of this user" in done.stderr


def test_a_plain_key_may_be_rotated_too(environment: dict[str, str], tmp_path: Path, genmeter: Command) -> None:
    """A file of some bytes is version 1, and stays it."""
    plain = tmp_path / "plain.key"
    plain.write_bytes(b"0123456789abcdef\n")
    named = {"GENMETER_USER_KEY_FILE": str(plain)}
    (old,) = meter(environment, "ada", **named)
    assert old == "u-" + hmac.new(b"0123456789abcdef", b"ada", hashlib.sha256).hexdigest()[:32]
    assert genmeter("users", "rotate", env=named).returncode == 0
    (new,) = meter(environment, "ada", **named)
    assert [row["hash"] for row in rows(genmeter, "match", "ada", "--keys", plain)] == [old, new]


def test_the_commands_use_the_file_that_the_settings_name(tmp_path: Path, genmeter: Command) -> None:
    key, settings = tmp_path / "mine.key", tmp_path / "genmeter.toml"
    settings.write_text(f'[attribution]\nuser_key_file = "{key}"\n')
    assert genmeter("users", "show", "--config", settings).returncode == 1
    done = genmeter("users", "make", "--config", settings)
    assert done.returncode == 0 and str(key).encode() in done.stderr and key.stat().st_size > 64
    before = key.read_bytes()
    assert genmeter("users", "make", "--config", settings).returncode == 0 and key.read_bytes() == before
    assert Settings.load({}, settings).keys == userkeys.read(key)


def test_two_rotations_at_once_lose_no_key(tmp_path: Path) -> None:
    """The second is refused while the first one's draft is there, and says what to do."""
    path = tmp_path / "users.key"
    userkeys.make(path)
    (tmp_path / "users.key.new").touch()
    with pytest.raises(KeysError, match="another rotation runs, or was stopped"):
        userkeys.rotate(path)
    (tmp_path / "users.key.new").unlink()
    assert [key.version for key in userkeys.rotate(path)] == [1, 2] == [key.version for key in userkeys.read(path)]


@pytest.mark.parametrize(
    "text",
    ["", "1 2026-11-30\n", "0 2026-11-30 " + "00" * 16, "2 - " + "00" * 16 + "\n1 - " + "00" * 16, "1 - 00"],
)
def test_a_file_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(KeysError):
        userkeys.parse(f"# genmeter user keys\n{text}".encode())


@pytest.mark.parametrize("arguments", [["match"], ["show", "ada"], ["rotate", "ada"], ["match", " "], []])
def test_wrong_usage_is_one_line(arguments: list[str], genmeter: Command) -> None:
    genmeter("users", "make")
    done = genmeter("users", *arguments)
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1 and done.stdout == b""


def test_a_key_is_never_shown() -> None:
    assert "0123456789abcdef" not in repr(Settings(user_keys=(UserKey(1, b"0123456789abcdef", "x"),)))


def test_a_user_is_forgotten_by_the_end_of_a_key_and_the_ledger_keeps_every_sum(
    environment: dict[str, str], file: Path, genmeter: Command, tmp_path: Path
) -> None:
    """The hash stays in the ledger with its money, and no key tells whose it is; the version in use cannot go."""
    (old,) = meter(environment, "ada")
    path = tmp_path / "l.db"
    with Ledger.open(path) as ledger:
        ledger.book_traces(traces(span(1, chat(user__id=old))))
    in_use = genmeter("users", "destroy", "--version", "1")
    assert in_use.returncode == 2 and b"version 1 is in use" in in_use.stderr
    rows(genmeter, "rotate")
    secret = file.read_text().splitlines()[1].split()[2]
    assert [row["version"] for row in rows(genmeter, "destroy", "--version", "1")] == ["2"]
    assert secret not in file.read_text() and os.listdir(file.parent) == ["users.key"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert genmeter("users", "match", "ada", old).returncode == 1
    assert old not in {row["hash"] for row in rows(genmeter, "match", "ada")}
    (spent,) = json.loads(genmeter("report", "--by", "user", "--json", "--ledger", path).stdout)
    assert (spent["user"], spent["cost"]) == (old, "0.0125")
    # later versions go on, and a number is never given twice
    assert [row["version"] for row in rows(genmeter, "rotate")] == ["2", "3"]
    for wrong in (["destroy", "--version", "1"], ["destroy"], ["show", "--version", "2"]):
        assert genmeter("users", *wrong).returncode == 2
