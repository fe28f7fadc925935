"""The use case that removes a secret from everything that the host keeps."""

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
"""The minimum length of a text, so that it is specific enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactionReport:
    """What was redacted, and what still contains the text.

    Attributes:
        files: Redacted files that the host had set aside.
        left: Other files of the host that still contain it.
        also_in: Other requests and events that contain it.
        commits: The commits whose mission log contains it.
        look: A command that lists these commits.
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
    """Redact secrets in a project's record and in the files made from it."""

    project: Project

    def redact(
        self, about: str, secret: str, *, actor: str, reason: str, context: RequestContext
    ) -> RedactionReport:
        """Replace each free text of the event or request that contains the secret by a mark.

        The proof of the record stays valid. Files are redacted after the commit; if the process dies in
        between, the next changing call redacts them.

        Raises:
            UsageError: the arguments do not fit.
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        if len(secret) < SHORTEST:
            raise UsageError(
                f"the text has fewer than {SHORTEST} characters, which matches too much: give a longer one"
            )
        record = records.made(self.project)
        for fault in record.faults()[:1]:
            raise StateUnreadable(fault)
        with ExitStack() as stack:
            # A concurrent redaction must not restore what this one removes.
            stack.enter_context(locks.held(self.project.lock("redaction")))
            parts = JournalFiles(self.project.journal)
            plan = redaction_plan.plan(record, parts, about=about, secret=secret)
            slugs = self._lock_missions(plan, stack)
            plan = redaction_plan.plan(record, parts, about=about, secret=secret)
            files, left = redaction_files.redact_own(self.project, secret)
            left += [*plan.files, *journal_pruned.damaged(parts)]
            if not (files or _is_found(record, plan, about)):
                raise UsageError(f"no note, reason or message of {about} contains that text")
            report = self._report(record, plan, secret, about=about, slugs=slugs)
            now = clock.timestamp()
            redaction = Redaction(at=now, actor=actor, reason=reason, about=about, entries={})
            drafts = [*redaction_plan.drafts(record, plan, redaction)]
            complete = partial(redaction_files.complete, self.project, record, secret=secret)
            follow = partial(complete, locked=frozenset(slugs))
            if context.decision is not None:
                context.decision.add((), PreparedLines(drafts=drafts, follow=follow))
                context.decision.keep(stack.pop_all())
        # A worker removes the request files that it has answered.
        left = [it for it in left if os.path.lexists(it)]
        return replace(report, files=files, left=left)

    def _lock_missions(self, plan: RedactionPlan, stack: ExitStack) -> list[str]:
        """Lock the affected missions in the order of their folders, which are returned.

        Take in the lines of other programs, which until then are only in the log files.
        """
        every = [MissionFiles(self.project, it) for it in sorted(all_missions(self.project))]
        affected = [it for it in every if plan.missions and it.log.number() in plan.missions]
        for files in affected:
            stack.enter_context(locks.held(files.lock))
            files.log.take_in()
        return [it.slug for it in affected]

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
        requests = plan.requests if plan.published_lines else set()
        replies = redaction_files.affected_replies(self.project, record, requests, secret=secret)
        return RedactionReport(
            about=about,
            log_lines=plan.log_lines,
            published_lines=plan.published_lines,
            replies=len(replies),
            files=(),
            left=(),
            also_in=redaction_plan.still_with(record, secret, plan),
            commits=commits,
            look=look,
        )

    def _commits(self, secret: str, slugs: Sequence[str]) -> tuple[list[str], str | None]:
        """Return the commits whose logs contain it, and a command that lists them."""
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


def _is_found(record: Record, plan: RedactionPlan, about: str) -> bool:
    """Return whether there is something to redact, or an earlier redaction to complete."""
    if plan.replaces or plan.lines or plan.has_answers:
        return True
    return any(about in it.about.split(", ") for it in record.redactions())
