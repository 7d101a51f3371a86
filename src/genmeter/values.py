"""How the value of a setting is read: the text of a variable, or what TOML makes of the value in the file.

Each function returns the value or raises ``ValueError`` with the advice what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from genmeter import userkeys
from genmeter.userkeys import UserKey

DEV = "http://127.0.0.1:4318"
"""Where ``genmeter dev`` listens unless it is told another port."""
_SWITCH = {"on": True, "true": True, "1": True, "yes": True, "off": False, "false": False, "0": False, "no": False}


def text(value: object) -> str:
    """A string, without the blanks around it."""
    if not isinstance(value, str):
        raise ValueError("write it as a string")
    return value.strip()


def texts(value: object) -> tuple[str, ...]:
    """Some strings: a list in TOML, a text with commas in a variable.

    >>> texts("langchain, crewai"), texts(["langchain"])
    (('langchain', 'crewai'), ('langchain',))
    """
    parts = cast("list[object]", value) if isinstance(value, list) else text(value).split(",")
    if not all(isinstance(part, str) for part in parts):
        raise ValueError("write a list of strings")
    return tuple(filter(None, (str(part).strip() for part in parts)))


def switch(value: object) -> bool:
    """On or off. TOML's own booleans count, and these words in any case: on, true, 1, yes; off, false, 0, no."""
    if isinstance(value, bool):
        return value
    try:
        return _SWITCH[str(value).strip().lower()]
    except KeyError:
        raise ValueError("write on or off (true or false, yes or no, 1 or 0 mean the same)") from None


def ask(value: object) -> bool:
    """``ask``, or any word of ``switch``."""
    if str(value).strip().lower() == "ask":
        return True
    try:
        return switch(value)
    except ValueError:
        raise ValueError("write ask or off") from None


def destination(value: object) -> str:
    """The address that events are sent to: ``dev`` for a running ``genmeter dev`` on its own port, or an http address."""
    written = str(value).strip().rstrip("/")
    if written.lower() == "dev":
        return DEV
    if not written.lower().startswith(("http://", "https://")):
        raise ValueError("write dev, or the address of a receiver such as http://127.0.0.1:4318")
    return written


def service(value: object) -> str:
    """The address of the ledger service, or of a running ``genmeter dev``. A password in the address is refused."""
    written = destination(value)
    if "@" in urlsplit(written).netloc:
        raise ValueError("write the address without a password; the token is in the file that token_file names")
    return written


def user_ids(value: object) -> bool:
    """Whether user ids leave the process as they are: ``raw`` or ``hashed``."""
    return choice("hashed", "raw")(value) == "raw"


def count(value: object) -> int:
    """A whole number above zero."""
    written = str(value).strip()
    if isinstance(value, bool) or not written.isdecimal() or int(written) == 0:
        raise ValueError("write a whole number above zero")
    return int(written)


def choice(*words: str) -> Callable[[object], str]:
    """A reader of one of the ``words``, in any case."""
    spelled = {word.lower(): word for word in words}

    def read(value: object) -> str:
        word = str(value).strip().lower()
        if word not in spelled:
            raise ValueError(f"write one of {', '.join(words)}")
        return spelled[word]

    return read


def names(*known: str) -> Callable[[object], tuple[str, ...]]:
    """A reader of some of the ``known`` names: a list in TOML, a text with commas in a variable. None at all is fine."""

    def read(value: object) -> tuple[str, ...]:
        parts = cast("list[object]", value) if isinstance(value, list) else str(value).split(",")
        chosen = tuple(filter(None, (str(part).strip().lower() for part in parts)))
        for name in chosen:
            if name not in known:
                raise ValueError(f"{name!r} is unknown; write some of {', '.join(known)}")
        return chosen

    return read


def keys(value: object) -> tuple[UserKey, ...] | None:
    """The keys in the file of that path, the newest last; None for an empty path."""
    path = text(value)
    if not path:
        return None
    try:
        return userkeys.read(Path(path).expanduser())
    except OSError as error:
        raise ValueError(f"the file cannot be read ({error.strerror})") from None


def secret(value: object) -> bytes | None:
    """The key that is all of the file of that path; None for an empty path."""
    found = keys(value)
    return found[-1].key if found else None


def proofs(value: object) -> dict[str, frozenset[str]]:
    """Field → the values that incoming baggage may give it: a table of lists in TOML, in a variable a text.

    >>> sorted(proofs("department=research|sales")["department"])
    ['research', 'sales']
    """
    if isinstance(value, dict):
        return {str(field): _allowed(listed) for field, listed in cast("dict[object, object]", value).items()}
    found: dict[str, frozenset[str]] = {}
    for pair in filter(None, (part.strip() for part in str(value).split(","))):
        field, _, listed = pair.partition("=")
        found[field.strip().lower()] = _allowed(listed.split("|"))
    return found


def _allowed(listed: object) -> frozenset[str]:
    given = cast("list[object]", listed) if isinstance(listed, list) else []
    found = [one.strip() for one in given if isinstance(one, str) and one.strip()]
    if not found or len(found) < len(given):
        raise ValueError('write a list of texts, e.g. department = ["research", "sales"]')
    return frozenset(found)


def seller(value: object) -> str:
    """The id of a seller. TOML makes tables of an address without quotes, since it has dots."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError('write address and seller in quotes, for example "llm.example.com" = "openai"')
    return value.strip()


def sellers(value: object) -> dict[str, str]:
    """Address → seller, from a text such as ``llm.example.com=openai, localhost:8000/v1=anthropic``.

    >>> sellers("llm.example.com=openai, localhost:8000/v1=anthropic")
    {'llm.example.com': 'openai', 'localhost:8000/v1': 'anthropic'}
    """
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in str(value).split(","))):
        host, _, name = pair.rpartition("=")
        if not host.strip() or not name.strip():
            raise ValueError(f"{pair!r} is not a pair; write host=seller, for example llm.example.com=openai")
        found[host.strip().lower()] = name.strip()
    return found
