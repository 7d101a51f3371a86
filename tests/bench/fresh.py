"""The process in which importing and enabling is measured: ``python -m tests.bench.fresh CONTENDER [warm]``.

It imports as little as it can of its own, or what the contender imports too would be hidden. ``warm`` makes every call
of the benchmark first, so that the SDKs are loaded: most peers import them in order to patch them.
"""

import gc
import os
import sys
from time import perf_counter, process_time


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    file = os.open("/proc/self/statm", os.O_RDONLY)
    try:
        return int(os.read(file, 200).split()[1]) * 4096
    finally:
        os.close(file)


def enable(name: str) -> None:
    """As a user would, with the providers that are set."""
    if name == "genmeter":
        import genmeter

        genmeter.instrument()
    elif name != "bare":
        from .peers import enable as enable_peer

        enable_peer(name)


def measure(name: str, warm: bool) -> tuple[float, float, float]:
    """CPU ms, wall ms and MB that importing and enabling take on top of an OpenTelemetry SDK that is set up."""
    import opentelemetry.instrumentation.instrumentor  # noqa: F401  instrumented or not, it is part of the bare SDK
    from opentelemetry import _logs, metrics, trace

    from .sinks import Sinks

    sinks = Sinks()
    trace.set_tracer_provider(sinks.tracers)
    metrics.set_meter_provider(sinks.meters)
    _logs.set_logger_provider(sinks.loggers)
    if warm:
        from .contenders import load

        load()
    before, wall, cpu = resident(), perf_counter(), process_time()
    enable(name)
    spent, passed = process_time() - cpu, perf_counter() - wall
    return spent * 1e3, passed * 1e3, (resident() - before) / 2**20


if __name__ == "__main__":
    print(*measure(sys.argv[1], "warm" in sys.argv))
