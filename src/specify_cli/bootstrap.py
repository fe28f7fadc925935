"""The composition root: builds the objects of a project for the command line and the mailbox.

Most imports are inside functions: no command needs all of them, and loading them takes longer than most commands.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from specify_cli import clock, credentials
from specify_cli.errors import StorageFailed
from specify_cli.orchestrator_api import registry
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from specify_cli.storage.project import Project
from specify_cli.storage.project import find_project as find

if TYPE_CHECKING:
    from specify_cli.mailbox.layout import MailboxLayout
    from specify_cli.orchestrator_api.access import Access
    from specify_cli.orchestrator_api.config import Config
    from specify_cli.storage.intents import Intent
    from specify_cli.storage.journal import Journal
    from specify_cli.workflow.audit import Discrepancy
    from specify_cli.workflow.mission_lookup import MissionLookup
    from specify_cli.workflow.restoring import Restoring
    from specify_cli.workflow.services import Services


class ProjectHost:
    """The host of the project that contains a folder or that the environment names.

    Its parts are loaded on demand: `contract-version` needs none of them, and may not take as long as
    loading them. The journal is cached, with its index. Several threads may use one host.
    Every method except `report_fault` raises MissionNotFound if there is no project.
    """

    def __init__(self, start: Path) -> None:
        self._start = start
        self._creating = threading.Lock()
        self._cached_config: Config | None = None
        self._cached_journal: Journal | None = None
        self._cached_lookup: MissionLookup | None = None
        self._deciding: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()

    @cached_property
    def project(self) -> Project:
        """The project."""
        found = find(self._start, os.environ)
        return Project(found.root, load_settings=lambda: self.config().settings)

    def services(self) -> Services:
        """Return the use cases."""
        from specify_cli.workflow.services import Services

        return Services(self.project)

    def compare_with_commits(self) -> None:
        """Check that no commit of the host names an entry that its record lacks.

        Raises:
            StateUnreadable, StorageFailed: a commit does, or the disk failed.
        """
        from specify_cli.workflow import lost_heads

        lost_heads.require_current(self.project)

    def access(self) -> Access:
        """Return the grants in `config.toml`, as of the first call or the last `reload`.

        Raises:
            StateUnreadable: `config.toml` is damaged.
        """
        from specify_cli.orchestrator_api.access import Access

        return Access(self.config().grants)

    def reload(self) -> tuple[Config, Config]:
        """Read `config.toml` again; return its former and its new content.

        Raises:
            StateUnreadable: `config.toml` is damaged; its former content stays in force.
        """
        former, self._cached_config = self.config(), read_config(self.project.root)
        return former, self._cached_config

    def config(self) -> Config:
        """Return settings and grants in `config.toml`, as of the first call.

        Raises:
            StateUnreadable: `config.toml` is damaged.
        """
        with self._creating:
            if self._cached_config is None:
                self._cached_config = read_config(self.project.root)
            return self._cached_config

    def find_mission(self, selector: str) -> str:
        """Return the folder name of the mission that the selector names.

        Raises:
            MissionNotFound, MissionAmbiguous: it names none, or several.
            StorageFailed: the disk failed.
        """
        with self._creating:
            if self._cached_lookup is None:
                from specify_cli.workflow.mission_lookup import MissionLookup

                self._cached_lookup = MissionLookup(self.project)
        return self._cached_lookup.find(selector)

    def journal(self) -> Journal:
        """Return the journal; create its folder.

        Raises:
            StorageFailed: the disk failed.
        """
        with self._creating:
            if self._cached_journal is None:
                layout = mailbox_layout(self.project.root)
                layout.ensure()
                self._cached_journal = _journal(layout)
                _complete_redaction(self.project)
            return self._cached_journal

    @contextmanager
    def deciding(self, correlation_id: str, scope: str, timeout_s: float = 60.0) -> Iterator[None]:
        """Hold the lock of a correlation id in a scope: no one else answers a request of this id.

        Raises:
            StorageFailed: the disk failed, or another process holds the lock for `timeout_s`.
        """
        import hashlib

        from specify_cli.files import locks

        self.journal()  # Creates the private folder of the locks.
        if not self.project.locks.is_dir():  # It was removed while the worker runs.
            mailbox_layout(self.project.root).ensure()
        key = f"{scope}/{correlation_id}" if scope else correlation_id
        name = f"request-{hashlib.sha256(key.encode()).hexdigest()}"
        with self._creating:
            ours = self._deciding.setdefault(key, threading.Lock())
        # Threads of this process wait without a limit and without polling: the holder is alive.
        with ours, locks.held(self.project.lock(name), timeout_s=timeout_s, is_kept=False):
            yield

    def is_deciding(self, correlation_id: str, scope: str) -> bool:
        """Return whether a request of this id is being answered now."""
        key = f"{scope}/{correlation_id}" if scope else correlation_id
        if (ours := self._deciding.get(key)) is not None and ours.locked():
            return True
        try:
            with self.deciding(correlation_id, scope, timeout_s=0):
                return False
        except StorageFailed:
            return True

    def intents(self) -> list[Intent]:
        """Return the intents of requests in progress and of killed ones.

        Raises:
            StorageFailed, StateUnreadable: the disk failed, or the record is damaged.
        """
        from specify_cli.storage import records
        from specify_cli.storage.intents import Intents

        record = records.found(self.project)
        return Intents(record).all() if record else []

    def report_fault(self, fault: Exception) -> str:
        """Write the traceback to the log of faults, or to stderr without a project; return which."""
        import traceback

        trace = credentials.masked("".join(traceback.format_exception(fault)))
        text = f"{clock.timestamp()}\n{trace}\n"
        try:
            from specify_cli.storage.record_folder import make_record_folder

            make_record_folder(self.project)
            with self.project.faults.open("a") as log:
                log.write(text)
        except Exception:  # noqa: BLE001  the fault must be reported in any case
            os.write(2, text.encode(errors="replace"))
            return "the host's stderr"
        return str(self.project.faults)


def dispatcher(start: Path, *, for_people: bool = False) -> Dispatcher:
    """Return the dispatcher for the project of the folder `start`."""
    return Dispatcher(ProjectHost(start), partial(registry.find, for_people=for_people))


def find_project(start: Path) -> Path:
    """Return the root of the project.

    Raises:
        MissionNotFound: there is no project.
    """
    return find(start, os.environ).root


def initialize(folder: Path) -> Path:
    """Make the repository of `folder` a project with a mailbox; return its root.

    Raises:
        UsageError: there is no git repository, or git refuses to work in it.
        MissionNotFound: the repository does not have a main checkout.
        StateUnreadable, StorageFailed: a file of the project is damaged, or the disk failed.
    """
    from specify_cli.workflow import authoring

    root = authoring.initialize(folder)
    mailbox_layout(root).ensure()  # Creates the folder for config.toml.
    return root


def restoring(folder: Path) -> Restoring:
    """Return the use case that restores a backup in the project of `folder`.

    Raises:
        MissionNotFound: there is no project.
    """
    from specify_cli.workflow.restoring import Restoring

    layout = mailbox_layout(find(folder, {}).root)
    return Restoring(project=layout, prepare=layout.ensure)


def mailbox_layout(root: Path) -> MailboxLayout:
    """Return the paths of the project's mailbox."""
    from specify_cli.mailbox.layout import MailboxLayout

    return MailboxLayout(root)


def read_config(root: Path) -> Config:
    """Read settings and grants of the project at `root`.

    Raises:
        StateUnreadable: `config.toml` is damaged.
    """
    from specify_cli.orchestrator_api import config

    return config.read(root)


def prove_current(layout: MailboxLayout) -> None:
    """Check that neither the published journal nor a commit names an entry that the record lacks; write nothing.

    Raises:
        RecordBehind: one of them does.
        StateUnreadable, StorageFailed: the journal or the record is damaged, or the disk failed.
    """
    from specify_cli.workflow import lost_heads

    _journal(layout).require_current()
    lost_heads.prove_current(Project(layout.root))


def find_missing_events(layout: MailboxLayout) -> Iterator[str]:
    """Describe every event that only the journal or only a log contains."""
    from specify_cli.workflow import audit

    return audit.find_missing_events(Project(layout.root), _journal(layout))


def find_discrepancies(layout: MailboxLayout) -> list[Discrepancy]:
    """Return the lines of logs, and the commits of the host, that differ from the record."""
    from specify_cli.workflow import audit

    project = Project(layout.root)
    return [*audit.compare_logs(project), *audit.compare_heads(project)]


def _complete_redaction(project: Project) -> None:
    """Complete in the files what a killed call redacted in the record."""
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
