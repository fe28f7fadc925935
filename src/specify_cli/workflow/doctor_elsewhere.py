"""Advice for missions whose files the host does not write now, because of the state of the checkout."""

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
"""The command that aborts each operation of git."""


def way_back(log: RecordedLog) -> str:
    """Describe how to make the host write the mission's files again.

    Raises:
        StateUnreadable: the record or the log is damaged.
        StorageFailed: the disk refused.
    """
    at = checkout.look(log.project.root)
    if at and at.operation:
        return (
            f"finish the {at.operation}, or abort it with '{ENDS[at.operation]}'; the host then writes the file"
            " with the next change"
        )
    here = f"'spec-kitty doctor --fix --mission {shlex.quote(log.slug)}' writes it on this branch"
    branch = log.view().known.branch
    if branch is None or at is None or branch == at.branch:
        return here
    return f"{switch_to(branch)} returns to the branch that has it; or {here}"


def switch_to(branch: str) -> str:
    """Return the command that checks the branch out, in quotes."""
    return f"'git switch {shlex.quote(branch)}'"
