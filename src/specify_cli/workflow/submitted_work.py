"""The work of a package: checked when it is submitted, shown when it is reviewed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from specify_cli.core import globs
from specify_cli.core.events import Transitioned
from specify_cli.core.merge_paths import shown
from specify_cli.core.move_intent import MoveIntent
from specify_cli.errors import StorageFailed
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.objects import tree_changes
from specify_cli.vcs.sandbox import sandbox_for
from specify_cli.vcs.uncommitted_changes import WorkspaceUnreadable
from specify_cli.workflow import lane_folders, repositories
from specify_cli.workflow.merge_scope import NOTHING, PathsRefused, RefusedPaths, Scope, folder_in
from specify_cli.workflow.mission import OpenMission
from specify_cli.workflow.offers import rejected

MOST_LISTED: Final = 100
"""Paths that an answer lists; the rest are counted."""

LONGEST_LOOK_S: Final = 5
"""The time limit for finding uncommitted files, so that a warning does not delay the submission."""

FIRST: Final = 3
"""Uncommitted files that a warning names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedWork:
    """What the author or the reviewer must know of a package's commits."""

    scope: Scope
    refused: RefusedPaths = NOTHING
    left_out: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()

    @property
    def outside_listed(self) -> tuple[str, ...]:
        """The first paths outside `owned_files`, in the form that an answer lists."""
        return tuple(shown(path) for path in self.outside[:MOST_LISTED])

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of the answer."""
        found = left_out_warnings(self.left_out)
        if len(self.outside) > MOST_LISTED:
            count = len(self.outside)
            listed = f"{count} changed files are outside owned_files; {MOST_LISTED} are listed"
            return (*found, listed)
        return found


def left_out_warnings(paths: Collection[str]) -> tuple[str, ...]:
    """Return the warning about changed planning files, whose changes a merge drops."""
    if not paths:
        return ()
    named = [shown(path) for path in sorted(paths)[:MOST_LISTED]]
    rest = len(paths) - len(named)
    more = f" and {rest} more" if rest else ""
    return (f"a merge leaves out the changes in {', '.join(named)}{more}",)


def uncommitted_warnings(mission: OpenMission, event: Transitioned) -> tuple[str, ...]:
    """Return the warning about uncommitted files in the workspace, if they are found in time."""
    workspace, project = mission.workspace(event.wp_id), mission.files.project
    if event.commit and not os.path.lexists(workspace.path):
        return (
            f"there is no workspace at {workspace.path}: the project's last commit of it, {event.commit}, was used",
        )
    files: Sequence[str] = ()
    with (
        suppress(StorageFailed, OSError, WorkspaceUnreadable),
        repositories.looking(project) as repository,
    ):
        if (
            repository
            and event.commit
            and lane_folders.look(project, repository, workspace.path).is_usable
        ):
            files = lane_folders.work_in(
                repository,
                workspace.path,
                commit=event.commit,
                seconds=LONGEST_LOOK_S,
                filters=project.settings.filters,
            )
    if not files:
        return ()
    named = ", ".join(files[:FIRST])
    more = f" and {len(files) - FIRST} more" if len(files) > FIRST else ""
    what = "1 file is" if len(files) == 1 else f"{len(files)} files are"
    return (f"{what} not committed in {workspace.path}, and not submitted: {named}{more}",)


def unsandboxed_warnings(mission: OpenMission, event: Transitioned) -> tuple[str, ...]:
    """Return the warning that the workspace was read without a sandbox.

    Without `[orchestrators]` every caller may do everything, so there is no boundary to warn about.
    """
    path = mission.workspace(event.wp_id).path
    if not mission.files.project.settings.has_orchestrators:
        return ()
    if not os.path.lexists(path) or sandbox_for(path).is_isolated:
        return ()
    text = (
        f"the commits in {path} were read without a sandbox, because bubblewrap does not work here"
        " (intake in .kitty/config.toml); see 'spec-kitty doctor'"
    )
    return (text,)


def examine(mission: OpenMission, wp_id: str, commit: str | None) -> SubmittedWork | None:
    """Examine the package's work, the history of `commit`; None without a repository or a commit.

    Raises:
        StorageFailed: git cannot read the commits.
    """
    repository = repositories.look(mission.files.project)
    workspace = mission.workspace(wp_id)
    if repository is None:
        return None
    base = mission.state_of(wp_id).base_ref
    onto = repository.branch_tip(workspace.target_branch) or base
    if not commit or onto is None:
        return None
    scope = Scope(
        git=repository.git,
        slug=mission.slug,
        project=folder_in(repository, mission.files.project.root),
        tips=[commit],
        onto=onto,
    )
    with _translated(workspace.branch):
        return _examined(scope, base=base, owned=mission.package(wp_id).owned_files)


def check(mission: OpenMission, intent: MoveIntent, work: SubmittedWork) -> None:
    """Check that everything that the package submits may be merged; `force` makes no difference.

    Raises:
        TransitionRejected: the guard `paths` refuses it, or `owned_files` if the operator enabled it.
        StateUnreadable: the settings cannot be read.
        StorageFailed: git cannot read the commits.
    """
    workspace, onto = mission.workspace(intent.wp_id), work.scope.onto
    if work.refused.total:
        raise rejected(
            mission,
            intent,
            PathsRefused(work.refused, guard="paths", onto=onto, workspace=workspace.path),
        )
    if work.outside and mission.files.project.settings.owned_files == "refuse":
        problems = dict.fromkeys(work.outside, "it is outside owned_files")
        with _translated(workspace.branch):
            outside = work.scope.named(problems)
        raise rejected(
            mission,
            intent,
            PathsRefused(outside, guard="owned_files", onto=onto, workspace=workspace.path),
        )


def _examined(scope: Scope, *, base: str | None, owned: Sequence[str]) -> SubmittedWork:
    refused = scope.refused()
    if refused.total:
        return SubmittedWork(scope=scope, refused=refused)
    [(_, changes)] = scope.merged
    left_out = {path for path in changes if scope.leaves_out(path)}
    # Of the changes of an execution lane, those since the package's base are its own.
    own = changes.keys() & _changed_since(scope, base or scope.onto)
    outside = (
        # A package that lists no files owns every file.
        path
        for path in own - left_out
        if owned and not any(globs.owns(pattern, path) for pattern in owned)
    )
    return SubmittedWork(
        scope=scope, left_out=tuple(sorted(left_out)), outside=tuple(sorted(outside))
    )


def _changed_since(scope: Scope, base: str) -> Collection[str]:
    try:
        return tree_changes(scope.git, base, scope.tips[0]).keys()
    except GitFailed:  # The branch was rewritten, and the base no longer exists.
        return tree_changes(scope.git, scope.onto, scope.tips[0]).keys()


@contextmanager
def _translated(branch: str) -> Iterator[None]:
    try:
        yield
    except GitFailed as error:
        raise StorageFailed(
            f"git cannot read the commits of {branch}: {error}; see 'git fsck'"
        ) from error
