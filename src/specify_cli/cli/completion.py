"""`spec-kitty completion`: shell completion of commands, and of names of the project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    get_completion_class,
)

from specify_cli import errors
from specify_cli.cli import completion_names
from specify_cli.mailbox.printable import printable

VARIABLE = "_SPEC_KITTY_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
# Matches what every shell reads as one word without quotes, and no program as an option.
ONE_WORD = re.compile(r"[\w./@%+][\w./@%+-]*")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(*, shell: str) -> None:
    """Print a completion script for SHELL: commands, options, and names of the project.

    It completes missions, packages, status lanes, subtasks, requests, dead letters and guides.

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


class Offered(click.types.StringParamType):
    """A text that the shell completes to the names that `source` yields for the command line."""

    def __init__(self, source: completion_names.Source) -> None:
        self._source = source

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names with this prefix; none if they cannot be read."""
        try:
            return _items(self._source(ctx, incomplete), incomplete)
        except (errors.SpecKittyError, OSError):
            return []


class EqualsSigns(ShellComplete):
    """Completes `--option=value` in each shell; click alone loses the option in zsh."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the incomplete one, and that."""
        args, incomplete = super().get_completion_args()
        return joined(args), incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return the completions; the shell replaces the whole word, so they contain the option."""
        items = super().get_completions(args, incomplete)
        option, sign, _ = incomplete.partition("=")
        if sign and option.startswith("--"):
            return [CompletionItem(f"{option}={it.value}", it.type, it.help) for it in items]
        return items


def joined(args: list[str]) -> list[str]:
    """Join the words that bash splits at equals signs, except for the one that is being typed."""
    words: list[str] = []
    for n, word in enumerate(args):
        is_of_option = bool(words) and words[-1].startswith("--")
        if is_of_option and "=" in (word, args[n - 1]):
            words[-1] += word
        else:
            words.append(word)
    if args[-1:] == ["="]:
        words[-1] = words[-1].removesuffix("=")
    return words


def register() -> None:
    """Make click complete `--option=value` in every shell."""
    for shell in SHELLS:
        made = get_completion_class(shell)
        if made is not None:
            add_completion_class(type(made.__name__, (EqualsSigns, made), {}), shell)


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
    if not isinstance(param.type, click.types.StringParamType):
        return param.type
    source = completion_names.source_of(param)
    return Offered(source) if source else param.type


def _items(named: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    return list(_fitting(named, incomplete))


def _fitting(named: Iterable[tuple[str, str]], incomplete: str) -> Iterator[CompletionItem]:
    typed = incomplete.casefold()
    for name, words in named:
        if name.casefold().startswith(typed) and ONE_WORD.fullmatch(name):
            yield CompletionItem(name, help=printable(words))
