"""What several processes can change is changed under its lock."""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import json
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from specify_cli import bootstrap
from specify_cli.files import locks
from specify_cli.files.atomic import publish
from specify_cli.storage import journal_archive, record_contents, record_proof, records
from specify_cli.storage.layout import Layout
from specify_cli.storage.log_file import LogFile
from specify_cli.storage.project import Project
from specify_cli.storage.record import Record
from specify_cli.storage.record_folder import make_record_folder
from specify_cli.workflow import (
    lane_creation,
    record_restoration,
    redaction_files,
    restored_redactions,
)
from specify_cli.workflow.doctor import Doctor
from specify_cli.workflow.doctor_repairs import REPAIRS
from specify_cli.workflow.mission_lookup import MissionLookup
from specify_cli.workflow.upkeep import update_logs
from tests.durability import Durable, watched
from tests.integration.stage import SLUG, Stage
from tests.together import meet

pytestmark = pytest.mark.long

NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"}
MISSION_LOCK = f"mission-{SLUG}"
COMMIT, WRITE_LOG = "commit to the record", "write the log"


@contextmanager
def log_writes(disk: Durable) -> Iterator[None]:
    """Add writes of a log, which are not synced, to the steps."""
    commit, write = Record.commit, LogFile.bring_to

    def committed(*args: Any, **more: Any) -> Any:
        disk.steps.append(COMMIT)
        return commit(*args, **more)

    def written(*args: Any, **more: Any) -> None:
        disk.steps.append(WRITE_LOG)
        write(*args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Record, "commit", committed)
        patch.setattr(LogFile, "bring_to", written)
        yield


def redact(stage: Stage) -> None:
    how = {"text_hex": b"a secret".hex(), "salt": "s", "actor": "ada", "reason": "r"}
    stage.done("redact", about="one", **how)


def test_redact_holds_the_mission_and_redaction_locks(stage: Stage) -> None:
    stage.done("append-history", **NOTE | {"note": "a secret"}, correlation_id="one")
    with watched() as disk, log_writes(disk):
        redact(stage)
    assert disk.is_locked(COMMIT, MISSION_LOCK)
    assert disk.is_locked(WRITE_LOG, MISSION_LOCK)
    assert disk.is_locked(COMMIT, "redaction")
    assert disk.is_locked(WRITE_LOG, "redaction")


def test_completing_a_redaction_holds_the_mission_and_redaction_locks(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.done("append-history", **NOTE | {"note": "a secret"}, correlation_id="one")
    with monkeypatch.context() as patch:
        patch.setattr(redaction_files, "complete", lambda *_, **__: None)
        redact(stage)
    with watched() as disk, log_writes(disk):
        bootstrap.ProjectHost(stage.root).journal()
    assert disk.is_locked(WRITE_LOG, MISSION_LOCK)
    assert disk.is_locked(WRITE_LOG, "redaction")


def test_repeating_a_restored_redaction_holds_the_mission_and_redaction_locks(stage: Stage) -> None:
    stage.done("append-history", **NOTE | {"note": "a secret"})
    record = records.made(Layout(stage.root))
    (entry,) = (it for it in record.entries() if it.log)
    line = stage.log().read_bytes()
    stage.log().write_bytes(record_proof.redacted(line, salt=entry.salt, secret="a secret"))
    with watched() as disk, log_writes(disk):
        restored_redactions.redo(Project(stage.root), actor="doctor")
    assert disk.is_locked(COMMIT, MISSION_LOCK)
    assert disk.is_locked(COMMIT, "redaction")
    assert record.entries_with("a secret") == []


def test_redact_rewrites_the_published_journal_under_the_journal_lock(stage: Stage) -> None:
    refused = {"mission": SLUG, "wp": "WP01", "actor": "a secret", "to": "done", "force": True}
    assert not stage.ask("transition", **refused, correlation_id="one")["success"]
    with watched() as disk:
        redact(stage)
    assert disk.is_locked("rename journal.jsonl", "journal")


def test_a_request_changes_a_mission_under_the_mission_lock(stage: Stage) -> None:
    with watched() as disk, log_writes(disk):
        stage.done("append-history", **NOTE)
    assert disk.is_locked(COMMIT, MISSION_LOCK)
    assert disk.is_locked(WRITE_LOG, MISSION_LOCK)


def test_a_request_is_answered_under_the_lock_of_its_correlation_id(stage: Stage) -> None:
    lock = f"request-{hashlib.sha256(b'one').hexdigest()}"
    with watched() as disk:
        assert stage.ask("append-history", correlation_id="one", **NOTE)["success"]
    assert disk.is_locked("lock journal", lock)


def test_the_record_and_lock_folders_are_private(stage: Stage) -> None:
    assert stage.ask("append-history", correlation_id="one", **NOTE)["success"]
    layout = Layout(stage.root)
    for folder in (layout.record, layout.host, layout.locks):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_create_mission_numbers_the_mission_under_the_missions_lock(stage: Stage) -> None:
    with watched() as disk:
        stage.done("create-mission", title="Other words", policy=None)
    assert disk.is_locked("rename meta.json", "missions")


@pytest.mark.parametrize(
    ("command", "args"),
    [("accept-mission", {"actor": "ada"}), ("write-packages", {})],
)
def test_the_repository_is_changed_under_the_repository_lock(
    stage: Stage, command: str, args: dict[str, str]
) -> None:
    stage.approve("WP01", {"one.txt": "1\n"})
    (stage.root / "kitty-specs" / SLUG / "spec.md").write_text("words\n")
    with watched() as disk:
        stage.ask(command, policy=None, mission=SLUG, **args)
    assert disk.is_locked("run git", "repository")


def test_doctor_repairs_a_torn_log_under_the_mission_lock(stage: Stage) -> None:
    stage.done("append-history", **NOTE)
    log = stage.root / "kitty-specs" / SLUG / "status.events.jsonl"
    log.write_bytes(log.read_bytes() + b'{"event_id": "01K')
    with watched() as disk, log_writes(disk):
        Doctor(Project(stage.root)).repair()
    assert log.read_bytes().endswith(b"\n")
    assert disk.is_locked(WRITE_LOG, MISSION_LOCK)


def test_committed_log_lines_are_restored_under_the_mission_lock(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.done("append-history", **NOTE)
    (event,) = stage.events()
    line = json.dumps(event | {"event_id": "01KZZZZZZZZZZZZZZZZZZZZZZZ", "correlation_id": "two"})
    stage.log().write_text(f"{stage.log().read_text()}{line}\n")
    stage.git("add", "-f", "kitty-specs")
    stage.git("commit", "-q", "-m", "log")
    stage.log().unlink()
    with watched() as disk:

        def published(path: Path, data: bytes, **how: Any) -> None:
            disk.steps.append("publish the log")
            publish(path, data, **how)

        monkeypatch.setattr(record_restoration, "publish", published)
        record_restoration.take_in_logs(Project(stage.root))
    assert len(stage.events()) == 2
    assert disk.is_locked("publish the log", MISSION_LOCK)


@pytest.mark.parametrize(
    ("kind", "module", "file"),
    [("answer", record_contents, ""), ("archive", journal_archive, "journal-1.jsonl.gz")],
    ids=["answer", "archive"],
)
def test_doctor_restores_answers_and_archives_under_the_journal_lock(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, kind: str, module: ModuleType, file: str
) -> None:
    stage.done("append-history", **NOTE)
    with watched() as disk:
        monkeypatch.setattr(module, "restore", lambda *_: disk.steps.append("restore"))
        assert REPAIRS[kind](Project(stage.root), stage.root / file)
    assert disk.is_locked("restore", "journal")


def test_update_logs_rewrites_a_log_under_the_mission_lock(stage: Stage) -> None:
    stage.done("append-history", **NOTE)
    stage.log().unlink()
    with watched() as disk, log_writes(disk):
        update_logs(Project(stage.root), pytest.fail)
    assert len(stage.events()) == 1
    assert disk.is_locked(WRITE_LOG, MISSION_LOCK)


def test_doctor_repairs_a_prompt_under_the_mission_lock(stage: Stage) -> None:
    prompt = stage.root / "kitty-specs" / SLUG / "tasks" / "WP01-step.md"
    text = prompt.read_bytes()
    prompt.write_bytes(b"\xef\xbb\xbf" + text)
    make_record_folder(Project(stage.root))
    with watched() as disk:
        Doctor(Project(stage.root)).repair()
    assert prompt.read_bytes() == text
    assert disk.steps.count("rename WP01-step.md") == 2
    # The first of the two renames keeps the original.
    assert disk.is_locked("rename WP01-step.md", MISSION_LOCK)


# Threads of one host.


def test_threads_with_the_same_id_wait_for_each_other_without_flock(stage: Stage) -> None:
    host = bootstrap.ProjectHost(stage.root)
    host.journal()

    def decide() -> None:
        with host.deciding("one", ""):
            pass

    assert not meet(fcntl, "flock", decide)


def test_requests_with_different_ids_do_not_wait_and_leave_no_lock_files(stage: Stage) -> None:
    host, another = bootstrap.ProjectHost(stage.root), bootstrap.ProjectHost(stage.root)
    with ExitStack() as others:
        for number in range(1500):
            others.enter_context(host.deciding(str(number), ""))
        for asked in (host, another):
            with asked.deciding("one", ""), asked.deciding("1", "evil"):
                pass
    assert not list((Layout(stage.root).locks).glob("request-*"))


def test_the_journal_is_created_by_one_thread_at_a_time(stage: Stage) -> None:
    host = bootstrap.ProjectHost(stage.root)
    assert not meet(os, "mkdir", host.journal)


def test_mission_names_are_read_by_one_thread_at_a_time(stage: Stage) -> None:
    lookup = MissionLookup(Project(stage.root))
    assert not meet(os, "listdir", lambda: lookup.find("1"))


def test_workspace_checks_end_before_the_repository_lock_times_out() -> None:
    waits_s = inspect.signature(locks.held).parameters["timeout_s"].default
    # One check before the exchange, one after it, and as long again for the rest of the start.
    assert waits_s > 4 * lane_creation._CHECK_LIMIT_S
