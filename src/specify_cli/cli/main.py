"""`spec-kitty`: the root of the command line. Its groups are loaded when they are asked for."""

from __future__ import annotations

import io
import os
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from specify_cli import __version__, credentials

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMPLETING = "_SPEC_KITTY_COMPLETE"
"""Set by a shell that wants to know how a line can go on."""

GROUPS = MappingProxyType(
    {
        "accept": "Accept a mission whose packages are approved or done.",
        "agent": "Words that agents at work in a workspace use.",
        "completion": "Print a shell completion script.",
        "contract": "Print the contract, hold a program to it.",
        "doctor": "Name what is not as it should be, and repair it.",
        "help": "Show a guide, or the help page of a command.",
        "implement": "Take a work package, or hand it over to be reviewed.",
        "init": "Make this git repository a project.",
        "mailbox": "Serve the mailbox, look at it, prove it.",
        "merge": "Merge the work of a mission into its target branch.",
        "mission": "Make, list and rewind missions.",
        "move": "Move a work package to another lane.",
        "orchestrator-api": "Ask the host; one JSON envelope answers.",
        "plan": "Make the plan of a mission, and the outline of its packages.",
        "redact": "Take a secret out of what the host keeps.",
        "release-claim": "Free a work package whose holder shows no sign of life.",
        "review": "Approve a package, or request changes.",
        "specify": "Make a mission, with a spec to fill in.",
        "status": "Show the board of a mission.",
        "sync": "Take the commits of workspaces into the project.",
        "tasks": "Make, check, tick and list work packages.",
        "workspace": "List the workspaces of execution lanes.",
    }
)
"""Word on the command line to what it is for."""

TOGETHER = MappingProxyType(
    {
        ("init", "specify", "plan", "mission"): "Begin a project, or a mission; list them.",
        ("implement", "review"): "Work on a package, judge the work.",
        ("move", "release-claim"): "Move a package, free it from a silent holder.",
        ("sync", "workspace"): "Take in the commits of workspaces; list them.",
        ("doctor", "redact"): "Repair what is wrong; take a secret out.",
        ("accept", "merge"): "Bring a mission to its end.",
        ("help", "completion"): "Show guides; complete words in a shell.",
    }
)
"""Words that share a line of the help, so that it fits a screen."""


class LazyGroup(click.Group):
    """A group that knows its words and their help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every word, sorted."""
        return list(GROUPS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command behind the word; None for an unknown one."""
        command = _command(cmd_name)
        if command is not None and COMPLETING in os.environ:
            from specify_cli.cli.completion import teach

            command = teach(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the words begin with. Raises: click.UsageError, with the nearest one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from specify_cli.nearest import guess

            nearest = guess(args[0], GROUPS)
            raise click.UsageError(f"{error.message.rstrip('.')}{nearest}", ctx) from error

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The words that begin so, from the table above: a shell must not wait for all of them."""
        from specify_cli.cli.completion import words_of

        words = words_of(GROUPS, incomplete)
        return [*words, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line a word, from the table above, so that --help answers in an instant."""
        with formatter.section("Commands"):
            formatter.write_dl(_rows())


def _command(word: str) -> click.Command | None:
    """The command behind the word; None for an unknown one. Only its own module is loaded."""
    command: click.Command
    match word:
        case "accept":
            from specify_cli.cli.accept_merge import accept as command
        case "agent":
            from specify_cli.cli.agent import agent as command
        case "completion":
            from specify_cli.cli.completion import completion as command
        case "contract":
            from specify_cli.cli.contract import contract as command
        case "doctor":
            from specify_cli.cli.doctor import doctor as command
        case "help":
            from specify_cli.cli.guides import help as command
        case "implement":
            from specify_cli.cli.implement import implement as command
        case "init":
            from specify_cli.cli.project import init as command
        case "mailbox":
            from specify_cli.cli.mailbox import mailbox as command
        case "merge":
            from specify_cli.cli.accept_merge import merge as command
        case "mission":
            from specify_cli.cli.mission import mission as command
        case "move":
            from specify_cli.cli.move import move as command
        case _:
            return _other_command(word)
    return command


def _other_command(word: str) -> click.Command | None:
    """As `_command`, for the other half of the words."""
    command: click.Command
    match word:
        case "orchestrator-api":
            from specify_cli.cli.orchestrator_api import orchestrator_api as command
        case "plan":
            from specify_cli.cli.specify import plan as command
        case "redact":
            from specify_cli.cli.redact import redact as command
        case "release-claim":
            from specify_cli.cli.release import release_claim as command
        case "review":
            from specify_cli.cli.review import review as command
        case "specify":
            from specify_cli.cli.specify import specify as command
        case "status":
            from specify_cli.cli.status import status as command
        case "sync":
            from specify_cli.cli.sync import sync as command
        case "tasks":
            from specify_cli.cli.tasks import tasks as command
        case "workspace":
            from specify_cli.cli.workspace import workspace as command
        case _:
            return None
    return command


def _rows() -> list[tuple[str, str]]:
    joined = {word for words in TOGETHER for word in words}
    alone = [(word, summary) for word, summary in GROUPS.items() if word not in joined]
    return [*((", ".join(words), text) for words, text in TOGETHER.items()), *alone]


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="spec-kitty")
def root() -> None:
    """The host that orchestrators talk to; it alone changes workflow state.

    Example: spec-kitty status
    """


def main() -> None:
    """Runs the command line of this process."""
    words = sys.argv[1:]
    if words[:1] == ["orchestrator-api"]:
        from specify_cli.cli.orchestrator_api import run

        sys.exit(run(words[1:]))
    try:
        sys.exit(root(prog_name="spec-kitty", standalone_mode=False))
    except click.ClickException as error:
        told = io.StringIO()
        error.show(told)
        # It quotes what was typed, and stderr may go into a log.
        click.echo(credentials.masked(told.getvalue()), nl=False, err=True)
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(1)
