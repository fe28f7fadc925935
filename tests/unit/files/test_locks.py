from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from specify_cli import batch
from specify_cli.errors import StorageFailed
from specify_cli.files import locks
from specify_cli.files.locks import LifeLock
from tests.patience import LONGEST_S

HOLD = """
import sys
from pathlib import Path
from specify_cli.files import locks
with locks.held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock_path(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "a.lock"


@pytest.fixture
def holding(lock_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock."""
    arguments = [sys.executable, "-c", HOLD, str(lock_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_lock_creates_its_folder_and_keeps_its_file(lock_path: Path) -> None:
    with locks.held(lock_path):
        pass
    assert lock_path.exists()


def test_a_lock_that_removes_its_file_is_held_by_one_thread_at_a_time(
    lock_path: Path,
) -> None:
    inside: list[int] = []

    def hold() -> None:
        for _ in range(100):
            with locks.held(lock_path, is_kept=False):
                inside.append(1)
                assert inside == [1]
                inside.clear()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(hold) for _ in range(4)]:
            done.result()
    assert not lock_path.exists()


def test_a_lock_whose_file_cannot_be_removed_is_still_released(lock_path: Path) -> None:
    with locks.held(lock_path, is_kept=False):
        lock_path.unlink()
        lock_path.mkdir()
    lock_path.rmdir()
    with locks.held(lock_path, is_kept=False, timeout_s=0):
        pass


def test_a_lock_file_removed_before_it_was_locked_is_created_again(
    lock_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = fcntl.flock
    removed: list[int] = []

    def flock(descriptor: int, operation: int) -> None:
        if not removed:
            removed.append(descriptor)
            lock_path.unlink()
        really(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with locks.held(lock_path) as descriptor:
        assert os.path.samestat(os.fstat(descriptor), lock_path.lstat())
    assert removed


def test_a_released_lock_can_be_taken_again(lock_path: Path) -> None:
    for _ in range(3):
        with locks.held(lock_path, timeout_s=0):
            pass


def test_the_error_for_a_busy_lock_names_its_holder(
    lock_path: Path, holding: subprocess.Popen[bytes]
) -> None:
    with pytest.raises(StorageFailed) as refusal, locks.held(lock_path, timeout_s=0.05):
        pass
    assert str(holding.pid) in refusal.value.message


def test_a_lock_is_free_after_its_holder_was_killed(
    lock_path: Path, holding: subprocess.Popen[bytes]
) -> None:
    holding.kill()
    with locks.held(lock_path, timeout_s=LONGEST_S):
        assert locks.holder(lock_path).startswith(f"process {os.getpid()}, since ")


def test_a_life_lock_is_held_by_one_process_only(
    lock_path: Path, holding: subprocess.Popen[bytes]
) -> None:
    assert LifeLock.try_acquire(lock_path) is None
    holding.kill()
    holding.wait()
    lock = LifeLock.try_acquire(lock_path)
    assert lock is not None
    lock.release()


def test_a_life_lock_is_free_after_its_release(lock_path: Path) -> None:
    for _ in range(2):
        lock = LifeLock.try_acquire(lock_path)
        assert lock is not None
        lock.release()


def test_a_lock_whose_file_cannot_be_created_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed), locks.held(tmp_path / "file" / "a.lock"):
        pass
    with pytest.raises(StorageFailed):
        LifeLock.try_acquire(tmp_path / "file" / "a.lock")


def test_the_holder_of_a_missing_lock_file_is_unknown(tmp_path: Path) -> None:
    assert locks.holder(tmp_path / "missing") == "another process"


def test_a_link_at_the_path_of_a_lock_is_not_followed(lock_path: Path, tmp_path: Path) -> None:
    lock_path.parent.mkdir()
    lock_path.symlink_to(tmp_path / "theirs")
    with pytest.raises(StorageFailed), locks.held(lock_path, timeout_s=0):
        pass
    assert not (tmp_path / "theirs").exists()


def test_a_folder_at_the_path_of_a_lock_is_refused(lock_path: Path) -> None:
    lock_path.mkdir(parents=True)
    with pytest.raises(StorageFailed), locks.held(lock_path, timeout_s=0):
        pass


def test_a_released_lock_is_free_even_if_a_child_process_inherited_its_descriptor(
    lock_path: Path,
) -> None:
    with locks.held(lock_path) as descriptor:
        child = subprocess.Popen(["sleep", "600"], pass_fds=[descriptor])
    try:
        with locks.held(lock_path, timeout_s=0):
            pass
    finally:
        child.kill()
        child.wait()


def test_a_batch_does_not_wait_for_locks_and_holds_its_own_until_it_ends(
    lock_path: Path, tmp_path: Path, holding: subprocess.Popen[bytes]
) -> None:
    free = tmp_path / "locks" / "free.lock"
    with batch.begun() as inside:
        with batch.deciding(inside):
            with pytest.raises(batch.NotInBatch), locks.held(lock_path):
                pass
            for _ in range(2):
                with locks.held(free):
                    pass
        with pytest.raises(StorageFailed), locks.held(free, timeout_s=0):
            pass
    with locks.held(free, timeout_s=0):
        pass


@pytest.mark.parametrize(("folder", "file"), [(0o700, 0o644), (0o2770, 0o660), (0o2775, 0o664)])
def test_a_new_lock_file_takes_its_owner_and_mode_from_its_folder(
    tmp_path: Path, folder: int, file: int
) -> None:
    place = tmp_path / "locks"
    place.mkdir()
    if os.geteuid() == 0:
        os.chown(place, 61_015, 61_015)
    place.chmod(folder)
    before = os.umask(0o022)
    with locks.held(place / "a"):
        found = (place / "a").stat()
    os.umask(before)
    assert found.st_mode & 0o777 == file
    assert (found.st_uid, found.st_gid) == (place.stat().st_uid, place.stat().st_gid)
