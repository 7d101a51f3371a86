"""``genmeter init``: the file that it writes can be read, changes only what was found, and replaces nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from genmeter.settings import Settings
from tests.cli.conftest import Command

FOUND = {
    "OPENAI_BASE_URL": "https://user:secret@llm.example.com:8443/v1/?key=secret",
    "GROQ_API_BASE": "http://127.0.0.1:1/openai",
}
SOLD = {
    "MISTRAL_BASE_URL": "https://api.mistral.ai",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
    "A_BASE_URL": "http://[x",
}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def uncommented(text: str) -> str:
    """The file after somebody has said yes to each line that is offered."""
    return "\n".join(
        line[2:] if line.startswith("# ") and (" = " in line or line.startswith("# [")) else line
        for line in text.splitlines()
    )


def test_what_is_found_is_filled_in_and_all_else_is_a_comment(genmeter: Command, tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop \\"ü\\""\n')
    done = genmeter("init", env=FOUND | SOLD)
    assert (done.returncode, done.stderr.count(b"Traceback")) == (0, 0)
    path = tmp_path / "genmeter.toml"
    assert Settings.load(path=str(path), environ={}) == Settings.load(
        path=None, environ={"GENMETER_APPLICATION": 'shop "ü"'}
    )
    text = path.read_text("utf-8")
    assert '# "llm.example.com:8443/v1" = "openai"  # OPENAI_BASE_URL\n' in text
    assert '# "127.0.0.1:1/openai" = "groq"  # GROQ_API_BASE\n' in text
    assert "secret" not in text and "mistral" not in text and "collector" not in text


def test_each_line_that_is_offered_is_a_setting_that_the_meter_takes(genmeter: Command, tmp_path: Path):
    assert genmeter("init", env=FOUND).returncode == 0
    path = tmp_path / "genmeter.toml"
    path.write_text(uncommented(path.read_text("utf-8")), "utf-8")
    settings = Settings.load(path=str(path), environ={})
    assert settings.sellers == {"llm.example.com:8443/v1": "openai", "127.0.0.1:1/openai": "groq"}
    assert settings.prices is not None and settings.budgets is not None
    assert genmeter("budgets", "check", "--config", path).returncode == 0


@pytest.mark.parametrize("named", [{}, {"GENMETER_CONFIG": "genmeter.toml"}])
def test_a_file_that_exists_is_left_as_it_is(genmeter: Command, tmp_path: Path, named: dict[str, str]):
    path = tmp_path / "genmeter.toml"
    path.write_text("# mine\n")
    done = genmeter("init", env=named)
    assert (done.returncode, path.read_text()) == (1, "# mine\n")
    assert b"genmeter.toml exists" in done.stderr


@pytest.mark.parametrize(
    "odd", ['name = "top"', "[project]\nname = 7", "[project", "tool = 5", "[[project]]\nname = 'x'"]
)
def test_an_odd_project_file_names_nothing(genmeter: Command, tmp_path: Path, odd: str):
    (tmp_path / "pyproject.toml").write_text(odd)
    assert genmeter("init").returncode == 0
    assert Settings.load(path=str(tmp_path / "genmeter.toml"), environ={}) == Settings.load(path=None, environ={})
