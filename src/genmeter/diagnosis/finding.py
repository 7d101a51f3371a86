"""One finding of ``genmeter doctor``: what is so, how much it matters, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

Level = Literal["fault", "warning", "fine"]
LEVELS: Final[tuple[Level, ...]] = ("fault", "warning", "fine")
"""``fault``: calls are lost, billed twice or without a price. ``warning``: they may be. ``fine``: seen, and good."""


class Finding(NamedTuple):
    """What was found. ``code`` names the kind for programs and stays; ``text`` and ``remedy`` are for a person.

    >>> Finding("fault", "launcher", "nothing is metered", "start it with genmeter run").level
    'fault'
    """

    level: Level
    code: str
    text: str
    remedy: str = ""


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """The findings without repetitions, the gravest first; those of one level keep their order.

    >>> [one.code for one in ordered([Finding("fine", "a", ""), Finding("fault", "b", "")])]
    ['b', 'a']
    """
    return sorted(dict.fromkeys(findings), key=lambda one: LEVELS.index(one.level))
