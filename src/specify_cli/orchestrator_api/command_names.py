"""The names of all commands, each with a one-line summary."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CONTRACT_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "contract-version": "Show the contract version of this host.",
        "mission-state": "Show the state of every work package of a mission.",
        "list-ready": "List the packages that can be started now.",
        "resolve-workspace": "Show the workspace of a package.",
        "start-implementation": "Claim a package and prepare its workspace.",
        "start-review": "Claim the review of a package.",
        "transition": "Move a package to another status lane.",
        "append-history": "Add a note to the history of a package.",
        "accept-mission": "Accept a mission with all packages approved, done or canceled.",
        "merge-mission": "Merge a mission into its target branch.",
        "heartbeat": "Report that the holder of a package is alive.",
        "release-claim": "Release the actor's own claim, or a silent holder's.",
        "list-missions": "List the missions of the project.",
        "show-prompt": "Show the prompt of a package and its subtasks.",
        "package-history": "Show the history of a package or mission.",
        "mark-subtasks": "Mark subtasks of packages as done or pending.",
    }
)
"""The commands of the contract, at both interfaces, each with a one-line summary."""

PEOPLE_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "create-mission": "Create the folder of a new mission.",
        "write-plan": "Create plan.md and tasks.md for a mission, to be filled in.",
        "write-packages": "Create the work packages outlined in tasks.md, and commit them.",
        "choose-mission": "Find the default mission of a folder.",
        "add-package": "Write the prompt of a new work package.",
        "edit-package": "Change a work package before its work begins.",
        "remove-package": "Remove a work package that has no history.",
        "finalize-tasks": "Check the packages of a mission and plan its execution lanes.",
        "show-package": "Show a package: its state, holder, dependencies, files and workspace.",
        "show-work": "Show the work on a package that is under review.",
        "show-diff": "Show the diff of the work on a package.",
        "sync-workspaces": "Fetch the commits of workspaces into the branches of their execution lanes.",
        "update-workspace": "Merge the target and approved work into the execution lane of a package.",
        "list-workspaces": "List the workspaces of this project, and those in the trash.",
        "merge-branch": "Merge a mission on a separate branch, for a pull request.",
        "mark-merged": "Mark a mission as merged if its target has its work.",
        "show-acceptance": "Show whether a mission waits for acceptance.",
        "tidy-missions": "Remove the branches of merged missions.",
        "diagnose": "Find the problems of the project.",
        "replay-dead-letter": "Put a dead letter back into its orchestrator's inbox.",
        "discard-dead-letter": "Delete the body of a dead letter; its record is kept.",
        "count-old-replies": "Count the replies that could be pruned.",
        "prune-replies": "Remove old replies that the journal can restore.",
        "write-backup": "Write a backup of the host's data.",
        "show-rewind": "Show the events that a rewind of a mission would withdraw.",
        "rewind-mission": "Return a mission to its state after an event.",
        "redact": "Remove a secret from an event, a request or a dead letter.",
        "gather-report": "Gather the data of a report: board, timelines, journal, statistics.",
        "repair": "Repair what is safe to repair.",
    }
)
"""Commands that are not part of the contract; no orchestrator can send them."""
