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
from specify_cli.storage import journal_pruned, records
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.project import Project
from specify_cli.storage.record import Record
from specify_cli.storage.record_redaction import Redaction, forms_of
from specify_cli.storage.recorded_log import PreparedLines
from specify_cli.vcs import commit_search
from specify_cli.workflow import redaction_files, redaction_plan, repositories
from specify_cli.workflow.context import RequestContext
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
        self, about: str, secret: str, *, actor: str, reason: str, context: RequestContext
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
            parts = JournalFiles(self.project.journal)
            slugs = self._missions_of(
                redaction_plan.plan(record, parts, about=about, secret=secret)
            )
            for slug in slugs:
                log = MissionFiles(self.project, slug)
                stack.enter_context(locks.held(log.lock))
                # What others wrote is in the file alone.
                log.log.take_in()
            plan = redaction_plan.plan(record, parts, about=about, secret=secret)
            files, left = redaction_files.redact_own(self.project, secret)
            left += [*plan.files, *journal_pruned.damaged(parts)]
            if not (plan.replaces or plan.lines or files or self._was_redacted(record, about)):
                raise UsageError(f"that text is in no note, reason or message of {about}")
            report = self._report(record, plan, secret, about=about, slugs=slugs)
            said = Redaction(
                at=clock.timestamp(), actor=actor, reason=reason, about=about, entries={}
            )
            prepared = [*redaction_plan.drafts(record, plan, said)]
            locked = frozenset(slugs)
            follow = partial(redaction_files.complete, self.project, record, locked=locked)
            if context.decision is not None:
                context.decision.add((), PreparedLines(drafts=prepared, follow=follow))
                context.decision.keep(stack.pop_all())
        return replace(report, files=files, left=left)

    def _was_redacted(self, record: Record, about: str) -> bool:
        return any(about in it.about.split(", ") for it in record.redactions())

    def _missions_of(self, plan: RedactionPlan) -> list[str]:
        """The folders of the missions that are there and that it is about, in the order in which they are locked."""
        logs = {it: MissionFiles(self.project, it).log for it in sorted(all_missions(self.project))}
        return [it for it, log in logs.items() if plan.missions and log.number() in plan.missions]

    def _report(
        self,
        record: Record,
        plan: RedactionPlan,
        secret: str,
        *,
        about: str,
        slugs: Sequence[str],
    ) -> RedactionReport:
        commits, look = self._commits(secret, slugs)
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

    def _commits(self, secret: str, slugs: Sequence[str]) -> tuple[list[str], str | None]:
        """The commits whose logs have it, and a command that shows them."""
        with repositories.looking(self.project) as repository:
            if repository is None or not repository.has_commits() or not slugs:
                return [], None
            paths = [MissionFiles(self.project, it).log.path for it in slugs]
            names = [os.path.relpath(it, repository.root) for it in paths]
            forms = forms_of(secret)
            found = (
                it
                for x in names
                for it in commit_search.commits_with_text(repository.git, x, forms)
            )
            commits = list(dict.fromkeys(found))
            root, listed = shlex.quote(str(repository.root)), shlex.join(names)
            look = f"git -C {root} log --all --oneline -- {listed}"
            return commits, look if commits else None
