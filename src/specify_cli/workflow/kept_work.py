"""Work that the log names is kept by refs of the host, and the log names what it did not before."""

from __future__ import annotations

from specify_cli import clock, ids
from specify_cli.core.events import Annotated
from specify_cli.core.lanes import FINISHED, HANDED_IN, LEAVING, OCCUPYING
from specify_cli.core.move_intent import MoveIntent
from specify_cli.vcs import host_refs
from specify_cli.workflow.package_commits import (
    PackageCommits,
    approved_ref,
    handed_in_ref,
    left_ref,
    origin_ref,
    set_aside_ref,
)

HOST_ACTOR = "spec-kitty"


def keep_for(commits: PackageCommits, wish: MoveIntent, commit: str | None) -> None:
    """What a package that makes this move has done is kept, whatever becomes of its branch.

    Args:
        commit: the work that it is handed in or approved with.

    Raises:
        GitFailed: git refused.
    """
    mission, wp_id = commits.mission, wish.wp_id
    refs: dict[str, str] = {}
    if wish.to in HANDED_IN and commit:
        name = (approved_ref if wish.to in FINISHED else handed_in_ref)(mission, wp_id)
        before = host_refs.read_ref(commits.repository, name)
        if before and not commits.repository.is_ancestor(before, commit):
            # The branch was rewritten since, and the log still names that.
            refs[left_ref(mission, mission.lane_ids[wp_id], before)] = before
        refs[name] = commit
        if wish.to in FINISHED and commits.set_aside(wp_id):
            # Whoever resumes the package goes on from what was approved.
            refs[set_aside_ref(mission, wp_id)] = commit
    elif wish.to in LEAVING and mission.state_of(wp_id).lane in OCCUPYING:
        own = commits.own_tip(wp_id)
        refs |= {set_aside_ref(mission, wp_id): own} if own else {}
    host_refs.write_refs(commits.repository, refs)


def note_origin(commits: PackageCommits) -> None:
    """The commit that execution lanes start from is noted where no agent can write.

    Raises:
        GitFailed: git refused.
    """
    origin = commits.origin()
    host_refs.write_refs(
        commits.repository, {origin_ref(commits.mission): origin} if origin else {}
    )


def first_contact(commits: PackageCommits, *, besides: str | None = None) -> list[Annotated]:
    """What the log has to be told of packages that were approved before commits were recorded.

    Their commits are kept.

    Raises:
        GitFailed: git cannot read a branch, or refused.
    """
    found = commits.unrecorded(besides)
    mission = commits.mission
    host_refs.write_refs(
        commits.repository, {approved_ref(mission, x): oid for x, oid in found.items()}
    )
    return [
        Annotated(
            event_id=ids.ulid(),
            at=clock.timestamp(),
            actor=HOST_ACTOR,
            wp_id=wp_id,
            delta={"commit": commit},
        )
        for wp_id, commit in found.items()
    ]
