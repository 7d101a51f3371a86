"""`python -m tests.stub [--port N] [--gap S] [--delay S] [--demo]`: the stub as a program.

Prints its URL on the first line of stdout, then serves until SIGTERM or SIGINT. `--demo` paces streams like a real
model and varies the usage numbers. The model names of `triggers.py` work with and without it.
"""

from __future__ import annotations

import argparse
import signal

from .server import StubServer


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.stub", description="Loopback LLM providers.")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--gap", type=float, default=None, help="seconds between the events of a stream")
    parser.add_argument("--delay", type=float, default=None, help="seconds before an answer")
    parser.add_argument("--demo", action="store_true", help="a human pace, and usage that varies")
    options = parser.parse_args()
    gap = options.gap if options.gap is not None else 0.03 if options.demo else 0.0
    delay = options.delay if options.delay is not None else 0.15 if options.demo else 0.0
    # Held back and waited for: a handler in Python may run too late, just after the main thread has gone to sleep.
    ending = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    stub = StubServer(options.port, gap=gap, delay=delay, lively=options.demo).start()
    print(stub.url, flush=True)
    signal.sigwait(ending)
    stub.stop()


if __name__ == "__main__":
    main()
