"""The composition root: a project's real parts put together behind the doors.

Most of them are imported where they are used: no call needs all of them, and loading them takes longer than most calls.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from specify_cli import clock, credentials
from specify_cli.errors import SpecKittyError, StorageFailed
from specify_cli.orchestrator_api import registry
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from specify_cli.orchestrator_api.envelope import CONTRACT_VERSION
from specify_cli.storage.project import Project
from specify_cli.storage.project import find_project as find

if TYPE_CHECKING:
    from specify_cli.mailbox.background import BackgroundTask, BackgroundTasks
    from specify_cli.mailbox.layout import MailboxLayout
    from specify_cli.mailbox.settings import Orchestrator
    from specify_cli.mailbox.worker import Worker
    from specify_cli.orchestrator_api.access import Access
    from specify_cli.orchestrator_api.config import Config
    from specify_cli.storage.intents import Intent
    from specify_cli.storage.journal import Journal
    from specify_cli.workflow.audit import Difference
    from specify_cli.workflow.mission_lookup import MissionLookup
    from specify_cli.workflow.services import Services


class ProjectHost:
    """The host of the project that a folder or the environment names.

    Its parts are loaded when they are asked for: `contract-version` needs none of them, and loading
    all of them takes longer than it may take. The journal is kept: its index grows with use. One host
    may serve many threads.
    """

    def __init__(self, start: Path) -> None:
        self._start = start
        self._making = threading.Lock()
        self._made_config: Config | None = None
        self._made_journal: Journal | None = None
        self._made_lookup: MissionLookup | None = None
        self._deciding: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()

    @cached_property
    def project(self) -> Project:
        """The project. Raises: MissionNotFound."""
        found = find(self._start, os.environ)
        return replace(found, load_settings=lambda: self._config().settings)

    def services(self) -> Services:
        """The use cases. Raises: MissionNotFound."""
        from specify_cli.workflow.services import Services

        return Services(self.project)

    def compare_with_commits(self) -> None:
        """Passes where no commit of the host tells of more than its record has.

        Raises: MissionNotFound, StorageFailed; StateUnreadable where one does.
        """
        from specify_cli.workflow import lost_heads

        lost_heads.require_current(self.project)

    def access(self) -> Access:
        """Who may do what: as it was written down when it was asked for first.

        Raises: MissionNotFound, StateUnreadable.
        """
        from specify_cli.orchestrator_api.access import Access

        return Access(self._config().grants)

    def _config(self) -> Config:
        root = self.project.root
        with self._making:
            if self._made_config is None:
                self._made_config = read_config(root)
            return self._made_config

    def find_mission(self, selector: str) -> str:
        """The folder name of the one mission that the selector names.

        Raises: MissionNotFound, MissionAmbiguous, StorageFailed.
        """
        with self._making:
            if self._made_lookup is None:
                from specify_cli.workflow.mission_lookup import MissionLookup

                self._made_lookup = MissionLookup(self.project)
        return self._made_lookup.find(selector)

    def journal(self) -> Journal:
        """The journal, its folder ready. Raises: MissionNotFound, StorageFailed."""
        with self._making:
            if self._made_journal is None:
                layout = mailbox_layout(self.project.root)
                layout.ensure()
                self._made_journal = _journal(layout)
                _complete_redaction(self.project)
            return self._made_journal

    @contextmanager
    def deciding(self, correlation_id: str, scope: str, timeout_s: float = 60.0) -> Iterator[None]:
        """While it is entered, nobody else answers a request of that id in that scope.

        Raises: MissionNotFound, StorageFailed.
        """
        import hashlib

        from specify_cli.files import locks

        self.journal()  # With it the folder of the locks is made, for nobody else to look into.
        if not self.project.locks.is_dir():
            # Somebody has removed it under a worker that goes on.
            mailbox_layout(self.project.root).ensure()
        key = f"{scope}/{correlation_id}" if scope else correlation_id
        name = f"request-{hashlib.sha256(key.encode()).hexdigest()}"
        with self._making:
            ours = self._deciding.setdefault(key, threading.Lock())
        # Our own threads wait without end and without polling: whoever is before them is alive.
        with ours, locks.held(self.project.lock(name), timeout_s=timeout_s, is_kept=False):
            yield

    def is_deciding(self, correlation_id: str, scope: str) -> bool:
        """Whether anybody answers a request of that id now. Raises: MissionNotFound, StorageFailed."""
        key = f"{scope}/{correlation_id}" if scope else correlation_id
        ours = self._deciding.get(key)
        if ours is not None and ours.locked():
            return True
        try:
            with self.deciding(correlation_id, scope, timeout_s=0):
                return False
        except StorageFailed:
            return True

    def intents(self) -> list[Intent]:
        """What requests are about to do, or were when they were killed.

        Raises: MissionNotFound, StorageFailed, StateUnreadable.
        """
        from specify_cli.storage import records
        from specify_cli.storage.intents import Intents

        record = records.found(self.project)
        return Intents(record).all() if record else []

    def report_fault(self, fault: Exception) -> str:
        """The traceback is in the host's log, and on stderr where there is no project."""
        import traceback

        trace = credentials.masked("".join(traceback.format_exception(fault)))
        text = f"{clock.timestamp()}\n{trace}\n"
        try:
            from specify_cli.storage.record_folder import make_record_folder

            make_record_folder(self.project)
            path = self.project.faults
            with path.open("a") as log:
                log.write(text)
        except Exception:  # noqa: BLE001  whatever fails here, the fault must be told
            os.write(2, text.encode(errors="replace"))
            return "the host's stderr"
        return str(path)


def dispatcher(start: Path, *, for_people: bool = False) -> Dispatcher:
    """The dispatcher for whoever asks from the folder `start`."""
    return Dispatcher(ProjectHost(start), partial(registry.find, for_people=for_people))


def find_project(start: Path) -> Path:
    """The root of the project. Raises: MissionNotFound."""
    return find(start, os.environ).root


def initialize(folder: Path) -> Path:
    """The repository of `folder` is a project, with a mailbox; its root.

    Raises: UsageError, MissionNotFound, StateUnreadable, StorageFailed.
    """
    from specify_cli.workflow import authoring

    root = authoring.initialize(folder)
    # So that an operator finds the folder for config.toml.
    mailbox_layout(root).ensure()
    return root


def mailbox_layout(root: Path) -> MailboxLayout:
    """Where the mailbox of the project lies."""
    from specify_cli.mailbox.layout import MailboxLayout

    return MailboxLayout(root)


def worker(root: Path, *, poll_interval_s: float, log: Callable[[str], None]) -> Worker:
    """The worker of the project's mailbox.

    Raises: StateUnreadable where grants are written down and damaged: it is never more open.
    """
    from specify_cli.mailbox.settings import WorkerSettings
    from specify_cli.mailbox.worker import Worker

    host = ProjectHost(root)
    settings = WorkerSettings(
        contract_version=CONTRACT_VERSION,
        orchestrators=orchestrators(host.access()),
        poll_interval_s=poll_interval_s,
    )
    return Worker(
        mailbox_layout(root),
        Dispatcher(host),
        settings=settings,
        log=log,
        tasks=background_tasks(host.project),
        prepare=partial(_prepare, host.project, log),
    )


def _prepare(project: Project, log: Callable[[str], None]) -> None:
    from specify_cli.workflow import lost_heads, upkeep

    journal = _journal(mailbox_layout(project.root))
    try:
        journal.require_current()
        lost_heads.require_current(project)
        upkeep.update_logs(project, log)
        journal.publish()
    except SpecKittyError as error:
        log(str(error))


def background_tasks(project: Project) -> tuple[BackgroundTask, ...]:
    """What a worker of the project does beside answering requests."""
    from specify_cli.mailbox.background import BackgroundTask
    from specify_cli.workflow import upkeep
    from specify_cli.workflow.lane_follower import LaneFollower

    following = LaneFollower(project=project)
    return (
        BackgroundTask(name="following workspaces", run=following.look),
        BackgroundTask(name="following workspaces that take long", run=following.wait_for_slow),
        _updating_mirrors(project),
        BackgroundTask(
            name="emptying the trash of workspaces",
            run=partial(upkeep.prune_trash, project),
            again_s=upkeep.AN_HOUR_S,
        ),
        BackgroundTask(
            name="pruning what is not kept for ever",
            run=partial(upkeep.prune, project),
            again_s=upkeep.AN_HOUR_S,
        ),
    )


def mirror_upkeep(root: Path, *, log: Callable[[str], None]) -> BackgroundTasks:
    """What keeps the mirrors of the project up to date where no worker does."""
    from specify_cli.mailbox.background import BackgroundTasks

    return BackgroundTasks([_updating_mirrors(Project(root))], log=log)


def _updating_mirrors(project: Project) -> BackgroundTask:
    from specify_cli.mailbox.background import BackgroundTask
    from specify_cli.workflow.upkeep import Mirrors

    return BackgroundTask(name="updating mirrors", run=Mirrors(project=project).follow)


def workspace_glances(root: Path) -> Mapping[str, object]:
    """What a cheap look at each workspace of the project sees, by name; another one where it has changed.

    Raises: StorageFailed.
    """
    from specify_cli.workflow import workspace_index

    return workspace_index.glances(Project(root))


def orchestrators(access: Access) -> tuple[Orchestrator, ...]:
    """For whom a worker serves, and with which bounds."""
    from specify_cli.mailbox.settings import Orchestrator

    return tuple(
        Orchestrator(
            identity=grant.identity,
            commands=grant.commands,
            owner_uid=grant.uid,
            **grant.quota._asdict(),
        )
        for grant in access.grants
    )


def read_config(root: Path) -> Config:
    """Settings and grants of the project at `root`, as they are written down now.

    Raises: StateUnreadable.
    """
    from specify_cli.orchestrator_api import config

    return config.read(root)


def read_access(root: Path) -> Access:
    """Who may do what in the project at `root`, as it is written down now.

    Raises: StateUnreadable.
    """
    from specify_cli.orchestrator_api.access import Access

    return Access(read_config(root).grants)


def prove_current(layout: MailboxLayout) -> None:
    """Passes where neither the published journal nor a commit tells of more than the record has; nothing is written.

    Raises: RecordBehind, StateUnreadable, StorageFailed.
    """
    from specify_cli.workflow import lost_heads

    _journal(layout).require_current()
    lost_heads.prove_current(Project(layout.root))


def find_missing_events(layout: MailboxLayout) -> Iterator[str]:
    """Every event that the journal names and no log has, and the other way round."""
    from specify_cli.workflow import audit

    return audit.find_missing_events(Project(layout.root), _journal(layout))


def find_differences(layout: MailboxLayout) -> list[Difference]:
    """Every line of a log, and every commit of the host, that says what the record does not."""
    from specify_cli.workflow import audit

    project = Project(layout.root)
    return [*audit.compare_logs(project), *audit.compare_heads(project)]


def _complete_redaction(project: Project) -> None:
    """What a killed call has redacted in the record is redacted in the files."""
    from specify_cli.storage import records

    record = records.found(project)
    if record is None or not record.has_unfinished_redaction():
        return
    from specify_cli.files import locks
    from specify_cli.workflow import redaction_files

    with locks.held(project.lock("redaction")):
        if record.has_unfinished_redaction():
            redaction_files.complete(project, record)


def _journal(layout: MailboxLayout) -> Journal:
    from specify_cli.storage.journal import Journal

    return Journal(layout)
