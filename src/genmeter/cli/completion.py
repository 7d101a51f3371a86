"""``genmeter completion``: what a shell needs to complete commands, options and their values; made from the parser."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

DESCRIPTION = """Print the completion of a shell. For bash, add `source <(genmeter completion bash)` to ~/.bashrc; for zsh, the
same with zsh to ~/.zshrc, after compinit; for fish, write it to ~/.config/fish/completions/genmeter.fish."""
SHELLS: Final = ("bash", "zsh", "fish")

_BASH: Final = """_genmeter() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[$((COMP_CWORD - 1))]}} place= known= one
  for one in "${{COMP_WORDS[@]:1:$((COMP_CWORD - 1))}}"; do
    case "$place $one" in
      {places}) place="${{place:+$place }}$one" ;;
      *' --') COMPREPLY=(); return ;;
    esac
  done
  case "$place $before" in
{values}
  esac
  if [ -z "$known" ]; then
    case "$place" in
{words}
    esac
  fi
  COMPREPLY=($(compgen -W "$known" -- "$word"))
}}
complete -o default -F _genmeter genmeter
"""
_ZSH: Final = "autoload -U +X bashcompinit && bashcompinit\n"


@dataclass(frozen=True)
class Word:
    """One word that may stand at a place: a command or an option, with its help and the values that it takes."""

    text: str
    help: str
    values: tuple[str, ...] = ()


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "completion",
        help="what bash, zsh or fish needs to complete genmeter's commands",
        description=DESCRIPTION,
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    from genmeter.cli.main import parser

    places = dict(words(parser()))
    print(fish(places) if args.shell == "fish" else (_ZSH if args.shell == "zsh" else "") + bash(places), end="")
    return 0


def words(parser: argparse.ArgumentParser, place: str = "") -> Iterator[tuple[str, list[Word]]]:
    """The words of each place: ``""`` is the root, ``ledger verify`` a command of a command.

    >>> root = argparse.ArgumentParser(add_help=False)
    >>> _ = root.add_argument("--form", choices=["csv", "json"], help="the form")
    >>> dict(words(root))
    {'': [Word(text='--form', help='the form', values=('csv', 'json'))]}
    """
    found: list[Word] = []
    below: list[tuple[str, argparse.ArgumentParser]] = []
    # argparse shows what was added to it in private fields alone
    for action in parser._actions:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            commands = cast(Any, action)
            helps = {one.dest: one.help or "" for one in commands._choices_actions}  # noqa: SLF001
            found += [Word(name, helps.get(name, "")) for name in commands.choices]
            below += [(f"{place} {name}".strip(), child) for name, child in commands.choices.items()]
        elif action.help is not argparse.SUPPRESS:
            values = tuple(map(str, action.choices or ()))
            said = (action.help or "") % {**vars(action), "prog": parser.prog}
            named = [name for name in action.option_strings if name.startswith("--")]
            found += [Word(name, said, values) for name in named] if named else [Word(value, said) for value in values]
    yield place, found
    for name, child in below:
        yield from words(child, name)


def bash(places: dict[str, list[Word]]) -> str:
    """The function for bash. The values of an option are offered after it, else the words of the place."""
    values = [
        f"    {shlex.quote(f'{place} {word.text}')}) known={shlex.quote(' '.join(word.values))} ;;"
        for place, found in places.items()
        for word in found
        if word.values
    ]
    known = [
        f"      {shlex.quote(place)}) known={shlex.quote(' '.join(word.text for word in found))} ;;"
        for place, found in places.items()
    ]
    heads = (place.rpartition(" ") for place in places if place)
    steps = [shlex.quote(f"{head} {name}") for head, _, name in heads]
    return _BASH.format(places="|".join(steps), values="\n".join(values), words="\n".join(known))


def fish(places: dict[str, list[Word]]) -> str:
    """The lines for fish: one for each word, with its help."""
    lines = ["complete -c genmeter -f"]
    for place, found in places.items():
        names = [word.text for word in found if not word.text.startswith("--")]
        seen = [f"__fish_seen_subcommand_from {name}" for name in place.split()]
        none = [f"not __fish_seen_subcommand_from {' '.join(names)}"] if names else []
        for word in found:
            option = word.text.startswith("--")
            condition = "; and ".join([*seen, *([] if option else none)])
            when = f" -n {shlex.quote(condition)}" if condition else ""
            what = f"-l {word.text[2:]}" if option else f"-a {shlex.quote(word.text)}"
            takes = f" -x -a {shlex.quote(' '.join(word.values))}" if option and word.values else ""
            lines.append(f"complete -c genmeter{when} {what}{takes} -d {shlex.quote(word.help)}")
    return "\n".join(lines) + "\n"
