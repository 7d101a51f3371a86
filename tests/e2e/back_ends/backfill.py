"""A real Prometheus on a history: written as blocks by promtool, with what the shipped rules would have recorded of it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.collector.promql import Rule, rules, uses
from tests.e2e.back_ends.history import DENSE, MINUTES, Series, clock
from tests.e2e.back_ends.panels import answer
from tests.stack import ports
from tests.stack.roster import HOST, program
from tests.stack.server import Server, StackError, wait
from tests.stack.watchdog import Watchdog

ATTEMPTS = 3
FIVE = 5
PARTS = (range(0, MINUTES - DENSE, FIVE), range(MINUTES - DENSE, MINUTES + 1))
"""The minutes that have samples: one of five long ago, each one of late."""
RECORDED_STEP = 120
_FOR_EVER = "--storage.tsdb.retention.time=100y"


def written(folder: Path, series: Sequence[Series], parts: Sequence[range] = PARTS) -> Path:
    """The folder with the blocks of these series."""
    data = folder / "data"
    for number, minutes in enumerate(parts):
        _blocks(folder / f"raw-{number}", data, _raw(series, minutes))
    return data


@contextlib.contextmanager
def remembering(folder: Path, raw: Path, prometheus: Path, parts: Sequence[range] = PARTS) -> Iterator[Server]:
    """A Prometheus on a copy of these blocks and of what the rules make of them; it scrapes and evaluates nothing."""
    data = folder / "data"
    shutil.copytree(raw, data)
    with contextlib.closing(Watchdog()) as watchdog:
        for number, level in enumerate(levels(rules())):
            with _remembering(folder, prometheus, watchdog) as server:
                found = [line for rule in level for line in _recorded(server.url, rule, parts)]
            if found:
                _blocks(folder / f"recorded-{number}", data, found)
        with _remembering(folder, prometheus, watchdog) as server:
            yield server


def levels(every: Sequence[Rule]) -> list[list[Rule]]:
    """Recording rules in the order in which they can be worked out: each reads only what levels before it have written."""
    waiting = [rule for rule in every if "record" in rule.body]
    found: list[list[Rule]] = []
    while waiting:
        missing = {rule.name for rule in waiting}
        ready = [rule for rule in waiting if not missing & {use.name for use in uses(rule.expr)}]
        if not ready:
            raise ValueError(f"recording rules read each other in a circle: {sorted(missing)}")
        found.append(ready)
        waiting = [rule for rule in waiting if rule not in ready]
    return found


def _remembering(folder: Path, prometheus: Path, watchdog: Watchdog) -> contextlib.AbstractContextManager[Server]:
    config = folder / "prometheus.yml"
    config.write_text("{}\n", encoding="utf-8")
    return alone(folder, prometheus, watchdog, config, _FOR_EVER)


@contextlib.contextmanager
def alone(folder: Path, prometheus: Path, watchdog: Watchdog, config: Path, *flags: str) -> Iterator[Server]:
    """A Prometheus without a stack, on the blocks in ``folder/data``, while the block runs."""
    for attempt in range(1, ATTEMPTS + 1):
        server = _server(folder, prometheus, watchdog, config, flags)
        server.launch()
        try:
            wait([server])
            break
        except StackError as error:  # a port that somebody took meanwhile
            if attempt == ATTEMPTS or "address already in use" not in str(error):
                raise
    try:
        yield server
    finally:
        if server.process is not None:
            server.end()


def _server(folder: Path, prometheus: Path, watchdog: Watchdog, config: Path, flags: Sequence[str]) -> Server:
    (port,) = ports.free(1)
    at = f"{HOST}:{port}"
    command = [prometheus, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", *flags]
    return Server(
        name="prometheus",
        url=f"http://{at}",
        ports={"http": port},
        command=[*map(str, command), f"--web.listen-address={at}"],
        environment={},
        ready=f"http://{at}/-/ready",
        config=config,
        data=folder,
        log=folder / "prometheus.log",
        watchdog=watchdog,
    )


def _raw(series: Iterable[Series], minutes: Sequence[int]) -> Iterator[str]:
    for one in series:
        if one.fine and minutes.step != 1:
            continue
        head = _head(one.name, one.labels)
        values = ((minute, one.at(minute)) for minute in minutes)
        yield "".join(f"{head} {_number(value)} {clock(minute)}\n" for minute, value in values if value is not None)


def _recorded(url: str, rule: Rule, parts: Sequence[range]) -> Iterator[str]:
    """What the rule says at each moment, asked of the Prometheus itself."""
    for minutes in parts:
        step = max(60 * minutes.step, RECORDED_STEP)
        asked = {"query": rule.expr, "start": clock(minutes[0]), "end": clock(minutes[-1]), "step": step}
        for series in answer(f"{url}/api/v1/query_range?{urlencode(asked)}")["data"]["result"]:
            labels = {key: value for key, value in series["metric"].items() if key != "__name__"}
            head = _head(rule.name, labels | rule.body.get("labels", {}))
            yield "".join(f"{head} {value} {at}\n" for at, value in series["values"])


def _head(name: str, labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{inside}}}"


def _number(value: Any) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))


def _blocks(name: Path, data: Path, lines: Iterable[str]) -> None:
    """OpenMetrics text into a block: one for all days, where the default is one for each two hours."""
    text = name.with_suffix(".txt")
    text.parent.mkdir(exist_ok=True)
    with text.open("w", encoding="utf-8") as file:
        file.writelines(lines)
        file.write("# EOF\n")
    promtool = program("prometheus").with_name("promtool")
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=8760h"]
    done = subprocess.run([*command, text, data], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise ValueError(f"promtool does not take {text}: {done.stderr}")
    text.unlink()
