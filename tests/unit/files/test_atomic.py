from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.files import atomic
from tests.durability import watched
from tests.unit.files.limits import files_no_longer_than


def test_publish_writes_the_file_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    atomic.publish(tmp_path / "a", b"whole", mode=0o600)
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_reader_keeps_the_file_that_it_opened(tmp_path: Path) -> None:
    atomic.publish(tmp_path / "a", b"old")
    with (tmp_path / "a").open("rb") as reader:
        atomic.publish(tmp_path / "a", b"new")
        assert reader.read() == b"old"
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"untouched")
    (tmp_path / "a").symlink_to(tmp_path / "target")
    atomic.publish(tmp_path / "a", b"new")
    assert (tmp_path / "target").read_bytes() == b"untouched"
    assert not (tmp_path / "a").is_symlink()


def test_a_failed_write_keeps_the_old_file_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    atomic.publish(tmp_path / "a", b"old")
    with files_no_longer_than(1000), pytest.raises(StorageFailed):
        atomic.publish(tmp_path / "a", b"x" * 5000)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_publish_refuses_to_replace_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(StorageFailed):
        atomic.publish(tmp_path / "a", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        atomic.publish(tmp_path / "missing" / "a", b"x")
    with pytest.raises(StorageFailed):
        atomic.fsync_folder(tmp_path / "missing")


def test_a_folder_can_be_synced(tmp_path: Path) -> None:
    atomic.fsync_folder(tmp_path)


def test_publish_does_not_follow_a_link_at_the_temporary_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "victim").write_bytes(b"untouched")
    monkeypatch.setattr(os, "urandom", lambda _: b"\0")
    (tmp_path / ".a.00.tmp").symlink_to("victim")
    with pytest.raises(StorageFailed):
        atomic.publish(tmp_path / "a", b"whole")
    assert (tmp_path / "victim").read_bytes() == b"untouched"


def test_publish_sweeps_the_temporary_file_of_a_killed_writer(tmp_path: Path) -> None:
    left = tmp_path / ".reply.json.0123456789abcdef.tmp"
    left.write_bytes(b"half")
    atomic.publish(tmp_path / "reply.json", b"whole", sweeps=True)
    assert [path.name for path in tmp_path.iterdir()] == ["reply.json"]


def test_a_fifo_at_a_temporary_name_does_not_block_the_sweep(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f".file.{'0' * 16}.tmp")
    atomic.publish_to_all(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_the_sweep_keeps_the_temporary_file_of_a_running_writer(tmp_path: Path) -> None:
    written = tmp_path / ".reply.json.0123456789abcdef.tmp"
    with written.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        atomic.publish(tmp_path / "reply.json", b"whole", sweeps=True)
        assert written.exists()


def test_a_temporary_file_is_locked_before_it_is_synced(tmp_path: Path) -> None:
    with watched() as disk:
        atomic.publish(tmp_path / "a", b"whole")
    written = next(step for step in disk.steps if step.startswith("sync .a."))
    assert disk.steps.index(written.replace("sync", "lock")) < disk.steps.index(written)


def test_a_temporary_file_swept_before_it_was_locked_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def sweep_before(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        for path in tmp_path.iterdir():
            path.unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", sweep_before)
    atomic.publish(tmp_path / "a", b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_the_sweep_keeps_links(tmp_path: Path) -> None:
    (tmp_path / ".a.00.tmp").symlink_to(tmp_path / "a")
    atomic.publish(tmp_path / "a", b"old")
    atomic.publish(tmp_path / "a", b"new", sweeps=True)
    assert (tmp_path / ".a.00.tmp").is_symlink()


def test_replace_file_replaces_a_link_and_syncs_the_file(tmp_path: Path) -> None:
    file, target = tmp_path / "file", tmp_path / "target"
    target.write_text("secret")
    file.symlink_to(target)
    with watched() as disk:
        atomic.replace_file(file, b"ours")
        assert disk.is_kept(file)
    assert not file.is_symlink()
    assert target.read_text() == "secret"


def test_create_file_does_not_follow_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").symlink_to(tmp_path / "target")
    with pytest.raises(FileExistsError):
        atomic.create_file(tmp_path / "file", b"ours")
    assert not (tmp_path / "target").exists()
