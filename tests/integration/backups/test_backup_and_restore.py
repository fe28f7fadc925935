"""A backup is a consistent snapshot, and a restore leaves the old or the new state."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from specify_cli.storage.layout import Layout
from tests.copies import copied
from tests.integration.crashes.killing import killer
from tests.integration.stage import SLUG, Stage, suspend
from tests.patience import LONGEST_S, wait_until

ULID = "01JD7Z3V6Q2N8K4M5P9R0S1T2V"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "search.backup"


def note(stage: Stage, text: str) -> None:
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ada", note=text)


def begin(stage: Stage) -> None:
    folder = stage.write_mission({"WP01": {"owned_files": ["src/**"]}, "WP02": {}})
    stage.git("add", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    note(stage, "begins")


def head(stage: Stage) -> bytes:
    return stage.run("mailbox", "head").stdout


def backed_up(stage: Stage, file: Path) -> bytes:
    done = stage.run("backup", str(file))
    assert done.exit_code == 0, done
    return head(stage)


def restore(stage: Stage, file: Path, *words: str) -> None:
    done = stage.run("restore", str(file), *words)
    assert done.exit_code == 0, done


def found_by_doctor(stage: Stage) -> list[dict[str, str]]:
    findings: list[dict[str, str]] = stage.done("diagnose")["findings"]
    return findings


def is_sound(stage: Stage) -> bool:
    done = stage.run("mailbox", "verify")
    return (done.exit_code, done.stdout) == (0, b"")


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_backup_on_a_full_disk_names_the_file_and_the_cause(stage: Stage, tmp_path: Path) -> None:
    begin(stage)
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=16k none {disk} && "$0" -m specify_cli backup {disk}/a'
    words = ("unshare", "--mount", "--map-root-user", "sh", "-c", script, sys.executable)
    done = subprocess.run(words, cwd=stage.root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"could not write {disk}/a: No space left on device" in done.stderr


def test_backup_taken_under_load_can_be_restored_into_a_clone(stage: Stage, file: Path) -> None:
    begin(stage)
    (stage.root / ".kitty" / "config.toml").write_text("journal_max_bytes = 0\n")
    stage.start("mailbox", "serve")
    for number in range(100):
        stage.put(f"n{number}", "append-history", mission="1", wp="WP01", actor="a", note="n")
        if number == 50:
            backup = stage.start("backup", str(file))
    (stage.root / ".kitty" / "inbox" / "no name.json").write_text("{}")
    assert backup.wait(LONGEST_S) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    wait_until(lambda: len(stage.replies()) >= 100)
    wait_until(lambda: any(Layout(stage.root).dead_letters.glob("*.body")))
    later = file.with_name("later.backup")
    data = stage.run("backup", str(later), "--json").envelope["data"]
    assert {it.partition("/")[0] for it in data["files"]} == {
        "record.db",
        "journal",
        "config.toml",
        "dead-letters",
    }
    clone = Stage(root=stage.root.with_name("clone"))
    stage.git("clone", "-q", str(stage.root), str(clone.root))
    restore(stage, file, "--into", str(clone.root))
    assert is_sound(clone)
    restore(stage, later, "--into", str(clone.root))
    assert clone.run("doctor", "--fix").exit_code == 0
    assert is_sound(clone)
    note(clone, "goes on")
    assert clone.run("mailbox", "head", "--expect", data["head"]).exit_code == 0
    assert [it["event_id"] for it in clone.events()][:-1] == [
        it["event_id"] for it in stage.events()
    ]


def killed_restores(stage: Stage, file: Path, steps: Iterable[int]) -> set[str]:
    """Kill a restore before each of these changes; return which heads were found afterwards."""
    begin(stage)
    old = backed_up(stage, file)
    note(stage, "later")
    new, events = head(stage), stage.events()
    kept = copied(stage.root, stage.root.with_name("kept"))
    beside, seen = Stage(root=stage.root.parent), set()
    run_until = killer(beside)
    words = ("restore", "--replace", str(file), "--into", str(stage.root))
    advised = f"spec-kitty restore --replace {file}"
    for step in steps:
        code = run_until(step, words)
        now = head(stage)
        seen.add("old" if now == old else "new" if now == new else "another")
        assert now == old or is_sound(stage), step
        left = [it for it in found_by_doctor(stage) if it["check"] == "restore"]
        assert all(it["repair"] == f"run '{advised}' again" for it in left if "'" in it["repair"])
        restore(stage, file, "--replace")
        assert head(stage) == old, step
        assert not [*(stage.root / ".git" / "spec-kitty").glob("*.restoring")], step
        stage.run("doctor", "--fix")
        assert is_sound(stage), step
        assert stage.events() == events
        if code == 0:
            seen.add("done")
            break
        shutil.rmtree(stage.root)
        copied(kept, stage.root)
    beside.end()
    return seen


def test_killed_restore_leaves_the_old_or_the_new_state(stage: Stage, file: Path) -> None:
    assert killed_restores(stage, file, range(25, 400, 50)) == {"old", "new", "done"}


@pytest.mark.campaign
def test_restore_killed_before_each_change_is_completed_by_a_repeat(
    stage: Stage, file: Path
) -> None:
    assert killed_restores(stage, file, range(1, 400)) == {"old", "new", "done"}


def test_restore_replaces_a_newer_or_different_record_only_with_replace(
    stage: Stage, file: Path
) -> None:
    begin(stage)
    old = backed_up(stage, file)
    note(stage, "later")
    stage.put("r1", "append-history", mission="1", wp="WP01", actor="a", note="n")
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    new = head(stage)
    refused = stage.run("restore", str(file))
    assert refused.exit_code == 1
    assert b"is newer: it has" in refused.stderr
    assert head(stage) == new
    command = refused.stderr.decode().partition("'spec-kitty ")[2].partition("'")[0]
    events = stage.events()
    assert stage.run(*command.split()).exit_code == 0
    assert head(stage) == old
    (replaced,) = (stage.root / ".git" / "spec-kitty" / "replaced").iterdir()
    assert [it.name for it in replaced.iterdir()] == ["record"]
    stage.run("doctor", "--fix")
    assert is_sound(stage)
    assert stage.events() == events
    other = Stage(root=stage.root.with_name("other"))
    other.make_repository()
    begin(other)
    refused = other.run("restore", str(file))
    assert head(other) != old
    assert refused.exit_code == 1
    assert b"is another record" in refused.stderr
    restore(other, file, "--replace")
    assert head(other) == old
    (replaced,) = (other.root / ".git" / "spec-kitty" / "replaced").iterdir()
    assert sorted(it.name for it in replaced.iterdir()) == ["outbox", "record"]


@pytest.mark.campaign
def test_restore_is_refused_while_a_worker_runs_and_works_after_the_advised_kill(
    stage: Stage, file: Path
) -> None:
    begin(stage)
    backed_up(stage, file)
    worker = stage.start("mailbox", "serve")
    wait_until(Layout(stage.root).heartbeat.exists)
    suspend(worker)
    refused = stage.run("restore", str(file), "--json")
    assert refused.code == "STORAGE_FAILED"
    assert f"stop it with 'kill {worker.pid}'" in refused.envelope["data"]["message"]
    worker.send_signal(signal.SIGCONT)
    worker.terminate()
    worker.wait()
    restore(stage, file)
    assert is_sound(stage)


def test_restore_of_a_lost_record_imports_the_newer_journal(stage: Stage, file: Path) -> None:
    begin(stage)
    backed_up(stage, file)
    note(stage, "after the backup")
    events, lines = stage.events(), stage.journal()
    shutil.rmtree(stage.root / ".git" / "spec-kitty")
    done = stage.run("restore", str(file))
    assert done.exit_code == 0, done
    assert b"next: spec-kitty doctor --fix" in done.stdout
    refused = stage.ask("append-history", mission=SLUG, wp="WP01", actor="a", note="n")
    assert refused["error_code"] == "STATE_UNREADABLE"
    stage.run("doctor", "--fix")
    assert is_sound(stage)
    assert stage.events() == events
    assert stage.journal()[: len(lines)] == lines
    note(stage, "goes on")


@pytest.mark.campaign
def test_restore_replaces_a_damaged_record_and_a_missing_kitty_folder(
    stage: Stage, file: Path
) -> None:
    begin(stage)
    (stage.root / ".kitty" / "config.toml").write_text("reads_days = 3\n")
    old = backed_up(stage, file)
    record = Layout(stage.root).record / "record.db"
    record.write_bytes(b"SQLite format 3\0" + bytes(9000))
    shutil.rmtree(stage.root / ".kitty")
    restore(stage, file)
    assert head(stage) == old
    assert is_sound(stage)
    assert stage.run("doctor").exit_code == 0
    assert (stage.root / ".kitty" / "config.toml").read_text() == "reads_days = 3\n"
    (stage.root / ".kitty" / "config.toml").write_text("reads_days = 4\n")
    again = stage.run("restore", str(file), "--json").envelope["data"]
    assert Path(again["config"]).read_text() == "reads_days = 3\n"
    assert (stage.root / ".kitty" / "config.toml").read_text() == "reads_days = 4\n"


def test_restore_keeps_newer_requests_and_dead_letters(stage: Stage, file: Path) -> None:
    begin(stage)
    backed_up(stage, file)
    layout = Layout(stage.root)
    stage.put("waits", "append-history", mission="1", wp="WP01", actor="a", note="n")
    (layout.inbox / "waits.json").rename(layout.claimed / f"{ULID}-waits.json")
    letter = {"name": "x y.json", "identity": "default"}
    (layout.dead_letters / f"{ULID}.json").write_text(json.dumps(letter))
    restore(stage, file)
    assert [it.name for it in layout.dead_letters.iterdir()] == [f"{ULID}.json"]
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    assert stage.reply("waits")["success"]


def test_backup_must_be_a_new_file_outside_the_project(stage: Stage, file: Path) -> None:
    assert b"has no record yet" in stage.run("backup", str(file)).stderr
    begin(stage)
    inside = stage.run("backup", "my.backup", "--json")
    assert inside.code == "USAGE_ERROR"
    backed_up(stage, file)
    assert stage.run("backup", str(file), "--json").code == "USAGE_ERROR"
    assert stage.run("backup", str(file.parent / "no" / "x"), "--json").code == "USAGE_ERROR"
