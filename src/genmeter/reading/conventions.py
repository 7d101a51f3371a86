"""The spellings of each fact about a call: of today's conventions, older ones, OpenInference, OpenLLMetry and others.

The table is ``data/conventions.json``; the collector's processor embeds the same file. The parts of the table:

- ``attributes``: field → spellings. The first spelling that is present wins; the first in the list is the current name.
  A null counts as absent. For a text, the empty text and the words of ``absent`` (in any case) count as absent too.
- The spellings of the usage counts stand in ``data/units.json``.
- Counts are whole numbers, as integers, as floats or as decimal text: Java's tracing bridge makes every value a text.
- ``parts``: counts that are parts of others and have a price of their own. Where such a value is no count, the call is
  billed without it and in part: the total is still known.
- ``operations``: foreign words for an operation. These and our own are compared in lower case; any other word stays as
  it is.
  A word under an older or foreign attribute counts only if it means a billed operation. So OpenInference's CHAIN, AGENT,
  TOOL, RETRIEVER and RERANKER and OpenLLMetry's workflow, task, agent and tool are never calls.
- ``steps``: words for an operation whose totals repeat those of the calls below it, or that has none. A record with
  counts or an amount under a word that is neither a call nor one of these is counted as unread (``unread``).
- ``frameworks``: names of agent frameworks, in small letters with hyphens. As a provider such a name says nothing,
  because a framework sells nothing; as a part of a scope's name it says that an SDK's call lies below the record.
- ``naming``: attributes of other programs whose text names something, such as a route or a tool. The ledger keeps the
  text of no other attribute that this package does not write or read.
- ``sellers``: words of emitters for sellers. ``kinds`` are ends that say what was asked for (``azure.chat``); ``words``
  gives the catalogue's id, in small letters with hyphens; who ``resells`` bills the price of the seller that the model's
  name begins with.
- ``sold_by``: models that one seller alone has under such a name. They tell the seller where nothing else does.
- ``base_url`` gives host, port and path where ``address`` is absent.
- ``cost``: the first two spellings are ours. An amount in any other spelling was computed by another instrumentation.
  It counts only above zero, because instrumentations write 0 for a model that their price list lacks.
- ``emitters``: what is known of each program that records calls (``reading/emitters.py``).
- ``records``: log records and spans of emitters with names of their own (``reading/records.py``). ``unread`` are
  attributes with usage or money in such a form: a record that has one, is no call and is meant by no row is counted as
  unread.
- ``content``: attributes of other programs that hold what was said (``reading/content.py``).
- ``talkers``: programs whose names of spans and lines of logs may hold it too (``reading/talkers.py``).
- ``metrics`` are metrics of tokens and money: their names begin with one of ``prefixes`` and have one of ``words`` and none of ``times``.
- ``total`` gives the tokens of a call in all. It shows what stands in no other count, such as thoughts.
- ``cache_hit`` says that a gateway answered from its own cache, so that no model was called.
- ``genmeter.usage.repaired`` on a record: an earlier hop found that the input count leaves the cache out. The counts
  stay on the record as they came, and every reader adds the cache to the input once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from genmeter import names
from genmeter.model import MOST_TOKENS
from genmeter.reading.content import groups
from genmeter.reading.emitters import Emitter, Emitters
from genmeter.reading.records import Records
from genmeter.reading.sums import Sums
from genmeter.reading.talkers import Talkers
from genmeter.units import ALSO_SPELLED

BUNDLED = Path(__file__).with_name("data") / "conventions.json"
SCHEMA = 1

_OWN = frozenset({names.COST_AMOUNT, names.COST_TOTAL, names.OPENAI_RESPONSE_TIER})
"""Spellings that genmeter writes, the current names apart."""
_GENERAL = "total_cost"
"""A spelling of an amount that any program may use: alone it does not make a record one of a call."""
_STEP = "traceloop.span.kind"
"""OpenLLMetry writes it on workflows, tasks, agents and tools, and on no call."""
_EXCLUSIVE = ("anthropic", "aws")
"""Sellers whose input count leaves the cache out. For them, more cache than input proves that a count was passed on."""

_TOLD = ("reasoning", "text_input", "text_output")
"""Counts that have no price of their own."""
_THOUGHTS_BESIDE = ("google", "vertex", "x-ai")
"""Sellers whose own count of the output leaves the thoughts out; their totals have them."""

_HOST = re.compile(r"[A-Za-z0-9._:-]+")
"""The letters of a host in a URL. A URL with others says nothing."""

Attributes = Mapping[str, object]


class Told(NamedTuple):
    """What the counts of a record mean.

    ``cache`` has to be added to the input and ``thoughts`` to the output. ``left`` tokens stand in the total and in no
    count. ``assumed``: whether the cache is in the input is not known of this emitter; it was taken to be.
    """

    cache: int = 0
    thoughts: int = 0
    left: int = 0
    assumed: bool = False


class Counted(NamedTuple):
    """Counts of a record as they stand there; ``cached`` is what was read from the cache and written to it."""

    input: int
    cached: int
    output: int
    reasoning: int


class Place(NamedTuple):
    """The server of a call. ``host`` is a name; ``port`` is None when the record does not say it."""

    host: str
    port: int | None
    path: str


class Conventions:
    """The table, compiled for reading attributes. Raises ``ValueError`` for a file of another schema."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        if data["schema"] != SCHEMA:
            raise ValueError(f"this genmeter reads conventions of schema {SCHEMA}, not {data['schema']}")
        self.fields: dict[str, tuple[str, ...]] = {key: tuple(found) for key, found in data["attributes"].items()}
        self.fields |= {key: (name, *ALSO_SPELLED.get(key, ())) for key, name in names.USAGE_TOKENS.items()}
        """Field → spellings, the current name first."""
        self.foreign = frozenset(name for found in self.fields.values() for name in found[1:]) - _OWN
        self.foreign |= {*self.fields["total"], *self.fields["cache_hit"]}
        """Every spelling that genmeter does not write: a record without any of them needs no table."""
        self.foreign_costs = tuple(name for name in self.fields["cost"] if name not in _OWN)
        """Spellings of an amount that another instrumentation computed."""
        self._operations: dict[str, str] = data["operations"]
        self.naming = frozenset(cast("list[str]", data["naming"]))
        """Attributes of other programs whose text names something, such as a route or a tool, and says nothing."""
        self._steps = frozenset(data["steps"])
        self._frameworks = frozenset(data["frameworks"])
        self._sold_by = [(re.compile(one["model"]), str(one["seller"])) for one in data["sold_by"]]
        self._money = frozenset(
            (*self.fields["input"], *self.fields["output"], *self.fields["cost"], *self.fields["unread"])
        ) - {_GENERAL}
        self.money = frozenset(name.encode() for name in self._money)
        """Attributes that hold usage or money, as bytes."""
        words = data["sellers"]
        self._kinds, self._words, self._resells = frozenset(words["kinds"]), words["words"], frozenset(words["resells"])
        self._absent = frozenset(("", *data["absent"]))
        self.sums = Sums(data["metrics"])
        left = data["uncounted"]
        self.parts = frozenset(name for field in data["parts"] for name in self.fields[field])
        """Spellings of the counts that are parts of others and have a price of their own."""
        self.total_counts = names.USAGE_TOKENS.keys() - {*data["parts"], *_TOLD}
        """Counts that are no parts: where one of them is garbage, the call has no price."""
        self.prefixes, self.measured = tuple(left["prefixes"]), frozenset(left["measured"])
        self._segments, self._ends = frozenset(left["segments"]), tuple(left["ends"])
        self.counted = frozenset(name for found in self.fields.values() for name in found) | {*left["parts"]}
        """Attributes that are read, and counts that are known to be in another one; ``uncounted`` finds the others."""
        self.counted |= {name for row in data["records"] for name in row.get("copies", {}).values()}
        self.records = Records(data["records"])
        """Log records of emitters with names of their own."""
        self.content = groups(data["content"])
        """Attributes of other programs that hold what was said (``reading/content.py``)."""
        self.talkers = Talkers(data["talkers"])
        """Programs whose names of spans and lines of logs may hold what was said (``reading/talkers.py``)."""
        self.emitters = Emitters(data["emitters"])
        """What is known of each program that records calls."""

    def holds_usage(self, name: str) -> bool:
        """Whether a number under this name is a count of usage: by its beginning, or by its words.

        >>> bundled().holds_usage("openai.usage.zebra_tokens"), bundled().holds_usage("process.cpu.usage.total")
        (True, False)
        """
        if name.startswith(self.prefixes) or f"{name}." in self.prefixes:
            return True
        first, dot, last = name.rpartition(".")
        return bool(dot) and last.lower().endswith(self._ends) and not self._segments.isdisjoint(first.split("."))

    def text(self, attributes: Attributes, field: str) -> str | None:
        """The text of ``field``, None where there is none. A value that is no text says nothing."""
        for name in self.fields[field]:
            value = attributes.get(name)
            if not isinstance(value, str) or value.lower() in self._absent:
                continue
            if not (field == "provider" and _hyphens(value) in self._frameworks):
                return value
        return None

    def seller_word(self, word: str | None) -> str | None:
        """A provider's name, None for a framework's: a framework sells nothing."""
        return None if word is None or _hyphens(word) in self._frameworks else word

    def sellers(self, word: str) -> list[str]:
        """What a word for a seller may stand for, the word itself first.

        >>> bundled().sellers("google.vertex.embedding")
        ['google.vertex.embedding', 'google.vertex', 'vertex']
        """
        found, name = [word], _hyphens(word).replace(" ", "-")
        while True:
            if name != found[-1]:
                found.append(name)
            if name in self._words:
                return [*found, self._words[name]]
            name, dot, kind = name.rpartition(".")
            if not dot or kind not in self._kinds:
                return found

    def resells(self, word: str) -> bool:
        """Whether a gateway of this name bills the price of the seller that the model's name begins with."""
        return any(name in self._resells for name in self.sellers(word))

    def is_framework(self, scope: str) -> bool:
        """Whether the instrumentation scope is a framework's, so that an SDK's call may lie below its records.

        >>> bundled().is_framework("openinference.instrumentation.langchain"), bundled().is_framework("genmeter")
        (True, False)
        """
        name = _hyphens(scope)
        if name in self._frameworks:
            return True
        # "agents" is a framework as a whole name; within a scope it is a part of other words
        return any(
            part in self._frameworks and len(part) > 3 and part != "agents" for part in re.split(r"[.:/@ ]", name)
        )

    def sold_by(self, attributes: Attributes) -> str | None:
        """The name of the one seller that has this model under such a name; None where several may."""
        model = self.text(attributes, "request_model") or self.text(attributes, "response_model") or ""
        return next((seller for pattern, seller in self._sold_by if pattern.match(model.lower())), None)

    def unread(self, attributes: Attributes, alone: Collection[str] = ()) -> str | None:
        """The operation's word of a record that has counts or an amount and is no call as far as we know, "" for none.

        None for a record without counts and amounts, and for a step, which repeats the totals of the calls below it. The
        words of ``alone`` are steps without calls below them.
        """
        if attributes.keys().isdisjoint(self._money) or attributes.get(_STEP) is not None:
            return None
        word = next(
            (word for name in self.fields["operation"] if isinstance(word := attributes.get(name), str) and word), ""
        )
        if not word:
            return next((name for name in self.fields["unread"] if name in attributes), "")
        return None if word.lower() in self._steps and word not in alone else word

    def count(self, attributes: Attributes, field: str) -> int | None:
        """The whole number of ``field``. Raises ``ValueError`` where the first spelling present holds something else."""
        for name in self.fields[field]:
            value = attributes.get(name)
            if value is not None:
                number = whole(value)
                if number is None:
                    raise ValueError(f"{name} is {value!r}; it must be a whole number")
                return number
        return None

    def operation(self, attributes: Attributes) -> str | None:
        """The operation by our name; None when no known convention says that the record is a call. Never raises."""
        current, *others = self.fields["operation"]
        word = attributes.get(current)
        if isinstance(word, str) and word:
            lower = word.lower()
            return self._operations.get(lower, lower if lower in names.CALLS else word)
        for name in others:
            word = attributes.get(name)
            if isinstance(word, str) and word:
                ours = self._operations.get(word.lower(), word.lower())
                return ours if ours in names.BILLED_OPERATIONS else None
        return None

    def place(self, attributes: Attributes) -> Place | None:
        """The server of the call, None when the record does not name it. What is no port and no URL says nothing."""
        host = self.text(attributes, "address")
        if host is not None:
            ports = (whole(attributes.get(name)) for name in self.fields["port"])
            port = next((number for number in ports if number is not None), None)
            return Place(host, port, "") if "/" not in host else _at_url(host, port)
        url = self.text(attributes, "base_url")
        return None if url is None else _at_url(url, None)

    def told(
        self, attributes: Attributes, scope: str, version: str, seller: Callable[[], str | None], counts: Counted
    ) -> Told:
        """What the counts of a record of this scope mean.

        ``seller`` returns the catalogue's id. It is called only where the id decides, because the look-up takes time.
        """
        total, proven = self._total(attributes), counts.output < counts.reasoning <= MOST_TOKENS
        if counts.cached <= 0 and total is None and not proven:
            return Told()
        known = self.emitters.of(scope, version)
        cache = counts.cached if self._leaves_cache_out(attributes, known, seller, counts, total) else 0
        thoughts = left = 0
        if total is not None or proven:
            extra = 0 if total is None else total - counts.input - cache - counts.output
            thoughts, left = _beside(attributes, seller, extra, counts.reasoning)
            if proven and not thoughts:
                # more thoughts than output: the output leaves them out, at any seller
                thoughts, left = counts.reasoning, max(extra - counts.reasoning, 0)
        unsure = counts.cached > 0 and not cache and all(row.input == "uncached" for row in known)
        return Told(cache, thoughts, left, unsure and self._counts_apart(attributes, seller))

    def _counts_apart(self, attributes: Attributes, seller: Callable[[], str | None]) -> bool:
        """Whether the API behind the call counts the cache beside the input.

        Only then do an emitter that passes the API's count on and one that follows the conventions write different
        numbers.
        """
        model = self.text(attributes, "response_model") or self.text(attributes, "request_model") or ""
        return seller() in _EXCLUSIVE or "claude" in model.lower()

    def _leaves_cache_out(
        self,
        attributes: Attributes,
        known: tuple[Emitter, ...],
        seller: Callable[[], str | None],
        counts: Counted,
        total: int | None,
    ) -> bool:
        """Whether the input count is without the cache.

        True in three cases: an earlier hop said so, the emitter is known for it, or the counts prove it. They do where
        the total is the sum of all three, and where a seller that counts apart has more cache than input.
        """
        if counts.cached <= 0:
            return False
        said = attributes.get(names.USAGE_REPAIRED)
        if isinstance(said, bool) or said == "true":
            return bool(said)
        if any(row.leaves_cache_out(seller, attributes) for row in known):
            return True
        if not known and total is not None and total == counts.input + counts.cached + counts.output:
            return True
        return counts.cached > counts.input and seller() in _EXCLUSIVE

    def _total(self, attributes: Attributes) -> int | None:
        for name in self.fields["total"]:
            number = whole(attributes[name]) if name in attributes else None
            if number is not None:
                return number
        return None

    def is_cache_hit(self, attributes: Attributes) -> bool:
        """Whether a gateway says that its own cache gave the answer: then no model was called, and the call is free."""
        return any(str(attributes.get(name)).lower() == "true" for name in self.fields["cache_hit"])


def _at_url(url: str, port: int | None) -> Place | None:
    """The server that a URL names, with or without its scheme."""
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        host, port = parts.hostname, parts.port or port
    except ValueError:
        return None
    return Place(host, port, parts.path.rstrip("/")) if host and _HOST.fullmatch(host) else None


def _beside(attributes: Attributes, seller: Callable[[], str | None], extra: int, reasoning: int) -> tuple[int, int]:
    """Of the tokens that are in the total alone: thoughts, which are billed as output, and others."""
    said = whole(attributes.get(names.USAGE_BESIDE))
    if said is not None and said > 0:
        return said, max(extra - said, 0)
    if extra <= 0:
        return 0, 0
    if extra == reasoning:
        return extra, 0
    if seller() not in _THOUGHTS_BESIDE:
        return 0, extra
    return (reasoning, extra - reasoning) if 0 < reasoning < extra else (extra, 0)


@cache
def bundled() -> Conventions:
    """The table that came with this package, read once."""
    return Conventions(cast(dict[str, Any], json.loads(BUNDLED.read_bytes())))


@lru_cache(maxsize=1024)
def _hyphens(name: str) -> str:
    # remembered, because every record names its provider and its scope
    return name.lower().replace("_", "-")


def whole(value: object) -> int | None:
    """The whole number in an attribute: an integer, a float without a fraction or decimal text. None for any other value.

    >>> whole(7), whole(7.0), whole("7"), whole(7.5), whole(True)
    (7, 7, 7, None, None)
    """
    if isinstance(value, str):
        found = int(value) if len(value) < 21 and value.isascii() and value.removeprefix("-").isdecimal() else None
    elif isinstance(value, float):
        found = int(value) if value.is_integer() else None
    else:
        found = value if isinstance(value, int) and not isinstance(value, bool) else None
    # an integer of OTLP has 64 bits
    return found if found is not None and -(2**63) <= found < 2**63 else None
