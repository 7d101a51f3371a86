"""Model names: from what telemetry says to the ids of the catalogue, by exact name or a version-like tail only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

LONGEST = 256
"""Longer names are nobody's; they are not looked up and not cached."""

_OPAQUE = ("application-inference-profile/", "provisioned-model/", "imported-model/", "custom-model")
_WORDS = frozenset({"latest", "preview", "default"})


def forms(name: str, prefixes: Sequence[str]) -> Iterator[str]:
    """The spellings under which ``name`` may be listed, most literal first."""
    plain = name.strip().lower()
    yield plain
    bare = _bare(plain)
    if bare != plain:
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
    """The listed id that ``name`` means: itself, its date written the other way, or a base with a version after it."""
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
    """Whether ``name`` is ``base`` with only version-like tails after it."""
    left: str | None = name.strip().lower()
    wanted = base.strip().lower()
    while left and left != wanted:
        left = shorter(left)
    return bool(left)


def shorter(name: str) -> str | None:
    """``name`` without its last version-like tail: ``-2026-11-17``, ``@20250929``, ``-v1``, ``:0``, ``-latest``."""
    cut = max(name.rfind("-"), name.rfind("@"), name.rfind(":"))
    if cut <= 0:
        return None
    mark, tail = name[cut], name[cut + 1 :]
    if mark == ":":
        return name[:cut] if tail.isdecimal() and len(tail) < 3 else None
    if mark == "@":
        return name[:cut] if tail.isdecimal() or tail in _WORDS else None
    if tail in _WORDS or (tail[:1] == "v" and tail[1:].isdecimal()):
        return name[:cut]
    if not tail.isascii() or not tail.isdecimal():
        return None
    if len(tail) == 2:
        return _dashed(name, cut)
    return name[:cut] if len(tail) in (3, 4) or (len(tail) == 8 and tail[:2] == "20") else None


def _dashed(name: str, cut: int) -> str | None:
    """``-YYYY-MM-DD``, ``@YYYY-MM-DD`` or ``-MM-DD`` at the end of ``name``, whose last dash is at ``cut``."""
    month = name.rfind("-", 0, cut)
    if month <= 0 or not (name[month + 1 : cut].isdecimal() and cut - month == 3):
        return None
    year = name[month - 4 : month]
    if year.isdecimal() and month > 5 and name[month - 5] in "-@":
        return name[: month - 5]
    return name[:month]


def _other_date(name: str) -> str | None:
    tail = name[-9:]
    if tail[:3] == "-20" and tail[1:].isdecimal():
        return f"{name[:-4]}-{name[-4:-2]}-{name[-2:]}"
    tail = name[-11:]
    if tail[:3] == "-20" and len(tail) == 11 and tail[5] == tail[8] == "-" and tail.replace("-", "").isdecimal():
        return name[:-6] + name[-5:-3] + name[-2:]
    return None
