"""Writes collector-config/prometheus/rules/slo.yaml from collector-config/slo.yaml, and the runbook's address into all rules.

``--check`` writes nothing and says whether all is in step.

Multi-window burn rates as in Google's SRE workbook: a page at 14.4 times the even burn, which spends 2 % of the budget of
30 days in an hour, tickets at less. Windows are sums over recorded events, so that an empty hour weighs nothing.

Four things are added to the workbook's rules. A share of few calls is a guess: it must be above the threshold by three
standard errors. A page also asks for the last five minutes, so that it ends with the failures. A ticket leaves out the
minutes that burn as fast as a page, because the page has told them. What is slow is compared with the application's own week,
because a model that always takes long is no incident: `GenmeterSloUnmet` says once that the objective does not fit.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from genmeter.names import SECONDS_BUCKETS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "collector-config" / "slo.yaml"
TARGET = ROOT / "collector-config" / "prometheus" / "rules" / "slo.yaml"
WINDOWS = ("1h", "2h", "6h", "1d", "3d")
RUNBOOK = "collector-config/runbook.md"
ROLL_UP = "30m"
WHAT = ("calls", "bad_calls", "leaked_calls")
Pairs = tuple[tuple[str, str, float], ...]
FAST = (("1h", "5m", 14.4), ("6h", "30m", 6))
SLOW = (("1d", "2h", 3), ("3d", "6h", 1))
"""Pairs of a long and a short window, and how many times the budget's even burn is too fast in both."""
PAGE = max(burn for _, _, burn in FAST)
BY = "genmeter_department, genmeter_application"
BY_PROVIDER = f"{BY}, gen_ai_provider_name"
CALLS = "gen_ai_client_inference_duration_seconds"
STREAMS = "gen_ai_client_inference_time_to_first_chunk_seconds"
KEYS = {"name", "kind", "objective", "minimum_calls", "seconds", "application", "except", "models"}
KINDS = ("availability", "latency", "first_chunk")
HEADER = """# Written by .ci/slo.py from ../../slo.yaml; do not edit. Share of bad calls of an application in a window, and alerts
# where it burns the error budget of 30 days too fast in a long and a short window at once.
"""


class SloError(ValueError):
    """A fault in slo.yaml, and its place."""


def check(slo: dict[str, Any]) -> None:
    """Refuse an objective that cannot be computed."""
    name, kind, objective, least = (slo.get(key) for key in ("name", "kind", "objective", "minimum_calls"))
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise SloError(f"slo {name!r}: write a name of small letters, digits and _, such as desk_latency")
    if unknown := sorted(set(slo) - KEYS):
        raise SloError(f"slo {name!r}: there is no key {unknown[0]!r}")
    if kind not in KINDS:
        raise SloError(f"slo {name!r}: kind is {kind!r}; write one of {', '.join(KINDS)}")
    if not isinstance(objective, float) or not 0 < objective < 1:
        raise SloError(f"slo {name!r}: objective is {objective}; write a share between 0 and 1, such as 0.99")
    if not isinstance(least, int) or least < 1:
        raise SloError(f"slo {name!r}: minimum_calls is {least}; write a whole number above 0, such as 50")
    if kind == "availability":
        if "models" in slo:
            raise SloError(f"slo {name!r}: models have limits of seconds, and availability has none; delete the key")
    else:
        for seconds in (slo.get("seconds"), *dict(slo.get("models", {})).values()):
            if seconds not in SECONDS_BUCKETS:
                raise SloError(
                    f"slo {name!r}: {seconds} seconds is no bound of the histogram; write one of {SECONDS_BUCKETS}"
                )
    application = slo.get("application", "-")
    if not isinstance(application, str) or not re.fullmatch(r'[^"\\\n]+', application):
        raise SloError(
            f"slo {name!r}: application is {application!r}; write one application's name, without quotes in it"
        )
    for listed in (*slo.get("except", ()), *slo.get("models", ())):
        if not isinstance(listed, str) or not re.fullmatch(r"[\w .:/@-]+", listed):
            raise SloError(f"slo {name!r}: {listed!r} is no name; write letters, digits, spaces and . : / @ _ -")


def rules(slo: dict[str, Any]) -> list[dict[str, Any]]:
    """The records and alerts of one objective."""
    total, bad = judged(slo)
    page = f"{PAGE:g} * {budget(slo):g}"
    made = [
        ("application_provider:slo_calls:rate5m", total),
        ("application_provider:slo_bad_calls:rate5m", bad),
        ("application:slo_calls:rate5m", f"sum by ({BY}) ({series(slo, 'application_provider:slo_calls:rate5m')})"),
        ("application:slo_bad_calls:rate5m", f"sum by ({BY}) ({series(slo, 'application_provider:slo_bad_calls:rate5m')})"),
        ("slo:genmeter_objective:ratio", f"vector({slo['objective']})"),
        ("application:slo_bad_calls:ratio_rate5m", share(slo, "bad_calls", "5m")),
        # What burns slowly: the minutes in which no page is due.
        (
            "application:slo_leaked_calls:rate5m",
            f"{series(slo, 'application:slo_bad_calls:rate5m')} and {series(slo, 'application:slo_bad_calls:ratio_rate5m')} <= {page}",
        ),
        *((f"application:slo_{what}:increase{ROLL_UP}", over(slo, what, ROLL_UP)) for what in WHAT),
        *((f"application:slo_calls:increase{window}", over(slo, "calls", window)) for window in WINDOWS),
        *((f"application:slo_bad_calls:ratio_rate{window}", share(slo, "bad_calls", window)) for window in (ROLL_UP, *WINDOWS)),
        *((f"application:slo_leaked_calls:ratio_rate{window}", share(slo, "leaked_calls", window)) for window in ("2h", "6h", "1d", "3d")),
        ("application:slo_bad_calls:ratio_rate1w", week(slo)),
    ]  # fmt: skip
    records = [{"record": name, "expr": expr, "labels": {"slo": slo["name"]}} for name, expr in made]
    return [*records, *alerts(slo)]


def judged(slo: dict[str, Any]) -> tuple[str, str]:
    """The rates of the calls that an objective judges, and of the bad ones among them, by application and provider."""
    only = [f'genmeter_application="{slo["application"]}"'] if "application" in slo else []
    if slo.get("except"):
        only.append(f'genmeter_application!~"{either(slo["except"])}"')
    if slo["kind"] == "availability":
        total = rate(f"{CALLS}_count", only)
        failed = rate(f"{CALLS}_count", [*only, 'error_type!=""'])
        return total, f"{failed} or 0 * {total}"
    if slo["kind"] == "latency":
        # A failed call is the first objective's; counted here it could look fast.
        histogram, only = CALLS, [*only, 'error_type=""']
    else:
        histogram = STREAMS
    total, models = rate(f"{histogram}_count", only), slo.get("models", {})
    others = [f'gen_ai_request_model!~"{either(models)}"'] if models else []
    bounds = [[f'le="{slo["seconds"]}"', *others]]
    bounds += [[f'le="{seconds}"', f'gen_ai_request_model="{model}"'] for model, seconds in models.items()]
    return total, f"{total} - {rate(f'{histogram}_bucket', *([*only, *bound] for bound in bounds))}"


def either(names: Iterable[str]) -> str:
    """An expression for any of these names."""
    return "|".join(name.replace(".", "[.]") for name in names)


def rate(name: str, *either_of: list[str]) -> str:
    """The rate of a counter under any of these lists of matchers, by application and provider."""
    selectors = (f"{{{', '.join(matchers)}}}" if matchers else "" for matchers in either_of)
    return f"sum by ({BY_PROVIDER}) ({' or '.join(f'rate({name}{selector}[5m])' for selector in selectors)})"


def series(slo: dict[str, Any], name: str) -> str:
    """A record of this objective."""
    return f'{name}{{slo="{slo["name"]}"}}'


def budget(slo: dict[str, Any]) -> float:
    """The share of calls that may be bad."""
    return round(1 - slo["objective"], 6)


def over(slo: dict[str, Any], what: str, window: str) -> str:
    """How many calls in the window, from the recorded rate; the windows of days from the roll-up; of five minutes the rate."""
    if window == "5m":
        return series(slo, f"application:slo_{what}:rate5m")
    if window.endswith("d"):
        return f"sum_over_time({series(slo, f'application:slo_{what}:increase{ROLL_UP}')}[{window}:{ROLL_UP}])"
    return f"60 * sum_over_time({series(slo, f'application:slo_{what}:rate5m')}[{window}:1m])"


def share(slo: dict[str, Any], what: str, window: str) -> str:
    """The share of calls in a window that are bad, or that leak."""
    rolled = series(slo, f"application:slo_{what}:increase{ROLL_UP}")
    failed = rolled if window == ROLL_UP else over(slo, what, window)
    calls = "rate5m" if window == "5m" else f"increase{window}"
    return f"{failed} / ({series(slo, f'application:slo_calls:{calls}')} > 0)"


def week(slo: dict[str, Any]) -> str:
    """The share of bad calls in a week that ends an hour ago; not of an application of less than half a day."""
    of = {
        what: f"sum_over_time({series(slo, f'application:slo_{what}:increase{ROLL_UP}')}[1w:{ROLL_UP}] offset 1h)"
        for what in WHAT
    }
    old = series(slo, f"application:slo_calls:increase{ROLL_UP}")
    return f"{of['bad_calls']} / ({of['calls']} > {4 * slo['minimum_calls']}) and {old} offset 12h >= 0"


def burning(slo: dict[str, Any], what: str, pairs: Pairs, usual: float) -> str:
    """Any of the pairs of windows above its threshold, in the long one by three standard errors.

    ``usual`` is how many times its own week an application must be at, where what is judged is time.
    """
    now = f" and {series(slo, 'application:slo_bad_calls:ratio_rate5m')} > " if what == "bad_calls" else ""
    found: list[str] = []
    for long, short, burn in pairs:
        most = f"{burn:g} * {budget(slo):g}"
        limit = min(burn * budget(slo), 0.99)
        calls = series(slo, f"application:slo_calls:increase{long}")
        found.append(
            f"({series(slo, f'application:slo_{what}:ratio_rate{long}')} > {most} + 3 * sqrt({limit * (1 - limit):.6g} / ({calls} > 0))"
            f" and {series(slo, f'application:slo_{what}:ratio_rate{short}')} > {most}"
            f"{now + most if now and short != '5m' else ''}"
            f" and {calls} > {slo['minimum_calls']})"
        )
    either_pair = "\nor ".join(found)
    if slo["kind"] == "availability":
        return either_pair
    least = series(slo, f"application:slo_{what}:ratio_rate{pairs[0][0]}")
    own = f"{usual:g} * {series(slo, 'application:slo_bad_calls:ratio_rate1w')}"
    # A ticket can wait for a history, a page cannot.
    return f"({either_pair})\n" + (f"unless {least} <= {own}" if now else f"and {least} > {own}")


def blamed(slo: dict[str, Any], expr: str, window: str) -> str:
    """The alert with the provider that most of the bad calls went to: a page of that provider mutes this one."""
    worst = f"topk by ({BY}) (1, sum_over_time({series(slo, 'application_provider:slo_bad_calls:rate5m')}[{window}]))"
    return f"({expr})\n* on ({BY}) group_right () ({worst} > bool -1)"


def alerts(slo: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A page, a ticket, and a note that the objective does not fit."""
    fast = blamed(slo, burning(slo, "bad_calls", FAST, 2), "1h:1m")
    slow = blamed(slo, burning(slo, "leaked_calls", SLOW, 1.5), "6h:5m")
    text = "burns its {name} objective"
    yield alert(slo, ("GenmeterSloBurnsFast", "critical", fast), {"for": "2m"}, text)
    yield alert(slo, ("GenmeterSloBurnsSlowly", "warning", slow), {"for": "15m", "keep_firing_for": "1h"}, text)
    if slo["kind"] == "availability":
        return  # failed calls are usual nowhere
    unmet = (
        f"{series(slo, 'application:slo_bad_calls:ratio_rate1w')} > {budget(slo):g}"
        f" and {series(slo, 'application:slo_calls:increase3d')} > {slo['minimum_calls']}"
    )
    held = {"for": "1d", "keep_firing_for": "1d"}
    yield alert(slo, ("GenmeterSloUnmet", "info", unmet), held, "does not keep its {name} objective")


def alert(slo: dict[str, Any], what: tuple[str, str, str], times: dict[str, str], says: str) -> dict[str, Any]:
    """One alert: its name, severity and expression, when it speaks, and what its summary says."""
    name, severity, expr = what
    return {
        "alert": name,
        "expr": expr,
        **times,
        "labels": {"severity": severity, "category": "slo", "slo": slo["name"]},
        "annotations": {
            "summary": f"{{{{ $labels.genmeter_application }}}} {says.format(name=slo['name'])}",
            "description": (
                f'{{{{ $value | humanizePercentage }}}} of the calls of application "{{{{ $labels.genmeter_application }}}}"'
                f" are bad by the {slo['name']} objective, which allows {100 * budget(slo):g} %."
            ),
            "runbook_url": "collector-config/runbook.md#slo-burns",  # `addressed` writes the page
        },
    }


def made(text: str) -> str:
    """The rules for the text of an slo.yaml."""
    groups: list[dict[str, Any]] = []
    for slo in yaml.safe_load(text)["slos"]:
        check(slo)
        # Each minute, and not at the default of 15 s: the windows of days read every record that there is.
        groups.append({"name": f"genmeter-slo-{slo['name'].replace('_', '-')}", "interval": "1m", "rules": rules(slo)})
    if len({group["name"] for group in groups}) < len(groups):
        raise SloError("two objectives have one name")
    return HEADER + yaml.dump({"groups": groups}, Dumper=_Plain, sort_keys=False, width=1000)


def addressed(rules_text: str, runbook: str) -> str:
    """The same rules with this page before the section of each ``runbook_url``."""
    return re.sub(r"(runbook_url: )[^#\n]*#", rf"\g<1>{runbook}#", rules_text)


def written() -> dict[Path, str]:
    """What each file of rules, and of their tests, has to be."""
    source = SOURCE.read_text(encoding="utf-8")
    runbook = yaml.safe_load(source).get("runbook", RUNBOOK)
    if not isinstance(runbook, str) or not re.fullmatch(r"[^\s#\\]+", runbook):
        raise SloError(f"runbook is {runbook!r}; write the address of the page, without spaces and #")
    folders = (TARGET.parent, TARGET.parents[1] / "tests")
    texts = {path: path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.glob("*.yaml"))}
    return {path: addressed(text, runbook) for path, text in (texts | {TARGET: made(source)}).items()}


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def main(arguments: list[str]) -> int:
    """Write the rules, or say that they are not in step."""
    try:
        texts = written()
    except SloError as error:
        print(f"{SOURCE}: {error}", file=sys.stderr)
        return 1
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path} is not what {SOURCE} makes; run: python .ci/slo.py", file=sys.stderr)
        return int(bool(stale))
    for path in stale:
        path.write_text(texts[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
