"""The price catalogue: it finds the seller and the model of a call, its price, and the terms of the sum."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, cast
from zlib import crc32

from genmeter.model import Cost, Seller, Unpriced, Verdict
from genmeter.pricing import match, sellers
from genmeter.pricing.charge import MAX, Term, charge, choose, costed, terms, text_only
from genmeter.pricing.override import Overrides, Own, PricesError
from genmeter.pricing.plan import EditionData, Plan, Text, compile_plan, days, free_plan
from genmeter.pricing.question import Question
from genmeter.pricing.sellers import STANDARD, SellerData
from genmeter.spelling import nearest
from genmeter.units import TEXT_ALONE

CACHED = 4096
"""The most calls, and the most hosts, whose answers are kept. A full table is emptied."""

SCHEMA = 1
BUNDLED = Path(__file__).with_name("data") / "catalogue.json"
_Key = tuple[str | None, str | None, str | None, str | None, bool, str | None]
_Resolved = tuple[Text | None, Plan | Unpriced]
"""A plan, or the refusal; and what the plan says of text, without a look into the plan."""
_WRONG = (TypeError, ValueError, AttributeError, ArithmeticError)


class Data(TypedDict):
    """The file, as far as it is read at run time. ``schema.json`` says the rest."""

    schema: int
    version: str
    as_of: str
    calendars: dict[str, list[str]]
    sellers: dict[str, SellerData]
    models: list[list[Any]]
    plans: list[list[EditionData]]


class Found(NamedTuple):
    """A model of the catalogue: its number, whose list it stands in, and whether it was borrowed from that list."""

    number: int
    seller: str
    borrowed: bool


class Explanation(NamedTuple):
    """The steps that led to a price. ``terms`` is empty when ``result`` is a refusal or a price of zero."""

    result: Verdict
    terms: tuple[Term, ...]
    seller: Seller | None


class Listing(NamedTuple):
    """One model that a seller lists: every name of the model, and its prices as a plan."""

    seller: str
    model: str
    names: tuple[str, ...]
    plan: Plan


class Catalogue:
    """Prices by seller and model. A question does no I/O, reads no clock and raises nothing. Threads may share a catalogue."""

    def __init__(self, data: Data, own: Mapping[str, Mapping[str, Own]] | None = None, version: str = "") -> None:
        if data["schema"] != SCHEMA:
            raise ValueError(f"this genmeter reads price catalogues of schema {SCHEMA}, not {data['schema']}")
        self.version = version or data["version"]
        self.as_of = data["as_of"]
        self.dates = {key: one["as_of"] for key, one in data["sellers"].items() if "as_of" in one}
        """Seller → the day of the newest source of its prices."""
        self._data = data
        self._own = own or {}
        self._calendars = {name: days(dates) for name, dates in data["calendars"].items()}
        self._hosts = sellers.Hosts(data["sellers"])
        self._names = sellers.names(data["sellers"])
        self._dated = {key: frozenset(one["dated"]) for key, one in data["sellers"].items()}
        self._sold: dict[tuple[str, str], Seller | None] = {}
        self._plans: dict[_Key, _Resolved] = {}

    @classmethod
    def bundled(cls) -> Catalogue:
        """The catalogue that came with this package, loaded once."""
        if not _bundled:
            _bundled.append(cls(cast(Data, json.loads(BUNDLED.read_bytes()))))
        return _bundled[0]

    def with_overrides(self, overrides: Overrides) -> Catalogue:
        """A catalogue with these prices of the user's on top; they win over the prices of this catalogue.

        The new version depends on the prices alone, not on the name or the layout of their file.

        >>> from genmeter.model import Usage
        >>> from genmeter.pricing.override import parse
        >>> own = parse({"acme": {"house-7b": {"input": "0.10", "output": "0.40"}}}, "genmeter.toml", "")
        >>> question = Question("acme", "house-7b", None, Usage(input=1_000, output=100), at=0)
        >>> Catalogue.bundled().with_overrides(own).price(question).total
        140000000

        Raises:
            PricesError: a ``same_as`` names a model that no seller lists, or two rows name one model.
        """
        own = {key: dict(rows) for key, rows in self._own.items()}
        added: dict[tuple[str, str], Own] = {}
        for row in overrides.rows:
            seller = self._names.get(match.lower(row.seller))
            key = seller.id or row.seller if seller else row.seller
            if row.same_as is not None and self._target(key, row.same_as) is None:
                raise PricesError(f"{row.where}.same_as: {key} lists no model {row.same_as!r}; see `genmeter models`")
            place = (key, match.plain(row.model))
            if place in added:
                raise PricesError(f"{row.where}: the same model as in {added[place].where}; remove one of the two")
            added[place] = own.setdefault(key, {})[place[1]] = row
        text = "\n".join(sorted(mark for (key, _), row in added.items() for mark in row.marks(key)))
        return Catalogue(self._data, own, f"{self.version}+own-{crc32(text.encode()):08x}" if added else self.version)

    def seller(self, host: str, path: str = "") -> Seller | None:
        """The seller that bills for calls to ``host``, or None. ``path`` decides where one host has several sellers.

        >>> Catalogue.bundled().seller("api.openai.com")
        Seller(id='openai', name='openai', region=None)
        """
        try:
            return self._sold[host, path]
        except KeyError:
            pass
        except TypeError:
            return None
        known = self._hosts.seller(host, path) if len(host) <= match.LONGEST else None
        if len(self._sold) >= CACHED:
            self._sold.clear()
        if len(host) + len(path) <= 2 * match.LONGEST:
            self._sold[host, path] = known
        return known

    def named(self, name: str) -> Seller | None:
        """The seller with this catalogue id, ``gen_ai.provider.name`` or alias, or a seller of the user's own prices.

        >>> Catalogue.bundled().named("aws.bedrock").id, Catalogue.bundled().named("acme")
        ('aws', None)
        """
        try:
            return self._names.get(match.plain(name)) or (Seller(name, name) if name in self._own else None)
        except (AttributeError, TypeError):
            return None

    def unknown_seller(self, name: str) -> str:
        """The message about a seller that ``named`` does not find, with the nearest name, else with every seller.

        >>> Catalogue.bundled().unknown_seller("opnai")
        "no seller 'opnai'; did you mean 'openai'?"
        """
        near = nearest(match.plain(name), (*self._names, *self._own))
        listed = f"the sellers are {', '.join((*self._own, *self._data['sellers']))}"
        return f"no seller {_shown(name)}; {listed if near is None else f'did you mean {near!r}?'}"

    def misspelled(self) -> list[tuple[str, str]]:
        """The sellers of the user's own prices that look like a misspelled seller of the catalogue, each with that seller."""
        pairs = ((name, nearest(name, self._names, 0.8)) for name in self._own if name not in self._names)
        return [(name, near) for name, near in pairs if near is not None]

    def price(self, question: Question) -> Verdict:
        """The list price of one call, or the reason why there is none. Never raises.

        >>> from genmeter.model import Usage
        >>> usage = Usage(input=1_000, output=100)
        >>> cost = Catalogue.bundled().price(Question("openai", "gpt-4o", None, usage, at=1_764_547_200))
        >>> cost.total, cost.lines, cost.entry
        (3500000000, (('input', 2500000000), ('output', 1000000000)), 'openai/gpt-4o')
        >>> Catalogue.bundled().price(Question("openai", "house-7b", None, usage, at=1_764_547_200))
        Unpriced(reason='unknown_model', detail="openai lists no price for 'house-7b'")
        """
        try:
            seller, request_model, response_model, usage, at, service_tier, batch, region, partial = question
            try:
                # ``_key``, without the time that a call of it takes: this runs for every metered call.
                text, plan = self._plans[seller, request_model, response_model, service_tier, batch, region]
            except KeyError:
                text, plan = self._plan(_key(question))
            if text is not None and usage is not None:
                into, out = usage.input, usage.output
                # The commonest call, text without a cache, is summed here: a call of ``text_only`` is a tenth of the time.
                if (usage.rare is TEXT_ALONE and usage.cache_read == 0 and usage.cache_write == 0
                        and type(into) is int and type(out) is int and into > 0 and out > 0
                        and text[1] is not None):  # fmt: skip
                    first, second = into * text[0], out * text[1]
                    if first + second <= MAX:
                        lines = (("input", first), ("output", second))
                        return costed(Cost, (first + second, lines, "local", self.version, text[4], partial))
                cost = text_only(text, usage, self.version, partial)
                if cost is not None:
                    return cost
            if not isinstance(plan, Plan):
                return plan
            return charge(plan, usage, at, self.version, partial)
        except _WRONG as error:
            return _strange(_key(question)) or Unpriced("invalid_usage", f"{type(error).__name__}: {error}")

    def explain(self, question: Question) -> Explanation:
        """The answer of ``price`` to the same question, with the terms of the sum.

        >>> from genmeter.model import Usage
        >>> question = Question("openai", "gpt-4o", None, Usage(input=1_000, output=100), at=1_764_547_200)
        >>> [(term.kind, term.quantity, term.price) for term in Catalogue.bundled().explain(question).terms]
        [('input', 1000, 2500000), ('output', 100, 10000000)]
        """
        result, usage = self.price(question), question.usage
        face = self.named(question.seller) if question.seller is not None else None
        if isinstance(result, Unpriced) or usage is None:
            return Explanation(result, (), face)
        _, plan = self._plan(_key(question))
        if not isinstance(plan, Plan) or plan.free:
            return Explanation(result, (), face)
        rates = plan.flat or choose(plan, usage, question.at)
        found = [] if isinstance(rates, Unpriced) else terms(rates, usage, question.partial)
        return Explanation(result, () if isinstance(found, Unpriced) else tuple(found), face)

    def listings(self) -> list[Listing]:
        """Every model for sale, the user's own first, with its standard plan."""
        own = [(seller, row) for seller, rows in sorted(self._own.items()) for _, row in sorted(rows.items())]
        plans = [(seller, row.model, self._own_plan(seller, row)) for seller, row in own]
        made = [Listing(seller, model, (model,), plan) for seller, model, plan in plans if isinstance(plan, Plan)]
        for seller, one in self._data["sellers"].items():
            names: dict[int, list[str]] = {}
            for name, index in one["ids"].items():
                names.setdefault(index, []).append(name)
            for index, spelled in names.items():
                found = Found(index, seller, False)
                plan = self._compiled(found, seller, STANDARD, (1, 1))
                if isinstance(plan, Plan):
                    made.append(Listing(seller, self._data["models"][index][0], tuple(spelled), plan))
        return made

    def ids(self, seller: str) -> list[str]:
        """Every model name of one seller (catalogue id), the user's own included."""
        listed = self._data["sellers"].get(seller)
        return [*self._own.get(seller, ()), *(listed["ids"] if listed else ())]

    # Resolving: a question without its numbers → a plan, or a refusal

    def _plan(self, key: _Key) -> _Resolved:
        try:
            known = self._plans.get(key)
            if known is None:
                plan = self._resolve(*key)
                known = (plan.text if isinstance(plan, Plan) else None, plan)
                if all(part is None or len(part) <= match.LONGEST for part in key if not isinstance(part, bool)):
                    if len(self._plans) >= CACHED:
                        self._plans.clear()
                    self._plans[key] = known
            return known
        except _WRONG:
            return None, _strange(key) or Unpriced("unknown_model", "this name cannot be looked up")

    def _resolve(
        self, seller: str | None, request: str | None, response: str | None, tier: str | None, batch: bool,
        region: str | None,
    ) -> Plan | Unpriced:  # fmt: skip
        if seller is None:
            return Unpriced("unknown_provider", "the seller at this address is unknown; name it under [sellers]")
        face = self._names.get(match.plain(seller))
        key = face.id or seller if face else seller
        data = self._data["sellers"].get(key)
        if data is None and key not in self._own:
            return Unpriced("unknown_provider", f"no prices for seller {_shown(seller)}")
        wanted = sellers.tier(tier, bool(batch), data)
        mine = self._user_row(key, request, response)
        if mine is not None and mine.same_as is None:
            if wanted != STANDARD:
                return Unpriced("unknown_service_tier", f"your own prices hold no {wanted!r} price for {mine.model}")
            return self._own_plan(key, mine)
        found = self._found(key, data, request, response) if data else None
        if mine is not None and mine.same_as is not None and not isinstance(found, Found):
            found = self._target(key, mine.same_as)
        if found is None:
            return Unpriced("unknown_model", f"{key} lists no price for {_shown(response or request)}")
        return found if isinstance(found, Unpriced) else self._priced(found, key, wanted, region)

    def _priced(self, found: Found, key: str, tier: str, region: str | None) -> Plan | Unpriced:
        area = match.plain(region or "")
        if area in sellers.GLOBAL:
            return self._compiled(found, key, tier, (1, 1))
        name: str = self._data["models"][found.number][0]
        face = self._data["sellers"].get(key) or self._data["sellers"][found.seller]
        ratio = sellers.ratio(face.get("regions"), area, name)
        if ratio is None:
            return Unpriced("unpriced_dimension", f"no published price of {name} in region {_shown(region)}")
        return self._compiled(found, key, tier, ratio, area)

    def _compiled(
        self, found: Found, key: str, tier: str, ratio: tuple[int, int], region: str = ""
    ) -> Plan | Unpriced:  # fmt: skip
        model = self._data["models"][found.number]
        entry = f"{found.seller}/{model[0]}" if found.seller == key else f"{key}:{found.seller}/{model[0]}"
        if model[1] == "free":
            return free_plan(entry)
        number: int | None = model[1]
        if tier != STANDARD:
            tiers = cast(dict[str, int], model[2] if len(model) > 2 and not found.borrowed else {})
            number = tiers.get(tier)
        if number is None:
            return Unpriced("unknown_service_tier", f"no published {_shown(tier)} price for {entry}")
        entry += (f";{tier}" if tier else "") + (f";region={region}" if region else "")
        return compile_plan(entry, self._data["plans"][number], self._calendars, ratio)

    def _found(
        self, key: str, data: SellerData, request: str | None, response: str | None
    ) -> Found | Unpriced | None:  # fmt: skip
        """The model of the response; the request's model when the response names none, or a version of the request's."""
        if data.get("deployments"):
            request = None
        if data.get("profiles") and request and response and match.plain(response) in match.lower(request):
            response = request
        if response:
            found = self._listed(key, response)
            if found is not None or not request or not match.same_but_version(response, request):
                return found
        return self._listed(key, request) if request else None

    def _listed(self, key: str, name: str) -> Found | Unpriced | None:
        if len(name) > match.LONGEST:
            return None
        data = self._data["sellers"][key]
        for seller in (key, *data.get("also", ())):
            one = self._data["sellers"][seller]
            for form in match.forms(name, (*data.get("prefixes", ()), *one.get("prefixes", ()))):
                if seller != key and form.startswith("ft:"):
                    continue
                # Before the ids: a name with a version-like end may be refused where its base has a price.
                reason = next((why for why, names in one["refused"].items() if form in names), None)
                if reason is not None:
                    return Unpriced("unknown_model", f"{_shown(name)} is known but has no price that holds ({reason})")
                base = match.found(form, one["ids"], self._dated[seller])
                if base is not None:
                    return Found(one["ids"][base], seller, seller != key)
        return None

    # The user's own prices

    def _user_row(self, key: str, request: str | None, response: str | None) -> Own | None:
        rows = self._own.get(key)
        if rows is None:
            return None
        for name in (response, request):
            row = rows.get(match.plain(name)) if name else None
            if row is not None:
                return row
        return None

    def _target(self, key: str, name: str) -> Found | None:
        """The model that ``same_as`` names: a model of the same seller, or ``seller/model``."""
        found = self._listed(key, name) if key in self._data["sellers"] else None
        head, slash, rest = name.partition("/")
        other = self._names.get(match.lower(head))
        if found is None and slash and other is not None and other.id is not None:
            found = self._listed(other.id, rest)
        return found if isinstance(found, Found) else None

    def _own_plan(self, key: str, row: Own) -> Plan | Unpriced:
        entry = f"override:{key}/{row.model}"
        if row.same_as is not None:
            found = self._target(key, row.same_as)
            missing = Unpriced("unknown_model", f"{key} lists no price for {_shown(row.same_as)}")
            return self._compiled(found, key, STANDARD, (1, 1)) if found else missing
        return free_plan(entry) if row.free else compile_plan(entry, row.editions, {})


_bundled: list[Catalogue] = []


def _key(question: Question) -> _Key:
    """The part of the question that selects the plan: everything except numbers and time."""
    return (question.seller, question.request_model, question.response_model, question.service_tier, question.batch,
            question.region)  # fmt: skip


def _strange(names: tuple[object, ...]) -> Unpriced | None:
    if all(name is None or isinstance(name, str | bool) for name in names):
        return None
    return Unpriced("unknown_model", "the names of seller, model, tier and region must be text")


def _shown(name: str | None) -> str:
    text = str(name)
    return repr(text if len(text) <= 80 else text[:77] + "...")
