"""`spec-kitty completion`: shell completion of commands, missions and packages."""

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
# Matches what every shell reads as one word without quotes.
ONE_WORD = re.compile(r"[\w.@%+,/-]+")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(*, shell: str) -> None:
    """Print a completion script for SHELL: commands, options, missions and packages.

    \b
    bash: eval "$(spec-kitty completion bash)" in ~/.bashrc
    zsh: eval "$(spec-kitty completion zsh)" in ~/.zshrc, after compinit
    fish: spec-kitty completion fish > ~/.config/fish/completions/spec-kitty.fish

    Example: spec-kitty completion bash
    """  # noqa: D301  click keeps lines apart behind a backspace
    made = get_completion_class(shell)
    if made is None:  # Another version of click may support other shells.
        raise click.UsageError(f"the installed version of click does not support {shell}")
    root = click.get_current_context().find_root().command
    click.echo(made(root, {}, "spec-kitty", VARIABLE).source())


class MissionName(click.types.StringParamType):
    """A text that the shell completes to a mission of the project."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the mission folders with this prefix; none if they cannot be read."""
        missions = _asked("list-missions").get("missions", ())
        return _items(((m["mission_slug"], m["title"]) for m in missions), incomplete)


class PackageName(click.types.StringParamType):
    """A text that the shell completes to a package of the mission named earlier on the line."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the package ids with this prefix. Default: of the only mission."""
        mission = ctx.params.get("mission") or _only_mission()
        data = _asked("mission-state", mission=mission) if mission else {}
        packages = data.get("work_packages", ())
        return _items(((p["wp_id"], f"{p['lane']}: {p['title']}") for p in packages), incomplete)


MISSIONS, PACKAGES = MissionName(), PackageName()


def teach(command: click.Command) -> click.Command:
    """Add completion to the arguments of a command; load all commands of a group."""
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
    """Return the keys with this prefix, each with its summary."""
    return _items(table.items(), incomplete)


def _type_of(param: click.Parameter) -> click.ParamType[Any]:
    """Return the type for an argument by its name, which means the same in every command."""
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
    """Return the data of the reply; empty on a refusal, so that nothing disturbs the prompt."""
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
