"""Restore what a backup has, in the project that it was made of or in another one.

Everything is unpacked and proved beside the record first. Then the files in `.kitty` are replaced,
none of which the record needs: the host makes them again from whichever record it finds. The last
step exchanges the two folders of the record, so that a killed process leaves the old or the new
record. What was replaced is kept.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli import clock
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.files import durability, folders, locks
from specify_cli.files.atomic import translated
from specify_cli.files.folders import NOT_FOLLOWED
from specify_cli.files.locks import LifeLock
from specify_cli.files.tree_removal import remove_path
from specify_cli.storage import record_location, restore_checks
from specify_cli.storage.backup_manifest import Manifest, Restored
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from specify_cli.vcs.renames import exchange
from specify_cli.workflow.restore_files import RestoreFiles, folder_of_replaced, put_record_aside

STAGING: Final = ".restoring"
"""The suffix of the folder beside the record in which a backup is unpacked."""

_LOCK: Final = ".restore"
_COMMAND: Final = "command"
_MARK: Final = "restored"
"""A file in the new folder of the record until the old one is put aside."""

_WAIT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """Restore a project; `prepare` makes the folders of its mailbox and record."""

    project: Layout
    prepare: Callable[[], None]

    def restore(self, file: Path, *, replaces: bool = False) -> Restored:
        """Restore the backup; with `replaces` also over a record that is newer, or another one.

        Raises:
            UsageError: the file cannot be opened.
            StateUnreadable: the file is not a whole backup, or the present record is newer or
                another one.
            StorageFailed: a worker or another call uses the record, or the disk refused.
        """
        base, place = _place(self.project)
        with _locks_held(self.project.record):
            pass  # Before anything is unpacked, which may take long.
        folders.ensure_all(place.parent, below=base, mode=0o755)
        folders.ensure_all(folder_of_replaced(place), below=base, mode=0o700)
        staging, lock = staging_of(place), place.with_name(place.name + _LOCK)
        with translated(place, "restore"), locks.held(lock, timeout_s=_WAIT_S):
            replaced = _finish(staging, place) or _new_folder(place)
            staging.mkdir(mode=0o700)
            try:
                (staging / "replaced").write_bytes(os.fsencode(replaced))
                (staging / _COMMAND).write_bytes(os.fsencode(_command(file, replaces=replaces)))
                manifest = restore_checks.unpack(file, staging / "backup")
                self.prepare()
                with _locks_held(place):
                    return self._replace(
                        file, manifest, staging=staging, replaced=replaced, replaces=replaces
                    )
            finally:
                _finish(staging, place)

    def _replace(
        self, file: Path, manifest: Manifest, *, staging: Path, replaced: Path, replaces: bool
    ) -> Restored:
        """Replace the files and the record, whose locks are held."""
        base, place = _place(self.project)
        files = RestoreFiles(project=self.project, backup=staging / "backup", replaced=replaced)
        with _opened(place, file) as present, _closed(Record(files.backup)) as backup:
            complaint = restore_checks.complaint(present, backup) if present else ""
            if complaint and not replaces:
                raise StateUnreadable(
                    f"{complaint}; nothing was changed; '{_command(file, replaces=True)}' replaces it all the same, and keeps"
                    " it aside"
                )
            has_newer = restore_checks.is_continued(self.project, backup)
            if not has_newer:
                files.put_replies_aside(backup)
        config = files.put_config()
        files.put_archive()
        if not has_newer:
            files.put_journal()
        new = staging / "new"
        files.build(new, base=base, present=place)
        (new / _MARK).touch()
        with _locks_held(new):
            _exchange(new, place, replaced)
            _finish(staging, place)
        return Restored(
            root=self.project.root,
            manifest=manifest,
            replaced=replaced if replaced.exists() else None,
            has_newer_lines=has_newer,
            config=config,
        )


def interrupted(place: Path) -> tuple[Path, str] | None:
    """Return the folder that a killed restore has left, and the command that completes it; else None."""
    staging = staging_of(place)
    if not os.path.lexists(staging):
        return None
    try:
        return staging, os.fsdecode((staging / _COMMAND).read_bytes())
    except OSError:  # It was killed before, or is of another user.
        return staging, ""


def _command(file: Path, *, replaces: bool) -> str:
    return shlex.join(["spec-kitty", "restore", *["--replace"][:replaces], str(file)])


def staging_of(place: Path) -> Path:
    """Return the folder in which a backup for the record at `place` is unpacked."""
    return place.with_name(place.name + STAGING)


def _place(project: Layout) -> tuple[Path, Path]:
    root = project.root
    return record_location.in_repository(root) or record_location.without_repository(root)


def _new_folder(place: Path) -> Path:
    stamp = clock.timestamp()[:19].replace(":", "")
    return folder_of_replaced(place) / f"{stamp}-{time.monotonic_ns() % 10**6:06}"


def _exchange(new: Path, place: Path, replaced: Path) -> None:
    """Exchange the folders in one step; without that, `place` is missing for a moment."""
    one, other = (os.open(it.parent, NOT_FOLLOWED) for it in (new, place))
    try:
        durability.sync_all()
        if not exchange(new.name, place.name, one_fd=one, other_fd=other):
            put_record_aside(place, replaced)
            if place.exists():
                remove_path(place)
            new.rename(place)
        durability.sync_all()
    finally:
        os.close(one)
        os.close(other)


def _finish(staging: Path, place: Path) -> Path | None:
    """Complete what a killed restore left, whose record is the old or the new one.

    Returns:
        The folder in which it has put something aside; None without one.
    """
    mark, replaced = place / _MARK, None
    if os.path.lexists(staging):
        if (staging / "replaced").exists():
            name = os.fsdecode((staging / "replaced").read_bytes())
            replaced = Path(name) if name else _new_folder(place)
        if mark.exists() and replaced is not None:
            put_record_aside(staging / "new", replaced)
        mark.unlink(missing_ok=True)
        remove_path(staging)
    return replaced if replaced is not None and replaced.exists() else None


@contextmanager
def _opened(place: Path, file: Path) -> Iterator[Record | None]:
    record = restore_checks.present_record(place, file=file)
    try:
        yield record
    finally:
        if record is not None:
            record.close()


@contextmanager
def _closed(record: Record) -> Iterator[Record]:
    try:
        yield record
    finally:
        record.close()


@contextmanager
def _locks_held(folder: Path) -> Iterator[None]:
    """Hold the worker's lock and all others of the record, so that no process changes anything."""
    names = folder / "locks"
    with ExitStack() as held:
        if names.is_dir():
            for path in dict.fromkeys((names / "worker", *sorted(names.glob("*")))):
                lock = LifeLock.try_acquire(path)
                if lock is None:
                    raise _in_use(path)
                held.callback(lock.release)
        yield


def _in_use(path: Path) -> StorageFailed:
    process = locks.living_holder(path)
    stop = f"stop it with 'kill {process.pid}'" if process else "stop it"
    if path.name != "worker":
        stop = "wait for it"
    return StorageFailed(
        f"the record in {path.parents[1]} is in use by {locks.holder(path)}: {stop}, then try again;"
        " nothing was changed"
    )
