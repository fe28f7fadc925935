"""A restored record that is only detected by the heads in commits refuses changes, too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from specify_cli.storage import records
from specify_cli.storage.layout import Layout
from specify_cli.storage.record_heads import TRAILER, in_message
from tests.integration.record.backups import back_up, put_back
from tests.integration.stage import SLUG, Stage


@pytest.fixture
def restored(stage: Stage, tmp_path: Path) -> Stage:
    """The backup is from before the acceptance, and the outbox is deleted."""
    folder = stage.write_mission({"WP01": {"owned_files": ["src/one/**"]}})
    stage.git("add", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    stage.approve("WP01", {"src/one/a.py": "1\n"})
    back_up(stage, tmp_path / "backup")
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ada", note="later")
    stage.done("accept-mission", mission=SLUG, actor="ada")
    put_back(stage, tmp_path / "backup")
    shutil.rmtree(stage.root / ".kitty" / "outbox")
    return stage


def note(stage: Stage) -> dict[str, object]:
    return stage.ask("append-history", mission=SLUG, wp="WP01", actor="bo", note="n")


@pytest.mark.parametrize("has_log", [True, False])
def test_changes_are_refused_until_doctor_imports_what_is_left(
    restored: Stage, has_log: bool
) -> None:
    before = restored.log().read_bytes()
    if not has_log:
        restored.log().unlink()
    refused = note(restored)
    assert refused["error_code"] == "STATE_UNREADABLE"
    assert "'spec-kitty doctor --fix'" in refused["data"]["message"]  # type: ignore[index]
    done = restored.run("mailbox", "verify")
    assert (done.exit_code, done.stdout.count(b"\n")) == (1, 1), done
    assert b"'spec-kitty doctor --fix'" in done.stdout
    found = restored.run("doctor")
    assert found.stdout.count(b"[restored]") == 1, found
    assert b"not journaled" not in found.stdout
    mended = restored.run("doctor", "--fix")
    assert b"replies" in mended.stdout, mended
    assert restored.log().read_bytes().startswith(before)
    assert note(restored)["success"]
    done = restored.run("mailbox", "verify")
    assert (done.exit_code, done.stdout) == (0, b""), done


def test_worker_answers_nothing_until_doctor_imports_what_is_left(restored: Stage) -> None:
    restored.put("one", "append-history", mission=SLUG, wp="WP01", actor="bo", note="n")
    assert restored.run("mailbox", "serve", "--once").exit_code != 0
    assert "one" not in restored.replies()
    restored.run("doctor", "--fix")
    assert restored.run("mailbox", "serve", "--once").exit_code == 0
    assert restored.reply("one")["success"]


def test_second_restore_is_detected(restored: Stage, tmp_path: Path) -> None:
    restored.run("doctor", "--fix")
    assert note(restored)["success"]
    put_back(restored, tmp_path / "backup")
    shutil.rmtree(restored.root / ".kitty" / "outbox")
    assert note(restored)["error_code"] == "STATE_UNREADABLE"


def test_commits_are_searched_once_for_each_change_of_a_branch(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.write_mission({"WP01": {}})
    assert note(stage)["success"]
    # The first process after the one that made the record compares.
    words = ("append-history", "--mission", SLUG, "--wp", "WP01", "--actor", "bo", "--note", "n")
    assert stage.api(*words).exit_code == 0
    marker = stage.root.parent / "ran"
    fake = stage.root.parent / "bin"
    fake.mkdir()
    git = shutil.which("git")
    (fake / "git").write_text(f'#!/bin/sh\necho "$@" >> {marker}\nexec {git} "$@"\n')
    (fake / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(fake), prepend=":")
    for _ in range(2):
        assert stage.api(*words).exit_code == 0
    assert not marker.exists(), marker.read_text()
    stage.git("commit", "-q", "--allow-empty", "-m", "more")
    marker.unlink()
    for _ in range(2):
        assert stage.api(*words).exit_code == 0
    assert marker.read_text().count("--grep") == 1


def test_rebase_does_not_bring_a_forged_trailer_of_an_agent_into_the_history(stage: Stage) -> None:
    folder = stage.write_mission({"WP01": {"owned_files": ["src/one/**"]}})
    stage.git("add", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    worktree = Path(
        stage.done("start-implementation", mission=SLUG, wp="WP01", actor="coder")["workspace_path"]
    )
    record = records.found(Layout(stage.root))
    assert record is not None
    forged = f"{TRAILER}: {record.id} 999999 {'0' * 64} {'0' * 32}"
    log = worktree / "kitty-specs" / SLUG / "status.events.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    for text in ("{}\n", None):
        log.write_text(text) if text else log.unlink()
        stage.git("add", "-A", folder=worktree)
        stage.git("commit", "-q", "-m", f"work\n\n{forged}", folder=worktree)
    stage.approve("WP01", {"src/one/a.py": "1\n"})
    stage.done("accept-mission", mission=SLUG, actor="ada")
    stage.done("merge-mission", mission=SLUG, strategy="rebase", actor="ada")
    # Without the log, both commits are empty.
    assert forged not in stage.git("log", "--first-parent", "--format=%B")
    (head, is_sealed) = next(in_message(stage.git("log", "-1", "--format=%B"), record.seal_key))
    assert (head.record_id, is_sealed) == (record.id, True)


def test_forged_trailer_in_a_commit_is_ignored_with_a_note(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    assert note(stage)["success"]
    record = records.found(Layout(stage.root))
    assert record is not None
    forged = f"{TRAILER}: {record.id} 999999 {'0' * 64} {'0' * 32}"
    record.close()
    stage.git("add", str(stage.log()))
    stage.git("commit", "-q", "-m", f"work\n\n{forged}")
    assert note(stage)["success"]
    done = stage.run("mailbox", "verify")
    assert (done.exit_code, done.stdout) == (0, b""), done
    assert b"is not from this host" in done.stderr
