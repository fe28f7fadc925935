"""The names of all commands, and what each does in one line."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CONTRACT_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "contract-version": "Say which version of the contract this host speaks.",
        "mission-state": "Show where every work package of a mission stands.",
        "list-ready": "List the planned packages that can be started now.",
        "resolve-workspace": "Say where a package is, or will be, worked on.",
        "start-implementation": "Claim a package, make its workspace ready, and begin.",
        "start-review": "Claim the review of a package.",
        "transition": "Move a package from one lane to another.",
        "append-history": "Write a note into a package's history.",
        "accept-mission": "Accept a mission whose packages are approved or done.",
        "merge-mission": "Merge a mission's work into its target branch.",
        "heartbeat": "Say that who holds a package, or its review, is alive.",
        "release-claim": "Free a package, or its review, whose holder is silent.",
    }
)
"""The words of the contract, at both doors, and what each does in one line."""

PEOPLE_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "create-mission": "Make the folder of a new mission.",
        "write-plan": "Make plan.md and tasks.md of a mission, to be filled in.",
        "write-packages": "Make the work packages that tasks.md outlines, and commit them.",
        "choose-mission": "Find the mission that is meant where none is named.",
        "add-package": "Write the prompt of a new work package.",
        "finalize-tasks": "Check the packages of a mission and plan its execution lanes.",
        "mark-subtasks": "Tick subtasks of a mission's packages.",
        "show-prompt": "Show the prompt of a package, its steps as they stand.",
        "show-work": "Show the work that a review of a package is about.",
        "show-diff": "Show what the work of a package changes.",
        "sync-workspaces": "Take the commits of workspaces into the branches of their execution lanes.",
        "list-workspaces": "List the workspaces of this project, and those in the trash.",
        "list-missions": "List the missions of this project.",
        "diagnose": "Find everything that is not as it should be.",
        "replay-dead-letter": "Put a dead letter back into its orchestrator's inbox.",
        "discard-dead-letter": "Remove the body of a dead letter; its record stays.",
        "count-old-replies": "Count the replies that could be pruned.",
        "prune-replies": "Remove old replies that the journal can bring back.",
        "show-rewind": "Show what would be withdrawn if a mission went back to an event.",
        "rewind-mission": "Withdraw what happened in a mission behind an event.",
        "redact": "Take a secret out of what the host keeps of an event or a request.",
        "repair": "Repair what can be repaired without losing anything.",
    }
)
"""What people are offered beyond the contract; no orchestrator can ask for these."""
