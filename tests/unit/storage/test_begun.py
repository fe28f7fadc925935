from __future__ import annotations

import fcntl
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.storage.begun import BegunCalls

CALL = {"correlation_id": "one", "command": "append-history", "args": {"note": "\ud800 ü"}}


@pytest.fixture
def calls(tmp_path: Path) -> BegunCalls:
    (tmp_path / "host").mkdir()
    return BegunCalls(tmp_path / "host" / "begun")


def die(calls: BegunCalls, call: dict[str, Any] = CALL) -> None:
    """A process that notes the call and ends at once, as if it were killed."""
    child = os.fork()
    if child == 0:
        try:
            with calls.noted(call):
                os._exit(9)
        finally:
            os._exit(1)  # Whatever fails here, the child goes on with no test.
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 9


def settled(calls: BegunCalls) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    calls.settle(found.append)
    return found


def test_a_call_is_noted_while_it_runs_and_forgotten_afterwards(calls: BegunCalls) -> None:
    with calls.noted(CALL):
        assert list(calls.all()) == [CALL]
    assert list(calls.folder.iterdir()) == []


def test_the_note_of_a_living_caller_is_left_alone(calls: BegunCalls) -> None:
    with calls.noted(CALL):
        assert settled(calls) == []
        assert list(calls.all()) == [CALL]


def test_the_note_of_a_dead_caller_is_settled_once(calls: BegunCalls) -> None:
    die(calls)
    assert settled(calls) == [CALL]
    assert settled(calls) == []
    assert list(calls.folder.iterdir()) == []


def test_a_block_that_failed_leaves_its_note_to_be_settled(calls: BegunCalls) -> None:
    with pytest.raises(StorageFailed), calls.noted(CALL):
        raise StorageFailed("no line could be written")
    assert settled(calls) == [CALL]


def test_what_cannot_be_settled_is_kept_and_does_not_keep_others_back(calls: BegunCalls) -> None:
    die(calls)
    die(calls, CALL | {"correlation_id": "two"})
    seen = []

    def refuse(call: dict[str, Any]) -> None:
        seen.append(call["correlation_id"])
        raise StateUnreadable("a damaged log")

    calls.settle(refuse)
    assert sorted(seen) == ["one", "two"]
    assert len(settled(calls)) == 2


def test_the_same_call_again_takes_the_place_of_its_dead_one(calls: BegunCalls) -> None:
    die(calls)
    with calls.noted(CALL):
        assert settled(calls) == []
    assert settled(calls) == []


def test_a_note_that_was_never_finished_is_cleared_away(calls: BegunCalls) -> None:
    calls.folder.mkdir(parents=True)
    (calls.folder / ".half.json.00.tmp").write_bytes(b'{"corr')
    assert settled(calls) == []
    assert list(calls.folder.iterdir()) == []


def test_a_note_is_for_the_host_alone(calls: BegunCalls) -> None:
    with calls.noted(CALL):
        (path,) = calls.folder.iterdir()
        assert path.stat().st_mode & 0o077 == 0
        assert calls.folder.stat().st_mode & 0o077 == 0


def test_a_disk_that_refuses_the_note_lets_nothing_begin(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed), BegunCalls(tmp_path / "file" / "begun").noted(CALL):
        pytest.fail("nothing may begin")


def test_a_planted_link_is_not_written_through(
    calls: BegunCalls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    monkeypatch.setattr(secrets, "token_hex", lambda _: "00")
    with calls.noted(CALL):
        (path,) = calls.folder.iterdir()
    (calls.folder / f".{path.name}.00.tmp").symlink_to(victim)
    with pytest.raises(StorageFailed), calls.noted(CALL):
        pytest.fail("nothing may begin")
    assert victim.read_bytes() == b"untouched"


def test_a_link_among_the_notes_is_not_followed(calls: BegunCalls, tmp_path: Path) -> None:
    elsewhere = BegunCalls(tmp_path / "elsewhere")
    die(elsewhere)
    (note,) = elsewhere.folder.iterdir()
    calls.folder.mkdir(parents=True)
    (calls.folder / "a.json").symlink_to(note)
    assert settled(calls) == []


@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("name", ["a.json", ".a.json.00.tmp"])
def test_what_is_no_file_among_the_notes_is_neither_waited_on_nor_touched(
    calls: BegunCalls, plant: Any, name: str
) -> None:
    die(calls)
    plant(calls.folder / name)
    assert list(calls.all()) == [CALL]
    assert settled(calls) == [CALL]
    assert [path.name for path in calls.folder.iterdir()] == [name]


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"[1]",
        b"[" * 100_000,
        *(
            json.dumps(CALL | {name: value}).encode()
            for name in ("correlation_id", "door", "identity", "command", "args")
            for value in (None, 7, ["x"])
        ),
    ],
    ids=lambda content: repr(content)[:60],
)
def test_a_damaged_note_is_nobodys_call_and_is_cleared_away(
    calls: BegunCalls, damaged: bytes
) -> None:
    die(calls)
    (calls.folder / "a.json").write_bytes(damaged)
    assert list(calls.all()) == [CALL]
    assert settled(calls) == [CALL]
    assert list(calls.folder.iterdir()) == []


class ClearedBefore:
    """The kernel's `flock`, whose first caller finds that somebody has removed the file just before."""

    def __init__(self, calls: BegunCalls) -> None:
        self._calls, self._real, self._is_done = calls, fcntl.flock, False

    def __call__(self, descriptor: int, operation: int) -> None:
        if not self._is_done:
            self._is_done = True
            for path in self._calls.folder.iterdir():
                path.unlink()
        self._real(descriptor, operation)


def test_a_note_that_was_cleared_away_before_it_was_locked_is_made_again(
    calls: BegunCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", ClearedBefore(calls))
    with calls.noted(CALL):
        assert list(calls.all()) == [CALL]
        assert settled(calls) == []


def test_a_note_that_its_caller_has_just_taken_back_is_not_settled(
    calls: BegunCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    die(calls)
    monkeypatch.setattr(fcntl, "flock", ClearedBefore(calls))
    assert settled(calls) == []


def test_notes_that_another_user_may_not_see_are_a_refusal_in_words(tmp_path: Path) -> None:
    folder = tmp_path / "begun"
    folder.mkdir(mode=0o700 if os.geteuid() == 0 else 0)
    code = (
        "import os, sys; from pathlib import Path; from specify_cli.errors import StorageFailed;"
        "from specify_cli.storage.begun import BegunCalls\n"
        "if not os.geteuid(): os.setuid(61_015)\n"
        "try: BegunCalls(Path(sys.argv[1])).settle(print)\n"
        "except StorageFailed as error: sys.exit(error.message)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False
    )
    assert "ask as the user who owns it" in done.stderr
    folder.chmod(0o700)
