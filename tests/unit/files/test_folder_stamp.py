from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.files import folder_stamp
from specify_cli.files.folder_stamp import FolderStamp
from specify_cli.files.folders import opened
from tests.patience import wait_until


def listed(stamp: FolderStamp, folder: Path) -> list[str]:
    with opened(folder, below=folder) as descriptor, stamp.listing(descriptor):
        return [it.name for it in folder.iterdir()]


@pytest.fixture
def stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStamp:
    """Of a folder that has been listed long enough after its last change."""
    monkeypatch.setattr(folder_stamp, "COARSE_S", 0.02)
    stamp = FolderStamp()
    wait_until(lambda: listed(stamp, tmp_path) == [] and stamp.is_current(tmp_path))
    return stamp


@pytest.mark.parametrize("change", ["create", "rename", "remove", "replace", "link"])
def test_each_change_of_the_names_ends_a_listing(
    stamp: FolderStamp, tmp_path: Path, change: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    wait_until(lambda: listed(stamp, tmp_path) and stamp.is_current(tmp_path))
    if change == "create":
        (tmp_path / "other").touch()
    elif change == "rename":
        file.rename(tmp_path / "other")
    elif change == "remove":
        file.unlink()
    else:
        moved = tmp_path.rename(tmp_path.with_name(f"moved-{change}"))
        tmp_path.symlink_to(moved) if change == "link" else tmp_path.mkdir()
    assert not stamp.is_current(tmp_path)


def test_a_listing_does_not_rely_on_a_date_that_is_too_young(tmp_path: Path) -> None:
    stamp = FolderStamp()
    listed(stamp, tmp_path)
    assert not stamp.is_current(tmp_path)


def test_a_folder_without_dates_is_listed_again_after_some_time(
    stamp: FolderStamp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_stamp, "LIST_AGAIN_S", 0.0)
    assert not stamp.is_current(tmp_path)


def test_a_listing_that_failed_does_not_count(stamp: FolderStamp, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OSError, match="disk"),
        opened(tmp_path, below=tmp_path) as folder,
        stamp.listing(folder),
    ):
        raise OSError("disk")
    assert not stamp.is_current(tmp_path)
