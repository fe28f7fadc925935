"""Dead letters whose inbox is on another file system."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from specify_cli.errors import PreflightFailed, StorageFailed
from specify_cli.storage.dead_letter_bodies import Body
from specify_cli.workflow.dead_letters import DeadLetters
from tests.durability import watched
from tests.unit.workflow.dead_letters.letters import (
    THEIRS,
    discard,
    inbox,
    inbox_files,
    letter_files,
    replay,
    set_aside,
)

# The error of a rename between two file systems.

FAILED = OSError(errno.EXDEV, os.strerror(errno.EXDEV))
LAST_STEP = 40


class Killed(BaseException):
    """Stands for SIGKILL: no handler catches it."""


def refuse_to_carry(kernel: pytest.MonkeyPatch) -> None:
    """Make every rename between two folders fail."""
    rename = os.rename

    def refusing(old: Any, new: Any, **folders: Any) -> None:
        places = {os.fstat(place).st_ino for place in folders.values() if place is not None}
        if len(places) == 2:
            raise FAILED
        rename(old, new, **folders)

    kernel.setattr(os, "rename", refusing)


@pytest.fixture
def far(letters: DeadLetters, monkeypatch: pytest.MonkeyPatch) -> DeadLetters:
    refuse_to_carry(monkeypatch)
    return letters


@contextmanager
def killed_at(step: int) -> Iterator[None]:
    """Kill the block before its change of a file with that number, counted from 1."""
    steps = iter(range(1, LAST_STEP))
    is_dead = False

    def dying(real: Any) -> Any:
        def call(*words: Any, **named: Any) -> Any:
            nonlocal is_dead
            is_dead = is_dead or (not is_reading(real, words) and next(steps) == step)
            if is_dead:
                raise Killed
            return real(*words, **named)

        return call

    def is_reading(real: Any, words: tuple[Any, ...]) -> bool:
        return real is opening and not words[1] & os.O_CREAT

    opening = os.open
    with pytest.MonkeyPatch.context() as kernel, suppress(Killed):
        for name in ("open", "rename", "replace", "unlink", "fsync"):
            kernel.setattr(os, name, dying(getattr(os, name)))
        yield


@pytest.mark.parametrize("new_id", ["two", None])
def test_replay_copies_a_body_to_another_file_system(far: DeadLetters, new_id: str | None) -> None:
    body = set_aside(far)
    if os.geteuid() == 0:
        os.chown(body, 12345, 12345)
    body.chmod(0o640)
    before = body.stat()
    assert replay(far, new_id=new_id) == "replayed"
    stem = new_id or "one"
    assert inbox_files(far) == [f"{stem}.json"]
    after = (inbox(far) / f"{stem}.json").stat()
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)
    assert json.loads((inbox(far) / f"{stem}.json").read_text()) == {"correlation_id": stem}
    assert letter_files(far) == ["A1.settled"]


def test_the_copy_is_synced_before_the_original_is_removed(
    far: DeadLetters,
) -> None:
    set_aside(far)
    with watched() as disk:
        replay(far)
    steps = disk.steps
    there, gone = steps.index("rename .claim-A1.body"), steps.index("unlink A1.body")
    sent = steps.index("rename two.json")
    assert "sync inbox" in steps[there:gone]
    assert "sync dead-letters" in steps[gone:sent]
    assert "sync inbox" in steps[sent:]
    assert disk.is_kept(inbox(far) / "two.json")


@pytest.mark.parametrize("step", range(1, LAST_STEP))
def test_a_killed_replay_neither_loses_nor_duplicates_the_body(far: DeadLetters, step: int) -> None:
    set_aside(far)
    with killed_at(step):
        replay(far)
    letter = far.folder.named("A1")
    is_sent = "two.json" in inbox_files(far)
    assert is_sent == (far.folder.body(letter) is None)
    assert replay(far) == "replayed"
    assert inbox_files(far) == ["two.json"]
    assert (inbox(far) / "two.json").read_text() == '{"correlation_id": "two"}\n'
    assert far.folder.named("A1").state == "replayed"
    assert "A1.body" not in letter_files(far)


@pytest.mark.parametrize("step", range(1, LAST_STEP))
def test_a_body_can_be_discarded_after_a_killed_replay(far: DeadLetters, step: int) -> None:
    set_aside(far)
    with killed_at(step):
        replay(far)
    letter = far.folder.named("A1")
    if far.folder.body(letter) is not None:
        assert discard(far, THEIRS) == "discarded"
        assert inbox_files(far) == []
        assert set(letter_files(far)) == {"A1.settled"}


@pytest.mark.parametrize("step", range(1, LAST_STEP))
def test_a_retry_by_rename_leaves_no_copy_of_a_killed_replay(
    letters: DeadLetters, step: int
) -> None:
    set_aside(letters)
    with pytest.MonkeyPatch.context() as kernel:
        refuse_to_carry(kernel)
        with killed_at(step):
            replay(letters)
    assert replay(letters) == "replayed"
    assert inbox_files(letters) == ["two.json"]


def test_a_request_that_arrives_during_the_copy_is_not_overwritten(
    far: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_aside(far)
    with monkeypatch.context() as meanwhile:
        carried = Body.carried

        def coming(body: Body, folder: int, name: str) -> Body:
            (inbox(far) / "two.json").write_text("theirs")
            return carried(body, folder, name)

        meanwhile.setattr(Body, "carried", coming)
        with pytest.raises(PreflightFailed):
            replay(far)
    assert (inbox(far) / "two.json").read_text() == "theirs"
    assert far.folder.named("A1").fate == {}
    assert replay(far, THEIRS, "three") == "replayed"
    assert inbox_files(far) == ["three.json", "two.json"]


def test_replay_is_refused_if_renaming_within_the_inbox_fails(
    far: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise FAILED

    set_aside(far)
    with monkeypatch.context() as kernel:
        kernel.setattr(os, "rename", refuse)
        with pytest.raises(StorageFailed):
            replay(far)
    assert replay(far) == "replayed"
    assert inbox_files(far) == ["two.json"]
