"""What the rules are read with: expressions, the names in them, and the functions around each name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.collector.files import CONFIG, read

RULES = CONFIG / "prometheus" / "rules"
TESTS = CONFIG / "prometheus" / "tests"
_TOKEN = re.compile(r'"(?:\\.|[^"])*"|[A-Za-z_:][\w:]*|\d[\w.]*|[(){}\[\],]|[-+*/<>=!~^@]+|\s+|.')
_GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_WORDS = _GROUPING | {"and", "or", "unless", "offset", "bool", "inf", "nan"}


@dataclass(frozen=True)
class Use:
    """A metric in an expression, with the functions that stand around it, innermost first."""

    name: str
    inside: tuple[str, ...]
    before: str
    after: str


@dataclass(frozen=True)
class Rule:
    """A rule with the file and the group that it is in, and the comment lines just before it."""

    file: Path
    group: str
    body: dict[str, Any]
    comment: str

    @property
    def name(self) -> str:
        """What it records, or the alert's name."""
        return self.body.get("alert") or self.body["record"]

    @property
    def expr(self) -> str:
        """The expression."""
        return self.body["expr"]


def rules() -> list[Rule]:
    """Every shipped rule, in the order of the files."""
    return [rule for file in sorted(RULES.glob("*.yaml")) for rule in of(file)]


def of(file: Path) -> Iterator[Rule]:
    """The rules of a file."""
    comments = iter(_comments(file.read_text(encoding="utf-8")))
    for group in read(file)["groups"]:
        for body in group["rules"]:
            yield Rule(file, group["name"], body, next(comments))


def _comments(text: str) -> Iterator[str]:
    """For each rule the comment above it, and the one behind its first line."""
    above: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            above.append(stripped)
        elif re.match(r"- (alert|record):", stripped):
            yield " ".join([*above, stripped.partition(" #")[2]]).strip()
            above = []
        else:
            above = []


def uses(expr: str) -> list[Use]:
    """Every metric that the expression selects by its name."""
    tokens = [token for token in _TOKEN.findall(expr) if not token.isspace()]
    found: list[Use] = []
    stack: list[str] = []
    braces = 0
    for at, token in enumerate(tokens):
        previous = tokens[at - 1] if at else ""
        following = tokens[at + 1] if at + 1 < len(tokens) else ""
        if token in "{[":
            braces += 1
        elif token in "}]":
            braces -= 1
        elif braces:
            continue
        elif token == "(":
            stack.append(_function(tokens, at))
        elif token == ")":
            stack.pop()
        elif re.fullmatch(r"[A-Za-z_:][\w:]*", token) and _is_metric(token, following, stack, previous):
            found.append(Use(token, tuple(reversed(stack)), previous, following))
    return found


def _is_metric(token: str, following: str, stack: list[str], previous: str) -> bool:
    if token.lower() in _WORDS or following == "(" or "(labels)" in stack:
        return False
    return not (following in _GROUPING or previous == "offset")


def _function(tokens: list[str], at: int) -> str:
    """What a parenthesis belongs to: a function, a list of labels, or nothing."""
    before = tokens[at - 1] if at else ""
    if before in _GROUPING:
        return "(labels)"
    if before == ")":  # sum by (x) (...)
        depth, back = 1, at - 2
        while depth:
            depth += {")": 1, "(": -1}.get(tokens[back], 0)
            back -= 1
        return tokens[back - 1] if tokens[back] in ("by", "without") else ""
    return before if re.fullmatch(r"[a-z_]\w*", before) and before not in _WORDS else ""
