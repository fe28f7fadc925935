"""Commits of acceptance and merge contain the head of the record, which `mailbox verify` compares."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from specify_cli.storage import records
from specify_cli.storage.layout import Layout
from specify_cli.storage.record_heads import TRAILER, RecordHead, in_message
from tests.copies import copied
from tests.integration.stage import SLUG, Stage
from tests.records import forget


def approved(stage: Stage) -> None:
    folder = stage.write_mission({"WP01": {"owned_files": ["src/one/**"]}})
    stage.git("add", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    stage.approve("WP01", {"src/one/a.py": "1\n"})


def accepted(stage: Stage) -> None:
    approved(stage)
    stage.done("accept-mission", mission=SLUG, actor="ada")


def trailers(stage: Stage) -> list[RecordHead]:
    messages = stage.git("log", "--first-parent", "--format=%B%x00").split("\0")
    return [head for it in messages for head, _ in in_message(it)]


def verified(stage: Stage) -> tuple[int, str, str]:
    done = stage.run("mailbox", "verify")
    return done.exit_code, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("strategy", ["merge", "squash", "rebase"])
def test_commits_of_acceptance_and_merge_contain_the_head(stage: Stage, strategy: str) -> None:
    accepted(stage)
    (head,) = trailers(stage)
    record = records.found(Layout(stage.root))
    assert record is not None
    entry = next(record.entries(after=head.position - 1))
    assert (head.record_id, head.head) == (record.id, entry.head.hex())
    stage.done("merge-mission", mission=SLUG, strategy=strategy, actor="ada")
    assert len(trailers(stage)) >= 2
    assert trailers(stage)[0].position > head.position
    assert verified(stage) == (0, "", "sound\n")


def test_verify_reports_a_record_restored_from_a_backup(stage: Stage, tmp_path: Path) -> None:
    approved(stage)
    record = records.found(Layout(stage.root))
    assert record is not None
    record.close()
    copied(record.path.parent, tmp_path / "backup")
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ada", note="later")
    stage.done("accept-mission", mission=SLUG, actor="ada")
    record.close()
    shutil.rmtree(record.path.parent)
    shutil.copytree(tmp_path / "backup", record.path.parent)
    code, breaks, _ = verified(stage)
    assert code == 1
    assert "restored from an older backup" in breaks


def test_verify_only_notes_that_a_commit_is_of_another_record(stage: Stage) -> None:
    accepted(stage)
    forget(stage.root)
    stage.done("merge-mission", mission=SLUG, actor="ada")
    code, _, notes = verified(stage)
    assert code == 0
    assert "note: commit" in notes
    assert "this is another record" in notes


def test_verify_ignores_a_forged_trailer_in_a_commit_message(stage: Stage) -> None:
    accepted(stage)
    record = records.found(Layout(stage.root))
    assert record is not None
    forged = f"{TRAILER}: {record.id} 2 {'0' * 64} {'0' * 32}"
    stage.git("commit", "-q", "--allow-empty", "-m", f"x\n\n{forged}")
    assert verified(stage)[0] == 0
