"""What to do where the host leaves its files of a mission alone, because git is at something else."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from specify_cli.storage import checkout
from specify_cli.storage.recorded_log import RecordedLog

ENDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "merge": "git merge --abort",
        "rebase": "git rebase --abort",
        "cherry-pick": "git cherry-pick --abort",
        "revert": "git revert --abort",
        "bisect": "git bisect reset",
    }
)
"""What ends an operation of git that is under way."""


def way_back(log: RecordedLog) -> str:
    """What a person does so that the host writes its files of the mission again.

    Raises: StateUnreadable, StorageFailed.
    """
    at = checkout.look(log.project.root)
    if at and at.operation:
        return (
            f"finish the {at.operation}, or end it with '{ENDS[at.operation]}'; the host writes the file with the"
            " next change then"
        )
    here = f"'spec-kitty doctor --fix --mission {shlex.quote(log.slug)}' writes it here"
    branch = log.view().known.branch
    if branch is None or at is None or branch == at.branch:
        return here
    return f"{switch_to(branch)} goes back to the branch that has it; {here} instead"


def switch_to(branch: str) -> str:
    """The command that checks the branch out."""
    return f"'git switch {shlex.quote(branch)}'"
