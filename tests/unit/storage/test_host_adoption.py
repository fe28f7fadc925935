"""Tests of adoption, which moves the files of an older release from `.kitty/host` beside the record."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.files import folders
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage import host_adoption
from specify_cli.storage.record_folder import make_inside
from tests.durability import watched
from tests.file_systems import on_another_file_system
from tests.unit.storage.conftest import git

FILES = {
    "claimed/01J00000000000000000000000-one.json": b"{}",
    "dead-letters/01J00000000000000000000001.json": b'{"body": null}',
    "dead-letters/01J00000000000000000000001.body": b"\x00not a request",
    "begun/note.json": b"{}",
    "attic/kept/kitty-specs/001-a/lanes.json": b"[]",
    "signs-of-life/001-a.json": b"{}",
    "workspaces/001-a-lane-a.json": b"{}",
    "faults.log": b"Traceback\n",
}


def old_project(root: Path) -> MailboxLayout:
    """A project as an older release leaves it."""
    layout = MailboxLayout(root)
    for name in ("inbox", "outbox"):
        (layout.kitty / name).mkdir(parents=True)
    for name, data in FILES.items():
        path = layout.former_host / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (layout.former_host / "locks").mkdir()
    for name in ("worker", "journal", "mission-001-a"):
        (layout.former_host / "locks" / f"{name}.lock").touch()
    os.mkfifo(layout.former_host / "dead-letters" / "01J00000000000000000000002.body")
    (layout.former_host / "dead-letters" / "01J00000000000000000000003.body").symlink_to("nowhere")
    for folder in (layout.former_host, *layout.former_host.rglob("*")):
        if folder.is_dir():
            folder.chmod(0o700)
    return layout


@pytest.fixture(params=["one file system", "two file systems", "no repository"])
def layout(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MailboxLayout]:
    """An old project, with the git folder on its own or another file system, or without a repository."""
    root = tmp_path.resolve() / "main"
    root.mkdir()
    with ExitStack() as until_the_end:
        if request.param == "two file systems":
            folder = until_the_end.enter_context(on_another_file_system(tmp_path))
            git(root, "init", "-q", "--separate-git-dir", str(folder), ".")
        elif request.param == "one file system":
            git(root, "init", "-q")
        yield old_project(root)


def is_adopted(layout: MailboxLayout) -> None:
    for name, data in FILES.items():
        path = layout.host / name
        assert path.read_bytes() == data
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    letters = layout.dead_letters
    assert stat.S_ISFIFO((letters / "01J00000000000000000000002.body").stat().st_mode)
    assert (letters / "01J00000000000000000000003.body").readlink() == Path("nowhere")
    assert {it.name for it in letters.iterdir()} == {
        f"01J0000000000000000000000{it}" for it in ("1.json", "1.body", "2.body", "3.body")
    }
    assert layout.former_host.readlink() == Path(host_adoption.LINK)
    assert not layout.former_host.exists()
    assert not (layout.host / "locks").exists()


def test_adoption_moves_all_files_beside_the_record_and_is_idempotent(
    layout: MailboxLayout,
) -> None:
    layout.ensure()
    is_adopted(layout)
    layout.ensure()
    is_adopted(layout)


def test_adoption_holds_its_lock_and_is_synced(tmp_path: Path) -> None:
    layout = old_project(tmp_path.resolve())
    with watched() as disk:
        layout.ensure()
    assert disk.is_locked("rename private", "adoption")
    assert disk.is_name_kept(layout.host)
    begun, ended = disk.steps.index("rename private"), disk.steps.index("unlock adoption")
    assert "sync .kitty" in disk.steps[begun:ended]


def test_an_older_release_refuses_before_it_changes_anything(layout: MailboxLayout) -> None:
    layout.ensure()
    before = sorted(layout.root.rglob("*"))
    # What an older release does first, for each request and in each worker.
    with pytest.raises(StorageFailed, match="not a regular folder"):
        folders.ensure(layout.former_host, below=layout.root, mode=0o700)
    with pytest.raises(OSError, match=os.strerror(errno.EEXIST)):
        (layout.former_host / "locks").mkdir(parents=True)
    assert sorted(layout.root.rglob("*")) == before


def test_a_new_project_refuses_older_releases_too(tmp_path: Path) -> None:
    layout = MailboxLayout(tmp_path)
    layout.ensure()
    assert layout.former_host.readlink() == Path(host_adoption.LINK)
    assert sorted(it.name for it in layout.host.iterdir()) == ["cache", "claimed", "dead-letters"]


class Killed(BaseException):
    """Stands for the death of the process."""


@pytest.mark.parametrize(
    "call",
    [
        "symlink",
        "rmdir",
        *(
            pytest.param(it, marks=pytest.mark.long)
            for it in ("rename", "mkdir", "unlink", "fsync")
        ),
    ],
)
def test_an_adoption_killed_at_any_step_is_completed_by_the_next_call(
    layout: MailboxLayout, call: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(layout.former_host, whole, symlinks=True, ignore=_fifos)
    real = getattr(os, call)
    for is_done in (False, True):
        for number in range(100):
            _put_back(layout, whole)
            left = number

            def struck(*words: Any, is_done: bool = is_done, **named: Any) -> Any:
                nonlocal left
                left -= 1
                if left == -1:
                    if is_done:
                        real(*words, **named)
                    raise Killed
                return real(*words, **named)

            with monkeypatch.context() as patch:
                patch.setattr(os, call, struck)
                try:
                    layout.ensure()
                except Killed:
                    pass
                else:
                    break
            layout.ensure()
            is_adopted(layout)
        else:
            pytest.fail("the adoption was never completed")


def _fifos(folder: str, names: list[str]) -> list[str]:
    return [it for it in names if stat.S_ISFIFO((Path(folder) / it).lstat().st_mode)]


def _put_back(layout: MailboxLayout, whole: Path) -> None:
    """Put the project back to its state before adoption."""
    shutil.rmtree(layout.record, ignore_errors=True)
    shutil.rmtree(layout.former_host, ignore_errors=True)
    layout.former_host.unlink(missing_ok=True)
    shutil.copytree(whole, layout.former_host, symlinks=True)
    os.mkfifo(layout.former_host / "dead-letters" / "01J00000000000000000000002.body")


@pytest.mark.parametrize("name", ["worker", "journal", "mission-001-a", "request-abc"])
def test_adoption_is_refused_while_an_older_release_holds_a_lock(
    layout: MailboxLayout, name: str
) -> None:
    path = layout.former_host / "locks" / f"{name}.lock"
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StorageFailed, match=f"{name}.lock"):
            _make(layout)
        assert layout.former_host.is_dir()
        assert not layout.former_host.is_symlink()
    layout.ensure()
    is_adopted(layout)


def _make(layout: MailboxLayout) -> None:
    for folder in (layout.record.parent, layout.record, layout.locks):
        make_inside(folder, base=layout.host_base, mode=0o700)
    host_adoption.adopt(layout, timeout_s=0.1)


def test_files_that_an_older_release_writes_later_are_adopted_without_overwriting(
    layout: MailboxLayout,
) -> None:
    layout.ensure()
    layout.former_host.unlink()
    (layout.former_host / "dead-letters").mkdir(parents=True)
    (layout.former_host / "dead-letters" / "01J00000000000000000000009.json").write_bytes(b"{}")
    (layout.former_host / "faults.log").write_bytes(b"another\n")
    link = Path("dead-letters") / "01J00000000000000000000003.body"
    (layout.former_host / link).symlink_to("elsewhere")
    layout.ensure()
    [aside] = layout.attic.glob("host-*")
    assert (aside / link).readlink() == Path("elsewhere")
    assert (layout.dead_letters / "01J00000000000000000000009.json").read_bytes() == b"{}"
    assert layout.faults.read_bytes() == FILES["faults.log"]
    assert (aside / "faults.log").read_bytes() == b"another\n"
    (layout.dead_letters / "01J00000000000000000000009.json").unlink()
    is_adopted(layout)


def test_adoption_refuses_a_file_at_the_path_of_the_former_folder(tmp_path: Path) -> None:
    layout = MailboxLayout(tmp_path)
    layout.kitty.mkdir()
    layout.former_host.write_bytes(b"mine")
    with pytest.raises(StorageFailed, match="move it away"):
        layout.ensure()
    assert layout.former_host.read_bytes() == b"mine"
