"""The command that ``genmeter run`` meters: its environment, its launcher, its signals and its exit code."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from genmeter import names
from genmeter.cli.witness import Witness
from genmeter.errors import GenmeterError
from genmeter.settings import EXPORT

_DIVERTS = re.compile(
    r"OTEL_EXPORTER_OTLP_((TRACES|METRICS|LOGS)_)?"
    r"(ENDPOINT|PROTOCOL|HEADERS|CERTIFICATE|CLIENT_KEY|CLIENT_CERTIFICATE|INSECURE|COMPRESSION)"
    r"|OTEL_(TRACES|METRICS|LOGS)_EXPORTER"
    r"|_?OTEL_PYTHON_EXPORTER_OTLP_\w*CREDENTIAL_PROVIDER"
    r"|OTEL_SDK_DISABLED|OTEL_(EXPERIMENTAL_)?CONFIG_FILE"
    rf"|{EXPORT}"
)
"""Variables that send telemetry to another place, encode it in a way that our receiver does not read, or drop it."""

_SOONER = {
    "OTEL_BSP_SCHEDULE_DELAY": "250",
    "OTEL_BLRP_SCHEDULE_DELAY": "250",
    "OTEL_METRIC_EXPORT_INTERVAL": "5000",
}
"""Short intervals between exports, in milliseconds: an app that is killed loses at most the calls of one interval."""

_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_PYTHON = re.compile(r"python[\d.]*(\.exe)?|pypy[\d.]*(\.exe)?", re.IGNORECASE)
_PYTHON_OPTIONS_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")
_FORWARDED = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
_FROM_TERMINAL = ("SIGINT", "SIGQUIT")


class CommandError(GenmeterError):
    """A command that cannot be started. ``code`` is the exit code of a shell for it: 127 not found, 126 not executable."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Environment(NamedTuple):
    """The variables of the child process, and the names of the user's variables that were replaced or removed."""

    variables: dict[str, str]
    overridden: tuple[str, ...]


def environment(own: Mapping[str, str], endpoint: str, command: Sequence[str]) -> Environment:
    """The user's environment ``own``, changed so that the command sends its telemetry to ``endpoint``.

    The user's sampler is kept, since money does not depend on sampling. The service gets the name of the script, unless
    the user has named it.
    """
    ours = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        EXPORT: endpoint,
    }
    diverted = [name for name in own if _DIVERTS.fullmatch(name)]
    variables = {name: value for name, value in own.items() if name not in diverted} | ours
    for name, value in _SOONER.items():
        variables.setdefault(name, value)
    if not own.get("OTEL_SERVICE_NAME") and f"{names.SERVICE_NAME}=" not in own.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        variables["OTEL_SERVICE_NAME"] = script_name(command)
    # Only where a proxy is configured: on macOS, any value of no_proxy switches the system's proxies off.
    if any(own.get(name) for name in _PROXIES):
        variables["no_proxy"] = variables["NO_PROXY"] = _with_loopback(own.get("no_proxy") or own.get("NO_PROXY", ""))
    overridden = sorted(name for name in diverted if own[name] and own[name] != ours.get(name))
    return Environment(variables, tuple(overridden))


def script_name(command: Sequence[str]) -> str:
    """The name of the program for people: the script or module that Python runs, else the command.

    For example ``app`` for ``python -X dev app.py --fast``, and ``uvicorn`` for ``python -m uvicorn``.
    """
    name = Path(command[0]).name
    if not _PYTHON.fullmatch(name):
        return Path(name).stem
    rest = iter(command[1:])
    for word in rest:
        if word in _PYTHON_OPTIONS_WITH_VALUE:
            next(rest, None)
        elif word == "-m":
            return next(rest, name)
        elif word.startswith("-c") or word == "-":
            break
        elif not word.startswith("-"):
            return Path(word).stem
    return name


def is_python(word: str) -> bool:
    """Whether a word of a command line is an interpreter of Python.

    >>> is_python("/usr/bin/python3.12"), is_python("uvicorn")
    (True, False)
    """
    return _PYTHON.fullmatch(Path(word).name) is not None


def launcher(executable: str) -> str:
    """The path of ``opentelemetry-instrument``: beside the executable, else beside this Python, else on PATH."""
    for folder in (Path(executable).parent, Path(sys.executable).parent):
        if found := shutil.which("opentelemetry-instrument", path=str(folder)):
            return found
    if found := shutil.which("opentelemetry-instrument"):
        return found
    raise CommandError(
        f"there is no opentelemetry-instrument beside {sys.executable} or on PATH; "
        "pip install opentelemetry-instrumentation",
        127,
    )


def resolve(command: Sequence[str]) -> str:
    """The path of the executable that a shell would run for the command. Raises ``CommandError``."""
    if found := shutil.which(command[0]):
        return found
    path = Path(command[0])
    if path.is_dir():
        raise CommandError(f"{path} is a folder, not a command", 126)
    if not path.is_file():
        raise CommandError(f"command not found: {command[0]}; is it installed and on PATH?", 127)
    if path.suffix == ".py":
        raise CommandError(f"{path} is not executable; write genmeter run -- python {path}", 126)
    raise CommandError(f"{path} is not executable; run chmod +x {path}, or put its interpreter before it", 126)


class Child:
    r"""The metered process. It has our stdin, stdout and stderr, and the run ends when it ends.

    The terminal sends Ctrl-C and Ctrl-\ to the whole process group, so the child gets them too: we only stay alive. A
    signal that is sent to this process alone, such as SIGTERM or SIGINT by a supervisor, is passed on to the child: it
    gets each signal once. A signal that our parent had set to be ignored stays ignored, here and in the child.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pending: list[int] = []
        self._previous: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}
        self._mask: Collection[int] = ()
        self._witness: Witness | None = None

    def __enter__(self) -> Child:
        """Set our handlers before the child starts, so that no signal is lost.

        The signals stay blocked until ``run``, and so in every thread that starts before it. The kernel may give a
        signal to any thread that does not block it, and Python's handlers run in the main thread alone, which would
        not wake up.
        """
        for number in (getattr(signal, name) for name in (*_FROM_TERMINAL, *_FORWARDED) if hasattr(signal, name)):
            if signal.getsignal(number) is not signal.SIG_IGN:
                # A Python function and not SIG_IGN: the child would inherit SIG_IGN through exec.
                self._previous[number] = signal.signal(number, self._forward)
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._previous)
        self._witness = Witness(self._previous)
        return self

    def __exit__(self, *_: object) -> None:
        """Set the handlers from before again."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self._witness is not None:
            self._witness.close()

    def run(self, command: Sequence[str], variables: Mapping[str, str], *, to_stderr: bool = False) -> int:
        """Run the command to its end. Returns its exit code, or 128 + N when signal N killed it.

        ``to_stderr``: what it prints goes to our stderr, since stdout is for our own answer.
        """
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        self._process = subprocess.Popen(command, env=dict(variables), stdout=sys.stderr if to_stderr else None)
        for number in self._pending:
            self._process.send_signal(number)
        code = self._process.wait()
        return code if code >= 0 else 128 - code

    def _forward(self, number: int, frame: FrameType | None) -> None:
        if self._process is None:
            self._pending.append(number)
            return
        everyone = self._witness.saw(number) if self._witness is not None else None
        if everyone is None:
            everyone = signal.Signals(number).name in _FROM_TERMINAL
        if not everyone:
            self._process.send_signal(number)


def metered_by(executable: str, variables: Mapping[str, str]) -> tuple[str, bool] | None:
    """The Python that ran the command, and whether genmeter is installed there; None where that is unknown.

    It starts that interpreter once more, so it is called only when no telemetry arrived.
    """
    python = executable if _PYTHON.fullmatch(Path(executable).name) else _shebang(executable)
    if python is None:
        return None
    question = "import importlib.util as u, sys; sys.exit(0 if u.find_spec('genmeter') else 3)"
    try:
        answer = subprocess.run(
            [python, "-c", question],
            env=dict(variables),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return (python, answer.returncode == 0) if answer.returncode in (0, 3) else None


UNMETERED = {
    "I": "ignores PYTHONPATH, by which genmeter is loaded",
    "E": "ignores PYTHONPATH, by which genmeter is loaded",
    "S": "skips the module sitecustomize, by which genmeter is loaded",
}
"""Options of Python with which no meter is loaded, and why."""


def unmetered_by(executable: str, command: Sequence[str]) -> str | None:
    """The option of Python, such as ``-I``, with which the command cannot be metered; None where there is none.

    >>> unmetered_by("/usr/bin/python3", ["python3", "-uI", "app.py"])
    '-I'
    >>> unmetered_by("/usr/bin/python3", ["python3", "app.py", "-I"])
    """
    words = [*(_shebang_words(executable) or ()), *command]
    at = next((number for number, word in enumerate(words) if _PYTHON.fullmatch(Path(word).name)), len(words))
    rest = iter(words[at + 1 :])
    for word in rest:
        if word in _PYTHON_OPTIONS_WITH_VALUE:
            next(rest, None)
            continue
        if not word.startswith("-") or word.startswith("--"):
            return None
        # "-uI" is "-u -I"; what follows one of the letters c, m, W and X is its value.
        options, letter, value = re.fullmatch("-([^cmWX]*)([cmWX]?)(.*)", word, re.DOTALL).groups()  # pyright: ignore[reportOptionalMemberAccess]
        if found := next((one for one in options if one in UNMETERED), None):
            return f"-{found}"
        if letter in ("c", "m"):
            return None
        if letter and not value:
            next(rest, None)
    return None


def _shebang(executable: str) -> str | None:
    words = _shebang_words(executable)
    return shutil.which(words[0]) if words else None


def _shebang_words(executable: str) -> list[str] | None:
    """Python and its options in the first line of a script; None for any other executable."""
    try:
        with Path(executable).open("rb") as file:
            line = file.readline(4096)
    except OSError:
        return None
    words = line.decode(errors="replace").removeprefix("#!").split() if line.startswith(b"#!") else []
    if words and Path(words[0]).name == "env":
        while words and (words[0].startswith("-") or "=" in words[0] or Path(words[0]).name == "env"):
            del words[0]
    return words if words and _PYTHON.fullmatch(Path(words[0]).name) else None


def _with_loopback(no_proxy: str) -> str:
    hosts = [host.strip() for host in no_proxy.split(",") if host.strip()]
    if "*" in hosts:
        return no_proxy
    return ",".join([*hosts, *(host for host in ("127.0.0.1", "localhost") if host not in hosts)])
