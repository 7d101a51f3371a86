"""The receipt that ``genmeter run`` prints: one run on one slip of paper, for a person."""

from __future__ import annotations

import shlex
import textwrap
from typing import NamedTuple

from genmeter.cli.render import aligned, cut, grouped, left, right, width
from genmeter.cli.slip import Slip
from genmeter.model import usd
from genmeter.reports import Receipt, Row, total
from genmeter.units import APART

WIDTH = 78
MOST_MODELS = 12
MOST_GAPS = 6
_MARGIN = "  "
_LABEL = 15
_BOLD, _DIM, _WARN, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[0m"
_INPUT_PARTS = {
    "cache_read": "read from cache",
    "cache_write": "written to it",
    "audio_input": "audio",
    "image_input": "image",
}
_OUTPUT_PARTS = {"reasoning": "reasoning", "audio_output": "audio", "image_output": "image"}


def render(slip: Slip, *, colour: bool = False) -> str:
    """The slip as text of at most 80 columns, ending in a newline."""
    paint = _Paint(colour)
    blocks = [_head(slip, paint)]
    if slip.receipt is not None and slip.receipt.calls:
        blocks += [_models(slip.receipt, paint), _facts(slip.receipt, paint)]
    elif slip.receipt is not None:
        blocks.append(["no calls"])
    blocks.append([line for note in slip.notes for line in _wrapped(note, WIDTH)])
    if slip.more:
        blocks.append([paint.dim(slip.more)])
    text = "\n\n".join("\n".join(f"{_MARGIN}{line}".rstrip() for line in block) for block in blocks if block)
    return f"\n{text}\n"


class _Line(NamedTuple):
    """A line of the table of models: the name, a mark behind it, and calls, input, output, cost as text."""

    name: str
    mark: str
    cells: tuple[str, str, str, str]


class _Paint:
    """Escape codes, or none."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def bold(self, text: str) -> str:
        return f"{_BOLD}{text}{_PLAIN}" if self._colour else text

    def dim(self, text: str) -> str:
        return f"{_DIM}{text}{_PLAIN}" if self._colour else text

    def warn(self, text: str) -> str:
        return f"{_WARN}{text}{_PLAIN}" if self._colour else text


def _head(slip: Slip, paint: _Paint) -> list[str]:
    ending = duration(round(slip.seconds * 10**9))
    if slip.exit_code:
        ending = f"exit {slip.exit_code} · {ending}"
    room = WIDTH - len("genmeter · ") - len(ending)
    command = clipped(" ".join(shlex.join(slip.command).split()), room - 2)
    return [f"{paint.bold('genmeter')} · {left(command, room)}{ending}"]


def _models(receipt: Receipt, paint: _Paint) -> list[str]:
    rows = receipt.by_model
    if len(rows) > MOST_MODELS:
        rest = total(rows[MOST_MODELS - 1 :])
        rest.key = f"{len(rows) - MOST_MODELS + 1} more models"
        rows = [*rows[: MOST_MODELS - 1], rest]
    whole = total(receipt.by_model)
    whole.key = "total"
    currencies = {currency for row in rows for currency in row.cost}
    plain = currencies <= {"USD"}
    lines = [line for row in rows for line in _lines(row, plain=plain, mark=_mark(row))] + _lines(whole, plain=plain)
    heading = ["calls", "input", "output", "USD" if plain else "cost"]
    numbers = [_column(head, [line.cells[i] for line in lines]) for i, head in enumerate(heading)]
    room = WIDTH - sum(len(column[0]) + 3 for column in numbers)
    names = [
        left(name, room)
        for name in ("model", *(f"{clipped(line.name, room - len(line.mark))}{line.mark}" for line in lines))
    ]
    shown = ["   ".join(cells) for cells in zip(names, *numbers, strict=True)]
    rule = paint.dim("─" * WIDTH)
    last = len(_lines(whole, plain=True))
    table = [paint.dim(shown[0]), rule, *shown[1:-last], rule, *(paint.bold(line) for line in shown[-last:])]
    if receipt.unpriced_calls and whole.cost:
        table.append(paint.warn(f"and {_calls(receipt.unpriced_calls)} without a price".rjust(WIDTH)))
    return table


def _mark(row: Row) -> str:
    """The mark behind the name of a row whose cost leaves calls out."""
    return f"  +{row.unpriced:,} unpriced" if row.cost and row.unpriced else ""


def _lines(row: Row, *, plain: bool, mark: str = "") -> list[_Line]:
    """A row as lines, one per currency."""
    name = row.key if row.key is not None else "unknown model"
    counts = (f"{row.calls:,}", _tokens(row.tokens["input"]), _tokens(row.tokens["output"]))
    if not row.cost:
        nothing = "no price" if row.unpriced else "failed" if 0 < row.errors == row.calls else "-"
        return [_Line(name, "", (*counts, nothing))]
    money = [f"{grouped(usd(pico))}" + ("" if plain else f" {currency}") for currency, pico in sorted(row.cost.items())]
    return [_Line(name, mark, (*counts, money[0])), *(_Line("", "", ("", "", "", more)) for more in money[1:])]


def _column(head: str, cells: list[str]) -> list[str]:
    split = [cell.rpartition(" ") if cell[-4:-3] == " " and cell != "no price" else (cell, "", "") for cell in cells]
    numbers = aligned([number for number, _, _ in split])
    placed = [f"{number}{blank}{unit}" for number, (_, blank, unit) in zip(numbers, split, strict=True)]
    widest = max(map(width, [head, *placed]))
    return [right(cell, widest) for cell in (head, *placed)]


def _facts(receipt: Receipt, paint: _Paint) -> list[str]:
    tokens = receipt.tokens
    facts = [
        (f"{kind} tokens", f"{tokens[kind]:,}", _parts(tokens, parts))
        for kind, parts in (("input", _INPUT_PARTS), ("output", _OUTPUT_PARTS))
        if tokens[kind]
    ]
    counted = [(unit, words) for unit, words in APART.items() if tokens[unit]]
    facts += [(words, f"{tokens[unit]:,}", "on the web" if unit == "searches" else "") for unit, words in counted]
    if receipt.p50_ns is not None and receipt.p95_ns is not None:
        facts.append(("latency p50", duration(receipt.p50_ns), f"p95 {duration(receipt.p95_ns)}"))
    if receipt.errors:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in receipt.errors.items())
        facts.append(("errors", f"{receipt.failed:,}", kinds))
    if receipt.cut_streams:
        facts.append(("cut streams", f"{receipt.cut_streams:,}", "stopped before the end; only what was seen counts"))
    set_aside = receipt.suspected_duplicates + receipt.conflicts + receipt.late + receipt.doubles
    if set_aside:
        facts.append(("set aside", f"{set_aside:,}", "reported twice or too late; in no sum"))
    facts += [
        ("" if number else "old prices", f"{age.days:,}", f"days: {age}") for number, age in enumerate(receipt.stale)
    ]
    facts += _gaps(receipt)
    widest = max(len(number) for _, number, _ in facts)
    indent = " " * (_LABEL + widest + 2)
    lines: list[str] = []
    for label, number, words in facts:
        head = f"{label.ljust(_LABEL)}{number.rjust(widest)}  "
        first, *more = _wrapped(words, WIDTH - len(head)) or [""]
        loud = label in ("errors", "no price", "set aside", "old prices")
        lines += [f"{paint.warn(head) if loud else head}{first}", *(f"{indent}{line}" for line in more)]
    return lines


def _gaps(receipt: Receipt) -> list[tuple[str, str, str]]:
    """Every reason with the models it struck and what the price book said of each, and its remedy once below them."""
    facts: list[tuple[str, str, str]] = []
    gaps = receipt.unpriced[:MOST_GAPS]
    for reason in dict.fromkeys(gap.reason for gap in gaps):
        struck = [gap for gap in gaps if gap.reason == reason]
        for gap in struck:
            label = "" if facts else "no price"
            who = gap.model or "unknown model"
            facts.append((label, f"{gap.calls:,}", f"{who} ({gap.provider or 'unknown provider'}): {reason}"))
            if gap.detail:
                facts.append(("", "", gap.detail))
        words = "" if any(gap.detail for gap in struck) else struck[0].words
        facts.append(("", "", f"{words} {struck[0].remedy}".strip()))
    if rest := receipt.unpriced[MOST_GAPS:]:
        facts.append(("", f"{sum(gap.calls for gap in rest):,}", f"of {len(rest)} more kinds; --json lists all"))
    return facts


def duration(nanoseconds: int) -> str:
    """A duration in three digits or so: ``340 ms``, ``1.24 s``, ``2 min 14 s``, ``3 h 05 min``."""
    milliseconds = (nanoseconds + 500_000) // 1_000_000
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 100_000:
        return f"{milliseconds / 1000:.3g} s" if milliseconds >= 10_000 else f"{milliseconds / 1000:.2f} s"
    seconds = (milliseconds + 500) // 1000
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def clipped(text: str, columns: int) -> str:
    """The text in ``columns`` columns, its middle gone where it is longer: model names differ at both ends."""
    text = "".join(char if char.isprintable() else "?" for char in text)
    if width(text) <= columns:
        return text
    head = cut(text, (columns - 1) * 2 // 3)
    return f"{head}…{cut(text[::-1], columns - 1 - width(head))[::-1]}"


def _parts(tokens: dict[str, int], parts: dict[str, str]) -> str:
    known = [f"{tokens[kind]:,} {words}" for kind, words in parts.items() if tokens[kind]]
    return f"of which {', '.join(known)}" if known else ""


def _tokens(count: int) -> str:
    # No call uses zero tokens: a sum of zero says that no call has reported its tokens.
    return f"{count:,}" if count else "-"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def _wrapped(text: str, columns: int) -> list[str]:
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return textwrap.wrap(printable, columns, break_on_hyphens=False, break_long_words=False)
