"""Questions to the catalogue over all that it holds: every seller, tier, region, date, length, spelling and refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from words import (
    LARGEST,
    NOVEMBER,
    REGIONS,
    STRANGERS,
    TIERS,
    Chance,
    any_usage,
    less_usage,
    moments,
    spelled,
    strange,
    text_usage,
    usage_of,
    wrong_usage,
)

Question = dict[str, Any]
Data = dict[str, Any]


def ask(seller: str | None, request: str | None, response: str | None = None, **more: Any) -> Question:
    """One question, without the fields that are None."""
    call = {"seller": seller, "request_model": request, "response_model": response, "at": NOVEMBER, **more}
    return {name: value for name, value in call.items() if value is not None and value is not False}


def words_of(data: Data) -> list[str]:
    """Every word for a seller."""
    faces = data["sellers"].items()
    return sorted({word for key, face in faces for word in (key, face["name"], *face.get("aliases", ()))})


def every_seller(chance: Chance, data: Data) -> Iterator[Question]:
    """Models of every seller by their own name, in the request, the response or both."""
    for key, face in data["sellers"].items():
        for name in chance.sample(sorted(face["ids"]), min(len(face["ids"]), 15)):
            names = chance.choice(((name, None), (None, name), (name, name)))
            yield ask(key, *names, usage=text_usage(chance), at=chance.randint(1_700_000_000, NOVEMBER + 30_000_000))
    for key in data["sellers"]:
        sold = [one for one in plans(data) if one[0] == key]
        for _, name, tier, periods in chance.sample(sold, min(len(sold), 5)):
            yield ask(key, name, usage=any_usage(chance, _columns(data, periods)), service_tier=tier)
    for word in words_of(data):
        yield ask(word, "gpt-4o", usage=text_usage(chance))
        yield ask(chance.choice((word.upper(), f" {word}", f"{word}s")), "gpt-4o", usage=text_usage(chance))


def every_tier(chance: Chance, data: Data) -> Iterator[Question]:
    """Every model that has service tiers in each of them, and each word for a tier anywhere."""
    tiered = [
        (key, name, tier)
        for key, face in data["sellers"].items()
        for name, number in face["ids"].items()
        for tier in _tiers(data["models"][number])
    ]
    rare = [one for tier in sorted({tier for *_, tier in tiered}) for one in _repeated(tiered, tier)]
    for key, name, tier in [*chance.sample(tiered, min(len(tiered), 390)), *rare]:
        batch = tier == "batch" and chance.random() < 0.7
        yield ask(key, name, usage=text_usage(chance), batch=batch, service_tier=None if batch else tier)
    for word in TIERS:
        for key, name, _ in chance.sample(tiered, 8):
            yield ask(key, name, usage=text_usage(chance), service_tier=word, batch=chance.random() < 0.3)
        yield ask("groq", "llama-3.1-8b-instant", usage=text_usage(chance), service_tier=word)


def _repeated(tiered: list[tuple[str, str, str]], tier: str) -> list[tuple[str, str, str]]:
    """The models of a tier that few models have, often enough to be seen."""
    found = [one for one in tiered if one[2] == tier]
    return [found[number % len(found)] for number in range(24)] if len(found) < 24 else []


def every_region(chance: Chance, data: Data) -> Iterator[Question]:
    """Sellers with price regions, and some without."""
    for key, face in data["sellers"].items():
        ruled = "regions" in face
        for name in chance.sample(sorted(face["ids"]), min(len(face["ids"]), 45 if ruled else 2)):
            tier = chance.choice((None, None, None, "batch", "flex"))
            usage = chance.choice((any_usage, text_usage))(chance)
            told = [region for rule in face.get("regions", ()) for region in rule[0]]
            region = chance.choice(told if told and chance.random() < 0.5 else REGIONS)
            yield ask(key, name, usage=usage, region=region, service_tier=tier)
    for region in REGIONS:
        yield ask("openai", "gpt-5.5", usage=text_usage(chance), region=region)
        yield ask("aws", "regional.anthropic.claude-opus-5", usage=text_usage(chance), region=region)
        yield ask("vertex", "gemini-2.5-pro", usage=text_usage(chance), region=region)


def plans(data: Data) -> Iterator[tuple[str, str, str | None, list[dict[str, Any]]]]:
    """Seller, model, tier and periods of everything for sale."""
    for key, face in data["sellers"].items():
        for name, number in face["ids"].items():
            plan = data["models"][number][1]
            if plan not in ("free", None):
                yield key, name, None, data["plans"][plan]
            for tier, other in _tiers(data["models"][number]).items():
                yield key, name, tier, data["plans"][other]


def _columns(data: Data, periods: list[dict[str, Any]]) -> list[str]:
    """The columns that have a price in the newest row for long calls."""
    row = periods[-1]["rows"][-1][1]
    return [column for column, cell in zip(data["columns"], row, strict=False) if cell is not None]


def _tiers(model: list[Any]) -> dict[str, int]:
    return model[2] if len(model) > 2 else {}


def every_moment(chance: Chance, data: Data) -> Iterator[Question]:
    """The second before, at and after each change: periods, windows, weekends, holidays; and the ends of time."""
    dated = [(one, moments(one[3], data["calendars"])) for one in plans(data)]
    windowed = [pair for pair in dated if _windows(pair[0][3])]
    changing = [pair for pair in dated if pair[1] and not _windows(pair[0][3])]
    for (key, name, tier, _), edges in windowed:
        for at in chance.sample(edges, min(len(edges), 110)):
            yield ask(key, name, usage=text_usage(chance), service_tier=tier, at=at)
    for (key, name, tier, _), edges in chance.sample(changing, min(len(changing), 180)):
        for at in chance.sample(edges, min(len(edges), 3)):
            yield ask(key, name, usage=text_usage(chance), service_tier=tier, at=at)
    for (key, name, tier, _), _ in chance.sample(changing, 20):
        for at in (0, -1, -(2**40), 2**40):
            yield ask(key, name, usage=text_usage(chance), service_tier=tier, at=at)


def _windows(periods: list[dict[str, Any]]) -> bool:
    return any("windows" in period for period in periods)


def every_length(chance: Chance, data: Data) -> Iterator[Question]:
    """One token below, at and above each threshold, with and without a part from the cache."""
    long = [one for one in plans(data) if any(len(period["rows"]) > 1 for period in one[3])]
    for key, name, tier, periods in chance.sample(long, min(len(long), 100)):
        for over in sorted({row[0] for period in periods for row in period["rows"] if row[0]}):
            for into in (over - 1, over, over + 1):
                usage = {"input": into, "output": chance.randint(1, 900)}
                if chance.random() < 0.3:
                    usage["cache_read"] = chance.randint(1, into)
                yield ask(key, name, usage=usage, service_tier=tier)


def every_spelling(chance: Chance, data: Data) -> Iterator[Question]:
    """Names by alias, path, ARN, fine-tune, tail, other date; strangers; and characters that are not ASCII."""
    listed = [(key, name) for key, face in data["sellers"].items() for name in face["ids"]]
    dated = [(key, name) for key, face in data["sellers"].items() for name in face["dated"]]
    refused = [(k, name) for k, face in data["sellers"].items() for names in face["refused"].values() for name in names]
    for pool, count in ((dated, 450), (listed, 250), (refused, 60)):
        for key, name in chance.sample(pool, min(count, len(pool))):
            yield ask(key, spelled(chance, name) if pool is not refused else name, usage=text_usage(chance))
    for key, name in chance.sample(dated, 250):
        yield ask(key, strange(chance, name), usage=text_usage(chance))
    for name in STRANGERS:
        yield ask(chance.choice(("openai", "aws", "azure", "vertex")), name, usage=text_usage(chance))
    for name in chance.sample(listed, 60):
        seller = chance.choice(
            (None, "", "nobody", " ", "op\u0435nai", "OPENA\u0130", "x" * 300, strange(chance, "aws"))
        )
        yield ask(seller, name[1], usage=text_usage(chance))


def every_pair(chance: Chance, data: Data) -> Iterator[Question]:
    """What was asked for beside what answered: versions of one another, strangers to one another, one empty."""
    listed = [(key, name) for key, face in data["sellers"].items() for name in face["ids"]]
    for key, name in chance.sample(listed, 200):
        other = chance.choice(sorted(data["sellers"][key]["ids"]))
        pairs = (
            (name, other),
            (name, name + "-2031-01-01"),
            (name, spelled(chance, name)),
            (spelled(chance, name), name),
        )
        yield ask(key, *chance.choice(pairs), usage=text_usage(chance))
    for key, face in data["sellers"].items():
        for refused in (name for names in face["refused"].values() for name in names):
            for name in sorted(one for one in face["ids"] if refused.startswith(f"{one}-"))[:2]:
                yield ask(key, name, refused, usage=text_usage(chance))
    for key in ("aws", "azure", "vertex", "openai", "anthropic"):
        for name in chance.sample(sorted(data["sellers"][key]["ids"]), 30):
            response = name.partition(".")[2] or name
            pairs = (
                ("my-deployment", name),
                (name, response),
                (f"us.{name}", name),
                (name, "gpt-99"),
                ("", name),
                (name, " "),
            )
            yield ask(key, *chance.choice(pairs), usage=text_usage(chance))
    for name in chance.sample(sorted(data["sellers"]["openai"]["ids"]), 40):
        yield ask(
            "azure", chance.choice(("d", name)), chance.choice((name, f"ft:{name}", None)), usage=text_usage(chance)
        )


def every_count(chance: Chance, data: Data) -> Iterator[Question]:
    """Every modality on models that have a price for it and on others; counts that are missing, wrong or too large."""
    columns = data["columns"]
    sold = list(plans(data))
    for column in columns:
        cells = [(one, rows[-1][1]) for one in sold for rows in [one[3][-1]["rows"]]]
        priced = [
            one for one, row in cells if len(row) > columns.index(column) and row[columns.index(column)] is not None
        ]
        asked = chance.sample(priced, 45) if len(priced) > 45 else chance.choices(priced, k=45 * bool(priced))
        for key, name, tier, periods in asked:
            usage = any_usage(chance, _columns(data, periods), column)
            yield ask(key, name, usage=usage, service_tier=tier, partial=chance.random() < 0.1)
    for make, count in ((any_usage, 50), (wrong_usage, 180), (less_usage, 110)):
        for key, name, tier, _ in chance.sample(sold, count):
            yield ask(key, name, usage=make(chance), service_tier=tier, partial=chance.random() < 0.25)
    free = [
        (key, name)
        for key, face in data["sellers"].items()
        for name, n in face["ids"].items()
        if data["models"][n][1] == "free"
    ]
    for key, name in chance.sample(free, 40):
        yield ask(key, name, usage=usage_of(chance), partial=chance.random() < 0.2)
    for key, name, tier, _ in chance.sample(sold, 60):
        usage = text_usage(chance)
        del usage[chance.choice(("input", "output", "output"))]
        yield ask(
            key, name, usage={"input": 1, **usage} if "cache_read" in usage else usage, service_tier=tier, partial=True
        )
    for count in (2**53, 2**53 + 1, 3 * 2**53, 10**16 + 7, 10**17 + 9, 10**18 + 11, LARGEST):
        for model in ("gpt-4o", "gpt-4o-mini", "text-embedding-3-small"):
            yield ask("openai", model, usage={"input": count // 1_000_003, "output": count // 7_000_001})
            yield ask("openai", model, usage={"input": count, "output": 0})
            # Two lines that fit one by one and not together.
            yield ask("openai", model, usage={"input": 9 * 10**18 // 2_500_000, "output": count // 12_000_000})


def anything(chance: Chance, data: Data) -> Question:
    """A question put together at random, mostly from words that the catalogue knows."""
    key = chance.choice(tuple(data["sellers"]))
    face = data["sellers"][key]
    seller = chance.choice((key, key, face["name"], *face.get("aliases", ())))
    name = chance.choice(sorted(face["ids"]) or STRANGERS)
    if chance.random() < 0.3:
        name = spelled(chance, name)
    if chance.random() < 0.08:
        name = strange(chance, name)
    other = chance.choice((None, None, name, name, spelled(chance, name), chance.choice(STRANGERS)))
    seller = None if chance.random() < 0.02 else strange(chance, seller) if chance.random() < 0.02 else seller
    return ask(
        seller,
        *((name, other) if chance.random() < 0.7 else (other, name)),
        usage=chance.choice((text_usage, text_usage, usage_of))(chance),
        at=chance.choice((NOVEMBER, chance.randint(-1, 2_000_000_000), chance.randint(1_780_000_000, 1_800_000_000))),
        service_tier=chance.choice(TIERS) if chance.random() < 0.15 else None,
        region=chance.choice(REGIONS) if chance.random() < 0.15 else None,
        batch=chance.random() < 0.05,
        partial=chance.random() < 0.1,
    )


TOPICS: tuple[Callable[[Chance, Data], Iterator[Question]], ...] = (
    every_seller, every_tier, every_region, every_moment, every_length, every_spelling, every_pair, every_count,
)  # fmt: skip


def questions(data: Data, mixed: int) -> Iterator[Question]:
    """All topics in order, each with a chance of its own, and ``mixed`` ones put together at random."""
    for topic in TOPICS:
        yield from topic(Chance(topic.__name__), data)
    chance = Chance("anything")
    for _ in range(mixed):
        yield anything(chance, data)
