"""`spec-kitty help`: the guides that ship with this host, and the help pages of its commands."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from specify_cli.cli import shipped

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

GUIDES = Path(shipped.PACKAGE, "guides")
TOPICS = (
    "by-hand",
    "orchestrators",
    "operators",
    "upgrade",
    "access",
    "sandbox",
    "contract",
    "troubleshooting",
)
"""The names of the guides, in the order of the list."""
WIDEST = 100
"""Maximum width of prose, in columns."""


class Topic(click.ParamType[str]):
    """An argument that the shell completes to topics and commands."""

    name = "topic"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the topics and commands with this prefix; after a command, its subcommands."""
        from specify_cli.cli import completion

        words = ctx.params.get("words") or ()
        group = _found(ctx.find_root(), words)
        if not isinstance(group.command, click.Group):
            return []
        known = group.command.list_commands(group)
        table = dict.fromkeys(known, "") | ({} if words else _titles())
        return completion.words_of(table, incomplete)


@click.command("help")
@click.argument("words", nargs=-1, metavar="[TOPIC | COMMAND]", type=Topic())
@click.pass_context
def help(context: click.Context, /, *, words: tuple[str, ...]) -> None:  # noqa: A001  what people type
    """Show the guide TOPIC, or the help of COMMAND. Default: list the guides.

    On a terminal, long texts are shown in your pager ($PAGER, or less). Otherwise a guide is
    printed as Markdown.

    Example: spec-kitty help operators
    """
    root = context.find_root()
    if not words:
        _list()
    elif words[0] in TOPICS and len(words) == 1:
        text = _read(words[0])
        if sys.stdout.isatty():
            from specify_cli.cli import markdown

            text = markdown.render(text, width=min(get_terminal_size().columns, WIDEST))
        _show(text, words)
    else:
        _show(_found(root, words, is_strict=True).get_help(), words)


def _list() -> None:
    click.echo("Guides. To read one, run for example 'spec-kitty help operators'.\n")
    for topic, title in _titles().items():
        click.echo(f"  {topic:17}{title}")
    click.echo("\n'spec-kitty --help' lists the commands; 'spec-kitty help merge' explains one.")


def _found(
    root: click.Context, words: tuple[str, ...], *, is_strict: bool = False
) -> click.Context:
    """Return the context of the command that `words` name, or of the longest part that does."""
    found = root
    for word in words:
        inner = None
        if isinstance(found.command, click.Group):
            inner = found.command.get_command(found, word)
        if inner is None:
            if is_strict:
                raise click.UsageError(_unknown(found, word), root)
            return found
        found = inner.make_context(word, [], parent=found, resilient_parsing=True)
    return found


def _unknown(context: click.Context, word: str) -> str:
    from specify_cli import nearest

    group = context.command
    known = group.list_commands(context) if isinstance(group, click.Group) else []
    if context.parent is None and word in TOPICS:
        return f"{word!r} is a guide without parts: run 'spec-kitty help {word}'."
    if context.parent is None:
        near = nearest.guess(word, [*TOPICS, *known]) or "."
        return (
            f"There is no guide or command {word!r}{near} Run 'spec-kitty help' to list the guides."
        )
    path = context.command_path
    near = nearest.guess(word, known) or "."
    return f"{path!r} has no command {word!r}{near} See '{path} --help'."


def _show(text: str, words: tuple[str, ...]) -> None:
    if sys.stdout.isatty():
        from specify_cli.cli import paging

        paging.show(text.rstrip("\n"), None, see=f"spec-kitty help {' '.join(words)} | cat")
    else:
        click.echo(text.rstrip("\n"))


def _titles() -> dict[str, str]:
    return {topic: _read(topic).partition("\n")[0].lstrip("# ") for topic in TOPICS}


def _read(topic: str) -> str:
    return (GUIDES / f"{topic}.md").read_text(encoding="utf-8")
