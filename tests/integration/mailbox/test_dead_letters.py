"""Dead letters of a real worker are listed, shown and settled by real processes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from specify_cli import bootstrap
from specify_cli.storage import heartbeat_file
from specify_cli.storage.dead_letters import LetterFolder
from specify_cli.storage.journal import Journal
from specify_cli.storage.layout import Layout
from tests.campaign import sampled
from tests.integration.crashes.killing import killer
from tests.integration.stage import Stage

# Programs started like this see the inbox on another file system.
APART = ("unshare", "--mount", "--map-root-user", "sh", "-c")
MOUNTED = 'mount -t tmpfs none .kitty/inbox && exec "$0" "$@"'
NOTE = {"wp": "WP01", "actor": "coder", "note": "n"}
LAST_STEP = 100


@pytest.fixture
def stage(stage: Stage) -> Stage:
    stage.write_mission({"WP01": {}})
    return stage


def inbox(stage: Stage) -> Path:
    return stage.root / ".kitty" / "inbox"


def letters_folder(stage: Stage) -> Path:
    return Layout(stage.root).host / "dead-letters"


def serve(stage: Stage) -> None:
    assert stage.run("mailbox", "serve", "--once").exit_code == 0


def conflict(stage: Stage, stem: str = "one") -> str:
    """Make a conflicting request and return the id of its dead letter."""
    (letter,) = conflicts(stage, [stem])
    return letter


def conflicts(stage: Stage, stems: list[str]) -> list[str]:
    """Make conflicting requests and return the ids of their dead letters."""
    for note in ("n", "other"):
        for stem in stems:
            stage.put(stem, "append-history", mission="1", **NOTE | {"note": note})
        serve(stage)
    letters = {record["name"]: record["dead_letter"] for record in listed(stage)}
    return [str(letters[f"{stem}.json"]) for stem in stems]


def listed(stage: Stage) -> list[dict[str, Any]]:
    done = stage.run("mailbox", "dead-letters", "list", "--json")
    assert done.exit_code == 0, done
    found: list[dict[str, Any]] = done.envelope["data"]["dead_letters"]
    return found


def shown(stage: Stage, letter: str) -> dict[str, Any]:
    done = stage.run("mailbox", "dead-letters", "show", letter, "--json")
    assert done.exit_code == 0, done
    found: dict[str, Any] = done.envelope["data"]
    return found


def settle(stage: Stage, word: str, *words: str) -> str | None:
    return stage.run("mailbox", "dead-letters", word, *words, "--json").code


def counted(stage: Stage) -> int:
    serve(stage)
    beat = heartbeat_file.last_beat(bootstrap.mailbox_layout(stage.root).heartbeat)
    assert beat is not None
    count: int = beat["dead_letters"]
    return count


def assert_verified(stage: Stage) -> None:
    assert stage.run("mailbox", "verify").exit_code == 0


def test_conflicting_request_can_be_replayed_under_a_new_id(stage: Stage) -> None:
    letter = conflict(stage)
    assert settle(stage, "replay", letter) == "PREFLIGHT_FAILED"
    assert settle(stage, "replay", letter[:23].lower(), "--as", "two") is None
    serve(stage)
    assert stage.reply("two")["success"]
    notes = [event["delta"]["note"] for event in stage.events()]
    assert notes == ["n", "other"]
    assert shown(stage, letter)["state"] == "replayed"
    assert shown(stage, letter)["body"] is None
    assert counted(stage) == 0
    assert_verified(stage)


def test_discarding_a_dead_letter_is_journaled_with_its_actor(stage: Stage) -> None:
    letter = conflict(stage)
    assert settle(stage, "discard", letter, "--actor", "ada") is None
    line = stage.journal()[-1]
    assert line["command"] == "spec-kitty.discard-dead-letter"
    assert (line["actor"], line["args"]["dead_letter"]) == ("ada", letter)
    fate = shown(stage, letter)["fate"]
    assert (fate["state"], fate["actor"]) == ("discarded", "ada")
    assert counted(stage) == 0
    assert settle(stage, "discard", letter) == "PREFLIGHT_FAILED"
    assert settle(stage, "replay", letter, "--as", "two") == "PREFLIGHT_FAILED"
    assert_verified(stage)


def test_repeated_replay_under_the_same_id_has_no_second_effect(stage: Stage) -> None:
    letter = conflict(stage)
    args = {"dead_letter": letter, "new_id": "two", "actor": "ada", "correlation_id": "again"}
    first = stage.ask("replay-dead-letter", policy=None, **args)
    assert first["success"], first
    serve(stage)
    assert stage.ask("replay-dead-letter", policy=None, **args) == first
    assert stage.replies() == {"one", "two"}


def test_replay_under_the_same_name_keeps_owner_and_content(stage: Stage) -> None:
    stage.put("one", "append-history", mission="1", **NOTE)
    path = inbox(stage) / "one.json"
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
    before, raw = path.stat(), path.read_bytes()
    twin = inbox(stage) / ".twin.tmp"
    twin.hardlink_to(path)
    serve(stage)
    letter = listed(stage)[0]["dead_letter"]
    assert settle(stage, "replay", letter) == "PREFLIGHT_FAILED"
    assert "hard links" in shown(stage, letter)["body"]["kind"]
    twin.unlink()
    assert settle(stage, "replay", letter) is None
    after = path.stat()
    assert path.read_bytes() == raw
    assert (after.st_ino, after.st_uid) == (before.st_ino, before.st_uid)
    serve(stage)
    assert stage.reply("one")["success"]


def test_replay_under_a_new_id_keeps_the_owner(stage: Stage) -> None:
    letter = conflict(stage)
    body = Path(shown(stage, letter)["body"]["path"])
    if os.geteuid() == 0:
        os.chown(body, 12345, 12345)
    owner = body.stat().st_uid
    assert settle(stage, "replay", letter, "--as", "two") is None
    path = inbox(stage) / "two.json"
    assert path.stat().st_uid == owner
    assert json.loads(path.read_bytes())["correlation_id"] == "two"


def test_dead_letter_with_an_invalid_name_needs_a_new_one(stage: Stage) -> None:
    stage.put("one", "append-history", mission="1", **NOTE)
    (inbox(stage) / "one.json").rename(inbox(stage) / "bad\x1b[31m name")
    serve(stage)
    (letter,) = listed(stage)
    assert settle(stage, "replay", letter["dead_letter"]) == "USAGE_ERROR"
    assert settle(stage, "replay", letter["dead_letter"], "--as", "worker") == "USAGE_ERROR"
    assert settle(stage, "replay", letter["dead_letter"], "--as", "good") is None
    serve(stage)
    assert stage.reply("good")["success"]


def test_replay_does_not_replace_a_waiting_request(stage: Stage) -> None:
    letter = conflict(stage)
    stage.put("two", "mission-state", policy=None, mission="1")
    before = (inbox(stage) / "two.json").read_bytes()
    assert settle(stage, "replay", letter, "--as", "two") == "PREFLIGHT_FAILED"
    assert (inbox(stage) / "two.json").read_bytes() == before
    assert shown(stage, letter)["body"] is not None


def test_special_files_are_described_and_can_only_be_discarded(stage: Stage) -> None:
    inbox(stage).mkdir(parents=True)
    os.mkfifo(inbox(stage) / "pipe.json")
    (inbox(stage) / "tree.json" / "inner").mkdir(parents=True)
    (inbox(stage) / "tree.json" / "link").symlink_to(stage.root / "README.md")
    (inbox(stage) / "link.json").symlink_to(stage.root / "README.md")
    serve(stage)
    kinds = {record["name"]: record["dead_letter"] for record in listed(stage)}
    assert shown(stage, kinds["pipe.json"])["body"]["kind"] == "FIFO"
    assert shown(stage, kinds["link.json"])["body"]["preview"] == ""
    for letter in kinds.values():
        assert settle(stage, "replay", letter, "--as", "x") == "PREFLIGHT_FAILED"
        assert settle(stage, "discard", letter) is None
    assert (stage.root / "README.md").read_text() == "read me\n"
    assert [path.suffix for path in letters_folder(stage).iterdir()] == [".settled"] * len(kinds)
    assert_verified(stage)


def test_list_and_show_escape_control_characters(stage: Stage) -> None:
    inbox(stage).mkdir(parents=True)
    (inbox(stage) / "bad\x1b[31m\nname").write_bytes(b"\x1b]0;owned\x07 \xff\n" * 2000)
    serve(stage)
    (letter,) = listed(stage)
    for words in (["list"], ["show", letter["dead_letter"]]):
        done = stage.run("mailbox", "dead-letters", *words)
        assert done.exit_code == 0, done
        assert b"\x1b" not in done.stdout
        assert b"\x07" not in done.stdout
        assert len(done.stdout) < 20_000
    preview = shown(stage, letter["dead_letter"])["body"]
    assert preview["is_cut"]
    assert preview["size"] == 28_000 - 2000


def test_unknown_or_ambiguous_prefix_is_refused(stage: Stage) -> None:
    conflict(stage)
    conflict(stage, "two")
    assert stage.run("mailbox", "dead-letters", "show", "zzz").exit_code == 1
    assert settle(stage, "discard", "0") == "USAGE_ERROR"
    assert settle(stage, "discard", "zzz") == "USAGE_ERROR"
    assert len(listed(stage)) == 2


@pytest.mark.parametrize("word", sampled(["replay", "discard"], every=2))
def test_dead_letter_survives_a_kill_at_any_step_of_settling_it(stage: Stage, word: str) -> None:
    run_until, folder = killer(stage), LetterFolder(letters_folder(stage))
    letters, states = conflicts(stage, [f"id-{step:03}" for step in range(1, LAST_STEP)]), {}
    for step, letter_id in enumerate(letters, 1):
        new_id = f"new-{step:03}"
        words = ["mailbox", "dead-letters", word, letter_id]
        ended = run_until(step, [*words, *(["--as", new_id] * (word == "replay"))])
        bootstrap.dispatcher(stage.root).settle_intents()
        Journal(Layout(stage.root)).publish()
        letter = folder.named(letter_id)
        is_in_inbox = (inbox(stage) / f"{new_id}.json").exists()
        assert (folder.body(letter) is not None) == (letter.state == "waiting")
        assert is_in_inbox == (word == "replay" and letter.state == "replayed")
        told = [
            line for line in stage.journal() if (line["args"] or {}).get("dead_letter") == letter_id
        ]
        assert len(told) == (letter.state != "waiting")
        states[letter_id] = letter.state
        if ended == 0:
            break
    assert set(states.values()) == {"waiting", f"{word}ed"}
    assert step < LAST_STEP - 1
    serve(stage)
    assert {letter_id: folder.named(letter_id).state for letter_id in states} == states
    assert not [path for path in letters_folder(stage).iterdir() if path.suffix == ".tmp"]
    assert_verified(stage)


@pytest.mark.campaign
def test_replay_killed_while_moving_to_another_file_system_loses_nothing(stage: Stage) -> None:
    letters = conflicts(stage, [f"id-{step:03}" for step in range(1, LAST_STEP)])
    run_until, folder = killer(stage, *APART, MOUNTED), LetterFolder(letters_folder(stage))
    assert run_until(0, ["mailbox", "dead-letters", "list"]) == 0
    there = Path(f"/proc/{stage.started[-1].pid}/root{inbox(stage)}")
    assert there.stat().st_dev != letters_folder(stage).stat().st_dev
    settling = ["orchestrator-api", "append-history", "--mission", "1", "--wp", "WP01"]
    settling += ["--actor", "coder", "--note", "n"]
    states = {}
    for step, letter_id in enumerate(letters, 1):
        new_id = f"new-{step:03}"
        ended = run_until(
            step, ["mailbox", "dead-letters", "replay", letter_id, "--as", new_id, "--json"]
        )
        # The next changing command completes the replay.
        assert run_until(0, settling) == 0
        states[new_id] = folder.named(letter_id).state
        is_there = (there / f"{new_id}.json").exists()
        assert is_there == (states[new_id] == "replayed")
        assert is_there != (letters_folder(stage) / f"{letter_id}.body").exists()
        if ended == 0:
            break
    assert set(states.values()) == {"waiting", "replayed"}
    assert step < LAST_STEP - 1
    sent = {new_id for new_id, state in states.items() if state == "replayed"}
    assert {path.name for path in there.iterdir()} == {f"{new_id}.json" for new_id in sent}
    assert run_until(0, ["mailbox", "serve", "--once"]) == 0
    noted = [event["correlation_id"] for event in stage.events()]
    assert sorted(one for one in noted if one.startswith("new-")) == sorted(sent)
    assert_verified(stage)
