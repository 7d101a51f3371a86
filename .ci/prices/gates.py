"""Checks that a new catalogue must pass before it replaces the old one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from rows import TOKENS
from upstream import Call, Upstream

JUMP = 10
BIG = ("openai", "anthropic", "google", "vertex", "aws", "azure", "mistral", "groq", "deepseek", "x-ai", "cohere")
FRACTIONS = {"huggingface_together", "openrouter"}
"""Resellers whose prices carry float noise below a micro-dollar."""


def overlay_age(rows: list[dict[str, Any]], today: str) -> list[str]:
    """Rows that were due to be read again."""
    late = [row for row in rows if row["expires"] <= date.fromisoformat(today)]
    return [f"overlay {row['id']}: expired {row['expires']}; read {row['source']} again" for row in late]


def fractions(source: Upstream) -> list[str]:
    """Prices finer than a micro-dollar outside the known resellers."""
    faults: list[str] = []
    for provider in source.providers:
        for model in provider.models:
            for price in _decimals(model.prices):
                if price * 1_000_000 % 1 and provider.id not in FRACTIONS:
                    faults.append(f"{provider.id}/{model.id}: {price} is finer than a micro-dollar")
    return faults


def _decimals(value: Any) -> list[Decimal]:
    if isinstance(value, Decimal):
        return [value]
    if isinstance(value, Call):
        value = value.args
    if isinstance(value, dict):
        value = list(value.values())
    return [price for item in value for price in _decimals(item)] if isinstance(value, list) else []


def inner(new: dict[str, Any]) -> list[str]:
    """Faults that one catalogue shows by itself: dangling plans, ratios that do not come out whole, shared names."""
    faults: list[str] = []
    hosts: dict[str, str] = {}
    for seller, face in new["sellers"].items():
        for host in face["hosts"]:
            if hosts.setdefault(host.partition(" = ")[0], seller) != seller:
                faults.append(f"{host} belongs to {seller} and {hosts[host]}")
        for names, over, under, models in face.get("regions", ()):
            faults += [
                f"{seller}: the region {name!r} has a star; write out the regions" for name in names if "*" in name
            ]
            faults += [f"{seller} {names}: {fault}" for fault in _uneven(new, face, over, under, models)]
        faults += [f"{seller}/{name}: a name that moves must say since when" for name in _moving(new, seller, face)]
    return faults


def _moving(new: dict[str, Any], seller: str, face: dict[str, Any]) -> list[str]:
    """Names such as ``gemini-pro-latest``, which hold no version, with one price for all time: the name has moved or will."""
    found: list[str] = []
    for name, index in face["ids"].items():
        base, latest, _ = name.rpartition("-latest")
        plan = new["models"][index][1]
        if latest and seller in BIG and not any(char.isdigit() for char in base) and plan != "free":
            found += [] if any("from" in period for period in new["plans"][plan]) else [name]
    return found


def _uneven(new: dict[str, Any], face: dict[str, Any], over: int, under: int, wanted: list[str]) -> list[str]:
    faults: list[str] = []
    for index in sorted(set(face["ids"].values())):
        name, plan, *tiers = new["models"][index]
        if plan == "free" or not any(
            name == one or (one.endswith("*") and name.startswith(one[:-1])) for one in wanted
        ):
            continue
        for number in [plan, *(tiers[0].values() if tiers else ())]:
            for cell in _cells(new["plans"][number]):
                if cell * over % under:
                    faults.append(f"{name}: {cell} times {over}/{under} is not a whole micro-dollar")
    return faults


def _cells(plan: list[dict[str, Any]]) -> list[int]:
    tables = [rows for period in plan for rows in (period["rows"], *(w["rows"] for w in period.get("windows", ())))]
    return [
        cell
        for rows in tables
        for _, cells in rows
        for cell, token in zip(cells, TOKENS, strict=False)
        if cell and token
    ]


def compare(old: dict[str, Any], new: dict[str, Any]) -> tuple[list[str], list[str]]:
    """(faults, changes) between two catalogues, seller by seller and name by name."""
    faults = [f"seller {seller} is gone" for seller in old["sellers"] if seller not in new["sellers"]]
    changes: list[str] = []
    for seller, face in new["sellers"].items():
        before = old["sellers"].get(seller, {"ids": {}})
        refused = {name for names in face["refused"].values() for name in names}
        for name in sorted(before["ids"].keys() - face["ids"].keys() - refused):
            faults.append(f"{seller}/{name} is gone; old models stay for ever")
        for name in sorted(face["ids"].keys() - before["ids"].keys()):
            changes.append(f"+ {seller}/{name}")
        for name in sorted(face["ids"].keys() & before["ids"].keys()):
            was, now = (_latest(old, before["ids"][name]), _latest(new, face["ids"][name]))
            if was != now and seller in BIG:
                changes.append(f"~ {seller}/{name}: {was} → {now}")
            faults += [f"{seller}/{name}: {a} → {b} micro-USD is more than {JUMP}x" for a, b in _jumps(was, now)]
    return faults, changes


def _latest(data: dict[str, Any], index: int) -> list[int | None]:
    plan = data["models"][index][1]
    return [] if plan == "free" else data["plans"][plan][-1]["rows"][0][1]


def _jumps(was: list[int | None], now: list[int | None]) -> list[tuple[int, int]]:
    pairs = [(a, b) for a, b in zip(was, now, strict=False) if a and b]
    return [(a, b) for a, b in pairs if a > b * JUMP or b > a * JUMP]
