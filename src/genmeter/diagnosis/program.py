"""One run of a program: what the witness in each of its processes saw, and what follows from it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from genmeter.diagnosis import inside, packages
from genmeter.diagnosis.finding import Finding
from genmeter.diagnosis.receivers import Receiver

NAME: Final = "genmeter_doctor"
_SITE: Final = f"import {NAME}\n\n{NAME}.arm()\n{NAME}.chain()\n"
_STEP: Final = "opentelemetry_pre_instrument"
_HOW: Final = (
    "start it with `genmeter run --` or opentelemetry-instrument, or call genmeter.instrument() before the first call"
)


class Process(NamedTuple):
    """One Python process of the program, as the witness saw it last. ``meter`` is ``metering.inspection``'s; None: none loaded."""

    pid: int
    program: str
    forked: bool
    sdks: Mapping[str, str]
    meter: Mapping[str, Any] | None

    @property
    def name(self) -> str:
        """What the process is called in a finding."""
        return f"process {self.pid} ({self.program or 'python'}{', forked' if self.forked else ''})"


@contextmanager
def witnessed(variables: Mapping[str, str]) -> Generator[tuple[Path, dict[str, str]]]:
    """A folder for the witness, and the environment that loads it into each Python process of a program.

    Python imports one ``sitecustomize``. Below ``opentelemetry-instrument`` that one is OpenTelemetry's, which runs the
    entry points of a distribution on PYTHONPATH: so the folder is one too.
    """
    folder = Path(tempfile.mkdtemp(prefix="genmeter-doctor-"))
    try:
        shutil.copy(inside.__file__, folder / f"{NAME}.py")
        (folder / "sitecustomize.py").write_text(_SITE, encoding="utf-8")
        (folder / "sdks").write_text(
            "".join(f"{name} {one}\n" for name, one in packages.SDKS.items()), encoding="utf-8"
        )
        about = folder / f"{NAME}-0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 0\n", encoding="utf-8")
        (about / "entry_points.txt").write_text(f"[{_STEP}]\n{NAME} = {NAME}:arm\n", encoding="utf-8")
        path = os.pathsep.join(filter(None, (str(folder), variables.get("PYTHONPATH", ""))))
        yield folder, {**variables, "PYTHONPATH": path}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def processes(folder: Path) -> list[Process]:
    """The Python processes that the witness has written of, in the order of their ids."""
    found: list[Process] = []
    for path in folder.glob("*.json"):
        seen: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found.append(Process(**{name: seen[name] for name in Process._fields}))
    return sorted(found, key=lambda one: one.pid)


def receivers(seen: list[Process]) -> list[Receiver]:
    """Where the exporters of the processes send."""
    found: dict[str, Receiver] = {}
    for one in seen:
        for signal, about in (one.meter or {}).get("signals", {}).items():
            for address, protocol in about["exporters"]:
                if protocol:
                    url = address if "://" in address else f"http://{address}"
                    found.setdefault(url + signal, Receiver(signal, url, protocol, one.name))
        if one.meter and one.meter["export"]:
            url = f"{one.meter['export']}/v1/logs"
            found.setdefault(
                url, Receiver("logs", url, "http/protobuf", f"genmeter.instrument(export=...) in {one.name}")
            )
    return list(found.values())


def calls(seen: list[Process]) -> int:
    """How many calls the meters of the processes have seen."""
    return sum(one.meter["calls"] for one in seen if one.meter)


def findings(seen: list[Process]) -> Iterator[Finding]:
    """What the processes mean for the bill."""
    if not seen:
        yield Finding(
            "fault",
            "no_python",
            "no Python process of the program could be looked into",
            "the command must start Python, without the options -I, -E and -S, which ignore PYTHONPATH",
        )
    for one in seen:
        yield from _started(one)
        if one.meter is not None:
            yield from _meter(one, one.meter)


def _started(one: Process) -> Iterator[Finding]:
    """Whether the meter of a process runs, where it has anything to meter."""
    if not one.sdks:
        return
    names = ", ".join(f"{name} {version}".strip() for name, version in one.sdks.items())
    meter = one.meter
    if meter is None or not (meter["on"] or meter["why_off"]):
        yield Finding("fault", "not_started", f"{one.name} has imported {names} and no meter was started in it", _HOW)
    elif meter["why_off"]:
        yield Finding(
            "fault", "off", f"{one.name}: the meter is off: {meter['why_off']}", "correct what the message names"
        )
    else:
        yield Finding("fine", "started", f"{one.name}: genmeter {meter['version']} meters {names}")
    for name in one.sdks:
        if not packages.metered(packages.SDKS[name]):
            yield Finding(
                "fault",
                "sdk_unmetered",
                f"{one.name} has imported {name}, and genmeter does not meter it: its calls are in no sum",
                "call the model through a metered SDK, or send the spans of another instrumentation to the collector",
            )


def _meter(one: Process, meter: Mapping[str, Any]) -> Iterator[Finding]:
    for sdk in meter["sdks"]:
        for package, off in sdk["others"].items():
            yield Finding(
                "warning",
                "two_instrumentations",
                f"{one.name}: {package} wraps the methods of {sdk['sdk']} too; one call may have two spans, and where "
                "genmeter leaves the calls to it, they have no payer and count in no budget",
                off,
            )
    if one.sdks and meter["on"]:
        yield from _carried(one, meter)
    missing = meter["calls"] - meter["sent"]
    if meter["undelivered"] and missing > 0:
        yield Finding(
            "fault",
            "undelivered",
            f"{one.name}: the events of {missing} calls have not gone out"
            + (f" ({meter['heard']})" if meter["heard"] else ""),
            "start the receiver, or correct its address",
        )
    for site, times in meter["failures"].items():
        yield Finding(
            "fault",
            "own_failure",
            f"{one.name}: genmeter failed {times} times at {site}; the calls themselves were not affected",
            "run it again with logging at DEBUG for the logger genmeter, and report what it says",
        )


def _carried(one: Process, meter: Mapping[str, Any]) -> Iterator[Finding]:
    signals: Mapping[str, Mapping[str, Any]] = meter["signals"]
    own = [name for name, signal in signals.items() if signal["set_by"] == "application"]
    if not meter["carried"]:
        yield Finding(
            "fault",
            "nowhere",
            f"{one.name}: its calls are recorded nowhere, because no OpenTelemetry provider is set up",
            'write genmeter.instrument(export="dev") beside a running `genmeter dev`, or set OTEL_EXPORTER_OTLP_ENDPOINT',
        )
    for name in own:
        reached = ", ".join(address for address, _ in signals[name]["exporters"]) or "no exporter"
        yield Finding("fine", "own_provider", f"{one.name}: the application has set up {name} itself, to {reached}")
    sampler = signals["traces"]["sampler"]
    if "traces" in own and "logs" not in own and sampler and not _keeps_all(sampler):
        yield Finding(
            "warning",
            "sampled_money",
            f"{one.name}: the application's own sampler ({sampler}) leaves spans out, and it has no LoggerProvider for the "
            "events, which carry the money",
            "set a LoggerProvider, or GENMETER_EXPORT to the address of the ledger",
        )


def _keeps_all(sampler: str) -> bool:
    return sampler == "AlwaysOnSampler" or sampler.startswith("ParentBased{root:AlwaysOnSampler,")
