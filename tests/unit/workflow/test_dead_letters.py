"""Letters are settled once, under a lock, and nothing but what was set aside is touched."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from specify_cli.errors import PreflightFailed, StorageFailed
from specify_cli.storage.dead_letter_bodies import Body
from specify_cli.storage.dead_letters import Letter, LetterFolder
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.workflow.context import Effects, RequestContext
from specify_cli.workflow.dead_letters import MAX_BODY_BYTES, DeadLetters
from tests.durability import watched

OURS, THEIRS = (
    RequestContext(correlation_id=name, request_digest=name, effects=Effects())
    for name in ("ours", "theirs")
)


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


def replay(letters: DeadLetters, cause: RequestContext = OURS, new_id: str | None = "two") -> str:
    return letters.replay("A1", new_id=new_id, actor="ada", cause=cause).state


def discard(letters: DeadLetters, cause: RequestContext = OURS) -> str:
    return letters.discard("A1", actor="ada", cause=cause).state


@pytest.mark.parametrize("settle", [replay, discard])
def test_a_letter_is_settled_under_the_lock(letters: DeadLetters, settle: Any) -> None:
    set_aside(letters)
    with watched() as disk:
        settle(letters)
    assert disk.is_locked("rename A1.settled", "dead-letters")


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


def lying(letters: DeadLetters) -> list[str]:
    return sorted(path.name for path in inbox(letters).iterdir())


def kept(letters: DeadLetters) -> list[str]:
    """What lies among the letters, without what a killed writer left: the worker sweeps that."""
    names = sorted(path.name for path in letters.folder.folder.iterdir())
    return [name for name in names if not name.startswith(".A1.settling.")]


def hide(letters: DeadLetters) -> Path:
    """The body of a letter that could be moved only within its inbox."""
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
def test_what_is_no_plain_file_any_more_when_it_is_read_is_refused(
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
    with pytest.raises(PreflightFailed, match=r"dead letter A1 (cannot be a request|has no body)"):
        replay(letters, new_id=new_id)
    assert secret.read_text() == "secret"
    assert set(lying(letters)) <= {hidden.name}
    assert kept(letters) == ["A1.json"]


@pytest.mark.parametrize("plant", EXCHANGED)
def test_what_takes_the_place_of_a_body_after_it_was_read_is_not_read(
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
        assert lying(letters) == [hidden.name]
        return
    replay(letters)
    sent = inbox(letters) / "two.json"
    assert json.loads(sent.read_text()) == {"correlation_id": "two"}
    assert (sent.is_symlink(), sent.stat().st_nlink, sent.stat().st_uid) == (False, 1, owner)
    assert secret.read_text() == '{"secret": "word"}'


def test_an_inbox_that_becomes_a_link_while_its_letter_is_sent_again_leads_nowhere(
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


def test_a_body_outside_the_project_is_neither_sent_nor_removed(
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
def test_what_is_no_strict_json_is_sent_again_as_it_is(letters: DeadLetters, raw: bytes) -> None:
    set_aside(letters).write_bytes(raw)
    assert replay(letters) == "replayed"
    assert (inbox(letters) / "two.json").read_bytes() == raw


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
    letters.project.outbox.mkdir()
    journal = Journal(letters.project)
    journal.append({"correlation_id": "two"})
    with pytest.raises(PreflightFailed):
        replay(letters)
    assert list(inbox(letters).iterdir()) == []


def test_a_request_that_waits_is_not_replaced(letters: DeadLetters) -> None:
    body = set_aside(letters)
    before = (body.read_bytes(), body.stat().st_ino)
    (inbox(letters) / "two.json").write_text("theirs")
    with pytest.raises(PreflightFailed):
        replay(letters)
    assert (inbox(letters) / "two.json").read_text() == "theirs"
    assert (body.read_bytes(), body.stat().st_ino) == before


def comes(letters: DeadLetters, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request of the new name comes as soon as the replay has begun."""
    begin = LetterFolder.begin

    def coming(folder: LetterFolder, letter: Letter, fate: Any, **more: Any) -> Letter:
        (inbox(letters) / "two.json").write_text("theirs")
        return begin(folder, letter, fate, **more)

    monkeypatch.setattr(LetterFolder, "begin", coming)


def test_a_request_that_comes_at_the_last_moment_is_not_replaced(
    letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = set_aside(letters)
    comes(letters, monkeypatch)
    with pytest.raises(PreflightFailed):
        replay(letters)
    assert (inbox(letters) / "two.json").read_text() == "theirs"
    assert body.exists()
    assert letters.folder.named("A1").fate == {}


def test_an_inbox_that_cannot_be_opened_leaves_the_body_as_it_was(letters: DeadLetters) -> None:
    body = set_aside(letters)
    before = body.read_bytes()
    inbox(letters).rmdir()
    with pytest.raises(StorageFailed):
        replay(letters)
    assert body.read_bytes() == before


def test_a_link_that_was_planted_for_the_rewritten_body_is_not_written_through(
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


# Where the inbox lies on another file system.

FAILED = OSError(errno.EXDEV, os.strerror(errno.EXDEV))
LAST_STEP = 40


class Killed(BaseException):
    """Ends everything at once."""


def refuse_to_carry(kernel: pytest.MonkeyPatch) -> None:
    """No rename leads from one folder into another."""
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
    """The block is left before that change of a file, counted from 1; nothing is tidied up."""
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
def test_a_body_is_carried_to_another_file_system(far: DeadLetters, new_id: str | None) -> None:
    body = set_aside(far)
    if os.geteuid() == 0:
        os.chown(body, 12345, 12345)
    body.chmod(0o640)
    before = body.stat()
    assert replay(far, new_id=new_id) == "replayed"
    stem = new_id or "one"
    assert lying(far) == [f"{stem}.json"]
    after = (inbox(far) / f"{stem}.json").stat()
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)
    assert json.loads((inbox(far) / f"{stem}.json").read_text()) == {"correlation_id": stem}
    assert kept(far) == ["A1.settled"]


def test_what_is_carried_to_another_file_system_is_kept_there_before_it_is_gone_here(
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
def test_a_body_that_is_being_carried_is_never_lost_nor_doubled(
    far: DeadLetters, step: int
) -> None:
    set_aside(far)
    with killed_at(step):
        replay(far)
    letter = far.folder.named("A1")
    is_sent = "two.json" in lying(far)
    assert is_sent == (far.folder.body(letter) is None)
    assert replay(far) == "replayed"
    assert lying(far) == ["two.json"]
    assert (inbox(far) / "two.json").read_text() == '{"correlation_id": "two"}\n'
    assert far.folder.named("A1").state == "replayed"
    assert "A1.body" not in kept(far)


@pytest.mark.parametrize("step", range(1, LAST_STEP))
def test_a_body_that_was_being_carried_can_be_given_up(far: DeadLetters, step: int) -> None:
    set_aside(far)
    with killed_at(step):
        replay(far)
    letter = far.folder.named("A1")
    if far.folder.body(letter) is not None:
        assert discard(far, THEIRS) == "discarded"
        assert lying(far) == []
        assert set(kept(far)) == {"A1.settled"}


@pytest.mark.parametrize("step", range(1, LAST_STEP))
def test_a_copy_is_not_left_beside_a_body_that_need_not_be_carried_any_more(
    letters: DeadLetters, step: int
) -> None:
    set_aside(letters)
    with pytest.MonkeyPatch.context() as kernel:
        refuse_to_carry(kernel)
        with killed_at(step):
            replay(letters)
    assert replay(letters) == "replayed"
    assert lying(letters) == ["two.json"]


def test_a_request_that_comes_while_a_body_is_carried_is_not_replaced(
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
    assert lying(far) == ["three.json", "two.json"]


def test_what_cannot_be_moved_within_the_inbox_either_is_refused(
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
    assert lying(far) == ["two.json"]
