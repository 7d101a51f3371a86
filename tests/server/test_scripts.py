"""`make lint` reads the page's JavaScript: what would break in a browser fails there, with its file and line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGE, ROOT

PAGE = PACKAGE / "server" / "page"


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / ".ci" / "page.py", folder]
    return subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, timeout=120)


def test_the_pages_scripts_are_sound() -> None:
    done = checked(PAGE)
    assert (done.returncode, done.stderr) == (0, "")


BROKEN = {
    "a syntax error": ("page.js", 'function range(first = "?") {', 'function range(first = "?" {', "page.js:"),
    "a misspelled call": ("page.js", "showBudgets(budgets);", "showBudgts(budgets);", "Cannot find name 'showBudgts'"),
    "a call of another script": ("budgets.js", 'money(budget.spent, "USD")', 'mony(budget.spent, "USD")', "'mony'"),
    "a misspelled property": ("page.js", "node.className", "node.clasName", "'clasName' does not exist"),
    "an argument too few": (
        "budgets.js",
        'money(unbudgeted.spent, "USD")',
        "money(unbudgeted.spent)",
        "Expected 2 arguments",
    ),
}


@pytest.mark.parametrize(("script", "right", "wrong", "words"), BROKEN.values(), ids=BROKEN)
def test_what_would_break_in_a_browser_is_found_by_file_and_line(
    script: str, right: str, wrong: str, words: str, tmp_path: Path
) -> None:
    folder = tmp_path / "page"
    shutil.copytree(PAGE, folder)
    text = (folder / script).read_text(encoding="utf-8")
    (folder / script).write_text(text.replace(right, wrong, 1), encoding="utf-8")
    line = text[: text.index(right)].count("\n") + 1
    done = checked(folder)
    assert done.returncode != 0
    assert words in done.stderr and f"page/{script}:{line}:" in done.stderr, done.stderr


def test_a_script_that_the_page_does_not_load_is_told(tmp_path: Path) -> None:
    shutil.copytree(PAGE, tmp_path / "page")
    (tmp_path / "page" / "more.js").write_text("", encoding="utf-8")
    assert "index.html does not name more.js" in checked(tmp_path / "page").stderr
