"""`spec-kitty`: the root of the command line. A command is imported only when it is used."""

from __future__ import annotations

import os
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from specify_cli import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMPLETING = "_SPEC_KITTY_COMPLETE"
"""Set by a shell that asks for completions."""

GROUPS = MappingProxyType(
    {
        "accept": "Accept a mission whose packages are all approved, done or canceled.",
        "agent": "Commands for agents working in a workspace.",
        "backup": "Save the host's data to one file.",
        "completion": "Print a shell completion script.",
        "contract": "Print the contract; verify a program with it.",
        "diff": "Show what the work on a package changes.",
        "doctor": "Check the project for problems and repair what is safe to repair.",
        "help": "Show a guide, or the help of a command.",
        "implement": "Start work on a package, or submit it for review.",
        "init": "Turn this git repository into a project.",
        "log": "Show the history of a package or mission.",
        "mailbox": "Run the worker; inspect its mailboxes.",
        "merge": "Merge a mission into its target branch.",
        "mission": "Create, list, close and rewind missions.",
        "move": "Move a work package to another status lane.",
        "orchestrator-api": "Send a request; print one JSON envelope.",
        "plan": "Create plan.md and tasks.md for a mission.",
        "redact": "Remove a secret from the data that the host keeps.",
        "release-claim": "Release your own claim, or a silent holder's.",
        "report": "Write a report as one HTML file.",
        "restore": "Restore a backup.",
        "review": "Review a work package: approve it, or request changes.",
        "show": "Show a package: state, holder, files, last review.",
        "specify": "Create a mission and its spec.md.",
        "status": "Show the status board of a mission.",
        "sync": "Fetch commits from the workspaces into the project.",
        "tasks": "Create, check, tick off and list work packages.",
        "unblock": "Unblock a work package.",
        "update": "Merge the target and approved work into a package.",
        "workspace": "List the workspaces of the execution lanes.",
    }
)
"""The summary of each command."""

TOGETHER = MappingProxyType(
    {
        ("init", "specify", "plan", "mission"): "Start a project or a mission; list missions.",
        ("tasks", "implement", "review"): "Manage, work on and review packages.",
        ("move", "unblock", "release-claim"): "Move or unblock a package; release a claim.",
        ("sync", "update", "workspace"): "Fetch commits; update or list workspaces.",
        ("doctor", "redact"): "Check and repair the project; remove a secret.",
        ("report", "backup", "restore"): "Write a report; back up or restore a project.",
        ("accept", "merge"): "Accept and merge a mission.",
        ("status", "show", "log", "diff"): "Show the board; a package, its log, its diff.",
        ("help", "completion"): "Show guides and help; set up shell completion.",
    }
)
"""Commands that share a line of the help page, so that it fits on a screen."""


class LazyGroup(click.Group):
    """A group that lists its commands and their summaries without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return list(GROUPS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, or None if the name is unknown."""
        command = _command(cmd_name)
        if command is not None and COMPLETING in os.environ:
            from specify_cli.cli.completion import teach

            command = teach(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments start with.

        Raises:
            click.UsageError: There is no such command; the message suggests the nearest name.
        """
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from specify_cli.nearest import guess

            nearest = guess(args[0], GROUPS)
            raise click.UsageError(f"{error.message.rstrip('.')}{nearest}", ctx) from error

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete from the table above, so that the shell does not wait for imports."""
        from specify_cli.cli.completion import words_of

        words = words_of(GROUPS, incomplete)
        return [*words, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one line per command, from the table above, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(_rows())


def _command(name: str) -> click.Command | None:
    """Return the command, or None if the name is unknown; import its module alone."""
    command: click.Command
    match name:
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
        case _:
            return _other_command(name)
    return command


def _other_command(name: str) -> click.Command | None:
    """As `_command`, for the second half of the names."""
    command: click.Command
    match name:
        case "move":
            from specify_cli.cli.move import move as command
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
        case "sync":
            from specify_cli.cli.sync import sync as command
        case "tasks":
            from specify_cli.cli.tasks import tasks as command
        case "unblock":
            from specify_cli.cli.unblock import unblock as command
        case "update":
            from specify_cli.cli.update import update as command
        case "workspace":
            from specify_cli.cli.workspace import workspace as command
        case _:
            return _showing_command(name)
    return command


def _showing_command(name: str) -> click.Command | None:
    """As `_command`, for the commands that only show or save something, and the one that restores it."""
    command: click.Command
    match name:
        case "backup":
            from specify_cli.cli.backup import backup as command
        case "diff":
            from specify_cli.cli.diff import diff as command
        case "log":
            from specify_cli.cli.log import log as command
        case "report":
            from specify_cli.cli.report import report as command
        case "restore":
            from specify_cli.cli.backup import restore as command
        case "show":
            from specify_cli.cli.show import show as command
        case "status":
            from specify_cli.cli.status import status as command
        case _:
            return None
    return command


def _rows() -> list[tuple[str, str]]:
    grouped = {name for names in TOGETHER for name in names}
    single = [(name, summary) for name, summary in GROUPS.items() if name not in grouped]
    return [*((", ".join(names), summary) for names, summary in TOGETHER.items()), *single]


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="spec-kitty")
def root() -> None:
    """The host for workflow orchestrators. Only the host changes workflow state.

    Example: spec-kitty status
    """


def main() -> None:
    """Run the command line of this process."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["orchestrator-api"]:
        from specify_cli.cli.orchestrator_api import run

        sys.exit(run(arguments[1:]))
    if COMPLETING in os.environ:
        from specify_cli.cli.completion import register

        register()
    try:
        sys.exit(root(prog_name="spec-kitty", standalone_mode=False))
    except Exception as error:
        from specify_cli.cli import failures

        code = failures.reported(error, arguments, root=root)
        if code is None:
            raise
        sys.exit(code)
