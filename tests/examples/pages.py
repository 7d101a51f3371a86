"""The pages of the repository as their blocks and links, and the functions of ``.ci/readme.py`` that renew them."""

from __future__ import annotations

import importlib
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.architecture.tree import ROOT, tracked

DOCS = sorted((ROOT / "docs").glob("*.md"))
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A block of code: its language, the file that its first line names ("" for none), and its text."""

    kind: str
    file: str
    text: str


@cache
def renewing() -> Any:
    """The module ``.ci/readme.py``."""
    sys.path.insert(0, str(ROOT / ".ci"))
    try:
        return importlib.import_module("readme")
    finally:
        sys.path.remove(str(ROOT / ".ci"))


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, from its top on."""
    parts = ((*first.partition(" "), text) for first, text in _BLOCK.findall(read(page)))
    return [Block(kind, file, text) for kind, _, file, text in parts]


def block(page: str, file: str) -> str:
    """The text of the block that a page of ``docs/`` gives for a file."""
    return next(one.text for one in blocks(ROOT / "docs" / page) if one.file == file)


def read(page: Path) -> str:
    """The text of a page."""
    return page.read_text(encoding="utf-8")


def all_pages() -> list[Path]:
    """Every page in Markdown that git tracks."""
    return [path for path in tracked() if path.suffix == ".md"]


def links(page: Path) -> list[str]:
    """The links of a page to places in the repository; those in blocks and in code are none."""
    bare = re.sub(r"`[^`\n]*`", "", _BLOCK.sub("", read(page)))
    return [link for link in _LINK.findall(bare) if "://" not in link and not link.startswith("mailto:")]


def anchors(page: Path) -> set[str]:
    """The anchors that the headings of a page get on GitHub."""
    bare = _BLOCK.sub("", read(page))
    found: list[str] = []
    for heading in re.findall(r"^#+ +(.*)$", bare, re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.append(re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-"))
    return {*found, *re.findall(r'<a (?:id|name)="([^"]+)"', bare)}
