"""The use case that takes a secret out of all that the host keeps."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from specify_cli import clock
from specify_cli.errors import StateUnreadable, UsageError
from specify_cli.files import locks
from specify_cli.storage import records
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.project import Project
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import REDACTION, Draft
from specify_cli.storage.record_redaction import Redaction, forms_of
from specify_cli.storage.recorded_log import PreparedLines
from specify_cli.vcs import holding
from specify_cli.workflow import redaction_files, redaction_plan, repositories
from specify_cli.workflow.cause import Cause
from specify_cli.workflow.redaction_plan import RedactionPlan

SHORTEST = 4
"""Characters of a text that can be told from others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactionReport:
    """What was redacted, and what still has the text.

    `files` are those that the host had set aside, `left` others of its own; `also_in` names other requests and events,
    `commits` those that hold it in the mission's log, and `look` is a command that lists them.
    """

    about: str
    log_lines: int
    published_lines: int
    replies: int
    files: Sequence[Path]
    left: Sequence[Path]
    also_in: Sequence[str]
    commits: Sequence[str]
    look: str | None


@dataclass(frozen=True, slots=True)
class Redacting:
    """Takes secrets out of a project's record, and out of what was made from it."""

    project: Project

    def redact(
        self, about: str, secret: str, *, actor: str, reason: str, cause: Cause
    ) -> RedactionReport:
        """Each free text of that event or request with the secret in it is replaced by a mark.

        The proof over it stays as it was. Files follow once that is committed; a crash before leaves the record as it was,
        one after it is completed by the next call that changes something.

        Raises: UsageError, StateUnreadable, StorageFailed.
        """
        if len(secret) < SHORTEST:
            raise UsageError(
                f"the text has fewer than {SHORTEST} characters: that is in too much else"
            )
        record = records.made(self.project)
        for fault in record.faults()[:1]:
            raise StateUnreadable(fault)
        with ExitStack() as stack:
            # A second one must not bring back what the first one has taken out.
            stack.enter_context(locks.held(self.project.lock("redaction")))
            plan = redaction_plan.plan(record, about, secret)
            slug = self._mission_of(record, plan, about)
            if slug is not None:
                stack.enter_context(locks.held(MissionFiles(self.project, slug).lock))
                plan = redaction_plan.plan(record, about, secret)
            files, left = redaction_files.redact_own(self.project, secret)
            if not plan.replaces and not files and not self._was_redacted(record, about):
                raise UsageError(f"that text is in no note, reason or message of {about}")
            report = self._report(record, plan, secret, about=about, slug=slug)
            if plan.replaces:
                draft = self._draft(record, plan, about, actor=actor, reason=reason)
                prepared = [draft]
            else:
                prepared = []
            follow = partial(redaction_files.complete, self.project, record, locked=slug)
            if cause.decision is not None:
                cause.decision.add((), PreparedLines(drafts=prepared, follow=follow))
                cause.decision.keep(stack.pop_all())
        return replace(report, files=files, left=left)

    def _draft(
        self, record: Record, plan: RedactionPlan, about: str, *, actor: str, reason: str
    ) -> Draft:
        at = clock.timestamp()
        said = Redaction(at=at, actor=actor, reason=reason, about=about, entries=plan.digests)
        behind = None if plan.mission is None else record.position_of(plan.mission)
        return Draft(
            at=at,
            kind=REDACTION,
            mission=plan.mission,
            behind=behind,
            log=said.line(),
            replaces=plan.replaces,
        )

    def _was_redacted(self, record: Record, about: str) -> bool:
        return any(it.about == about for it in record.redactions())

    def _mission_of(self, record: Record, plan: RedactionPlan, about: str) -> str | None:
        """The folder of the mission that it is about; None where it is about none that is there."""
        if plan.mission is None:
            return None
        for slug in all_missions(self.project):
            if MissionFiles(self.project, slug).log.view().known.number == plan.mission:
                return slug
        return None

    def _report(
        self, record: Record, plan: RedactionPlan, secret: str, *, about: str, slug: str | None
    ) -> RedactionReport:
        commits, look = self._commits(secret, slug)
        replies = redaction_files.replies_to(self.project, record, plan.requests)
        return RedactionReport(
            about=about,
            log_lines=plan.log_lines,
            published_lines=plan.published_lines,
            replies=len([*replies]) if plan.published_lines else 0,
            files=(),
            left=(),
            also_in=redaction_plan.still_with(record, secret, plan),
            commits=commits,
            look=look,
        )

    def _commits(self, secret: str, slug: str | None) -> tuple[list[str], str | None]:
        """The commits whose log has it, and a command that shows them."""
        if slug is None:
            return [], None
        with repositories.looking(self.project) as repository:
            if repository is None or not repository.has_commits():
                return [], None
            path = MissionFiles(self.project, slug).log.path
            name = os.path.relpath(path, repository.root)
            commits = holding.commits_with(repository.git, name, forms_of(secret))
            look = f"git -C {shlex.quote(str(repository.root))} log --all --oneline -- {shlex.quote(name)}"
            return commits, look if commits else None
