"""The specification of a workspace to make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Objects(Enum):
    """Where a workspace gets the objects of the project from."""

    SHARED = "share"
    COPIED = "copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceSpec:
    """The workspace to make.

    Attributes:
        path: Its path, a folder directly below `.worktrees`.
        branch: The branch that is checked out in it, at `commit`.
        upstream: The mission's target branch, which `git status` compares with.
        branches: The branches that it has besides, with their commits: the target's and the mission's.
        mirror: The repository that is its remote `project`.
        has_hooks: Whether the project's hooks are copied.
        owner: The user that it belongs to; None for the host's user.
        filters: The filters that may run while its files are written; None for all that git has in the project.
    """

    path: Path
    branch: str
    commit: str
    upstream: str
    branches: Mapping[str, str]
    mirror: Path
    objects: Objects = Objects.COPIED
    has_hooks: bool = True
    owner: int | None = None
    filters: frozenset[str] | None = None

    @property
    def refs(self) -> dict[str, str]:
        """The commits of all its branches by ref name."""
        tips = {**self.branches, self.branch: self.commit}
        return {f"refs/heads/{name}": commit for name, commit in tips.items()}
