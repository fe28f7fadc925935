"""`spec-kitty completion`: what shells need to complete words, missions and packages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from specify_cli.cli.client import envelope_of
from specify_cli.mailbox.printable import printable

VARIABLE = "_SPEC_KITTY_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
# What every shell takes as one word without quotes.
ONE_WORD = re.compile(r"[\w.@%+,/-]+")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(*, shell: str) -> None:
    """Print the script that makes SHELL complete commands, options, missions and packages.

    \b
    bash: eval "$(spec-kitty completion bash)" in ~/.bashrc
    zsh: eval "$(spec-kitty completion zsh)" in ~/.zshrc, behind compinit
    fish: spec-kitty completion fish > ~/.config/fish/completions/spec-kitty.fish

    Example: spec-kitty completion bash
    """  # noqa: D301  click keeps lines apart behind a backspace
    made = get_completion_class(shell)
    if made is None:  # Another version of click may know other shells.
        raise click.UsageError(f"this version of click knows no completion for {shell}")
    root = click.get_current_context().find_root().command
    click.echo(made(root, {}, "spec-kitty", VARIABLE).source())


class MissionName(click.types.StringParamType):
    """A text that a shell completes to the missions of the project."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The folder names of the missions that begin so; none where they cannot be read."""
        missions = _asked("list-missions").get("missions", ())
        return _items(((m["mission_slug"], m["title"]) for m in missions), incomplete)


class PackageName(click.types.StringParamType):
    """A text that a shell completes to the packages of the mission that the words before name."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The ids of the packages that begin so; of the only mission where none is named."""
        mission = ctx.params.get("mission") or _only_mission()
        data = _asked("mission-state", mission=mission) if mission else {}
        packages = data.get("work_packages", ())
        return _items(((p["wp_id"], f"{p['lane']}: {p['title']}") for p in packages), incomplete)


MISSIONS, PACKAGES = MissionName(), PackageName()


def teach(command: click.Command) -> click.Command:
    """The command with arguments that a shell completes; a group with all of its words."""
    for param in command.params:
        param.type = _type_of(param)
    if not isinstance(command, click.Group):
        return command
    with click.Context(command) as context:
        words = {
            word: command.get_command(context, word) for word in command.list_commands(context)
        }
    known = {word: teach(inner) for word, inner in words.items() if inner}
    return click.Group(command.name, commands=known, params=command.params, help=command.help)


def words_of(table: Mapping[str, str], incomplete: str) -> list[CompletionItem]:
    """The words in a table of words and summaries that begin so."""
    return _items(table.items(), incomplete)


def _type_of(param: click.Parameter) -> click.ParamType[Any]:
    """In every word of the command line alike, the name of an argument tells what it names."""
    names = {param.name, *param.opts}
    if not isinstance(param.type, click.types.StringParamType):
        return param.type
    if names & {"mission", "named", "--mission"}:
        return MISSIONS
    return PACKAGES if names & {"wp", "--wp", "--depends-on"} else param.type


def _only_mission() -> str | None:
    known = [m["mission_slug"] for m in _asked("list-missions").get("missions", ())]
    return known[0] if len(known) == 1 else None


def _asked(command: str, **args: Any) -> dict[str, Any]:
    """The data of the answer; nothing at all for a refusal, because a shell is being typed in."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return {}
    envelope = envelope_of(command, **args)
    return envelope["data"] if envelope["success"] else {}


def _items(named: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    return list(_fitting(named, incomplete))


def _fitting(named: Iterable[tuple[str, str]], incomplete: str) -> Iterator[CompletionItem]:
    for name, words in named:
        if name.startswith(incomplete) and ONE_WORD.fullmatch(name):
            yield CompletionItem(name, help=printable(words))
