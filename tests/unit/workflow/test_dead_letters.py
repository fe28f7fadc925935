"""Letters are settled once, under a lock, and nothing but what was set aside is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from specify_cli.errors import PreflightFailed, StorageFailed
from specify_cli.storage.dead_letters import Letter, LetterFolder
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.workflow.cause import Cause
from specify_cli.workflow.dead_letters import DeadLetters
from tests.durability import watched

OURS, THEIRS = (Cause(correlation_id=name, request_digest=name) for name in ("ours", "theirs"))


@pytest.fixture
def letters(tmp_path: Path) -> DeadLetters:
    made = DeadLetters(Project(tmp_path))
    made.folder.folder.mkdir(parents=True)
    (tmp_path / ".kitty" / "inbox").mkdir()
    return made


def inbox(letters: DeadLetters) -> Path:
    return letters.project.kitty / "inbox"


def set_aside(letters: DeadLetters, letter_id: str = "A1", **changes: Any) -> Path:
    """The body of a letter that a worker has set aside."""
    record = {"dead_letter": letter_id, "name": "one.json", "identity": "default", **changes}
    (letters.folder.folder / f"{letter_id}.json").write_text(json.dumps(record))
    body = letters.folder.folder / f"{letter_id}.body"
    body.write_text('{"correlation_id": "one"}')
    return body


def replay(letters: DeadLetters, cause: Cause = OURS, new_id: str | None = "two") -> str:
    return letters.replay("A1", new_id=new_id, actor="ada", cause=cause).state


def discard(letters: DeadLetters, cause: Cause = OURS) -> str:
    return letters.discard("A1", actor="ada", cause=cause).state


@pytest.mark.parametrize("settle", [replay, discard])
def test_a_letter_is_settled_under_the_lock(letters: DeadLetters, settle: Any) -> None:
    set_aside(letters)
    with watched() as disk:
        settle(letters)
    assert disk.is_locked("rename A1.settled", "dead-letters.lock")


def test_what_was_put_back_stays_there(letters: DeadLetters) -> None:
    set_aside(letters)
    with watched() as disk:
        replay(letters)
    assert disk.is_kept(inbox(letters) / "two.json")
    assert disk.is_name_kept(inbox(letters) / "two.json")
    gone = disk.steps.index("rename two.json")
    assert "sync dead-letters" in disk.steps[gone:]


def test_a_replay_that_is_asked_again_sends_nothing_again(letters: DeadLetters) -> None:
    set_aside(letters)
    for _ in range(2):
        assert replay(letters) == "replayed"
    assert [path.name for path in inbox(letters).iterdir()] == ["two.json"]


@pytest.mark.parametrize("plant", [Path.symlink_to, Path.hardlink_to])
def test_what_takes_the_place_of_a_body_that_is_sent_again_is_not_read(
    letters: DeadLetters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Any
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"secret": "word"}')
    body, begin = set_aside(letters), LetterFolder.begin

    def exchanging(folder: LetterFolder, letter: Letter, fate: Any) -> Letter:
        body.unlink()
        plant(body, secret)
        return begin(folder, letter, fate)

    monkeypatch.setattr(LetterFolder, "begin", exchanging)
    replay(letters)
    sent = inbox(letters) / "two.json"
    assert sent.is_symlink() or sent.samefile(secret)
    assert secret.read_text() == '{"secret": "word"}'


def test_a_discard_that_is_asked_again_says_when_it_was_first(letters: DeadLetters) -> None:
    set_aside(letters)
    assert discard(letters) == "discarded"
    before = (letters.folder.folder / "A1.settled").read_bytes()
    assert discard(letters) == "discarded"
    assert (letters.folder.folder / "A1.settled").read_bytes() == before


@pytest.mark.parametrize("settle", [replay, discard])
def test_what_another_request_has_settled_is_refused(letters: DeadLetters, settle: Any) -> None:
    set_aside(letters)
    settle(letters, THEIRS)
    with pytest.raises(PreflightFailed):
        settle(letters)


def test_a_replay_that_was_interrupted_is_completed_by_its_own_request_alone(
    letters: DeadLetters,
) -> None:
    body = set_aside(letters)
    fate = {"state": "replayed", "actor": "ada", "at": "then", "correlation_id": "theirs"}
    letters.folder.begin(letters.folder.named("A1"), fate)
    body.rename(inbox(letters) / "two.json")
    with pytest.raises(PreflightFailed):
        replay(letters)
    assert replay(letters, THEIRS) == "replayed"


def test_an_id_that_was_used_is_not_given_to_a_letter(letters: DeadLetters) -> None:
    set_aside(letters)
    journal = Journal(letters.project.journal, lock_path=letters.project.lock("journal"))
    journal.append({"correlation_id": "two"})
    with pytest.raises(PreflightFailed):
        replay(letters)
    assert list(inbox(letters).iterdir()) == []


def test_a_request_that_waits_is_not_replaced(letters: DeadLetters) -> None:
    set_aside(letters)
    (inbox(letters) / "two.json").write_text("theirs")
    with pytest.raises(PreflightFailed):
        replay(letters)
    assert (inbox(letters) / "two.json").read_text() == "theirs"


def test_a_link_that_was_planted_for_the_rewritten_body_is_not_written_through(
    letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = set_aside(letters)
    victim = letters.project.root / "victim"
    victim.write_text("untouched")
    unlink = Path.unlink

    def plant(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok=missing_ok)
        if path.name == f".{body.name}.tmp":
            path.symlink_to(victim)

    monkeypatch.setattr(Path, "unlink", plant)
    with pytest.raises(StorageFailed):
        replay(letters)
    assert victim.read_text() == "untouched"


def test_a_link_that_waits_is_not_replaced(letters: DeadLetters) -> None:
    set_aside(letters)
    (inbox(letters) / "two.json").symlink_to("nowhere")
    with pytest.raises(PreflightFailed):
        replay(letters)
    assert (inbox(letters) / "two.json").is_symlink()


@pytest.mark.parametrize("name", ["inbox", "inbox/nightly"])
def test_an_inbox_that_is_a_link_gets_nothing(letters: DeadLetters, name: str) -> None:
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
