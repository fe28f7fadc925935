"""What the workspace of an execution lane has for the project, judged and not taken in yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from specify_cli.core.wishes import Wish
from specify_cli.errors import TransitionRejected
from specify_cli.vcs.intake import Fetched, IntakeRefused, Standing
from specify_cli.vcs.repository import Repository
from specify_cli.workflow.merge_scope import PathsRefused
from specify_cli.workflow.opened import OpenMission, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
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
    fetched: Fetched | None = None
    refusal: IntakeRefused | None = None
    files: Sequence[str] = ()
    unseen: str | None = None
    look_s: float = 0

    def standing(self, repository: Repository) -> Standing:
        """How the workspace's commits stand to the project's branch.

        Raises:
            GitFailed: the branch is damaged.
        """
        return self.fetched.standing(repository) if self.fetched else Standing.SAME

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
        try:
            self.take_in(repository)
        except IntakeRefused as refusal:
            return replace(self, fetched=None, refusal=refusal)
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an answer warns of that did not need the commits."""
        if self.refusal is None or self.workspace is None:
            return ()
        return (f"the commits in {self.workspace.path} were not taken in: {self.refusal.reason}",)


NOTHING: Final = Offer()


def rejected(mission: OpenMission, wish: Wish, refusal: IntakeRefused) -> TransitionRejected:
    """The answer to a move that needs the commits of a workspace which must not come in."""
    from_lane = mission.state_of(wish.wp_id).lane
    place = mission.workspace(wish.wp_id).path
    cannot = f"{wish.wp_id} cannot go from {from_lane} to {wish.to}"
    if isinstance(refusal, PathsRefused):
        return TransitionRejected(
            f"{cannot}: {refusal.reason}",
            from_lane=from_lane.value,
            to_lane=wish.to.value,
            guard=refusal.guard,
            paths=refusal.refused.as_data(),
            paths_total=refusal.refused.total,
        )
    return TransitionRejected(
        f"{cannot}: the commits in {place} were not taken in: {refusal.reason}",
        from_lane=from_lane.value,
        to_lane=wish.to.value,
        guard="intake",
        reason_code=refusal.code,
        files=list(refusal.paths),
    )
