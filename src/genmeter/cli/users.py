"""``genmeter users``: the keys that hash user ids, and which hash is whose."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from genmeter.cli.options import add_action, add_formats
from genmeter.cli.render import refuse, say, write_rows

if TYPE_CHECKING:
    from genmeter.userkeys import UserKey

DESCRIPTION = """User ids leave an application as keyed hashes. The key is in a file that the meter makes at its first start
(mode 0600); copy the file to every machine whose hashes must agree. The commands: make the file, rotate the key, or find
the hashes of one user. After a rotation, new calls have hashes of the new version once the application has been started
again, and match still finds the old ones. Whoever has the file can test which user a hash stands for. To forget users,
destroy an old version here and in every copy of the file: the ledger keeps its sums, and nothing tells any more whose
they are."""
ACTIONS: Final = {
    "show": "list the versions, and name the file",
    "make": "make the file, unless it is there",
    "rotate": "add a new key, and keep the old ones",
    "destroy": "remove an old --version for good",
    "match": "show the hashes of USER, or say whether HASH is one of them",
}


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "users",
        help="make or rotate the keys that hash user ids, or match a hash",
        description=DESCRIPTION,
        allow_abbrev=False,
    )
    add_action(parser, ACTIONS)
    parser.add_argument("user", nargs="?", metavar="USER", help="the id of a user, as the application gives it")
    parser.add_argument("hash", nargs="?", metavar="HASH", help="a hash, as the ledger shows it")
    parser.add_argument("--version", type=int, metavar="N", help="the version of the key to destroy")
    parser.add_argument("--keys", type=Path, metavar="PATH", help="file of keys (default: as the meter finds it)")
    parser.add_argument("--config", metavar="PATH", help="your genmeter.toml (default: as the meter finds it)")
    add_formats(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; 1 for a hash that is not the user's and for a missing file, 2 for a file that cannot be used."""
    from genmeter import userkeys
    from genmeter.settings import SettingsError, user_key_file

    if (args.action == "match") != (args.user is not None):
        wanted = "match needs a USER" if args.user is None else f"{args.action} takes no USER"
        return refuse(f"{wanted}; see 'genmeter users --help'")
    if (args.action == "destroy") != (args.version is not None):
        wanted = f"{args.action} takes no --version" if args.version is not None else "destroy needs a --version"
        return refuse(f"{wanted}; see 'genmeter users --help'")
    try:
        path: Path = args.keys or user_key_file(path=args.config)
        if args.action == "destroy":
            keys = userkeys.destroy(path, args.version)
        else:
            keys = {"make": userkeys.make, "rotate": userkeys.rotate}.get(args.action, userkeys.read)(path)
    except FileNotFoundError as error:
        return refuse(f"there is no file {error.filename}; write 'genmeter users make'", 1)
    except (userkeys.KeysError, SettingsError, RuntimeError) as error:
        return refuse(str(error))
    if args.action == "match":
        return _match(keys, args)
    say(f"{path}: user ids are hashed with version {keys[-1].version}")
    write_rows(("version", "made"), [[str(key.version), key.made or None] for key in keys], args.format, sys.stdout)
    return 0


def _match(keys: Sequence[UserKey], args: argparse.Namespace) -> int:
    from genmeter.texts import name_of
    from genmeter.userkeys import pseudonym

    user = name_of(args.user, whole=True)
    if user is None:
        return refuse("the USER is empty")
    rows = [[str(key.version), pseudonym(key, user)] for key in keys]
    if args.hash is not None:
        rows = [row for row in rows if row[1] == args.hash]
        if not rows:
            return refuse(f"{args.hash} is no hash of this user under any of the {len(keys)} keys", 1)
    write_rows(("version", "hash"), rows, args.format, sys.stdout)
    return 0
