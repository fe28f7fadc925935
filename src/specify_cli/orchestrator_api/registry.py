"""Find a command; its module is imported only when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specify_cli import credentials, nearest
from specify_cli.errors import UsageError
from specify_cli.orchestrator_api.command_names import CONTRACT_COMMANDS, PEOPLE_COMMANDS

if TYPE_CHECKING:
    from specify_cli.orchestrator_api.command import Command

__all__ = ["CONTRACT_COMMANDS", "PEOPLE_COMMANDS", "find", "unknown"]


def find(name: str, *, for_people: bool = False) -> Command:
    """Return the command of that name.

    Raises:
        UsageError: There is none.
    """
    if name in CONTRACT_COMMANDS:
        match name:
            case "contract-version":
                from specify_cli.orchestrator_api.commands.contract_version import COMMAND
            case "mission-state":
                from specify_cli.orchestrator_api.commands.mission_state import COMMAND
            case "list-ready":
                from specify_cli.orchestrator_api.commands.list_ready import COMMAND
            case "resolve-workspace":
                from specify_cli.orchestrator_api.commands.resolve_workspace import COMMAND
            case "list-missions":
                from specify_cli.orchestrator_api.commands.list_missions import COMMAND
            case "show-prompt":
                from specify_cli.orchestrator_api.commands.show_prompt import COMMAND
            case "package-history":
                from specify_cli.orchestrator_api.commands.package_history import COMMAND
            case _:
                return _changing(name)
        return COMMAND
    if for_people and name in PEOPLE_COMMANDS:
        return _for_people(name)
    raise unknown(name)


def _changing(name: str) -> Command:
    """Return a command of the contract that changes state."""
    match name:
        case "start-implementation":
            from specify_cli.orchestrator_api.commands.start_implementation import COMMAND
        case "start-review":
            from specify_cli.orchestrator_api.commands.start_review import COMMAND
        case "transition":
            from specify_cli.orchestrator_api.commands.transition import COMMAND
        case "append-history":
            from specify_cli.orchestrator_api.commands.append_history import COMMAND
        case "accept-mission":
            from specify_cli.orchestrator_api.commands.accept_mission import COMMAND
        case "merge-mission":
            from specify_cli.orchestrator_api.commands.merge_mission import COMMAND
        case "heartbeat":
            from specify_cli.orchestrator_api.commands.heartbeat import COMMAND
        case "release-claim":
            from specify_cli.orchestrator_api.commands.release_claim import COMMAND
        case "mark-subtasks":
            from specify_cli.orchestrator_api.commands.mark_subtasks import COMMAND
        case _:
            raise unknown(name)
    return COMMAND


def _for_people(name: str) -> Command:
    """Return a command for people."""
    match name:
        case "create-mission":
            from specify_cli.orchestrator_api.commands.create_mission import COMMAND
        case "write-plan":
            from specify_cli.orchestrator_api.commands.write_plan import COMMAND
        case "write-packages":
            from specify_cli.orchestrator_api.commands.write_packages import COMMAND
        case "choose-mission":
            from specify_cli.orchestrator_api.commands.choose_mission import COMMAND
        case "add-package":
            from specify_cli.orchestrator_api.commands.add_package import COMMAND
        case "edit-package":
            from specify_cli.orchestrator_api.commands.edit_package import COMMAND
        case "remove-package":
            from specify_cli.orchestrator_api.commands.remove_package import COMMAND
        case "finalize-tasks":
            from specify_cli.orchestrator_api.commands.finalize_tasks import COMMAND
        case "show-package":
            from specify_cli.orchestrator_api.commands.show_package import COMMAND
        case "show-work":
            from specify_cli.orchestrator_api.commands.show_work import COMMAND
        case "show-diff":
            from specify_cli.orchestrator_api.commands.show_diff import COMMAND
        case "sync-workspaces":
            from specify_cli.orchestrator_api.commands.sync_workspaces import COMMAND
        case "list-workspaces":
            from specify_cli.orchestrator_api.commands.list_workspaces import COMMAND
        case _:
            return _for_merging(name)
    return COMMAND


def _for_merging(name: str) -> Command:
    """Return a command for people about conflicts and merges."""
    match name:
        case "merge-branch":
            from specify_cli.orchestrator_api.commands.merge_branch import COMMAND
        case "mark-merged":
            from specify_cli.orchestrator_api.commands.mark_merged import COMMAND
        case "show-acceptance":
            from specify_cli.orchestrator_api.commands.show_acceptance import COMMAND
        case "tidy-missions":
            from specify_cli.orchestrator_api.commands.tidy_missions import COMMAND
        case "update-workspace":
            from specify_cli.orchestrator_api.commands.update_workspace import COMMAND
        case _:
            return _for_upkeep(name)
    return COMMAND


def _for_upkeep(name: str) -> Command:
    """Return a command for people that maintains the host's own data."""
    match name:
        case "diagnose":
            from specify_cli.orchestrator_api.commands.diagnose import COMMAND
        case "replay-dead-letter":
            from specify_cli.orchestrator_api.commands.replay_dead_letter import COMMAND
        case "discard-dead-letter":
            from specify_cli.orchestrator_api.commands.discard_dead_letter import COMMAND
        case "count-old-replies":
            from specify_cli.orchestrator_api.commands.count_old_replies import COMMAND
        case "prune-replies":
            from specify_cli.orchestrator_api.commands.prune_replies import COMMAND
        case "write-backup":
            from specify_cli.orchestrator_api.commands.write_backup import COMMAND
        case "show-rewind":
            from specify_cli.orchestrator_api.commands.show_rewind import COMMAND
        case "rewind-mission":
            from specify_cli.orchestrator_api.commands.rewind_mission import COMMAND
        case "redact":
            from specify_cli.orchestrator_api.commands.redact import COMMAND
        case "gather-report":
            from specify_cli.orchestrator_api.commands.gather_report import COMMAND
        case "repair":
            from specify_cli.orchestrator_api.commands.repair import COMMAND
        case _:
            raise unknown(name)
    return COMMAND


def unknown(name: str) -> UsageError:
    """The refusal for a command that the contract does not have."""
    known = ", ".join(CONTRACT_COMMANDS)
    return UsageError(
        f"unknown command {credentials.quoted(name)}: the contract defines"
        f" {known}{nearest.guess(name, CONTRACT_COMMANDS)}"
    )
