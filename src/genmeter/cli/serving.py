"""The common part of the commands that serve: the address to listen on, and the settings that are read first."""

from __future__ import annotations

import argparse
import errno
from pathlib import Path
from typing import TYPE_CHECKING

from genmeter.cli.options import add_ledger, reader

if TYPE_CHECKING:
    from genmeter.ledger.booking import Price
    from genmeter.server import BudgetFile, TokenFile

DRAIN_SECONDS = 10.0
"""How long a stopping service waits for the requests in flight."""


def add_place(parser: argparse.ArgumentParser) -> None:
    """The options ``--host``, ``--port``, ``--ledger`` and ``--token-file``."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument(
        "--port", type=reader(port), default=4318, help="port to listen on, 0 for a free one (default 4318)"
    )
    add_ledger(parser)
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="file with the token that clients must send")


def port(text: str) -> int:
    """A TCP port from the command line. Raises ``ValueError``."""
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise ValueError(f"{text!r} is not a port; a number from 0 to 65535 is needed")
    return int(text)


def prepare(args: argparse.Namespace) -> tuple[Price, tuple[str, ...], BudgetFile, TokenFile | None]:
    """What a service reads before it starts: the price of a call, the scopes to skip, the budgets, the token.

    The last two are followed while it runs.

    Raises:
        ValueError: a setting or token file that cannot be used, or an address that wants a token.
    """
    from genmeter.budgets import budgets_of
    from genmeter.reading import Recorded
    from genmeter.server import BudgetFile, TokenFile, TokenRequired, require_token
    from genmeter.settings import Settings, config_file

    settings = Settings.load()
    price = Recorded(settings).price
    budgets = BudgetFile(config_file(), lambda: budgets_of(Settings.load()))
    token = TokenFile(args.token_file) if args.token_file else None
    try:
        require_token(args.host, token)
    except TokenRequired:
        raise ValueError(
            f"{args.host} can be reached from other machines, so a token is needed: put one into a file "
            "(python -c 'import secrets; print(secrets.token_urlsafe())' > token) and add --token-file token"
        ) from None
    return price, settings.skip_scopes, budgets, token


def cannot_listen(error: OSError, host: str, number: int) -> str:
    """Why the address cannot be used and what to do, in one line."""
    if error.errno == errno.EADDRINUSE:
        return f"port {number} on {host} is in use; stop what uses it, or choose another with --port (0 for a free one)"
    if error.errno == errno.EACCES:
        return f"port {number} on {host} is not permitted; choose one above 1023 with --port"
    return f"cannot listen on {host} port {number}: {error.strerror or error}"
