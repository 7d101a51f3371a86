"""``genmeter run``: the app's output, input and exit code stay its own, and the receipt says what it spent."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.cli.conftest import APP


def receipt_of(done: subprocess.CompletedProcess[bytes]) -> dict:
    return json.loads(done.stderr.decode().strip().splitlines()[-1])


def test_stdout_is_byte_identical_and_the_receipt_has_every_number(genmeter):
    bare = subprocess.run(
        [sys.executable, APP, "mixed"], capture_output=True, env={**os.environ, "OTEL_SDK_DISABLED": "true"}
    )
    done = genmeter("run", "--", "python", APP, "mixed")
    assert done.returncode == 0
    assert done.stdout == bare.stdout == b"\x00\xffanswer\r\n"
    text = done.stderr.decode()
    assert text.startswith("the app's own words\n")
    lines = [line.split() for line in text.splitlines()]
    # 3 × 1200 + 300 = 3,900 in, 3 × 80 + 10 = 250 out, 3 × 0.00125 + 0.0005 = 0.00425
    assert ["gpt-5.6", "5", "3,900", "250", "0.00425"] in lines
    assert ["claude-opus-4-8", "1", "40,000", "2,000", "12.50"] in lines
    assert ["house-7b", "1", "500", "20", "no", "price"] in lines
    assert ["total", "7", "44,400", "2,270", "12.50425"] in lines
    for words in (
        "3,000 read from cache",
        "90 reasoning",
        "RateLimitError 1",
        "unknown_model",
        "genmeter.toml",
        "and 1 call without a price",
        "genmeter report --by model",
        "1.50 s  p95 8.25 s",
    ):
        assert words in text
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_an_app_that_is_told_to_stop_still_has_its_last_calls_on_the_receipt(genmeter):
    """Python dies of SIGTERM without its exit functions; a server raises it again after its own shutdown."""
    ended = f"import runpy, sys, os, signal; sys.argv = ['calls', 'mixed']; runpy.run_path({str(APP)!r}, run_name='__main__')"
    ended += "; os.kill(os.getpid(), signal.SIGTERM); signal.pause()"
    done = genmeter("run", "--json", "--", "python", "-c", ended)
    assert done.returncode == 128 + signal.SIGTERM
    assert (receipt_of(done)["calls"], receipt_of(done)["total"]) == (7, {"USD": "12.50425"})


def test_json_is_one_object_on_the_last_line(genmeter):
    found = receipt_of(genmeter("run", "--json", "--", "python", APP, "mixed"))
    assert found["calls"] == 7
    assert found["total"] == {"USD": "12.50425"}
    assert found["errors"] == {"RateLimitError": 1}
    assert (found["tokens"]["input"], found["tokens"]["output"]) == (44400, 2270)
    assert [model["model"] for model in found["models"]] == ["claude-opus-4-8", "gpt-5.6", "house-7b"]
    assert found["models"][2]["cost"] == {}
    assert found["unpriced"][0]["reason"] == "unknown_model"
    assert found["cut_streams"] == 1
    # seven durations: 0.1 0.2 0.7 1.5 1.5 1.5 8.25; nearest ranks 4 and 7
    assert found["latency_seconds"] == {"p50": 1.5, "p95": 8.25, "calls": 7}


def test_output_takes_the_receipt_and_stderr_stays_the_apps(genmeter, tmp_path):
    file = tmp_path / "receipt.txt"
    done = genmeter(
        "run", "--output", file, "--", "python", APP, "mixed", env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://elsewhere"}
    )
    assert done.stderr == b"the app's own words\n"
    assert "12.50425" in file.read_text()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in file.read_text()


def test_output_that_cannot_be_written_is_refused_before_the_app_runs(genmeter, tmp_path):
    done = genmeter("run", "--output", tmp_path / "no" / "r", "--", "python", APP, "none")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1 and b"--output" in done.stderr


@pytest.mark.parametrize("code", [0, 1, 5, 255])
def test_exit_code_is_the_apps(genmeter, code):
    assert genmeter("run", "--json", "--", "python", APP, "exit", code).returncode == code


def test_stdin_is_the_apps(genmeter):
    assert genmeter("run", "--", "python", APP, "echo", stdin=b"abc\n").stdout == b"ABC\n"


def test_arguments_of_the_app_are_not_ours(genmeter):
    script = "import sys; print(sys.argv[1:])"
    for separator in (["--"], []):
        done = genmeter("run", *separator, "python", "-c", script, "--json", "--", "--port", "x", "-h")
        assert done.stdout.decode().strip() == "['--json', '--', '--port', 'x', '-h']"


def test_an_executable_script_runs_by_its_shebang(genmeter, tmp_path):
    script = tmp_path / "app"
    script.write_text(f"#!{sys.executable}\n" + APP.read_text())
    script.chmod(0o755)
    found = receipt_of(genmeter("run", "--json", "--", script, "mixed"))
    assert found["calls"] == 7


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ([], 2, "no command is given"),
        (["no-such-command"], 127, "command not found: no-such-command"),
        ([str(APP)], 126, "genmeter run -- python"),
        (["/"], 126, "folder"),
    ],
)
def test_a_command_that_cannot_start_is_one_line(genmeter, command, code, words):
    done = genmeter("run", "--", *command)
    assert done.returncode == code
    assert words in done.stderr.decode() and done.stderr.count(b"\n") == 1


def start(environment, *command, stderr=subprocess.PIPE):
    return subprocess.Popen(
        [sys.executable, "-m", "genmeter", "run", "--json", "--", *map(str, command)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
    )


def test_ctrl_c_reaches_the_app_and_the_receipt_still_comes(environment):
    process = start(environment, "python", APP, "wait")
    assert process.stdout.readline() == b"ready\n"
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert out == b"interrupted\n"
    assert process.returncode == 3
    assert json.loads(err.decode().strip().splitlines()[-1])["total"] == {"USD": "0.00125"}


def test_a_second_ctrl_c_still_waits_for_the_app(environment):
    process = start(environment, "python", APP, "stubborn")
    assert process.stdout.readline() == b"ready\n"
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.readline() == b"not yet\n"
    assert process.poll() is None
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 7
    assert json.loads(err.decode().strip().splitlines()[-1])["calls"] == 1


def test_sigterm_is_forwarded_and_a_killed_app_exits_128_plus_n(environment):
    process = start(environment, "python", APP, "wait")
    assert process.stdout.readline() == b"ready\n"
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert json.loads(err.decode().strip().splitlines()[-1])["calls"] == 1


def test_overridden_variables_are_named_without_their_values(genmeter):
    theirs = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=s3cret",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://traces.example/v1/traces",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_SDK_DISABLED": "true",
    }
    done = genmeter("run", "--", "python", APP, "mixed", env=theirs)
    first = done.stderr.decode().splitlines()[0]
    assert first == (
        "genmeter: for this run the app sends its telemetry to genmeter; these settings have no effect: "
        "OTEL_EXPORTER_OTLP_ENDPOINT, "
        "OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_LOGS_EXPORTER, OTEL_SDK_DISABLED"
    )
    assert "s3cret" not in done.stderr.decode()
    assert "12.50425" in done.stderr.decode()


def test_a_configured_proxy_does_not_swallow_the_telemetry(genmeter):
    proxy = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "intra.example"}
    assert receipt_of(genmeter("run", "--json", "--", "python", APP, "mixed", env=proxy))["calls"] == 7


@pytest.mark.parametrize("sampler", ["always_off", "traceidratio"])
def test_sampled_out_calls_are_on_the_receipt(genmeter, sampler):
    env = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": "0"}
    found = receipt_of(genmeter("run", "--json", "--", "python", APP, "mixed", env=env))
    assert (found["calls"], found["total"]) == (7, {"USD": "12.50425"})


def test_no_call_says_so_and_why_instead_of_zeros(genmeter):
    text = genmeter("run", "--", "python", APP, "none").stderr.decode()
    assert "no calls" in text and "No telemetry arrived" in text
    assert "total" not in text


def test_a_python_without_genmeter_is_named(genmeter, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    python = tmp_path / "bare" / "bin" / "python"
    text = " ".join(genmeter("run", "--", python, "-c", "print(1)").stderr.decode().split())
    assert f"genmeter is not installed in {python}, which ran the command" in text


@pytest.mark.parametrize("option", ["-I", "-E", "-S"])
def test_an_option_of_python_that_keeps_the_meter_out_is_named(genmeter, option):
    text = " ".join(genmeter("run", "--", sys.executable, option, "-c", "print(1)").stderr.decode().split())
    assert f"run the command without {option}" in text or (option == "-S" and "genmeter is not installed" in text)


def test_a_killed_command_may_lack_its_last_calls_and_the_receipt_says_so(genmeter):
    done = genmeter("run", "--", "python", "-c", "import os; os.kill(os.getpid(), 9)")
    assert done.returncode == 128 + signal.SIGKILL and "was killed (SIGKILL)" in done.stderr.decode()


def test_disabled_instrumentation_is_named(genmeter):
    env = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "requests, genmeter"}
    text = genmeter("run", "--", "python", APP, "none", env=env).stderr.decode()
    assert "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" in text


def test_the_ledger_keeps_every_run_and_the_receipt_only_this_one(genmeter, tmp_path):
    for _ in range(2):
        found = receipt_of(genmeter("run", "--json", "--", "python", APP, "mixed"))
        assert found["calls"] == 7
    report = genmeter("report", "--json")
    assert sum(row["calls"] for row in json.loads(report.stdout)) == 14
    assert (tmp_path / "state" / "genmeter" / "ledger.db").is_file()


def test_an_unusable_ledger_never_stops_the_app(genmeter, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    done = genmeter("run", "--", "python", APP, "mixed", env={"GENMETER_LEDGER": str(blocked / "ledger.db")})
    first, *_ = done.stderr.decode().splitlines()
    assert done.returncode == 0 and done.stdout == b"\x00\xffanswer\r\n"
    assert first.startswith("genmeter: the calls of this run are in this receipt only") and str(blocked) in first
    assert "12.50425" in done.stderr.decode() and "See more" not in done.stderr.decode()


def test_a_taken_port_is_one_line(genmeter):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = genmeter("run", "--port", port, "--", "python", APP, "none")
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr.decode() and done.stderr.count(b"\n") == 1
