"""Keep the commits of packages with refs of the host, and record commits that the log lacks."""

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


def keep_for(commits: PackageCommits, intent: MoveIntent, commit: str | None) -> None:
    """Keep the work of a package that makes this move, even if its branch is deleted.

    Args:
        commits: The commits of the mission's packages.
        intent: The move.
        commit: The commit that is submitted or approved.

    Raises:
        GitFailed: git refused.
    """
    mission, wp_id = commits.mission, intent.wp_id
    refs: dict[str, str] = {}
    if intent.to in HANDED_IN and commit:
        name = (approved_ref if intent.to in FINISHED else handed_in_ref)(mission, wp_id)
        before = host_refs.read_ref(commits.repository, name)
        if before and not commits.repository.is_ancestor(before, commit):
            # The branch was rewritten since, and the log still has the former commit.
            refs[left_ref(mission, mission.lane_ids[wp_id], before)] = before
        refs[name] = commit
        if intent.to in FINISHED and commits.set_aside(wp_id):
            # A package that is resumed continues from the approved commit.
            refs[set_aside_ref(mission, wp_id)] = commit
    elif intent.to in LEAVING and mission.state_of(wp_id).lane in OCCUPYING:
        own = commits.own_tip(wp_id)
        refs |= {set_aside_ref(mission, wp_id): own} if own else {}
    host_refs.write_refs(commits.repository, refs)


def note_origin(commits: PackageCommits) -> None:
    """Keep the commit that execution lanes start from in a ref that no agent can write.

    Raises:
        GitFailed: git refused.
    """
    origin = commits.origin()
    host_refs.write_refs(
        commits.repository, {origin_ref(commits.mission): origin} if origin else {}
    )


def first_contact(commits: PackageCommits, *, besides: str | None = None) -> list[Annotated]:
    """Keep the commits of packages that were approved before commits were recorded, and return their events.

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
