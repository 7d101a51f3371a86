"""A small app that emits what genmeter's instrumentation emits for a few calls: spans and details events.

Its name on the command line is a scenario; stdout is bytes that the test compares.
"""

import os
import signal
import sys
import time

from opentelemetry import _logs, trace
from opentelemetry._logs import LogRecord

from genmeter import names


def call(model, *, cost=None, reason=None, usage=None, error=None, cut=None, seconds=0.0):
    """One call as a CLIENT span and a details event inside it."""
    tracer = trace.get_tracer(names.SCOPE)
    attributes = {names.OPERATION: names.CHAT, names.PROVIDER: "openai", names.REQUEST_MODEL: model}
    # The span lasts as long as the event says: whichever of the two comes first gives the ledger the duration.
    ended = time.time_ns()
    started = ended - round(seconds * 10**9)
    with tracer.start_as_current_span(
        f"chat {model}",
        kind=trace.SpanKind.CLIENT,
        attributes=attributes,
        start_time=started,
        end_on_exit=False,
    ) as span:
        attributes |= {names.USAGE_TOKENS[kind]: count for kind, count in (usage or {}).items()}
        attributes |= {names.CALL_DURATION: seconds}
        if cost is not None:
            attributes |= {
                names.COST_AMOUNT: float(cost),
                names.COST_CURRENCY: "USD",
                names.COST_SOURCE: "local",
                names.COST_TOTAL: cost,
                names.COST_STATUS: "partial" if cut else "priced",
            }
        if reason is not None:
            attributes |= {names.COST_STATUS: "unpriced", names.COST_REASON: reason}
        if error is not None:
            attributes |= {names.ERROR_TYPE: error}
            span.set_status(trace.StatusCode.ERROR)
        if cut is not None:
            attributes |= {names.STREAM_CUT: cut}
        span.set_attributes(attributes)
        _logs.get_logger(names.SCOPE).emit(
            LogRecord(
                timestamp=ended,
                event_name=names.EVENT_DETAILS,
                attributes=attributes,
                context=trace.set_span_in_context(span),
            )
        )
        span.end(end_time=ended)


def mixed():
    """Two priced models, an unknown one, an error and a cut stream."""
    usage = {"input": 1200, "cache_read": 1000, "output": 80, "reasoning": 30}
    for _ in range(3):
        call("gpt-5.6", cost="0.00125", usage=usage, seconds=1.5)
    call("claude-opus-4-8", cost="12.5", usage={"input": 40000, "output": 2000}, seconds=8.25)
    call("house-7b", reason="unknown_model", usage={"input": 500, "output": 20}, seconds=0.2)
    call("gpt-5.6", error="RateLimitError", seconds=0.1)
    call("gpt-5.6", cost="0.0005", usage={"input": 300, "output": 10}, cut="closed", seconds=0.7)


def main():
    scenario = sys.argv[1]
    if scenario == "mixed":
        mixed()
        sys.stdout.buffer.write(b"\x00\xffanswer\r\n")
        sys.stderr.write("the app's own words\n")
    elif scenario == "none":
        print("no call at all")
    elif scenario == "exit":
        call("gpt-5.6", cost="0.000001", usage={"input": 1, "output": 1})
        sys.exit(int(sys.argv[2]))
    elif scenario == "echo":
        sys.stdout.write(sys.stdin.read().upper())
    elif scenario == "environment":
        for name in sorted(os.environ):
            if name.startswith("OTEL_") or name.lower().endswith("_proxy"):
                print(f"{name}={os.environ[name]}")
    elif scenario in ("wait", "stubborn"):
        call("gpt-5.6", cost="0.00125", usage={"input": 10, "output": 1})
        if scenario == "stubborn":
            signal.signal(signal.SIGINT, lambda *_: print("not yet", flush=True))
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            sys.exit(3)


main()
