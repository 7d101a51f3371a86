"""Writes collector-config/prometheus/rules/slo.yaml from collector-config/slo.yaml (``--check`` writes nothing).

Multi-window burn rates as in Google's SRE workbook: a page at 14.4 times the even burn, which spends 2 % of the budget of
30 days in an hour, tickets at less. Windows are sums over recorded events, so that an empty hour weighs nothing.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

from genmeter.names import SECONDS_BUCKETS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "collector-config" / "slo.yaml"
TARGET = ROOT / "collector-config" / "prometheus" / "rules" / "slo.yaml"
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
ROLL_UP = "30m"
LEVELS = (
    ("GenmeterSloBurnsFast", "critical", "2m", (("1h", "5m", 14.4), ("6h", "30m", 6))),
    ("GenmeterSloBurnsSlowly", "warning", "15m", (("1d", "2h", 3), ("3d", "6h", 1))),
)
"""Alert, severity, for, and its pairs: long window, short window, times the budget's even burn."""
BY = "genmeter_department, genmeter_application"
CALLS = "gen_ai_client_inference_duration_seconds"
STREAMS = "gen_ai_client_inference_time_to_first_chunk_seconds"
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
    if unknown := sorted(set(slo) - {"name", "kind", "objective", "minimum_calls", "seconds", "application"}):
        raise SloError(f"slo {name!r}: there is no key {unknown[0]!r}")
    if kind not in KINDS:
        raise SloError(f"slo {name!r}: kind is {kind!r}; write one of {', '.join(KINDS)}")
    if not isinstance(objective, float) or not 0 < objective < 1:
        raise SloError(f"slo {name!r}: objective is {objective}; write a share between 0 and 1, such as 0.99")
    if not isinstance(least, int) or least < 1:
        raise SloError(f"slo {name!r}: minimum_calls is {least}; write a whole number above 0, such as 50")
    if kind != "availability" and slo.get("seconds") not in SECONDS_BUCKETS:
        raise SloError(
            f"slo {name!r}: {slo.get('seconds')} seconds is no bound of the histogram; write one of {SECONDS_BUCKETS}"
        )
    application = slo.get("application", "-")
    if not isinstance(application, str) or not re.fullmatch(r'[^"\\\n]+', application):
        raise SloError(
            f"slo {name!r}: application is {application!r}; write one application's name, without quotes in it"
        )


def rules(slo: dict[str, Any]) -> list[dict[str, Any]]:
    """The records and alerts of one objective."""
    labels = {"slo": slo["name"]}
    total, bad = judged(slo)
    made: list[dict[str, Any]] = [
        {"record": "application:slo_calls:rate5m", "expr": total, "labels": labels},
        {"record": "application:slo_bad_calls:rate5m", "expr": bad, "labels": labels},
        {"record": "slo:genmeter_objective:ratio", "expr": f"vector({slo['objective']})", "labels": labels},
    ]
    for window in WINDOWS:
        calls, failed = over("calls", slo["name"], window), over("bad_calls", slo["name"], window)
        if window != "5m":
            record = f"application:slo_calls:increase{window}"
            made.append({"record": record, "expr": calls, "labels": labels})
            calls = f'{record}{{slo="{slo["name"]}"}}'
        if window == ROLL_UP:
            record = f"application:slo_bad_calls:increase{window}"
            made.append({"record": record, "expr": failed, "labels": labels})
            failed = f'{record}{{slo="{slo["name"]}"}}'
        record = f"application:slo_bad_calls:ratio_rate{window}"
        made.append({"record": record, "expr": f"{failed} / ({calls} > 0)", "labels": labels})
    return made + [alert(slo, *level) for level in LEVELS]


def judged(slo: dict[str, Any]) -> tuple[str, str]:
    """The rates of the calls that an objective judges, and of the bad ones among them."""
    only = [f'genmeter_application="{slo["application"]}"'] if "application" in slo else []
    if slo["kind"] == "availability":
        total = rate(f"{CALLS}_count", only)
        failed = rate(f"{CALLS}_count", [*only, 'error_type!=""'])
        return total, f"{failed} or 0 * {total}"
    if slo["kind"] == "latency":
        # A failed call is the first objective's; counted here it could look fast.
        histogram, only = CALLS, [*only, 'error_type=""']
    else:
        histogram = STREAMS
    total, within = rate(f"{histogram}_count", only), f'le="{slo["seconds"]}"'
    return total, f"{total} - {rate(f'{histogram}_bucket', [*only, within])}"


def rate(name: str, matchers: list[str]) -> str:
    """The rate of a counter, by application."""
    selector = f"{{{', '.join(matchers)}}}" if matchers else ""
    return f"sum by ({BY}) (rate({name}{selector}[5m]))"


def over(what: str, name: str, window: str) -> str:
    """How many calls in the window, from the recorded rate; the windows of days from the roll-up; of five minutes the rate."""
    if window == "5m":
        return f'application:slo_{what}:rate5m{{slo="{name}"}}'
    if window.endswith("d"):
        return f'sum_over_time(application:slo_{what}:increase{ROLL_UP}{{slo="{name}"}}[{window}:{ROLL_UP}])'
    return f'60 * sum_over_time(application:slo_{what}:rate5m{{slo="{name}"}}[{window}:1m])'


def alert(slo: dict[str, Any], name: str, severity: str, wait: str, pairs: tuple[Any, ...]) -> dict[str, Any]:
    """One alert: any of its pairs of windows."""
    series = f'{{slo="{slo["name"]}"}}'
    budget = round(1 - slo["objective"], 6)
    burning = "\nor ".join(
        f"(application:slo_bad_calls:ratio_rate{long}{series} > {burn} * {budget:g}"
        f" and application:slo_bad_calls:ratio_rate{short}{series} > {burn} * {budget:g}"
        f" and application:slo_calls:increase{long}{series} > {slo['minimum_calls']})"
        for long, short, burn in pairs
    )
    return {
        "alert": name,
        "expr": burning,
        "for": wait,
        "labels": {"severity": severity, "category": "slo", "slo": slo["name"]},
        "annotations": {
            "summary": f"{{{{ $labels.genmeter_application }}}} burns its {slo['name']} objective",
            "description": (
                f'{{{{ $value | humanizePercentage }}}} of the calls of application "{{{{ $labels.genmeter_application }}}}"'
                f" are bad by the {slo['name']} objective, which allows {100 * budget:g} %."
            ),
            "runbook_url": "collector-config/runbook.md#slo-burns",
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


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def main(arguments: list[str]) -> int:
    """Write the rules, or say that they are not in step."""
    try:
        text = made(SOURCE.read_text(encoding="utf-8"))
    except SloError as error:
        print(f"{SOURCE}: {error}", file=sys.stderr)
        return 1
    if "--check" in arguments:
        if TARGET.read_text(encoding="utf-8") == text:
            return 0
        print(f"{TARGET} is not what {SOURCE} makes; run: python .ci/slo.py", file=sys.stderr)
        return 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
