from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.outbox import Outbox


def test_reading_paths_creates_nothing(tmp_path: Path) -> None:
    layout = MailboxLayout(tmp_path)
    assert layout.heartbeat.parent == layout.outbox
    assert list(tmp_path.iterdir()) == []


def test_the_hosts_own_folder_is_closed_to_others(layout: MailboxLayout) -> None:
    assert stat.S_IMODE(layout.host.stat().st_mode) == 0o700
    assert layout.cache.is_dir()


def test_the_mailbox_hides_itself_from_git(layout: MailboxLayout) -> None:
    assert (layout.kitty / ".gitignore").read_text() == "*\n"


def test_existing_folders_are_unchanged(layout: MailboxLayout) -> None:
    (layout.kitty / ".gitignore").write_text("mine\n")
    layout.inbox.chmod(0o777)
    layout.ensure()
    assert (layout.kitty / ".gitignore").read_text() == "mine\n"
    assert stat.S_IMODE(layout.inbox.stat().st_mode) == 0o777


@pytest.mark.parametrize(
    "part", [".kitty", ".kitty/inbox", ".kitty/record", ".kitty/record/private"]
)
def test_a_link_at_the_path_of_a_folder_is_refused(tmp_path: Path, part: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / part).symlink_to(elsewhere)
    with pytest.raises(StorageFailed):
        MailboxLayout(tmp_path).ensure()
    assert list(elsewhere.iterdir()) == []


def test_a_file_at_the_path_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".kitty").touch()
    with pytest.raises(StorageFailed):
        MailboxLayout(tmp_path).ensure()


def test_a_link_to_a_folder_is_not_a_mailbox(layout: MailboxLayout, tmp_path: Path) -> None:
    (layout.outbox / "nightly").mkdir()
    (layout.outbox / "weekly").symlink_to(tmp_path)
    assert layout.identities() == ["default", "nightly"]


def test_the_target_of_a_link_at_the_path_of_a_reply_keeps_its_mtime(
    layout: MailboxLayout, tmp_path: Path
) -> None:
    (tmp_path / "theirs").touch()
    os.utime(tmp_path / "theirs", (1, 1))
    (layout.outbox / "one.json").symlink_to(tmp_path / "theirs")
    Outbox(layout.paths("default")).publish("one", b"{}")
    assert (tmp_path / "theirs").stat().st_mtime == 1
