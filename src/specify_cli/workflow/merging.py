"""The use case that merges a mission."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from specify_cli import nearest
from specify_cli.core.move_intent import MergeOptions
from specify_cli.errors import StorageFailed, Unfinished, UnsupportedStrategy, error_details
from specify_cli.storage.project import Project
from specify_cli.vcs import remote_push
from specify_cli.vcs.git import GitFailed
from specify_cli.workflow import merge_push, repositories
from specify_cli.workflow.commit_intake import all_offered
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.merge_push import Push
from specify_cli.workflow.merge_run import MergeRun, unfinished
from specify_cli.workflow.mission_changes import changing_mission
from specify_cli.workflow.offers import Offer
from specify_cli.workflow.reports import MergeReport

STRATEGIES = ("merge", "squash", "rebase")


@dataclass(frozen=True, slots=True)
class Merging:
    """Merge missions of a project."""

    project: Project

    def merge(self, selector: str, options: MergeOptions, context: RequestContext) -> MergeReport:
        """Merge the mission's work into the target branch, mark its packages done, remove clean workspaces.

        If this raises, nothing was moved.

        Raises:
            UnsupportedStrategy: there is no such strategy.
            MissionNotFound: there is no such mission.
            PreflightFailed: something is in the way; every obstacle is named.
            StorageFailed: the disk or git refused.
        """
        check_strategy(options.strategy)
        push: Push | None = None
        with ExitStack() as until_the_end, all_offered(self.project, selector) as offers:
            while True:
                try:
                    with self._run(selector, options, context, offers=offers) as run:
                        done = run.advance(push)
                        if isinstance(done, MergeReport):
                            return done
                        if push is None:
                            until_the_end.callback(merge_push.lock_push(run.mission.files).release)
                except StorageFailed as error:
                    if push is None or isinstance(error, Unfinished):
                        raise
                    raise unfinished(push.plan, error, where=remote_push.REMOTE) from error
                push = done
                with error_details(mission_slug=selector, target_branch=push.plan.target):
                    merge_push.carry_out(push)

    @contextmanager
    def _run(
        self,
        selector: str,
        options: MergeOptions,
        context: RequestContext,
        *,
        offers: Sequence[Offer],
    ) -> Iterator[MergeRun]:
        with (
            changing_mission(self.project, selector) as mission,
            repositories.changing(self.project) as repository,
        ):
            context.claim(mission.log.caused_by(context.correlation_id, context.identity))
            try:
                taken = tuple(it.take_in_what_fits(repository) for it in offers)
                run = MergeRun(
                    repository=repository,
                    mission=mission,
                    options=options,
                    context=context,
                    offers=taken,
                )
                with error_details(target_branch=run.target):
                    yield run
            except GitFailed as error:
                raise StorageFailed(f"git could not merge: {error}") from error


def check_strategy(strategy: str) -> None:
    """Check that there is such a strategy.

    Raises:
        UnsupportedStrategy: there is none.
    """
    if strategy not in STRATEGIES:
        raise UnsupportedStrategy(
            f"there is no strategy {strategy[:80]!r}: use one of {', '.join(STRATEGIES)}"
            f"{nearest.guess(strategy, STRATEGIES)}",
            strategy=strategy[:80],
            supported=list(STRATEGIES),
        )
