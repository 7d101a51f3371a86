"""No install resolves anything: what is newer at the index by the day of the install changes nothing."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.environments.conftest import COVERAGE, PROBE, SETUPTOOLS, TOMLI, Workshop, pythons
from tests.environments.index import Index, Source, Wheel

LOCKED = ".venvs/probe/.locked"
READY = ".venvs/probe/.ready"


@pytest.fixture
def ready(workshop: Workshop) -> Workshop:
    workshop.borrow_uv()
    return workshop


@pytest.mark.parametrize("told_by", ["UV_DEFAULT_INDEX", "PIP_INDEX_URL", "PIP_CONFIG_FILE"])
def test_an_environment_holds_what_its_lock_names_and_nothing_else_is_asked_for(
    ready: Workshop, index: Index, told_by: str
):
    ready.lock("probe", PROBE, COVERAGE, TOMLI)
    file = ready.folder / "pip.conf"
    file.write_text(f"[global]\nindex-url = {index.url}\n")
    done = ready.make(LOCKED, **{told_by: str(file) if told_by == "PIP_CONFIG_FILE" else index.url})
    assert done.returncode == 0, done.stderr
    assert ready.installed("probe") == {"probe-1.0", "coverage-1.0", "tomli-1.0"}
    assert set(index.asked) == {"probe", "coverage", "tomli"}
    assert set(index.fetched) == {PROBE.file, COVERAGE.file, TOMLI.file}


def test_a_lock_that_lacks_a_dependency_is_refused_by_its_name(ready: Workshop, index: Index):
    ready.lock("probe", PROBE, COVERAGE)
    done = ready.make(LOCKED, UV_DEFAULT_INDEX=index.url)
    assert done.returncode != 0
    assert "tomli" in done.stderr
    assert set(index.asked) == {"probe", "coverage"}
    assert not (ready.folder / LOCKED).exists()


def test_a_file_with_another_hash_is_refused_and_the_next_make_tries_again(ready: Workshop, index: Index):
    ready.lock("probe", PROBE, COVERAGE, TOMLI)
    swapped = Wheel("tomli", "1.0", summary="not what the lock has seen")
    index.wheels[index.wheels.index(TOMLI)] = swapped
    done = ready.make(READY, UV_DEFAULT_INDEX=index.url)
    assert done.returncode != 0
    assert "Hash mismatch" in done.stderr and "tomli" in done.stderr
    assert not (ready.folder / LOCKED).exists() and not (ready.folder / READY).exists()
    index.wheels[index.wheels.index(swapped)] = TOMLI
    done = ready.make(LOCKED, UV_DEFAULT_INDEX=index.url)
    assert done.returncode == 0, done.stderr
    assert ready.installed("probe") == {"probe-1.0", "coverage-1.0", "tomli-1.0"}


def test_a_package_without_a_wheel_is_refused_by_its_name_and_nothing_is_built(ready: Workshop, index: Index):
    source = Source("numpy", "1.0")
    index.wheels.append(source)
    ready.lock("probe", TOMLI, source)
    done = ready.make(LOCKED, UV_DEFAULT_INDEX=index.url)
    assert done.returncode != 0
    assert "numpy==1.0 has no usable wheels" in done.stderr
    assert "setuptools" not in index.asked and not (ready.folder / LOCKED).exists()


def test_what_has_no_wheel_and_is_pure_python_is_built_with_what_a_lock_names(ready: Workshop, index: Index):
    source = Source("pandasql", "1.0")
    index.wheels.append(source)
    ready.lock("probe", TOMLI, source)
    done = ready.make(LOCKED, UV_DEFAULT_INDEX=index.url)
    assert done.returncode == 0, done.stderr
    assert ready.installed("probe") == {"tomli-1.0", "pandasql-1.0"}
    assert set(index.fetched) == {TOMLI.file, source.file, SETUPTOOLS.file}


def test_a_lock_without_hashes_is_refused(ready: Workshop, index: Index):
    (ready.locks / "probe.txt").write_text("tomli==1.0\n")
    done = ready.make(LOCKED, UV_DEFAULT_INDEX=index.url)
    assert done.returncode != 0 and "--require-hashes" in done.stderr
    assert index.fetched == []


def test_an_environment_is_made_anew_for_another_python_only(ready: Workshop, index: Index):
    (_, newest), *_, (_, oldest) = [line.split(maxsplit=1) for line in pythons() * 2]
    if newest == oldest:
        pytest.skip("one Python from 3.11 on is on this machine")
    ready.lock("probe", TOMLI)
    made = []
    for python in (oldest, oldest, newest):
        done = ready.make(LOCKED, python=python, UV_DEFAULT_INDEX=index.url)
        assert done.returncode == 0, done.stderr
        made.append("==> .venvs/probe" in done.stdout)
    assert made == [True, False, True]


@pytest.mark.parametrize("python", pythons())
def test_pip_brings_the_uv_of_the_lock(workshop: Workshop, index: Index, python: str):
    # What broke the first locks: pip looked for what an extra asks for, and an older pip took the newest that it saw.
    uv = Wheel("uv", "1.0", requires=("coverage[toml]",))
    index.wheels.append(uv)
    workshop.lock("uv", uv, COVERAGE, TOMLI)
    done = workshop.make(".venvs/uv/.ready", python=python.split(maxsplit=1)[1], PIP_INDEX_URL=index.url)
    assert done.returncode == 0, done.stderr
    assert {"uv-1.0", "coverage-1.0", "tomli-1.0"} <= workshop.installed("uv")
    assert set(index.asked) == {"uv", "coverage", "tomli"}
    assert set(index.fetched) == {uv.file, COVERAGE.file, TOMLI.file}


def test_pip_refuses_an_uv_with_another_hash(workshop: Workshop, index: Index):
    workshop.lock("uv", Wheel("uv", "2.0", summary="what the lock has seen"))
    done = workshop.make(".venvs/uv/.ready", PIP_INDEX_URL=index.url)
    assert done.returncode != 0 and "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    assert not (workshop.folder / ".venvs" / "uv" / ".ready").exists()


@pytest.mark.parametrize("settings", [{"HOME": "file"}, {"HOME": "none", "XDG_CACHE_HOME": "file/below"}])
def test_without_a_home_that_can_be_written_the_cache_of_uv_is_in_the_clone(
    ready: Workshop, index: Index, settings: dict[str, str]
):
    (ready.folder / "file").touch()
    ready.lock("probe", TOMLI)
    places = {name: str(ready.folder / place) for name, place in settings.items()}
    done = ready.make(LOCKED, UV_DEFAULT_INDEX=index.url, UV_CACHE_DIR="", **places)
    assert done.returncode == 0, done.stderr
    assert (ready.folder / ".cache" / "uv").is_dir() and not (ready.folder / "none").exists()


def test_a_cache_that_is_named_and_one_at_home_stay_where_they_are(ready: Workshop, index: Index):
    ready.lock("probe", TOMLI)
    home = ready.folder / "home"
    (home / ".cache").mkdir(parents=True)
    assert ready.make(LOCKED, UV_DEFAULT_INDEX=index.url, HOME=str(home)).returncode == 0
    assert (ready.folder / "cache").is_dir()
    (ready.folder / LOCKED).unlink()
    assert ready.make(LOCKED, UV_DEFAULT_INDEX=index.url, HOME=str(home), UV_CACHE_DIR="").returncode == 0
    assert (home / ".cache" / "uv").is_dir() and not (ready.folder / ".cache" / "uv").exists()


@pytest.mark.parametrize("target", ["packages", "test-wheel"])
def test_a_folder_with_blanks_in_its_path_is_one_argument(tmp_path: Path, target: str):
    workshop = Workshop(tmp_path / "a clone with blanks")
    workshop.lock("base")
    workshop.lock("uv")
    done = workshop.make("--dry-run", target)
    assert done.returncode == 0, done.stderr
    *_, wheel = shlex.split(done.stdout.splitlines()[-1])
    folder = ".cache/wheel" if target == "test-wheel" else "dist"
    assert wheel == f"{workshop.folder}/{folder}/*.whl"
