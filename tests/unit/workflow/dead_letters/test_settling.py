"""Dead letters are settled once and under a lock, and no other file is changed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from specify_cli.errors import PreflightFailed, StorageFailed
from specify_cli.storage.dead_letters import Letter, LetterFolder
from specify_cli.storage.journal import Journal
from specify_cli.workflow.dead_letters import MAX_BODY_BYTES, DeadLetters
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


@pytest.mark.parametrize("settle", [replay, discard])
def test_a_dead_letter_is_settled_under_the_lock(letters: DeadLetters, settle: Any) -> None:
    set_aside(letters)
    with watched() as disk:
        settle(letters)
    assert disk.is_locked("rename A1.settled", "dead-letters")


def test_a_replayed_request_is_durable(letters: DeadLetters) -> None:
    set_aside(letters)
    with watched() as disk:
        replay(letters)
    assert disk.is_kept(inbox(letters) / "two.json")
    assert disk.is_name_kept(inbox(letters) / "two.json")
    gone = disk.steps.index("rename two.json")
    assert "sync dead-letters" in disk.steps[gone:]


def test_a_repeated_replay_sends_the_request_once(letters: DeadLetters) -> None:
    set_aside(letters)
    for _ in range(2):
        assert replay(letters) == "replayed"
    assert [path.name for path in inbox(letters).iterdir()] == ["two.json"]


def hide(letters: DeadLetters) -> Path:
    """Write a dead letter whose body could be moved only within the inbox."""
    hidden = inbox(letters) / ".claim-A1.body"
    set_aside(letters, body=str(hidden)).rename(hidden)
    return hidden


def _link(path: Path, secret: Path) -> None:
    path.symlink_to(secret)


def _hard_link(path: Path, secret: Path) -> None:
    path.hardlink_to(secret)


def _fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path, _: Path) -> None:
    path.mkdir()


def _too_much(path: Path, _: Path) -> None:
    path.touch()
    os.truncate(path, MAX_BODY_BYTES + 1)


def _nothing(path: Path, _: Path) -> None:
    assert not path.exists()


EXCHANGED = [_link, _hard_link, _fifo, _folder, _too_much, _nothing]


@pytest.mark.parametrize("new_id", ["two", None])
@pytest.mark.parametrize("plant", EXCHANGED)
def test_replay_refuses_a_body_that_was_exchanged_before_it_is_read(
    letters: DeadLetters, monkeypatch: pytest.MonkeyPatch, plant: Any, new_id: str | None
) -> None:
    secret = letters.project.root / "secret"
    secret.write_text("secret")
    hidden, find = hide(letters), LetterFolder.body

    def exchanging(folder: LetterFolder, letter: Letter) -> Path | None:
        found = find(folder, letter)
        hidden.unlink()
        plant(hidden, secret)
        return found

    monkeypatch.setattr(LetterFolder, "body", exchanging)
    with pytest.raises(
        PreflightFailed, match=r"dead letter A1 (cannot be replayed|no longer has a body)"
    ):
        replay(letters, new_id=new_id)
    assert secret.read_text() == "secret"
    assert set(inbox_files(letters)) <= {hidden.name}
    assert letter_files(letters) == ["A1.json"]


@pytest.mark.parametrize("plant", EXCHANGED)
def test_replay_ignores_what_replaces_the_body_after_it_was_read(
    letters: DeadLetters, monkeypatch: pytest.MonkeyPatch, plant: Any
) -> None:
    secret = letters.project.root / "secret"
    secret.write_text('{"secret": "word"}')
    hidden, begin = hide(letters), LetterFolder.begin

    def exchanging(folder: LetterFolder, letter: Letter, fate: Any, **more: Any) -> Letter:
        hidden.unlink()
        plant(hidden, secret)
        return begin(folder, letter, fate, **more)

    monkeypatch.setattr(LetterFolder, "begin", exchanging)
    owner = hidden.stat().st_uid
    if plant is _folder:
        with pytest.raises(StorageFailed):
            replay(letters)
        assert inbox_files(letters) == [hidden.name]
        return
    replay(letters)
    sent = inbox(letters) / "two.json"
    assert json.loads(sent.read_text()) == {"correlation_id": "two"}
    assert (sent.is_symlink(), sent.stat().st_nlink, sent.stat().st_uid) == (False, 1, owner)
    assert secret.read_text() == '{"secret": "word"}'


def test_replay_does_not_follow_an_inbox_that_becomes_a_symlink(
    letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(letters)
    elsewhere, moved = letters.project.root / "elsewhere", letters.project.root / "moved"
    elsewhere.mkdir()
    (elsewhere / ".claim-A1.body").write_text("theirs")
    begin = LetterFolder.begin

    def exchanging(folder: LetterFolder, letter: Letter, fate: Any, **more: Any) -> Letter:
        inbox(letters).rename(moved)
        inbox(letters).symlink_to(elsewhere)
        return begin(folder, letter, fate, **more)

    monkeypatch.setattr(LetterFolder, "begin", exchanging)
    replay(letters)
    assert {path.name: path.read_text() for path in elsewhere.iterdir()} == {
        ".claim-A1.body": "theirs"
    }
    assert [path.name for path in moved.iterdir()] == ["two.json"]


def test_a_body_outside_the_project_is_neither_replayed_nor_removed(
    letters: DeadLetters, tmp_path: Path
) -> None:
    outside = tmp_path.with_name(f"{tmp_path.name}-outside")
    set_aside(letters, body=str(outside)).rename(outside)
    with pytest.raises(PreflightFailed):
        replay(letters)
    assert discard(letters) == "discarded"
    assert outside.read_text() == '{"correlation_id": "one"}'


@pytest.mark.parametrize(
    "raw",
    [
        b'{"command": "a", "command": "b"}',
        b'{"args": {"a": 1, "a": 1}}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        b"[]",
        b"{} {}",
        b"[" * 100_000,
        b"",
    ],
)
def test_a_body_that_is_not_strict_json_is_replayed_unchanged(
    letters: DeadLetters, raw: bytes
) -> None:
    set_aside(letters).write_bytes(raw)
    assert replay(letters) == "replayed"
    assert (inbox(letters) / "two.json").read_bytes() == raw


def test_a_repeated_discard_does_not_change_the_record(letters: DeadLetters) -> None:
    set_aside(letters)
    assert discard(letters) == "discarded"
    before = (letters.folder.folder / "A1.settled").read_bytes()
    assert discard(letters) == "discarded"
    assert (letters.folder.folder / "A1.settled").read_bytes() == before


@pytest.mark.parametrize("settle", [replay, discard])
def test_a_letter_settled_by_another_request_is_refused(letters: DeadLetters, settle: Any) -> None:
    set_aside(letters)
    settle(letters, THEIRS)
    with pytest.raises(PreflightFailed):
        settle(letters)


def test_an_interrupted_replay_is_completed_only_by_its_own_request(
    letters: DeadLetters,
) -> None:
    body = set_aside(letters)
    fate = {"state": "replayed", "actor": "ada", "at": "then", "correlation_id": "theirs"}
    letters.folder.begin(letters.folder.named("A1"), fate)
    body.rename(inbox(letters) / "two.json")
    with pytest.raises(PreflightFailed):
        replay(letters)
    assert replay(letters, THEIRS) == "replayed"


def test_replay_refuses_a_correlation_id_that_was_used(letters: DeadLetters) -> None:
    set_aside(letters)
    letters.project.outbox.mkdir()
    journal = Journal(letters.project)
    journal.append({"correlation_id": "two"})
    with pytest.raises(PreflightFailed):
        replay(letters)
    assert list(inbox(letters).iterdir()) == []


def test_replay_does_not_overwrite_a_waiting_request(letters: DeadLetters) -> None:
    body = set_aside(letters)
    before = (body.read_bytes(), body.stat().st_ino)
    (inbox(letters) / "two.json").write_text("theirs")
    with pytest.raises(PreflightFailed):
        replay(letters)
    assert (inbox(letters) / "two.json").read_text() == "theirs"
    assert (body.read_bytes(), body.stat().st_ino) == before


def comes(letters: DeadLetters, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a request with the new name arrive as soon as the replay has begun."""
    begin = LetterFolder.begin

    def coming(folder: LetterFolder, letter: Letter, fate: Any, **more: Any) -> Letter:
        (inbox(letters) / "two.json").write_text("theirs")
        return begin(folder, letter, fate, **more)

    monkeypatch.setattr(LetterFolder, "begin", coming)


def test_replay_does_not_overwrite_a_request_that_arrives_at_the_last_moment(
    letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = set_aside(letters)
    comes(letters, monkeypatch)
    with pytest.raises(PreflightFailed):
        replay(letters)
    assert (inbox(letters) / "two.json").read_text() == "theirs"
    assert body.exists()
    assert letters.folder.named("A1").fate == {}


def test_replay_into_a_missing_inbox_leaves_the_body_unchanged(letters: DeadLetters) -> None:
    body = set_aside(letters)
    before = body.read_bytes()
    inbox(letters).rmdir()
    with pytest.raises(StorageFailed):
        replay(letters)
    assert body.read_bytes() == before


def test_replay_does_not_write_through_a_symlink_planted_as_its_draft(
    letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = hide(letters)
    victim = letters.project.root / "victim"
    victim.write_text("untouched")
    unlink = os.unlink

    def plant(name: Any, *, dir_fd: int | None = None) -> None:
        try:
            unlink(name, dir_fd=dir_fd)
        finally:
            if name == f"{body.name}.tmp" and not os.path.lexists(body.with_name(name)):
                body.with_name(name).symlink_to(victim)

    monkeypatch.setattr(os, "unlink", plant)
    with pytest.raises(StorageFailed):
        replay(letters)
    assert victim.read_text() == "untouched"


def test_replay_does_not_replace_a_symlink_in_the_inbox(letters: DeadLetters) -> None:
    set_aside(letters)
    (inbox(letters) / "two.json").symlink_to("nowhere")
    with pytest.raises(PreflightFailed):
        replay(letters)
    assert (inbox(letters) / "two.json").is_symlink()


@pytest.mark.parametrize("name", ["inbox", "inbox/nightly"])
def test_replay_writes_nothing_into_an_inbox_that_is_a_symlink(
    letters: DeadLetters, name: str
) -> None:
    set_aside(letters, identity="nightly")
    elsewhere = letters.project.root / "elsewhere"
    (elsewhere / "nightly").mkdir(parents=True)
    place = letters.project.kitty / name
    if place == inbox(letters):
        place.rmdir()
    place.symlink_to(elsewhere)
    with pytest.raises(StorageFailed):
        replay(letters)
    assert [path for path in elsewhere.rglob("*") if path.is_file()] == []
