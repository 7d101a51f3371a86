"""Model names: from what telemetry says to the ids of the catalogue, by exact name or a version-like tail only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

LONGEST = 256
"""No model has a longer name; a longer name is neither looked up nor cached."""

BLANK = " \t\n\r\f\v"
"""The blanks that may stand around a name or a number."""

_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}

_OPAQUE = ("application-inference-profile/", "provisioned-model/", "imported-model/", "custom-model")
_WORDS = frozenset({"latest", "preview", "default"})


def plain(name: str) -> str:
    """The form of a name for comparison: without blanks around it and in lower case, both by ASCII alone.

    Python and Go know different editions of Unicode, so only ASCII is safe. No id has letters such as İ or K.
    """
    return lower(name.strip(BLANK))


def lower(text: str) -> str:
    """Lower case by ASCII alone."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def forms(name: str, prefixes: Sequence[str]) -> Iterator[str]:
    """The spellings under which a seller may list ``name``, the most literal one first."""
    literal = plain(name)
    yield literal
    bare = _bare(literal)
    if bare != literal:
        yield bare
    head, slash, rest = bare.partition("/")
    if slash and head in prefixes:
        yield rest


def _bare(name: str) -> str:
    if name.startswith("arn:"):
        return name if name.split(":", 5)[-1].startswith(_OPAQUE) else name.rpartition("/")[2]
    if name.startswith("ft:"):
        return ":".join(name.split(":", 2)[:2])
    base, tuned, _ = name.partition(".ft-")
    if tuned:
        return f"ft:{base}"
    return name.rpartition("models/")[2] if name.startswith(("models/", "publishers/", "projects/")) else name


def found(name: str, exact: Collection[str], dated: Collection[str]) -> str | None:
    """The listed id that ``name`` means: the same text, the same with its date in the other spelling, or its base."""
    if name in exact:
        return name
    other = _other_date(name)
    if other is not None and other in exact:
        return other
    base = shorter(name)
    while base:
        if base in dated:
            return base
        base = shorter(base)
    return None


def same_but_version(name: str, base: str) -> bool:
    """Whether ``name`` is ``base``, or ``base`` followed by version-like tails.

    >>> same_but_version("gpt-5.4-mini-2026-03-17", "gpt-5.4-mini"), same_but_version("gpt-5.4-mini", "gpt-5.4")
    (True, False)
    """
    left: str | None = plain(name)
    wanted = plain(base)
    while left and left != wanted:
        left = shorter(left)
    return bool(left)


def shorter(name: str) -> str | None:
    """``name`` without its last version-like tail; None when it has no such tail.

    >>> [shorter(name) for name in ("gpt-x-2026-11-17", "claude-x@20250929", "nova-v1:0", "gpt-x-latest", "gpt-x-mini")]
    ['gpt-x', 'claude-x', 'nova-v1', 'gpt-x', None]
    """
    cut = max(name.rfind("-"), name.rfind("@"), name.rfind(":"))
    if cut <= 0:
        return None
    mark, tail = name[cut], name[cut + 1 :]
    if mark == ":":
        return name[:cut] if _digits(tail) and len(tail) < 3 else None
    if mark == "@":
        return name[:cut] if _digits(tail) or tail in _WORDS else None
    if tail in _WORDS or (tail[:1] == "v" and _digits(tail[1:])):
        return name[:cut]
    if not _digits(tail):
        return None
    if len(tail) == 2:
        return _dashed(name, cut)
    return name[:cut] if len(tail) in (3, 4) or (len(tail) == 8 and tail[:2] == "20") else None


def _dashed(name: str, cut: int) -> str | None:
    """``-YYYY-MM-DD``, ``@YYYY-MM-DD`` or ``-MM-DD`` at the end of ``name``, whose last dash is at ``cut``."""
    month = name.rfind("-", 0, cut)
    if month <= 0 or not (_digits(name[month + 1 : cut]) and cut - month == 3):
        return None
    if month > 5 and _digits(name[month - 4 : month]) and name[month - 5] in "-@":
        return name[: month - 5]
    return name[:month]


def _other_date(name: str) -> str | None:
    tail = name[-9:]
    if tail[:3] == "-20" and len(tail) == 9 and _digits(tail[1:]):
        return f"{name[:-4]}-{name[-4:-2]}-{name[-2:]}"
    tail = name[-11:]
    if (
        tail[:3] == "-20"
        and len(tail) == 11
        and tail[5] == tail[8] == "-"
        and _digits(tail[1:5] + tail[6:8] + tail[9:])
    ):
        return name[:-6] + name[-5:-3] + name[-2:]
    return None


def _digits(text: str) -> bool:
    return text.isascii() and text.isdecimal()
