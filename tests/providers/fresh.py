"""``python -m tests.providers.fresh NAME``: one SDK in a process that has not imported it; what was seen, as JSON.

genmeter comes first and the SDK after it, which no test of the suite can show whose process has the SDK already.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from genmeter.settings import Settings
from tests.metering.rig import Meter
from tests.stub import StubServer

from .acting import opened, opened_async, took, took_async, way_of
from .listed import PRESENT, Case, plain_cases


def main() -> None:
    """See the SDK come after genmeter, and a forked child call for itself."""
    sdk = next(found for found in PRESENT if found.name == sys.argv[1])
    with StubServer(fixed=True) as stub:
        host = stub.url.removeprefix("http://")
        before = set(sys.modules)
        meter = Meter(Settings(sellers={} if sdk.seller is None else {host: sdk.seller}))
        imported = [name for name in set(sys.modules) - before if (name + ".").startswith(sdk.module + ".")]
        seen: dict[str, Any] = {"imported by us": imported + [name for name in before if name == sdk.module]}
        case = plain_cases(sdk)[0]
        _call(case, stub.url)
        seen["spans when the SDK comes after"] = len(meter.spans)
        if sdk.forks:
            meter.clear()
            seen["spans of a forked child"] = _forked(case, stub.url, meter)
            seen["spans of its parent"] = len(meter.spans)
    print(json.dumps(seen))


def _call(case: Case, url: str) -> None:
    if case.asynchronous:
        asyncio.run(_call_async(case, url))
    else:
        with opened(case, url) as client:
            took(client, way_of(case), case.streamed)


async def _call_async(case: Case, url: str) -> None:
    async with opened_async(case, url) as client:
        await took_async(client, way_of(case), case.streamed)


def _forked(case: Case, url: str, meter: Meter) -> int:
    """How many spans a forked child has of one call of its own."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            _call(case, url)
            code = len(meter.spans)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main()
