"""Comments and docstrings name the thing that they mean.

A pronoun without a noun is a riddle for a reader whose first language is not English. Write "the call has no seller"
and not "nobody bills it", "the calls that failed" and not "those that failed".
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGE, ROOT, docstrings

GO = ROOT / "src" / "genaicostprocessor"
ROOMS = [GO, *sorted(path for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py")]
RIDDLES = re.compile(r"\b(nobody|somebody|anybody|everybody|whoever|whatever|that one's|those that)\b", re.IGNORECASE)


def in_python(source: str) -> Iterator[str]:
    """The comments and docstrings of a Python file, each as one text."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    tree = ast.parse(source)
    texts = docstrings(tree)
    yield from (node.value for node in ast.walk(tree) if id(node) in texts and isinstance(node.value, str))


def in_go(source: str) -> Iterator[str]:
    """The comments of a Go file, line by line; a ``//`` without a blank before it is part of an address."""
    yield from re.findall(r"(?:^|\s)//(.*)", source, re.MULTILINE)


def riddles(folder: Path) -> list[str]:
    """The riddles in a file or below a folder, each with its file."""
    files = [folder] if folder.is_file() else sorted(path for end in ("py", "go") for path in folder.rglob(f"*.{end}"))
    found: list[str] = []
    for path in files:
        source = path.read_text(encoding="utf-8")
        for text in in_go(source) if path.suffix == ".go" else in_python(source):
            found += [f"{path.relative_to(ROOT)}: {word}" for word in RIDDLES.findall(text)]
    return found


@pytest.mark.parametrize("folder", ROOMS, ids=lambda folder: folder.name)
def test_comments_and_docstrings_name_what_they_mean(folder: Path) -> None:
    assert riddles(folder) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('"""For chunks that nobody folds."""', 1),
        ("x = 1  # whoever comes first\n", 1),
        ('x: int = 1\n"""Those that count."""', 1),
        ('x = "nobody"\nNOBODY = 2\n', 0),
    ],
)
def test_a_riddle_is_found_in_words_about_the_code_and_not_in_the_code(source: str, count: int) -> None:
    assert sum(len(RIDDLES.findall(text)) for text in in_python(source)) == count


def test_a_riddle_is_found_in_a_comment_of_go() -> None:
    assert [*in_go('// a\nx := "http://nobody" // whoever\n')] == [" a", " whoever"]
