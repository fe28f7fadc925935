"""Whether the work of a mission is in its target, and the host's note of the commit that has it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from specify_cli.vcs import host_refs
from specify_cli.vcs.checkouts import HEADS
from specify_cli.vcs.contained_work import commit_with_work
from specify_cli.vcs.merge import LaneTip
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import host_files, merge_preflight
from specify_cli.workflow.mission import OpenMission

REMOTES: Final = "refs/remotes/"


@dataclass(frozen=True, slots=True)
class MergedWork:
    """The approved work of a mission, compared with a branch."""

    repository: Repository
    mission: OpenMission

    def note(self, target: str, commit: str) -> None:
        """Keep the commit of the target that has the mission's work.

        Raises:
            GitFailed: git refused.
        """
        host_refs.write_refs(self.repository, {self._ref(target): commit})

    def noted(self, target: str) -> str | None:
        """Return the commit that has the mission's work, if the target still has it.

        Raises:
            GitFailed: git refused.
        """
        commit = host_refs.read_ref(self.repository, self._ref(target))
        tips = (self.repository.branch_tip(target), tracking_tip(self.repository, target)[1])
        is_there = any(commit and it and self.repository.is_ancestor(commit, it) for it in tips)
        return commit if is_there else None

    def missing_from(self, tip: str) -> list[LaneTip]:
        """Return the approved commits whose work is not in the history of `tip`.

        Raises:
            GitFailed: git refused.
        """
        tips = merge_preflight.tips(self.repository, self.mission)
        is_ignored = self._is_ignored(tips)
        return [
            it
            for it in tips
            if commit_with_work(self.repository, it.commit, tip=tip, is_ignored=is_ignored) is None
        ]

    def _is_ignored(self, tips: Sequence[LaneTip]) -> Callable[[str], bool]:
        """Tell the paths that a merge does not take from the lanes."""
        root = self.repository.root
        own = {str(it.relative_to(root)) for it in host_files.host_contents(self.mission)}
        target = self.mission.target_branch
        scope = merge_preflight.scope(self.repository, self.mission, tips, target=target)
        return lambda path: path in own or scope.leaves_out(path)

    def _ref(self, target: str) -> str:
        digest = hashlib.sha256(target.encode()).hexdigest()[:16]
        return f"merged/{self.mission.slug}/{digest}"


def tracking_tip(repository: Repository, branch: str) -> tuple[str, str | None]:
    """Return the remote-tracking branch of a branch, by default that of origin, and its commit if it has one.

    Raises:
        GitFailed: git refused.
    """
    listed = repository.git.run("for-each-ref", "--format=%(upstream)", f"{HEADS}{branch}").lines
    ref = next((it for it in listed if it.startswith(REMOTES)), f"{REMOTES}origin/{branch}")
    found = repository.git.run("rev-parse", "--quiet", "--verify", f"{ref}^{{commit}}", check=False)
    return ref.removeprefix(REMOTES), found.lines[0] if found.lines else None
