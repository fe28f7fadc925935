"""Tests of exchanging a workspace for a new one, with the old one moved to the trash."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from specify_cli.files.identity import Identity, identity
from specify_cli.vcs import renames, trash, worktrees_folder
from specify_cli.vcs.errors import AllocationFailed
from tests.durability import watched
from tests.unit.vcs.trash.workspaces import linked, workspace
from tests.unit.vcs.workspace_stage import identity_of


def exchanged(place: Path, fresh: Path, before: Identity, then: Callable[[Path], object]) -> Path:
    with (
        worktrees_folder.opened(place.parent) as parent,
        trash.exchanged(fresh, place, known=before, parent=parent) as old,
    ):
        then(old)
    return old


@pytest.mark.usefixtures("kernel")
def test_an_exchange_replaces_the_workspace_and_moves_the_old_one_to_the_trash(
    place: Path, tmp_path: Path
) -> None:
    before, fresh = identity_of(place), workspace(tmp_path / "fresh", "new")
    wanted = identity_of(fresh)
    seen: list[str] = []
    old = exchanged(place, fresh, before, lambda path: seen.append((path / "file").read_text()))
    assert seen == ["old"]
    assert identity(place) == wanted
    assert identity(old) == before
    assert list(old.parent.iterdir()) == [old]


def test_the_new_workspace_is_durable_before_the_exchange(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, fresh, seen = identity_of(place), workspace(tmp_path / "fresh", "new"), list[str]()
    swap = renames.exchange

    def noted(*names: Any, **more: Any) -> bool:
        seen.extend(disk.steps)
        return swap(*names, **more)

    monkeypatch.setattr(trash, "exchange", noted)
    with watched() as disk:
        exchanged(place, fresh, before, lambda path: None)
    moved, synced = [it for it in seen if it.endswith((place.name, ".trash"))]
    assert (moved.split(" ")[0], synced) == ("rename", "sync .trash")


@pytest.mark.usefixtures("kernel")
def test_an_exchange_is_undone_if_the_last_check_fails(place: Path, tmp_path: Path) -> None:
    before, fresh = identity_of(place), workspace(tmp_path / "fresh", "new")

    def refuse(path: Path) -> None:
        raise AllocationFailed("it is in use")

    with pytest.raises(AllocationFailed, match="in use"):
        exchanged(place, fresh, before, refuse)
    assert identity(place) == before
    assert list((place.parent / ".trash").iterdir()) == []


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("plant", [linked, Path.touch, workspace, lambda path: None])
def test_an_exchange_refuses_an_entry_with_another_identity(
    place: Path, tmp_path: Path, plant: Callable[[Path], object]
) -> None:
    before, fresh = identity_of(place), workspace(tmp_path / "fresh", "new")
    place.rename(place.with_name("moved"))
    plant(place)
    there = place.lstat().st_ino if os.path.lexists(place) else None
    with pytest.raises(AllocationFailed):
        exchanged(place, fresh, before, lambda path: None)
    assert (place.lstat().st_ino if os.path.lexists(place) else None) == there


def test_a_new_workspace_too_large_to_be_removed_at_once_stays_in_the_trash(
    place: Path, tmp_path: Path
) -> None:
    before, fresh = identity_of(place), workspace(tmp_path / "fresh", "new")

    def fill(path: Path) -> None:
        for number in range(12_000):
            (place / str(number)).touch()
        raise AllocationFailed("it is in use")

    with pytest.raises(AllocationFailed, match="in use"):
        exchanged(place, fresh, before, fill)
    assert identity(place) == before
    (left,) = (place.parent / ".trash").iterdir()
    assert 0 < len(list(left.iterdir())) < 12_000
    trash.prune(place.parent, before=datetime.max.replace(tzinfo=UTC))
    assert list((place.parent / ".trash").iterdir()) == []


def test_the_old_workspace_is_kept_if_undoing_an_exchange_fails(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, fresh = identity_of(place), workspace(tmp_path / "fresh", "new")

    def refuse(path: Path) -> None:
        monkeypatch.setattr(trash, "exchange", broken)
        raise AllocationFailed("it is in use")

    def broken(*names: str, **more: int) -> bool:
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input"):
        exchanged(place, fresh, before, refuse)
    kept = [identity(it) for it in (place.parent / ".trash").iterdir()]
    assert kept == [before]


@pytest.mark.usefixtures("kernel")
def test_rename_free_replaces_nothing(place: Path, tmp_path: Path) -> None:
    workspace(tmp_path / "fresh", "new")
    (place.parent / "empty").mkdir()
    folder = os.open(tmp_path, os.O_RDONLY)
    parent = os.open(place.parent, os.O_RDONLY)
    try:
        for name in (place.name, "empty"):
            with pytest.raises(FileExistsError):
                renames.rename_free("fresh", name, from_fd=folder, to_fd=parent)
        with pytest.raises(FileNotFoundError):
            renames.rename_free("none", "other", from_fd=folder, to_fd=parent)
    finally:
        os.close(folder)
        os.close(parent)
    assert (place / "file").read_text() == "old"


def test_opened_does_not_follow_a_link_at_gitignore(worktrees: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    (worktrees / ".gitignore").symlink_to(outside)
    with worktrees_folder.opened(worktrees):
        assert outside.read_bytes() == b""
