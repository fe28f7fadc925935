"""Old replies are pruned only where they were published."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.storage.record_folder import make_record_folder
from specify_cli.workflow.replies import Replies

LONG_AGO = 1_700_000_000
DAY = timedelta(days=1)


@pytest.fixture
def replies(tmp_path: Path) -> Replies:
    made = Replies(Project(tmp_path))
    (tmp_path / ".kitty" / "outbox").mkdir(parents=True)
    make_record_folder(made.project)
    return made


def answered(replies: Replies, identity: str, folder: Path) -> Path:
    """Write an old reply into `folder` and record it for that orchestrator."""
    line = {
        "correlation_id": "one",
        "at": "2023-01-01T00:00:00+00:00",
        "door": "mailbox",
        "identity": identity,
        "envelope": {"correlation_id": "one"},
    }
    Journal(replies.project).append(line)
    folder.mkdir(exist_ok=True)
    path = folder / "one.json"
    path.write_text(json.dumps(line["envelope"]))
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_prune_removes_old_replies_of_every_orchestrator(replies: Replies) -> None:
    outbox = replies.project.kitty / "outbox"
    ours = answered(replies, "default", outbox)
    theirs = answered(replies, "nightly", outbox / "nightly")
    assert len(replies.remove(replies.old(DAY), DAY)) == 2
    assert not ours.exists()
    assert not theirs.exists()


def test_prune_skips_an_outbox_that_is_a_symlink(replies: Replies, tmp_path: Path) -> None:
    path = answered(replies, "nightly", tmp_path / "elsewhere")
    (replies.project.kitty / "outbox" / "nightly").symlink_to(tmp_path / "elsewhere")
    assert replies.remove(replies.old(DAY), DAY) == []
    assert path.exists()


def test_prune_does_not_follow_an_outbox_that_becomes_a_symlink(
    replies: Replies, tmp_path: Path
) -> None:
    outbox = replies.project.kitty / "outbox"
    answered(replies, "default", outbox)
    found = list(replies.old(DAY))
    assert len(found) == 1
    outbox.rename(tmp_path / "elsewhere")
    outbox.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageFailed):
        replies.remove(replies.old(DAY), DAY)
    assert (tmp_path / "elsewhere" / "one.json").exists()


def test_prune_keeps_a_reply_that_is_published_again_meanwhile(
    replies: Replies, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = answered(replies, "default", replies.project.kitty / "outbox")
    rename = os.rename

    def ask_again_behind(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        os.utime(new, dir_fd=dst_dir_fd)
        path.write_text("newer")
        monkeypatch.setattr(os, "rename", rename)

    monkeypatch.setattr(os, "rename", ask_again_behind)
    assert replies.remove(replies.old(DAY), DAY) == []
    assert path.read_text() == "newer"


def test_prune_keeps_a_new_symlink_to_an_old_file(
    replies: Replies, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = answered(replies, "default", replies.project.kitty / "outbox")
    old = replies.project.root / "old"
    old.touch()
    os.utime(old, (LONG_AGO, LONG_AGO))
    rename = os.rename

    def swap_behind(source: str, goal: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        rename(source, goal, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        os.unlink(goal, dir_fd=dst_dir_fd)
        os.symlink(old, goal, dir_fd=dst_dir_fd)
        monkeypatch.setattr(os, "rename", rename)

    monkeypatch.setattr(os, "rename", swap_behind)
    assert replies.remove(replies.old(DAY), DAY) == []
    assert path.is_symlink()
