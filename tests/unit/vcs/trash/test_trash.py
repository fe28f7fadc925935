"""Tests of the trash: workspaces are moved there under a date and removed later."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time

from specify_cli.files.identity import identity
from specify_cli.files.tree_removal import remove_tree
from specify_cli.vcs import renames, trash, worktrees_folder
from specify_cli.vcs.errors import AllocationFailed
from tests.durability import watched
from tests.unit.vcs.trash.workspaces import linked, workspace
from tests.unit.vcs.workspace_stage import identity_of

WRITING = """
import itertools
for number in itertools.count():
    open(str(number), "w").close()
    if number == 1000:
        print("here", flush=True)
"""
A_MOUNT = ("unshare", "--mount", "--map-root-user", "sh", "-ec")
PRUNING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from specify_cli.vcs import trash
pruned = trash.prune(Path(sys.argv[1]), before=datetime.now(UTC).replace(year=9000))
print(*pruned.failed.values())
"""
MOUNTS = """
import os, sys
from specify_cli.files.mounts import mount_of
here, above = (os.open(it, os.O_PATH) for it in (sys.argv[1], sys.argv[1] + "/.."))
print(mount_of(here) == mount_of(os.dup(here)), mount_of(here) == mount_of(above))
"""
NOW = datetime(2026, 11, 28, 10, 30, tzinfo=UTC)


def test_move_to_trash_keeps_the_complete_workspace_under_a_date(place: Path) -> None:
    before = identity_of(place)
    with freeze_time(NOW):
        kept = trash.move_to_trash(place, known=before)
    assert kept.parent == place.parent / ".trash"
    assert kept.name.startswith("20261128T103000Z-")
    assert kept.name.endswith("-demo-lane-a")
    assert identity(kept) == before
    assert not os.path.lexists(place)
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def test_move_to_trash_is_durable(place: Path) -> None:
    (place.parent / ".trash").mkdir(mode=0o700)
    with watched() as disk:
        trash.move_to_trash(place)
    assert disk.steps == [f"sync {place.parent.name}"]


def test_a_new_trash_folder_is_synced_before_it_is_used(worktrees: Path) -> None:
    with (
        worktrees_folder.opened(worktrees) as parent,
        watched() as disk,
        worktrees_folder.opened_private(worktrees / ".trash", parent=parent),
    ):
        assert disk.steps == [f"sync {worktrees.name}"]


@pytest.mark.parametrize("plant", [linked, Path.touch, os.mkfifo, lambda path: None])
def test_move_to_trash_refuses_anything_but_a_folder(
    worktrees: Path, plant: Callable[[Path], object]
) -> None:
    path = worktrees / "demo-lane-b"
    plant(path)
    with pytest.raises(AllocationFailed):
        trash.move_to_trash(path)
    assert list((worktrees / ".trash").iterdir()) == []


def test_move_to_trash_refuses_a_folder_with_another_identity(place: Path) -> None:
    other = workspace(place.with_name("other"), "new")
    with pytest.raises(AllocationFailed):
        trash.move_to_trash(place, known=identity_of(other))
    assert (place / "file").read_text() == "old"


def test_a_folder_exchanged_after_the_check_is_moved_back(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = identity_of(place)
    real = renames.rename_free

    def rename(old: str, new: str, *, from_fd: int, to_fd: int) -> None:
        if old == place.name:
            place.rename(place.with_name("moved"))
            workspace(place, "another")
            monkeypatch.undo()
        real(old, new, from_fd=from_fd, to_fd=to_fd)

    monkeypatch.setattr(trash, "rename_free", rename)
    with pytest.raises(AllocationFailed):
        trash.move_to_trash(place, known=before)
    assert (place / "file").read_text() == "another"


@pytest.mark.parametrize("name", [".worktrees", ".worktrees/.trash"])
@pytest.mark.parametrize("plant", [linked, Path.touch])
def test_move_to_trash_and_prune_refuse_a_link_or_file_at_their_folders(
    tmp_path: Path, name: str, plant: Callable[[Path], object]
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    plant(path)
    place = tmp_path / ".worktrees" / "demo-lane-a"
    if name != ".worktrees":
        workspace(place)
    with pytest.raises(AllocationFailed):
        trash.move_to_trash(place)
    with pytest.raises(AllocationFailed):
        trash.prune(tmp_path / ".worktrees", before=NOW)
    assert not any(tmp_path.rglob("*-demo-lane-a"))


def test_identity_is_none_for_links_and_missing_paths(place: Path) -> None:
    link = place.with_name("link")
    link.symlink_to(place)
    assert identity(link) is None
    assert identity(place.with_name("none")) is None
    assert identity(place / "file" / "below") is None


def test_prune_removes_only_workspaces_older_than_the_bound(place: Path) -> None:
    with freeze_time(NOW - timedelta(days=15)):
        first = trash.move_to_trash(place)
    with freeze_time(NOW - timedelta(days=13)):
        second = trash.move_to_trash(workspace(place))
    stranger = workspace(first.parent / "20200101T000000Z-somebody")
    odd = workspace(first.parent / "99999999T999999Z-01234567-odd")
    with freeze_time(NOW):
        pruned = trash.prune(place.parent, before=NOW - timedelta(days=14))
    assert list(pruned.names) == [first.name]
    assert pruned.is_complete
    assert set(first.parent.iterdir()) == {second, stranger, odd}


def test_prune_ignores_the_times_of_a_workspace(place: Path) -> None:
    with freeze_time(NOW - timedelta(days=15)):
        kept = trash.move_to_trash(place)
    os.utime(kept, (2**31, 2**31))
    trash.prune(place.parent, before=NOW - timedelta(days=14))
    assert not kept.exists()


def test_prune_removes_a_large_workspace_in_several_calls(place: Path) -> None:
    for number in range(50):
        (place / str(number)).touch()
    with freeze_time(NOW - timedelta(days=15)):
        kept = trash.move_to_trash(place)
    pruned = trash.prune(place.parent, before=NOW, most=20)
    assert not pruned.is_complete
    assert 20 < len(list(kept.iterdir())) < 50
    while not trash.prune(place.parent, before=NOW, most=20).is_complete:
        pass
    assert not kept.exists()


@pytest.mark.parametrize("most", [2, 20])
def test_a_large_workspace_does_not_delay_the_removal_of_others(place: Path, most: int) -> None:
    for number in range(200):
        (place / str(number)).touch()
    with freeze_time(NOW - timedelta(days=16)):
        first = trash.move_to_trash(place)
    with freeze_time(NOW - timedelta(days=15)):
        others = {trash.move_to_trash(workspace(place)) for _ in range(3)}
    for _ in range(3 * len(others)):
        trash.prune(place.parent, before=NOW, most=most)
    assert set(first.parent.iterdir()) == {first}


@pytest.fixture
def writer(place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that works in the workspace and writes to it without end."""
    command = (sys.executable, "-c", WRITING)
    with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"here\n"
            yield process
        finally:
            process.kill()


def test_a_workspace_in_use_is_reported_and_does_not_delay_others(
    place: Path, writer: subprocess.Popen[bytes]
) -> None:
    with freeze_time(NOW - timedelta(days=16)):
        first = trash.move_to_trash(place)
    with freeze_time(NOW - timedelta(days=15)):
        second = trash.move_to_trash(workspace(place))
    pruned = trash.prune(place.parent, before=NOW, most=20)
    assert list(pruned.names) == [second.name]
    assert pruned.is_complete
    assert f"processes work in it ({writer.pid})" in pruned.failed[first.name]
    writer.kill()
    writer.wait()
    assert trash.prune(place.parent, before=NOW).is_complete
    assert not first.exists()


@pytest.mark.parametrize("at", ["cache", "a/b/c/cache", "a/cache"])
@pytest.mark.parametrize("mount", ["--bind {outside}", "-t tmpfs none"])
def test_prune_reports_a_mounted_file_system_and_leaves_it_unchanged(
    place: Path, tmp_path: Path, at: str, mount: str
) -> None:
    outside = workspace(tmp_path / "outside")
    outside.chmod(0o500)
    (place / at).mkdir(parents=True)
    with freeze_time(NOW - timedelta(days=15)):
        kept, other = trash.move_to_trash(place), trash.move_to_trash(workspace(place))
    command = f'mount {mount} "$0/{at}" && exec "$@"'.format(outside=outside)
    pruning = (sys.executable, "-c", PRUNING, str(place.parent))
    answer = subprocess.run(
        (*A_MOUNT, command, str(kept), *pruning), stdout=subprocess.PIPE, text=True, check=True
    )
    assert f"'{kept}/" in answer.stdout
    assert "/cache'" in answer.stdout
    assert "a file system is mounted there; unmount it first (umount)" in answer.stdout
    assert (outside / "file").read_text() == "old"
    assert outside.stat().st_mode & 0o777 == 0o500
    assert not other.exists()
    trash.prune(place.parent, before=NOW)
    assert not kept.exists()


def test_prune_reports_a_mounted_file_and_leaves_it_unchanged(place: Path, tmp_path: Path) -> None:
    outside = workspace(tmp_path / "outside") / "file"
    with freeze_time(NOW - timedelta(days=15)):
        kept = trash.move_to_trash(place)
    command = f'mount --bind {outside} "$0/file" && exec "$@"'
    pruning = (sys.executable, "-c", PRUNING, str(place.parent))
    answer = subprocess.run(
        (*A_MOUNT, command, str(kept), *pruning), stdout=subprocess.PIPE, text=True, check=True
    )
    assert f"unmount it first (umount): '{kept}/file'" in answer.stdout
    assert outside.read_text() == "old"


def test_without_proc_a_mount_is_recognized_by_its_device(tmp_path: Path) -> None:
    command = f'mount -t tmpfs none "{tmp_path}" && mount -t tmpfs none /proc && exec "$@"'
    answer = subprocess.run(
        (*A_MOUNT, command, "sh", sys.executable, "-c", MOUNTS, str(tmp_path)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert answer.stdout == "True False\n"


def test_a_workspace_that_cannot_be_removed_does_not_delay_others(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with freeze_time(NOW - timedelta(days=15)):
        first = trash.move_to_trash(place)
        second = trash.move_to_trash(workspace(place))
    real = remove_tree

    def refuse(name: str, **more: Any) -> bool:
        if name == min(first.name, second.name):
            raise PermissionError(1, "not permitted")
        return real(name, **more)

    monkeypatch.setattr(trash, "remove_tree", refuse)
    pruned = trash.prune(place.parent, before=NOW)
    assert set(pruned.failed) == {min(first.name, second.name)}
    assert list(pruned.names) == [max(first.name, second.name)]
