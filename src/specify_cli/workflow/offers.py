"""What the workspace of an execution lane has for the project, judged and not taken in yet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from specify_cli.core.lanes import FINISHED
from specify_cli.core.move_intent import MoveIntent
from specify_cli.errors import MissionNotFound, StateUnreadable, TransitionRejected
from specify_cli.storage.project import Project
from specify_cli.workflow.mission import OpenMission, Workspace, open_mission

if TYPE_CHECKING:
    from specify_cli.vcs.commit_intake import BranchRelation, FetchedCommits, IntakeRefused
    from specify_cli.vcs.repository import Repository


class Offer(NamedTuple):
    """What the workspace of an execution lane has, judged and not taken in yet.

    Attributes:
        workspace: The execution lane; None where there is nothing to look at.
        tip: The commit of its branch in the workspace; None where that could not be read.
        refusal: Why its commits must not come in, or cannot be read.
        files: The files that differ from `tip`, where somebody asked to look for them.
        unseen: Why these could not be seen.
        look_s: How long it took to look for them.
    """

    workspace: Workspace | None = None
    tip: str | None = None
    fetched: FetchedCommits | None = None
    refusal: IntakeRefused | None = None
    files: Sequence[str] = ()
    unseen: str | None = None
    look_s: float = 0

    def standing(self, repository: Repository) -> BranchRelation:
        """How the workspace's commits stand to the project's branch.

        Raises:
            GitFailed: the branch is damaged.
        """
        from specify_cli.vcs.commit_intake import BranchRelation

        return self.fetched.standing(repository) if self.fetched else BranchRelation.SAME

    def take_in(self, repository: Repository) -> None:
        """The project's branch has the commits; call it while nobody else changes the repository.

        Raises:
            IntakeRefused: they must not come in.
            GitFailed, OSError: git or the disk refused.
        """
        if self.refusal:
            raise self.refusal
        if self.fetched:
            self.fetched.move_in(repository)

    def take_in_what_fits(self, repository: Repository) -> Offer:
        """As `take_in`; what must not come in is the `refusal` of the answer.

        Raises:
            GitFailed, OSError: git or the disk refused.
        """
        from specify_cli.vcs.commit_intake import IntakeRefused

        try:
            self.take_in(repository)
        except IntakeRefused as refusal:
            return self._replace(fetched=None, refusal=refusal)
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an answer warns of that did not need the commits."""
        if self.refusal is None or self.workspace is None:
            return ()
        return (f"the commits in {self.workspace.path} were not taken in: {self.refusal.reason}",)


NOTHING: Final = Offer()


@contextmanager
def offered(project: Project, slug: str, wp_id: str, *, looks: bool = False) -> Iterator[Offer]:
    """What the workspace of the package's execution lane has, for as long as the block lasts.

    With `looks`, also what is uncommitted there. Call it with no lock held: to read a workspace takes
    as long as its agent wants, up to the deadline.
    """
    mission = seen(project, slug)
    is_known = mission is not None and wp_id in mission.packages
    # Before work begins there is none, and git need not be asked.
    if mission is None or not is_known or not os.path.lexists(mission.workspace(wp_id).path):
        yield NOTHING
        return
    from specify_cli.workflow import commit_intake

    with ExitStack() as until_the_end:
        offer = commit_intake.of_package(mission, wp_id, until_the_end=until_the_end)
        yield commit_intake.looked(project, offer) if looks else offer


@contextmanager
def others_offered(project: Project, slug: str, intent: MoveIntent) -> Iterator[list[Offer]]:
    """What the workspaces have in which other packages are worked on, where the wish is an approval.

    None of it may come along unapproved.
    """
    if intent.to not in FINISHED:
        yield []
        return
    from specify_cli.workflow import commit_intake

    with ExitStack() as until_the_end:
        yield commit_intake.of_others(project, slug, intent, until_the_end=until_the_end)


def taken_in(mission: OpenMission, offer: Offer, others: Sequence[Offer] = ()) -> Offer:
    """As `moved_work.taken_in`, which is not needed where nothing was fetched."""
    if not any(it.fetched for it in (offer, *others)):
        return offer
    from specify_cli.workflow import moved_work

    return moved_work.taken_in(mission, offer, others)


def seen(project: Project, slug: str) -> OpenMission | None:
    """The mission; None where it is missing or damaged: the command that needs it next says so.

    Raises:
        StorageFailed: the disk refused, perhaps for once: there may be work that was not seen.
    """
    try:
        return open_mission(project, slug)
    except (StateUnreadable, MissionNotFound):
        return None


def rejected(
    mission: OpenMission, intent: MoveIntent, refusal: IntakeRefused
) -> TransitionRejected:
    """The answer to a move that needs the commits of a workspace which must not come in."""
    from specify_cli.workflow.merge_scope import PathsRefused

    from_lane = mission.state_of(intent.wp_id).lane
    path = mission.workspace(intent.wp_id).path
    cannot = f"{intent.wp_id} cannot go from {from_lane} to {intent.to}"
    if isinstance(refusal, PathsRefused):
        return TransitionRejected(
            f"{cannot}: {refusal.reason}",
            from_lane=from_lane.value,
            to_lane=intent.to.value,
            guard=refusal.guard,
            paths=refusal.refused.as_data(),
            paths_total=refusal.refused.total,
        )
    return TransitionRejected(
        f"{cannot}: the commits in {path} were not taken in: {refusal.reason}",
        from_lane=from_lane.value,
        to_lane=intent.to.value,
        guard="intake",
        reason_code=refusal.code,
        files=list(refusal.paths),
    )
